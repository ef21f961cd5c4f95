package storetest

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

func canceled(s *suite) (context.Context, context.CancelFunc) { return context.WithCancel(s.ctx) }

func flowOf(r accounts.Record, id string) accounts.Flow {
	return accounts.Flow{
		ID: hash(id), Kind: accounts.LinkFlow, Key: r.Key, AccountID: r.ID, Epoch: r.Epoch,
		OutOfBand: true, ReturnTo: "home", NewIdentity: true, Sealed: sealed("secret of " + id),
	}
}

func heldOf(r accounts.Record, id string) accounts.Flow {
	f := flowOf(r, id)
	f.Kind, f.Sealed = accounts.HeldFlow, sealed("code")
	return f
}

var flowCases = map[string]func(*suite){
	"FlowLife": func(s *suite) {
		r := s.ensure(s.key("ada"))
		start := s.clock()
		s.ok(s.CreateFlow(s.ctx, flowOf(r, "f"), lease))
		f, err := s.LoadFlow(s.ctx, hash("f"))
		s.ok(err)
		s.want(f.Key == r.Key && f.AccountID == r.ID && f.Epoch == r.Epoch && f.OutOfBand && f.ReturnTo == "home" && f.NewIdentity && f.Kind == accounts.LinkFlow, "loaded: %+v", f)
		s.wantLeft(f.Expires.Sub(f.Now), lease, start)
		s.want(string(f.Sealed.Blob) == "secret of f" && f.Sealed.KeyID == 7, "loaded: %+v", f)
		for _, id := range []accounts.Hash{{}, hash("g")} {
			_, err = s.LoadFlow(s.ctx, id)
			s.is(err, accounts.ErrNotFound)
			_, err = s.ConsumeFlow(s.ctx, accounts.LinkFlow, id)
			s.is(err, accounts.ErrNotFound)
		}
		for _, kind := range []accounts.FlowKind{accounts.HeldFlow, ""} {
			_, err = s.ConsumeFlow(s.ctx, kind, hash("f"))
			s.is(err, accounts.ErrNotFound)
		}
		used, err := s.ConsumeFlow(s.ctx, accounts.LinkFlow, hash("f"))
		s.ok(err)
		f.Now, used.Now = time.Time{}, time.Time{}
		s.want(reflect.DeepEqual(used, f), "consumed: %+v, want %+v", used, f)
		_, err = s.ConsumeFlow(s.ctx, accounts.LinkFlow, hash("f"))
		s.is(err, accounts.ErrNotFound)
		_, err = s.LoadFlow(s.ctx, hash("f"))
		s.is(err, accounts.ErrNotFound)
	},
	"FlowLapses": func(s *suite) {
		r := s.ensure(s.key("ada"))
		s.ok(s.CreateFlow(s.ctx, flowOf(r, "f"), short))
		s.wait(short)
		_, err := s.LoadFlow(s.ctx, hash("f"))
		s.is(err, accounts.ErrNotFound)
		_, err = s.ConsumeFlow(s.ctx, accounts.LinkFlow, hash("f"))
		s.is(err, accounts.ErrNotFound)
	},
	"FlowIsConsumedOnce": func(s *suite) {
		r := s.ensure(s.key("ada"))
		s.ok(s.CreateFlow(s.ctx, flowOf(r, "f"), lease))
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := s.ConsumeFlow(s.ctx, accounts.LinkFlow, hash("f")); err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		s.want(won.Load() == 1, "%d of 50 consumed the flow", won.Load())
	},
	"HoldAndCommit": func(s *suite) {
		r := s.ensure(s.key("ada"))
		s.ok(s.Hold(s.ctx, heldOf(r, "h"), lease, "user"))
		got := s.load(r.Key)
		s.want(got.State == accounts.Verifying && got.PreviousState == accounts.Pending && got.VerifyUntil.After(got.Now), "held: %+v", got)
		s.ok(s.Hold(s.ctx, heldOf(r, "h2"), lease, "user")) // a second tab
		s.want(s.load(r.Key).PreviousState == accounts.Pending, "a second hold forgot the former state")
		f, err := s.ConsumeFlow(s.ctx, accounts.HeldFlow, hash("h"))
		s.ok(err)
		s.want(string(f.Sealed.Blob) == "code" && f.Key == r.Key && f.Kind == accounts.HeldFlow, "taken: %+v", f)
		q := commitOf(got, "a", "pair")
		q.Grant, q.Note.Always = "g", true
		got, err = s.Commit(s.ctx, q)
		s.ok(err)
		s.want(got.State == accounts.Active && got.VerifyUntil.IsZero() && got.PreviousState == "", "committed: %+v", got)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventVerifying, accounts.EventConnected)
	},
	"HoldLeavesActiveAlone": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		s.ok(s.Hold(s.ctx, heldOf(r, "h"), lease, "user"))
		s.want(s.load(r.Key).State == accounts.Active, "an active account became %s", s.load(r.Key).State)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected)
		stale := heldOf(r, "h3")
		stale.Epoch++
		s.is(s.Hold(s.ctx, stale, lease, "user"), accounts.ErrConflict)
		_, err := s.ConsumeFlow(s.ctx, accounts.HeldFlow, hash("h3"))
		s.is(err, accounts.ErrNotFound)
	},
	"EndVerification": func(s *suite) {
		r := s.ensure(s.key("ada"))
		s.ok(s.Hold(s.ctx, heldOf(r, "h"), lease, "user"))
		n := accounts.Note{Type: accounts.EventVerificationFailed, Actor: "host"}
		s.ok(s.EndVerification(s.ctx, r.Key, accounts.VerificationFailed, n))
		got := s.load(r.Key)
		s.want(got.State == accounts.Pending && got.Reason == "" && got.VerifyUntil.IsZero(), "ended: %+v", got)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventVerifying, accounts.EventVerificationFailed)
		e := s.events(r.Key, 3)[2]
		s.want(e.From == accounts.Verifying && e.To == accounts.Pending && e.Reason == accounts.VerificationFailed, "the event is %+v", e)
		s.ok(s.EndVerification(s.ctx, r.Key, accounts.VerificationFailed, n)) // only the event
		list := s.events(r.Key, 4)
		s.want(len(list) == 4 && s.load(r.Key).State == accounts.Pending, "ending again: %+v", list)
		s.is(s.EndVerification(s.ctx, s.key("missing"), accounts.VerificationFailed, n), accounts.ErrNotFound)
		s.ok(s.Hold(s.ctx, heldOf(r, "h2"), lease, "user"))
		s.ok(s.EndVerification(s.ctx, r.Key, accounts.VerificationFailed, accounts.Note{})) // without an event
		list = s.events(r.Key, 5)
		s.want(len(list) == 5 && s.load(r.Key).State == accounts.Pending, "ending quietly: %+v", list)
	},
}
