package storetest

import (
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

var adminCases = map[string]func(*suite){
	"Sentinel": func(s *suite) {
		got, err := s.Sentinel(s.ctx, sealed("first"))
		s.ok(err)
		s.want(string(got.Blob) == "first" && got.KeyID == 7, "stored %+v", got)
		got, err = s.Sentinel(s.ctx, accounts.Sealed{Blob: []byte("second"), KeyID: 8})
		s.ok(err)
		s.want(string(got.Blob) == "first" && got.KeyID == 7, "the sentinel was replaced by %+v", got)
	},
	"Stats": func(s *suite) {
		a := s.connect(s.key("a"), time.Hour)
		s.connect(s.key("b"), time.Hour)
		s.ensure(s.key("c"))
		s.ensure(s.principal("tenant", "c").Key("other"))
		s.claim(a, "dead", short)
		s.wait(short)
		st, err := s.Stats(s.ctx)
		s.ok(err)
		s.want(st.Accounts[connection][accounts.Active] == 2 && st.Accounts[connection][accounts.Pending] == 1 && st.Accounts["other"][accounts.Pending] == 1, "counts are %v", st.Accounts)
		s.want(st.InDoubt == 1 && st.Due == 1, "%d in doubt, %d due", st.InDoubt, st.Due)
	},
	"Reseal": func(s *suite) {
		_, err := s.Sentinel(s.ctx, sealed("sentinel"))
		s.ok(err)
		a := s.connect(s.key("a"), time.Hour)
		b := s.connect(s.key("b"), time.Hour)
		s.ok(s.Stash(s.ctx, a.Key, a.Grant, accounts.Stash{Sealed: sealed("spare"), Purpose: accounts.PurposeFallback, Generation: 9, TTL: time.Hour}))
		s.ok(s.QueueRevocation(s.ctx, accounts.Revocation{ID: "r", Key: b.Key, AccountID: b.ID, Purpose: accounts.PurposeFallback, Generation: 4, Sealed: sealed("old")}))
		s.ok(s.CreateFlow(s.ctx, flowOf(a, "f"), lease))
		use, err := s.KeyUse(s.ctx)
		s.ok(err)
		s.want(use[7] == 6 && len(use) == 1, "key use is %v, want 6 of 7", use)

		var rows []accounts.SealedRow
		for after := ""; ; {
			page, err := s.SealedBy(s.ctx, 8, after, 2)
			s.ok(err)
			if len(page) == 0 {
				break
			}
			for _, row := range page {
				s.want(row.Ref > after, "the pages are not in order: %q after %q", row.Ref, after)
				after = row.Ref
			}
			rows = append(rows, page...)
		}
		purposes := map[string]accounts.SealedRow{}
		for _, row := range rows {
			s.want(row.Sealed.KeyID == 7, "listed %+v", row)
			purposes[row.Purpose+"/"+row.Key.Identifier()] = row
		}
		s.want(len(rows) == 5, "%d blobs are listed, want 5", len(rows))
		tokens, spare, old := purposes[accounts.PurposeTokens+"/a"], purposes[accounts.PurposeFallback+"/a"], purposes[accounts.PurposeFallback+"/b"]
		s.want(tokens.AccountID == a.ID && tokens.Generation == a.Generation && tokens.Key == a.Key, "the tokens are listed as %+v", tokens)
		s.want(spare.AccountID == a.ID && spare.Generation == 9, "the fallback is listed as %+v", spare)
		s.want(old.AccountID == b.ID && old.Generation == 4, "the revocation is listed as %+v", old)
		s.want(purposes[accounts.PurposeSentinel+"/"].Key.IsZero(), "the sentinel is listed with a key")

		fresh := accounts.Sealed{Blob: []byte("fresh"), KeyID: 8}
		for _, row := range rows {
			s.ok(s.Reseal(s.ctx, row, fresh))
			s.is(s.Reseal(s.ctx, row, sealed("again")), accounts.ErrConflict)
		}
		got := s.load(a.Key)
		s.want(string(got.Tokens.Blob) == "fresh" && got.Tokens.KeyID == 8 && got.Generation == a.Generation && string(got.Fallback.Sealed.Blob) == "fresh" && got.Due.Equal(a.Due), "resealed: %+v", got)
		use, err = s.KeyUse(s.ctx)
		s.ok(err)
		s.want(use[8] == 5 && use[7] == 1, "key use is %v, want 5 of 8 and the flow", use)
		page, err := s.SealedBy(s.ctx, 8, "", 10)
		s.ok(err)
		s.want(len(page) == 0, "still listed: %+v", page)
	},
	"Sweep": func(s *suite) {
		q := accounts.SweepRequest{Limit: 100, RevokedFor: time.Hour, RevocationsFor: time.Hour, EventsFor: time.Hour}
		v := s.ensure(s.key("verifying"))
		s.ok(s.Hold(s.ctx, heldOf(v, "h"), short, "user"))
		s.ok(s.CreateFlow(s.ctx, flowOf(v, "f"), short))
		a := s.connect(s.key("a"), time.Hour)
		s.ok(s.Stash(s.ctx, a.Key, a.Grant, accounts.Stash{Sealed: sealed("spare"), Purpose: accounts.PurposeFallback, Generation: 9, TTL: short}))
		r := s.claim(s.connect(s.key("revoked"), time.Hour), "x", lease)
		rel := releaseOf(r)
		rel.State, rel.Reason, rel.DueIn = accounts.Revoked, accounts.InvalidGrant, -1
		_, err := s.Release(s.ctx, rel)
		s.ok(err)
		s.ok(s.QueueRevocation(s.ctx, accounts.Revocation{ID: "r", Key: a.Key, AccountID: a.ID, Purpose: accounts.PurposeTokens, Sealed: sealed("old")}))
		s.wait(short)
		_, err = s.Sweep(s.ctx, q)
		s.ok(err)
		st, err := s.Stats(s.ctx)
		s.ok(err)
		s.want(st.Flows == 0 && st.Revocations == 1, "%d flows, %d revocations after the sweep", st.Flows, st.Revocations)
		got := s.load(v.Key)
		s.want(got.State == accounts.Pending && got.VerifyUntil.IsZero(), "the verification did not end: %+v", got)
		s.wantEvents(v.Key, accounts.EventCreated, accounts.EventVerifying, accounts.EventVerificationFailed)
		s.want(s.events(v.Key, 3)[2].Reason == accounts.VerificationTimeout, "the event is %+v", s.events(v.Key, 3)[2])
		s.want(s.load(a.Key).Fallback.IsZero() && !s.load(a.Key).Tokens.IsZero(), "swept: %+v", s.load(a.Key))
		s.want(!s.load(r.Key).Tokens.IsZero(), "the tokens of a fresh revocation are gone")

		claimed, err := s.ClaimEvents(s.ctx, lease, 1)
		s.ok(err)
		s.ok(s.AckEvents(s.ctx, []int64{claimed[0].ID}))
		before := s.listEvents(accounts.EventFilter{}, int(st.PendingEvents))
		s.wait(2 * time.Millisecond)
		q.RevokedFor, q.RevocationsFor, q.EventsFor = time.Millisecond, time.Millisecond, time.Millisecond
		_, err = s.Sweep(s.ctx, q)
		s.ok(err)
		s.want(s.load(r.Key).Tokens.IsZero() && s.load(r.Key).State == accounts.Revoked, "the tokens were kept: %+v", s.load(r.Key))
		s.want(!s.load(a.Key).Tokens.IsZero(), "the tokens of an active account are gone")
		after := s.listEvents(accounts.EventFilter{}, len(before))
		s.want(len(after) == len(before), "%d events are left of %d, want one less, which was acknowledged, and one more", len(after), len(before))
		last := after[len(after)-1]
		s.want(last.Type == accounts.EventRevocationFailed && last.Key == a.Key && last.AccountID == a.ID && last.From == accounts.Active && last.To == accounts.Active, "the event of the revocation that was given up is %+v", last)
		st, err = s.Stats(s.ctx)
		s.ok(err)
		s.want(st.Revocations == 0, "%d revocations are left", st.Revocations)
	},
}
