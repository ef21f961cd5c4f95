package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

func commitOf(r accounts.Record, attempt, tokens string) accounts.CommitRequest {
	return accounts.CommitRequest{
		Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: attempt, Tokens: sealed(tokens),
		OrganizationID: r.OrganizationID, UserID: r.UserID, ExpiresIn: time.Hour, DueIn: 45 * time.Minute,
		Note: accounts.Note{Type: accounts.EventConnected, Actor: "system"},
	}
}

func releaseOf(r accounts.Record) accounts.ReleaseRequest {
	return accounts.ReleaseRequest{
		Key: r.Key, Generation: r.Generation, Attempt: r.Attempt, State: r.State, Reason: r.Reason, DueIn: lease,
	}
}

var refreshCases = map[string]func(*suite){
	"CommitOfAConsent": func(s *suite) {
		key := s.key("ada")
		start := s.clock()
		r := s.connect(key, lease)
		s.want(r.State == accounts.Active && r.Generation == 1 && r.Grant == "grant-"+key.String(), "after the consent: %+v", r)
		s.want(r.OrganizationID == "orga_1" && r.UserID == "user_1" && r.Tokens.KeyID == 7, "after the consent: %+v", r)
		s.wantLeft(r.Expires.Sub(r.Now), time.Hour, start)
		s.wantLeft(r.Due.Sub(r.Now), lease, start)
		s.want(!r.Refreshed.IsZero(), "Refreshed is not set")
		s.wantEvents(key, accounts.EventCreated, accounts.EventConnected)
		e := s.events(key, 2)[1]
		s.want(e.From == accounts.Pending && e.To == accounts.Active && e.Actor == "user" && e.AccountID == r.ID && !e.At.IsZero(), "the event is %+v", e)
	},
	"ClaimGuards": func(s *suite) {
		q := accounts.ClaimRequest{Key: s.key("ada"), Attempt: "a", Owner: "me", Lease: held}
		_, err := s.Claim(s.ctx, q)
		s.is(err, accounts.ErrNotFound)
		s.ensure(q.Key)
		_, err = s.Claim(s.ctx, q) // pending
		s.is(err, accounts.ErrConflict)
		r := s.connect(q.Key, time.Hour)
		_, err = s.Claim(s.ctx, q) // generation 0
		s.is(err, accounts.ErrConflict)
		q.Generation = r.Generation
		start := s.clock()
		got, err := s.Claim(s.ctx, q)
		s.ok(err)
		s.want(got.Attempt == "a" && got.Owner == "me" && got.Live() && got.Doubts == 0, "claimed: %+v", got)
		s.wantLeft(got.AttemptUntil.Sub(got.Now), held, start)
		s.want(got.Due.Equal(got.AttemptUntil), "lease %v, due %v", got.AttemptUntil, got.Due)
		s.want(string(got.Tokens.Blob) == string(r.Tokens.Blob), "the tokens are missing")
		q.Attempt = "b"
		_, err = s.Claim(s.ctx, q) // live attempt
		s.is(err, accounts.ErrConflict)
	},
	"ClaimTakesOver": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		s.claim(r, "dead", short)
		s.wait(short)
		got := s.claim(r, "next", held)
		s.want(got.Attempt == "next" && got.Doubts == 1, "taken over: %+v", got)
		_, err := s.Release(s.ctx, accounts.ReleaseRequest{Key: r.Key, Generation: r.Generation, Attempt: "dead", State: accounts.Revoked})
		s.is(err, accounts.ErrConflict)
		_, err = s.Extend(s.ctx, accounts.ExtendRequest{Key: r.Key, Generation: r.Generation, Attempt: "dead", Lease: held})
		s.is(err, accounts.ErrConflict)
	},
	"ClaimOfAnotherTime": func(s *suite) { // before the clock was set back
		r := s.connect(s.key("ada"), 0)
		got := s.claim(r, "future", accounts.MaxLease+time.Hour)
		s.want(!got.Live(), "a lease of %v is live", got.AttemptUntil.Sub(got.Now))
		got = s.claim(r, "now", held)
		s.want(got.Attempt == "now" && got.Doubts == 1 && got.Live(), "claimed: %+v", got)
		_, err := s.Release(s.ctx, accounts.ReleaseRequest{Key: r.Key, Generation: r.Generation, Attempt: "future", State: accounts.Revoked})
		s.is(err, accounts.ErrConflict)
	},
	"ClaimRaces": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				_, err := s.Claim(s.ctx, accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: fmt.Sprint(i), Lease: held})
				if err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		s.want(won.Load() == 1, "%d of 32 won the claim", won.Load())
	},
	"ClaimDue": func(s *suite) {
		for i := range 6 {
			s.connect(s.key(fmt.Sprint("due", i)), time.Duration(i)*time.Millisecond)
		}
		s.connect(s.key("later"), time.Hour)
		s.connect(s.key("never"), -1)
		s.ensure(s.key("pending"))
		s.connect(s.principal("tenant", "elsewhere").Key("other"), 0)
		s.wait(10 * time.Millisecond)
		st, err := s.Stats(s.ctx)
		s.ok(err)
		s.want(st.Due == 7 && st.Lag > 0, "%d are due since %v, want 7", st.Due, st.Lag)
		seen := map[accounts.Key]bool{}
		for _, n := range []int{4, 2, 0} {
			list, err := s.ClaimDue(s.ctx, accounts.DueRequest{Connection: connection, Attempt: fmt.Sprint("batch", n), Owner: "me", Lease: held, Limit: 4})
			s.ok(err)
			s.want(len(list) == n, "claimed %d, want %d", len(list), n)
			for _, r := range list {
				s.want(!seen[r.Key], "%v was claimed twice", r.Key)
				s.want(r.Attempt == fmt.Sprint("batch", n) && r.Owner == "me" && r.Live() && !r.Tokens.IsZero(), "claimed: %+v", r)
				seen[r.Key] = true
			}
		}
	},
	"ClaimDueByKey": func(s *suite) {
		r := s.connect(s.key("ada"), 0)
		q := accounts.DueRequest{Connection: connection, Attempt: "a", Owner: "me", Lease: held, Limit: 10}
		for _, keys := range [][]uint32{{}, {1, 2}} {
			q.Keys = keys
			list, err := s.ClaimDue(s.ctx, q)
			s.ok(err)
			s.want(len(list) == 0, "the keys %v claim %+v", keys, list)
		}
		s.want(s.load(r.Key).Attempt == "", "a claim was noted")
		q.Keys = []uint32{1, 7}
		list, err := s.ClaimDue(s.ctx, q)
		s.ok(err)
		s.want(len(list) == 1 && list[0].Key == r.Key, "claimed: %+v", list)
	},
	"ClaimDueRaces": func(s *suite) {
		const n = 60
		for i := range n {
			s.connect(s.key(fmt.Sprint("due", i)), 0)
		}
		s.wait(time.Millisecond)
		var mu sync.Mutex
		seen := map[accounts.Key]int{}
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					list, err := s.ClaimDue(s.ctx, accounts.DueRequest{Connection: connection, Attempt: fmt.Sprint(w, i), Lease: held, Limit: 7})
					if err != nil {
						s.Errorf("claim: %v", err)
					}
					if len(list) == 0 {
						return
					}
					mu.Lock()
					for _, r := range list {
						seen[r.Key]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for k, times := range seen {
			s.want(times == 1, "%v was claimed %d times", k, times)
		}
		// Concurrent claims may skip rows that another one holds locked; a last
		// claim finds the rest.
		list, err := s.ClaimDue(s.ctx, accounts.DueRequest{Connection: connection, Attempt: "last", Lease: held, Limit: n})
		s.ok(err)
		s.want(len(seen)+len(list) == n, "%d of %d were claimed", len(seen)+len(list), n)
	},
	"ExtendGoesOn": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		s.ok(s.Stash(s.ctx, r.Key, r.Grant, accounts.Stash{Sealed: sealed("x"), Purpose: accounts.PurposeFallback, Generation: 2, TTL: time.Hour}))
		s.claim(r, "a", short)
		got, err := s.Extend(s.ctx, accounts.ExtendRequest{Key: r.Key, Generation: r.Generation, Attempt: "a", Lease: held, Doubts: 1})
		s.ok(err)
		s.want(got.Doubts == 1 && got.AttemptUntil.Sub(got.Now) > short && got.Due.Equal(got.AttemptUntil) && !got.Fallback.IsZero(), "extended: %+v", got)
		got, err = s.Extend(s.ctx, accounts.ExtendRequest{Key: r.Key, Generation: r.Generation, Attempt: "a", Lease: held, DropFallback: true})
		s.ok(err)
		s.want(got.Fallback.IsZero() && got.Doubts == 0, "the fallback was not dropped: %+v", got)
	},
	"CommitOfARefresh": func(s *suite) {
		r := s.claim(s.connect(s.key("ada"), time.Hour), "a", held)
		s.ok(s.Touch(s.ctx, []accounts.Key{r.Key})) // an unrelated write
		got, err := s.Commit(s.ctx, commitOf(r, "a", "second"))
		s.ok(err)
		s.want(got.Generation == r.Generation+1 && got.Attempt == "" && got.LastAttempt == "a" && got.Grant == r.Grant, "committed: %+v", got)
		s.want(string(got.Tokens.Blob) == "second" && got.Epoch == r.Epoch, "committed: %+v", got)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected) // nothing new
		_, err = s.Commit(s.ctx, commitOf(r, "b", "late"))
		s.is(err, accounts.ErrConflict)
		s.want(string(s.load(r.Key).Tokens.Blob) == "second", "a late commit was stored")
		_, err = s.Commit(s.ctx, commitOf(accounts.Record{Key: s.key("missing")}, "b", "x"))
		s.is(err, accounts.ErrConflict)
	},
	"CommitClears": func(s *suite) {
		r := s.claim(s.connect(s.key("ada"), time.Hour), "a", held)
		q := releaseOf(r)
		q.State, q.Reason, q.Failures, q.Failure, q.Doubts, q.Troubled = accounts.Expired, accounts.TransientExhausted, 3, accounts.ProviderTrouble, 1, true
		q.Stash = &accounts.Stash{Sealed: sealed("x"), Purpose: accounts.PurposeFallback, Generation: 5, TTL: time.Hour}
		q.Note = accounts.Note{Type: accounts.EventExpired, Actor: "provider"}
		got, err := s.Release(s.ctx, q)
		s.ok(err)
		s.want(got.State == accounts.Expired && got.Reason == accounts.TransientExhausted && got.Failures == 3 && got.Failure == accounts.ProviderTrouble &&
			got.Doubts == 1 && got.Troubled && got.Attempt == "" && got.Fallback.Generation == 5 && got.Fallback.Until.After(got.Now), "released: %+v", got)
		r = s.claim(got, "b", held)
		s.want(r.Doubts == 1, "a claim without a lapsed attempt changed the doubts to %d", r.Doubts)
		got, err = s.Commit(s.ctx, commitOf(r, "b", "new"))
		s.ok(err)
		s.want(got.State == accounts.Active && got.Reason == "" && got.Failures == 0 && got.Failure == "" && got.Doubts == 0 && !got.Troubled && got.Fallback.IsZero(), "committed: %+v", got)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected, accounts.EventExpired, accounts.EventConnected)
		s.want(s.events(r.Key, 3)[2].Reason == accounts.TransientExhausted, "the event has the reason %q", s.events(r.Key, 3)[2].Reason)
	},
	"CommitAfterRevoked": func(s *suite) {
		r := s.claim(s.connect(s.key("ada"), time.Hour), "a", held)
		q := releaseOf(r)
		q.State, q.Reason, q.DueIn, q.Note = accounts.Revoked, accounts.RotationLost, -1, accounts.Note{Type: accounts.EventReauthorization, Actor: "provider"}
		got, err := s.Release(s.ctx, q)
		s.ok(err)
		s.want(got.State == accounts.Revoked && got.Due.IsZero() && !got.Tokens.IsZero(), "released: %+v", got)
		_, err = s.Claim(s.ctx, accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: "x", Lease: held})
		s.is(err, accounts.ErrConflict)
		got, err = s.Commit(s.ctx, commitOf(r, "a", "late but good"))
		s.ok(err)
		s.want(got.State == accounts.Active, "a late pair did not heal it: %+v", got)
	},
	"ReleaseKeepsTokens": func(s *suite) {
		r := s.claim(s.connect(s.key("ada"), time.Hour), "a", held)
		q := releaseOf(r)
		q.Note = accounts.Note{Type: accounts.EventIdentityMismatch, Actor: "provider", Always: true}
		q.Reason = accounts.IdentityMismatch
		start := s.clock()
		got, err := s.Release(s.ctx, q)
		s.ok(err)
		s.wantLeft(got.Due.Sub(got.Now), lease, start)
		s.want(string(got.Tokens.Blob) == string(r.Tokens.Blob) && got.Generation == r.Generation, "released: %+v", got)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected, accounts.EventIdentityMismatch)
		_, err = s.Release(s.ctx, q)
		s.is(err, accounts.ErrConflict)
		_, err = s.Release(s.ctx, accounts.ReleaseRequest{Key: r.Key, Generation: r.Generation, State: accounts.Revoked})
		s.is(err, accounts.ErrConflict) // an empty attempt belongs to no process
	},
	"ReleaseWhileVerifying": func(s *suite) {
		r := s.claim(s.connect(s.key("ada"), time.Hour), "a", held)
		q := releaseOf(r)
		q.State, q.Reason, q.Note = accounts.Expired, accounts.TransientExhausted, accounts.Note{Type: accounts.EventExpired, Actor: "provider"}
		r, err := s.Release(s.ctx, q)
		s.ok(err)
		r = s.claim(r, "b", held)
		s.ok(s.Hold(s.ctx, heldOf(r, "h"), lease, "user")) // meanwhile
		q = releaseOf(r)
		q.State, q.Reason, q.DueIn, q.Note = accounts.Revoked, accounts.InvalidGrant, -1, accounts.Note{Type: accounts.EventReauthorization, Actor: "provider"}
		got, err := s.Release(s.ctx, q)
		s.ok(err)
		s.want(got.State == accounts.Verifying && got.Reason == "" && got.PreviousState == accounts.Revoked && got.PreviousReason == accounts.InvalidGrant && got.Attempt == "", "released: %+v", got)
		s.ok(s.EndVerification(s.ctx, r.Key, accounts.VerificationFailed, accounts.Note{Type: accounts.EventVerificationFailed, Actor: "host"}))
		got = s.load(r.Key)
		s.want(got.State == accounts.Revoked && got.Reason == accounts.InvalidGrant, "afterwards: %+v", got)
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected, accounts.EventExpired, accounts.EventVerifying, accounts.EventVerificationFailed)
	},
	"StashGuards": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		st := accounts.Stash{Sealed: sealed("x"), Purpose: accounts.PurposeFallback, Generation: 2, TTL: time.Hour}
		s.is(s.Stash(s.ctx, r.Key, "another grant", st), accounts.ErrConflict)
		s.is(s.Stash(s.ctx, r.Key, "", st), accounts.ErrConflict)
		s.is(s.Stash(s.ctx, s.key("missing"), r.Grant, st), accounts.ErrConflict)
		s.ok(s.Stash(s.ctx, r.Key, r.Grant, st))
		got := s.load(r.Key)
		s.want(string(got.Fallback.Sealed.Blob) == "x" && got.Fallback.Purpose == accounts.PurposeFallback && got.Fallback.Generation == 2 && got.Generation == r.Generation, "stashed: %+v", got)
	},
	"CanceledContext": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		ctx, cancel := canceled(s)
		cancel()
		if _, err := s.Claim(ctx, accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: "a", Lease: held}); err == nil {
			s.Error("a claim with an ended context succeeded")
		}
		if _, err := s.Load(ctx, r.Key); err == nil {
			s.Error("a read with an ended context succeeded")
		}
	},
}
