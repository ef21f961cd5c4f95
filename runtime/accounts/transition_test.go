package accounts

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

var (
	noon  = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	night = noon.Add(-12 * time.Hour) // when everything before noon happened
	ada   = Principal{"acme", "ada"}.Key("close")
	pair1 = Sealed{[]byte("pair 1"), 1}
	pair2 = Sealed{[]byte("pair 2"), 1}
	spare = Stash{Sealed: Sealed{[]byte("spare"), 1}, Purpose: PurposeFallback, Generation: 4, Until: noon.Add(time.Hour)}
)

// active is an account with tokens.
func active() Record {
	return Record{
		ID: "id", Key: ada, State: Active, Generation: 3, Epoch: 1, Grant: "grant", Tokens: pair1, OrganizationID: "orga", UserID: "user",
		Expires: night.Add(time.Hour), Due: night.Add(time.Hour), Refreshed: night, Used: night, LastAttempt: "before", Created: night, Changed: night,
	}
}

// with changes a record.
func with(r Record, change func(*Record)) Record {
	change(&r)
	return r
}

// renewing is an active account with an attempt that has a minute left.
func renewing() Record {
	return with(active(), func(r *Record) {
		r.Attempt, r.Owner, r.AttemptUntil, r.Due = "try", "me", noon.Add(time.Minute), noon.Add(time.Minute)
	})
}

// verifying is an account that was Expired when a user gave a new consent.
func verifying() Record {
	return with(active(), func(r *Record) {
		r.State, r.Changed, r.VerifyUntil, r.PreviousState, r.PreviousReason = Verifying, night, noon.Add(time.Minute), Expired, TransientExhausted
	})
}

// connected is the event that goes with most commits.
var connected = Note{Type: EventConnected, Actor: "system"}

func event(typ EventType, from, to State, reason Reason, actor string) Event {
	return Event{At: noon, Type: typ, Key: ada, AccountID: "id", From: from, To: to, Reason: reason, Actor: actor}
}

// newPair is the commit of the attempt of renewing.
func newPair() CommitRequest {
	return CommitRequest{
		Key: ada, Generation: 3, Epoch: 1, Attempt: "try", Tokens: pair2, OrganizationID: "orga", UserID: "user",
		ExpiresIn: time.Hour, DueIn: 45 * time.Minute, Note: connected,
	}
}

// withNewPair is what a commit changes, withoutAttempt what the end of an attempt does.
func withNewPair(r *Record) {
	r.State, r.Reason, r.Generation, r.Tokens, r.LastAttempt, r.Refreshed = Active, "", 4, pair2, "try", noon
	r.Expires, r.Due = noon.Add(time.Hour), noon.Add(45*time.Minute)
	withoutAttempt(r)
}

func withoutAttempt(r *Record) { r.Attempt, r.Owner, r.AttemptUntil = "", "", time.Time{} }

// held is the flow of a user who is asked to confirm.
var held = Flow{ID: Hash{1}, Kind: HeldFlow, Key: ada, Epoch: 1, Sealed: pair2}

// transitionCase is one change of a record.
type transitionCase struct {
	before Record
	change func(*transition) error
	err    error
	after  func(*Record) // changes before into what is wanted; nil changes nothing
	events []Event
}

func runTransitions(t *testing.T, cases map[string]transitionCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := transit(c.before, noon)
			err := c.change(tr)
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Fatalf("the error is %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			want := with(c.before, func(r *Record) { r.Now = noon })
			if c.after != nil {
				c.after(&want)
				want.Now = noon
			}
			if !reflect.DeepEqual(tr.Record, want) {
				t.Errorf("the record is\n%+v, want\n%+v", tr.Record, want)
			}
			if !reflect.DeepEqual(tr.events, c.events) {
				t.Errorf("the events are\n%+v, want\n%+v", tr.events, c.events)
			}
		})
	}
}

func TestClaimAndExtend(t *testing.T) {
	t.Parallel()
	runTransitions(t, map[string]transitionCase{
		"claim of an account without an attempt": {
			before: active(),
			change: func(t *transition) error {
				return t.claim(ClaimRequest{ada, 3, "try", "me", time.Minute})
			},
			after: func(r *Record) { *r = renewing() },
		},
		"claim while an attempt is live": {
			before: renewing(),
			change: func(t *transition) error { return t.claim(ClaimRequest{ada, 3, "next", "you", time.Minute}) },
			err:    ErrConflict,
		},
		"claim after the process that renewed it died": {
			before: with(renewing(), func(r *Record) { r.AttemptUntil = noon }),
			change: func(t *transition) error { return t.claim(ClaimRequest{ada, 3, "next", "you", time.Minute}) },
			after: func(r *Record) {
				r.Attempt, r.Owner, r.AttemptUntil, r.Due, r.Doubts = "next", "you", noon.Add(time.Minute), noon.Add(time.Minute), 1
			},
		},
		"claim for tokens that were renewed meanwhile": {
			before: active(),
			change: func(t *transition) error { return t.claim(ClaimRequest{ada, 2, "try", "me", time.Minute}) },
			err:    ErrConflict,
		},
		"claim of a grant that the provider refused": {
			before: with(active(), func(r *Record) { r.State = Revoked }),
			change: func(t *transition) error { return t.claim(ClaimRequest{ada, 3, "try", "me", time.Minute}) },
			err:    ErrConflict,
		},
		"extend without the fallback that was refused": {
			before: with(renewing(), func(r *Record) { r.Fallback = spare }),
			change: func(t *transition) error {
				return t.extend(ExtendRequest{ada, 3, "try", 2 * time.Minute, 1, true})
			},
			after: func(r *Record) {
				r.AttemptUntil, r.Due, r.Doubts, r.Fallback = noon.Add(2*time.Minute), noon.Add(2*time.Minute), 1, Stash{}
			},
		},
		"extend after another process took over": {
			before: renewing(),
			change: func(t *transition) error { return t.extend(ExtendRequest{ada, 3, "former", time.Minute, 0, false}) },
			err:    ErrConflict,
		},
	})
}

func TestCommit(t *testing.T) {
	t.Parallel()
	commit := newPair()
	runTransitions(t, map[string]transitionCase{
		"commit of a renewal says nothing new": {
			before: renewing(),
			change: func(t *transition) error { return t.commit(commit) },
			after:  withNewPair,
		},
		"commit after the lease has ended": {
			before: with(renewing(), func(r *Record) { r.AttemptUntil, r.Doubts = noon.Add(-time.Hour), 1 }),
			change: func(t *transition) error { return t.commit(commit) },
			after:  func(r *Record) { withNewPair(r); r.Doubts = 0 },
		},
		"commit after tokens of another attempt": {
			before: with(renewing(), func(r *Record) { r.Generation++ }),
			change: func(t *transition) error { return t.commit(commit) },
			err:    ErrConflict,
		},
		"commit after the user disconnected": {
			before: with(renewing(), func(r *Record) { r.Epoch++ }),
			change: func(t *transition) error { return t.commit(commit) },
			err:    ErrConflict,
		},
		"commit that heals an account in trouble": {
			before: with(renewing(), func(r *Record) {
				r.State, r.Reason, r.Failures, r.Failure, r.Troubled, r.Fallback = Expired, TransientExhausted, 3, ProviderTrouble, true, spare
			}),
			change: func(t *transition) error { return t.commit(commit) },
			after: func(r *Record) {
				withNewPair(r)
				r.Changed, r.Failures, r.Failure, r.Troubled, r.Fallback = noon, 0, "", false, Stash{}
			},
			events: []Event{event(EventConnected, Expired, Active, "", "system")},
		},
		"commit of a new consent that never expires": {
			before: verifying(),
			change: func(t *transition) error {
				q := commit
				q.Grant, q.ExpiresIn, q.DueIn, q.Note = "new", -1, -1, Note{Type: EventConnected, Actor: "user", Always: true}
				return t.commit(q)
			},
			after: func(r *Record) {
				withNewPair(r)
				r.Grant, r.Changed, r.Expires, r.Due = "new", noon, time.Time{}, time.Time{}
				r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
			},
			events: []Event{event(EventConnected, Verifying, Active, "", "user")},
		},
		"consent to an account that is active already": {
			before: active(),
			change: func(t *transition) error {
				q := commit
				q.Note.Always = true
				return t.commit(q)
			},
			after:  withNewPair,
			events: []Event{event(EventConnected, Active, Active, "", "system")},
		},
	})
}

func TestReleaseAndStash(t *testing.T) {
	t.Parallel()
	runTransitions(t, map[string]transitionCase{
		"release of a grant that the provider refused": {
			before: renewing(),
			change: func(t *transition) error {
				return t.release(ReleaseRequest{Key: ada, Generation: 3, Attempt: "try", State: Revoked, Reason: InvalidGrant, DueIn: -1, Failure: GrantRefused, Failures: 1, Note: Note{Type: EventReauthorization, Actor: "provider"}})
			},
			after: func(r *Record) {
				withoutAttempt(r)
				r.State, r.Reason, r.Changed, r.Due, r.Failure, r.Failures = Revoked, InvalidGrant, noon, time.Time{}, GrantRefused, 1
			},
			events: []Event{event(EventReauthorization, Active, Revoked, InvalidGrant, "provider")},
		},
		"release with tokens in quarantine": {
			before: renewing(),
			change: func(t *transition) error {
				s := Stash{Sealed: pair2, Purpose: PurposeQuarantine, Generation: 4, TTL: time.Hour}
				return t.release(ReleaseRequest{Key: ada, Generation: 3, Attempt: "try", State: Active, Reason: IdentityMismatch, DueIn: time.Hour, Stash: &s, Note: Note{Type: EventIdentityMismatch, Actor: "provider", Always: true}})
			},
			after: func(r *Record) {
				withoutAttempt(r)
				r.Reason, r.Due = IdentityMismatch, noon.Add(time.Hour)
				r.Fallback = Stash{Sealed: pair2, Purpose: PurposeQuarantine, Generation: 4, Until: noon.Add(time.Hour)}
			},
			events: []Event{event(EventIdentityMismatch, Active, Active, IdentityMismatch, "provider")},
		},
		"release while the user is asked to confirm": {
			before: with(verifying(), func(r *Record) { r.Attempt = "try" }),
			change: func(t *transition) error {
				return t.release(ReleaseRequest{Key: ada, Generation: 3, Attempt: "try", State: Revoked, Reason: InvalidGrant, DueIn: -1, Note: Note{Type: EventReauthorization, Actor: "provider"}})
			},
			after: func(r *Record) {
				withoutAttempt(r)
				r.Due, r.PreviousState, r.PreviousReason = time.Time{}, Revoked, InvalidGrant
			},
		},
		"release by an attempt that has no name": {
			before: active(),
			change: func(t *transition) error { return t.release(ReleaseRequest{Key: ada, Generation: 3, State: Revoked}) },
			err:    ErrConflict,
		},
		"stash of a pair that lost the race": {
			before: active(),
			change: func(t *transition) error {
				return t.stash("grant", Stash{Sealed: spare.Sealed, Purpose: PurposeFallback, Generation: 4, TTL: time.Hour})
			},
			after: func(r *Record) { r.Fallback = spare },
		},
		"stash of a pair of an earlier consent": {
			before: active(),
			change: func(t *transition) error { return t.stash("former", spare) },
			err:    ErrConflict,
		},
		"stash into an account without a grant": {
			before: with(active(), func(r *Record) { r.Grant = "" }),
			change: func(t *transition) error { return t.stash("", spare) },
			err:    ErrConflict,
		},
	})
}

func TestConsent(t *testing.T) {
	t.Parallel()
	runTransitions(t, map[string]transitionCase{
		"hold of a first consent": {
			before: with(active(), func(r *Record) { r.State = Pending }),
			change: func(t *transition) error { return t.hold(held, time.Minute, "user") },
			after: func(r *Record) {
				r.State, r.Changed, r.VerifyUntil, r.PreviousState = Verifying, noon, noon.Add(time.Minute), Pending
			},
			events: []Event{event(EventVerifying, Pending, Verifying, "", "user")},
		},
		"hold in a second tab": {
			before: verifying(),
			change: func(t *transition) error { return t.hold(held, time.Hour, "user") },
			after:  func(r *Record) { r.VerifyUntil = noon.Add(time.Hour) },
		},
		"hold for an account that works": {
			before: active(),
			change: func(t *transition) error { return t.hold(held, time.Minute, "user") },
		},
		"hold of a consent from before a disconnect": {
			before: with(active(), func(r *Record) { r.Epoch = 2 }),
			change: func(t *transition) error { return t.hold(held, time.Minute, "user") },
			err:    ErrConflict,
		},
		"the wrong user confirms": {
			before: verifying(),
			change: func(t *transition) error {
				t.endVerification(VerificationFailed, Note{Type: EventVerificationFailed, Actor: "host"})
				return nil
			},
			after: func(r *Record) {
				r.State, r.Reason, r.Changed = Expired, TransientExhausted, noon
				r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
			},
			events: []Event{event(EventVerificationFailed, Verifying, Expired, VerificationFailed, "host")},
		},
		"the wrong user confirms after the verification ended": {
			before: active(),
			change: func(t *transition) error {
				t.endVerification(VerificationFailed, Note{Type: EventVerificationFailed, Actor: "host"})
				return nil
			},
			events: []Event{event(EventVerificationFailed, Active, Active, VerificationFailed, "host")},
		},
		"the host does not confirm in time": {
			before: verifying(),
			change: func(t *transition) error { t.lapse(VerificationEnds); return nil },
			after: func(r *Record) {
				r.State, r.Reason, r.Changed = Expired, TransientExhausted, noon
				r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
			},
			events: []Event{event(EventVerificationFailed, Verifying, Expired, VerificationTimeout, "system")},
		},
	})
}

func TestUpkeep(t *testing.T) {
	t.Parallel()
	runTransitions(t, map[string]transitionCase{
		"a fallback that was not needed": {
			before: with(active(), func(r *Record) { r.Fallback = spare }),
			change: func(t *transition) error { t.lapse(FallbackEnds); return nil },
			after:  func(r *Record) { r.Fallback = Stash{} },
		},
		"tokens of an account revoked long ago": {
			before: with(active(), func(r *Record) { r.State = Revoked }),
			change: func(t *transition) error { t.lapse(RevokedSince); return nil },
			after:  func(r *Record) { r.Tokens = Sealed{} },
		},
		"use": {
			before: active(),
			change: func(t *transition) error { t.touch(); return nil },
			after:  func(r *Record) { r.Used = noon },
		},
		"a new key seals the fallback": {
			before: with(active(), func(r *Record) { r.Fallback = spare }),
			change: func(t *transition) error {
				return t.reseal(SealedRow{Ref: "fallback/id", Generation: 4, Sealed: spare.Sealed}, pair2)
			},
			after: func(r *Record) { r.Fallback.Sealed = pair2 },
		},
		"a new key comes too late for tokens": {
			before: active(),
			change: func(t *transition) error {
				return t.reseal(SealedRow{Ref: "account/id", Generation: 2, Sealed: pair1}, pair2)
			},
			err: ErrConflict,
		},
	})
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	tr := transit(with(renewing(), func(r *Record) { r.Fallback = spare }), noon)
	q := DisconnectRequest{Key: ada, Reason: HostDisconnect, RevocationIDs: [2]string{"a", "b"}, Note: Note{Type: EventDisconnected, Actor: "host"}}
	tr.disconnect(q)
	want := Record{
		ID: "id", Key: ada, State: Disconnected, Reason: HostDisconnect, Generation: 4, Epoch: 2, Refreshed: night, Used: night,
		LastAttempt: "before", Created: night, Changed: noon, Now: noon,
	}
	if !reflect.DeepEqual(tr.Record, want) {
		t.Errorf("the record is\n%+v, want\n%+v", tr.Record, want)
	}
	if revoked := []Revocation{
		{"a", ada, "id", PurposeTokens, 3, pair1, noon, noon}, {"b", ada, "id", PurposeFallback, 4, spare.Sealed, noon, noon},
	}; !reflect.DeepEqual(tr.revocations, revoked) {
		t.Errorf("the revocations are %+v, want %+v", tr.revocations, revoked)
	}
	if !tr.dropFlows {
		t.Error("its flows stay")
	}
	if want := []Event{event(EventDisconnected, Active, Disconnected, HostDisconnect, "host")}; !reflect.DeepEqual(tr.events, want) {
		t.Errorf("the events are %+v, want %+v", tr.events, want)
	}
	again := transit(tr.Record, noon.Add(time.Hour))
	again.disconnect(q)
	if again.Generation != 4 || len(again.events)+len(again.revocations) > 0 || again.dropFlows || !again.Changed.Equal(noon) {
		t.Errorf("a second disconnect made %+v", again)
	}
}

func TestHeldFlowEndsWithTheVerification(t *testing.T) {
	t.Parallel()
	tr := transit(with(active(), func(r *Record) { r.State = Pending }), noon)
	if err := tr.hold(Flow{ID: Hash{1}, Epoch: 1}, -time.Minute, "user"); err != nil {
		t.Fatal(err)
	}
	if len(tr.flows) != 1 || !tr.flows[0].Expires.Equal(noon) || !tr.VerifyUntil.Equal(noon) {
		t.Errorf("the flow is %+v, the verification ends at %v", tr.flows, tr.VerifyUntil)
	}
}

func TestHealthChanges(t *testing.T) {
	t.Parallel()
	bad := ConnectionHealth{Connection: "close", Fingerprint: "f", State: HealthConfigError, Code: "invalid_client"}
	got, e := setHealth(ConnectionHealth{State: HealthOK}, bad, noon)
	want := Event{
		At: noon, Type: EventHealth, Key: Principal{}.Key("close"), From: State(HealthOK), To: State(HealthConfigError),
		Reason: "invalid_client", Actor: "system",
	}
	if got.State != HealthConfigError || !got.Since.Equal(noon) || e == nil || *e != want {
		t.Errorf("it became %+v, with %+v", got, e)
	}
	bad.Code = "unauthorized_client"
	got, e = setHealth(got, bad, noon.Add(time.Hour))
	if got.Code != "unauthorized_client" || !got.Since.Equal(noon) || e != nil {
		t.Errorf("another code made it %+v, with %+v", got, e)
	}
}

// TestDueAccounts is the rule that stores say in their own languages.
func TestDueAccounts(t *testing.T) {
	t.Parallel()
	q := AccountQuery{Connection: "close", Deadline: RenewalDue, By: noon}
	for name, c := range map[string]struct {
		r    Record
		want bool
	}{
		"long due":                  {active(), true},
		"due now":                   {with(active(), func(r *Record) { r.Due = noon }), true},
		"due later":                 {with(active(), func(r *Record) { r.Due = noon.Add(1) }), false},
		"never due":                 {with(active(), func(r *Record) { r.Due = time.Time{} }), false},
		"expired":                   {with(active(), func(r *Record) { r.State = Expired }), true},
		"verifying":                 {verifying(), false},
		"of another connection":     {with(active(), func(r *Record) { r.Key.connection = "other" }), false},
		"with a live attempt":       {with(renewing(), func(r *Record) { r.Due = night }), false},
		"whose attempt ended":       {with(renewing(), func(r *Record) { r.Due, r.AttemptUntil = noon, noon }), true},
		"without tokens, as a rule": {with(active(), func(r *Record) { r.State = Disconnected }), false},
	} {
		if got := q.Match(&c.r); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
