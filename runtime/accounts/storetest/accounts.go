package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

var accountCases = map[string]func(*suite){
	"EnsureIsIdempotent": func(s *suite) {
		key := s.key("ada")
		a, made, err := s.Ensure(s.ctx, "first", key, "host")
		s.ok(err)
		s.want(made, "the first call made nothing")
		b, made, err := s.Ensure(s.ctx, "second", key, "host")
		s.ok(err)
		s.want(!made, "the second call made an account")
		s.want(a.ID == "first" && b.ID == "first", "ids are %q and %q", a.ID, b.ID)
		s.want(b.State == accounts.Pending && b.Reason == "" && b.Generation == 0 && b.Epoch == 0, "a fresh account is %+v", b)
		s.want(b.Due.IsZero() && b.Tokens.IsZero() && b.Fallback.IsZero(), "a fresh account holds %+v", b)
		s.want(!b.Now.IsZero() && !b.Created.IsZero() && !b.Changed.IsZero(), "times of a fresh account are missing: %+v", b)
		s.wantEvents(key, accounts.EventCreated)
	},
	"EnsureRaces": func(s *suite) {
		key := s.key("ada")
		var made atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				_, first, err := s.Ensure(s.ctx, fmt.Sprint("id", i), key, "host")
				if err != nil {
					s.Errorf("ensure: %v", err)
				}
				if first {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		s.want(made.Load() == 1, "%d calls made the account", made.Load())
		s.wantEvents(key, accounts.EventCreated)
	},
	"KeysAreOpaqueBytes": func(s *suite) {
		long := strings.Repeat("x", accounts.MaxNameBytes)
		var keys []accounts.Key
		for _, p := range [][2]string{{"a", "b:c"}, {"a:b", "c"}, {"A", "b:c"}, {"a ", "b:c"}, {"a", "b:c "}, {"ä", "\xff\x01"}, {"a'--", "%_\\"}, {long, long}} {
			keys = append(keys, s.principal(p[0], p[1]).Key(connection), s.principal(p[0], p[1]).Key("other"))
		}
		for i, k := range keys {
			_, made, err := s.Ensure(s.ctx, fmt.Sprintf("id%02d", i), k, "host")
			s.ok(err)
			s.want(made, "the key %v met another one", k)
		}
		for i, k := range keys {
			r := s.load(k)
			s.want(r.Key == k && r.ID == fmt.Sprintf("id%02d", i), "the key %v reads %v", k, r.Key)
		}
		_, err := s.Load(s.ctx, s.principal("a", "missing").Key(connection))
		s.is(err, accounts.ErrNotFound)
	},
	"ListPages": func(s *suite) {
		for i := range 5 {
			_, _, err := s.Ensure(s.ctx, fmt.Sprint("id", i), s.key(fmt.Sprint("user", i)), "host")
			s.ok(err)
		}
		_, _, err := s.Ensure(s.ctx, "id9", s.principal("other", "user0").Key(connection), "host")
		s.ok(err)
		page, err := s.List(s.ctx, accounts.ListFilter{Tenant: "tenant", Limit: 3})
		s.ok(err)
		s.want(len(page) == 3 && page[2].ID == "id2", "the first page is %v", ids(page))
		page, err = s.List(s.ctx, accounts.ListFilter{Tenant: "tenant", After: "id2"})
		s.ok(err)
		s.want(len(page) == 2 && page[1].ID == "id4", "the second page is %v", ids(page))
		page, err = s.List(s.ctx, accounts.ListFilter{Identifier: "user0", State: accounts.Pending, Connection: connection})
		s.ok(err)
		s.want(len(page) == 2, "by identifier and state: %v", ids(page))
		page, err = s.List(s.ctx, accounts.ListFilter{State: accounts.Active})
		s.ok(err)
		s.want(len(page) == 0, "by another state: %v", ids(page))
	},
	"Touch": func(s *suite) {
		a, b := s.ensure(s.key("a")), s.ensure(s.key("b"))
		s.ok(s.Touch(s.ctx, []accounts.Key{a.Key, s.key("missing")}))
		s.ok(s.Touch(s.ctx, nil))
		s.want(!s.load(a.Key).Used.IsZero(), "the account that was used shows no use")
		s.want(s.load(b.Key).Used.IsZero(), "another account shows a use")
	},
	"DisconnectErasesAndQueues": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		s.ok(s.Stash(s.ctx, r.Key, r.Grant, accounts.Stash{Sealed: sealed("lost"), Purpose: accounts.PurposeFallback, Generation: 9, TTL: time.Hour}))
		s.ok(s.CreateFlow(s.ctx, accounts.Flow{ID: hash("flow"), Kind: accounts.LinkFlow, Key: r.Key, AccountID: r.ID}, time.Hour))
		r = s.claim(s.load(r.Key), "attempt", held)
		d := accounts.DisconnectRequest{
			Key: r.Key, Reason: accounts.HostDisconnect, RevocationIDs: [2]string{"r1", "r2"},
			Note: accounts.Note{Type: accounts.EventDisconnected, Actor: "host"},
		}
		got, err := s.Disconnect(s.ctx, d)
		s.ok(err)
		s.want(got.State == accounts.Disconnected && got.Reason == accounts.HostDisconnect, "it is %s (%s)", got.State, got.Reason)
		s.want(got.Generation == r.Generation+1 && got.Epoch == r.Epoch+1, "generation %d, epoch %d", got.Generation, got.Epoch)
		s.want(got.Tokens.IsZero() && got.Fallback.IsZero() && got.Grant == "" && got.UserID == "" && got.OrganizationID == "" &&
			got.Attempt == "" && got.Due.IsZero() && got.Expires.IsZero(), "something was left: %+v", got)
		s.want(got.ID == r.ID, "the id changed")
		_, err = s.LoadFlow(s.ctx, hash("flow"))
		s.is(err, accounts.ErrNotFound)
		_, err = s.Commit(s.ctx, accounts.CommitRequest{Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: "attempt", Tokens: sealed("late")})
		s.is(err, accounts.ErrConflict)
		_, err = s.Commit(s.ctx, accounts.CommitRequest{Key: r.Key, Generation: got.Generation, Epoch: r.Epoch, Attempt: "attempt", Tokens: sealed("late")})
		s.is(err, accounts.ErrConflict)
		again, err := s.Disconnect(s.ctx, d)
		s.ok(err)
		s.want(again.Generation == got.Generation && again.Epoch == got.Epoch, "a second disconnect changed %+v", again)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected, accounts.EventDisconnected)

		list, err := s.ClaimRevocations(s.ctx, accounts.RevocationRequest{Lease: lease, Limit: 10})
		s.ok(err)
		s.want(len(list) == 2, "%d revocations are queued, want 2", len(list))
		for _, v := range list {
			s.want(v.Key == r.Key && v.AccountID == r.ID, "a revocation is for %v", v.Key)
			switch v.ID {
			case "r1":
				s.want(v.Purpose == accounts.PurposeTokens && v.Generation == r.Generation && bytes.Equal(v.Sealed.Blob, r.Tokens.Blob) && v.Sealed.KeyID == 7, "the tokens are queued as %+v", v)
			case "r2":
				s.want(v.Purpose == accounts.PurposeFallback && v.Generation == 9 && string(v.Sealed.Blob) == "lost", "the fallback is queued as %+v", v)
			default:
				s.Errorf("unexpected revocation %q", v.ID)
			}
		}
		_, err = s.Disconnect(s.ctx, accounts.DisconnectRequest{Key: s.key("missing")})
		s.is(err, accounts.ErrNotFound)
	},
	"RevocationsReplace": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		for _, text := range []string{"first", "second"} {
			s.ok(s.QueueRevocation(s.ctx, accounts.Revocation{ID: "r", Key: r.Key, AccountID: r.ID, Purpose: accounts.PurposeTokens, Generation: 3, Sealed: sealed(text)}))
		}
		_, err := s.Disconnect(s.ctx, accounts.DisconnectRequest{Key: r.Key, Reason: accounts.HostDisconnect, RevocationIDs: [2]string{"r", "r2"}})
		s.ok(err)
		list, err := s.ClaimRevocations(s.ctx, accounts.RevocationRequest{Lease: lease, Limit: 10})
		s.ok(err)
		s.want(len(list) == 1 && list[0].Purpose == accounts.PurposeTokens && list[0].Generation == r.Generation, "queued: %+v", list)
	},
	"RevocationsAreLeased": func(s *suite) {
		r := s.ensure(s.key("ada"))
		s.ok(s.QueueRevocation(s.ctx, accounts.Revocation{ID: "r", Key: r.Key, AccountID: r.ID, Purpose: accounts.PurposeTokens, Generation: 3, Sealed: sealed("x")}))
		list, err := s.ClaimRevocations(s.ctx, accounts.RevocationRequest{Lease: short, Limit: 10})
		s.ok(err)
		s.want(len(list) == 1 && !list[0].Created.IsZero(), "claimed %v", list)
		s.wait(short)
		list, err = s.ClaimRevocations(s.ctx, accounts.RevocationRequest{Lease: lease, Limit: 10})
		s.ok(err)
		s.want(len(list) == 1, "not due again after the lease")
		list, err = s.ClaimRevocations(s.ctx, accounts.RevocationRequest{Lease: lease, Limit: 10})
		s.ok(err)
		s.want(len(list) == 0, "claimed twice")
		s.ok(s.FinishRevocation(s.ctx, "r"))
		s.ok(s.FinishRevocation(s.ctx, "r"))
		st, err := s.Stats(s.ctx)
		s.ok(err)
		s.want(st.Revocations == 0, "%d revocations are left", st.Revocations)
	},
	"RevocationsInOrder": func(s *suite) {
		ada, bob := s.ensure(s.key("ada")), s.ensure(s.key("bob"))
		other := s.ensure(s.principal("other", "ada").Key(connection))
		for i, r := range []accounts.Record{bob, other, ada, bob} { // the ids run against the order
			s.ok(s.QueueRevocation(s.ctx, accounts.Revocation{ID: fmt.Sprint("r", 9-i), Key: r.Key, AccountID: r.ID, Purpose: accounts.PurposeTokens, Generation: 1, Sealed: sealed("x")}))
			s.wait(time.Millisecond)
		}
		claim := func(key accounts.Key, limit int, want ...string) {
			s.Helper()
			list, err := s.ClaimRevocations(s.ctx, accounts.RevocationRequest{Key: key, Lease: lease, Limit: limit})
			s.ok(err)
			var got []string
			for _, r := range list {
				got = append(got, r.ID)
			}
			s.want(slices.Equal(got, want), "claimed %v, want %v", got, want)
		}
		claim(ada.Key, 10, "r7")
		claim(ada.Key, 10, "r7") // whether it is due or not
		claim(accounts.Key{}, 1, "r9")
		claim(bob.Key, 10, "r6", "r9")
		claim(accounts.Key{}, 10, "r8")
		claim(accounts.Key{}, 10)
	},
}

func ids(list []accounts.Record) (out []string) {
	for _, r := range list {
		out = append(out, r.ID)
	}
	return out
}
