package accounts

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// transition is a change of one account. Its methods are the rules of
// [AccountStore] and its siblings: they read no clock and write nothing, but
// change the record and collect what goes with it. If one returns an error,
// nothing of the transition may be saved.
type transition struct {
	Record                   // as it is to be saved; Now is the time of the change
	events      []Event      // to append
	revocations []Revocation // to queue
	flows       []Flow       // to add
	dropFlows   bool         // whether the account's other flows end
}

// transit begins a change of an account at a time.
func transit(r Record, now time.Time) *transition {
	r.Now = now
	return &transition{Record: r}
}

// create makes a new account.
func create(id string, key Key, actor string, now time.Time) *transition {
	t := transit(Record{ID: id, Key: key, State: Pending, Created: now, Changed: now}, now)
	t.note("", Note{Type: EventCreated, Actor: actor})
	return t
}

// in returns the time after d; a negative d means never, which is the zero time.
func (t *transition) in(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return t.Now.Add(d)
}

// setState changes state and reason. Only another state counts as a change.
func (t *transition) setState(state State, reason Reason) {
	if t.State != state {
		t.Changed = t.Now
	}
	t.State, t.Reason = state, reason
}

// note appends the event of a change that began in state from.
func (t *transition) note(from State, n Note) {
	if n.Type != "" && (from != t.State || n.Always) {
		t.event(n.Type, from, t.Reason, n.Actor)
	}
}

func (t *transition) event(typ EventType, from State, reason Reason, actor string) {
	t.events = append(t.events, Event{
		At: t.Now, Type: typ, Key: t.Key, AccountID: t.ID, From: from, To: t.State, Reason: reason, Actor: actor,
	})
}

// touch notes a use.
func (t *transition) touch() { t.Used = t.Now }

// claimable reports whether an attempt may begin by now: in these states, and
// if no attempt is live.
func claimable(r Record, now time.Time) bool {
	return (r.State == Active || r.State == Expired) && !r.live(now)
}

// claim begins an attempt. One that ended without saying how leaves a doubt.
func (t *transition) claim(q ClaimRequest) error {
	if t.Generation != q.Generation || !claimable(t.Record, t.Now) {
		return ErrConflict
	}
	if t.Attempt != "" {
		t.Doubts++
	}
	t.Attempt, t.Owner = q.Attempt, q.Owner
	t.lease(q.Lease)
	return nil
}

// lease makes the attempt end, and so the account due, after d.
func (t *transition) lease(d time.Duration) {
	until := t.in(max(d, 0))
	t.AttemptUntil, t.Due = until, until
}

// making is the guard of a process that makes an attempt.
func (t *transition) making(generation int64, attempt string) error {
	if t.Generation != generation || attempt == "" || t.Attempt != attempt {
		return ErrConflict
	}
	return nil
}

func (t *transition) endAttempt() {
	t.Attempt, t.Owner, t.AttemptUntil = "", "", time.Time{}
}

// extend continues an attempt.
func (t *transition) extend(q ExtendRequest) error {
	if err := t.making(q.Generation, q.Attempt); err != nil {
		return err
	}
	t.lease(q.Lease)
	t.Doubts = q.Doubts
	if q.DropFallback {
		t.Fallback = Stash{}
	}
	return nil
}

// commit stores new tokens. The attempt is no part of the guard: tokens that
// come after their lease has ended are good if no others were stored.
func (t *transition) commit(q CommitRequest) error {
	if t.Generation != q.Generation || t.Epoch != q.Epoch {
		return ErrConflict
	}
	from := t.State
	t.Generation++
	t.Tokens, t.NoRefresh, t.OrganizationID, t.UserID = q.Tokens, q.NoRefresh, q.OrganizationID, q.UserID
	t.Expires, t.Due, t.Refreshed = t.in(q.ExpiresIn), t.in(q.DueIn), t.Now
	t.endAttempt()
	t.LastAttempt = q.Attempt
	t.Doubts, t.Troubled, t.Failures, t.Failure, t.Fallback = 0, false, 0, "", Stash{}
	t.forgetVerification()
	if q.Grant != "" {
		t.Grant = q.Grant
	}
	t.setState(Active, "")
	t.note(from, q.Note)
	return nil
}

// release ends an attempt without new tokens. While a verification runs, its
// outcome is kept for afterwards.
func (t *transition) release(q ReleaseRequest) error {
	if err := t.making(q.Generation, q.Attempt); err != nil {
		return err
	}
	from := t.State
	t.endAttempt()
	t.Due, t.Failures, t.Failure, t.Doubts, t.Troubled = t.in(q.DueIn), q.Failures, q.Failure, q.Doubts, q.Troubled
	if q.Stash != nil {
		t.setFallback(*q.Stash)
	}
	if from == Verifying {
		t.PreviousState, t.PreviousReason = q.State, q.Reason
	} else {
		t.setState(q.State, q.Reason)
	}
	t.note(from, q.Note)
	return nil
}

func (t *transition) setFallback(s Stash) {
	s.Until, s.TTL = t.in(s.TTL), 0
	t.Fallback = s
}

// stash keeps a pair of tokens that lost the race for a commit, as long as the
// account still holds tokens of the same consent.
func (t *transition) stash(grant string, s Stash) error {
	if grant == "" || t.Grant != grant {
		return ErrConflict
	}
	t.setFallback(s)
	return nil
}

// disconnect ends an account. What names it and its history stays, its tokens
// are queued to be revoked.
func (t *transition) disconnect(q DisconnectRequest) {
	if t.State == Disconnected {
		return
	}
	for i, v := range []Revocation{
		{Purpose: PurposeTokens, Generation: t.Generation, Sealed: t.Tokens},
		{Purpose: t.Fallback.Purpose, Generation: t.Fallback.Generation, Sealed: t.Fallback.Sealed},
	} {
		if v.Sealed.IsZero() {
			continue
		}
		v.ID, v.Key, v.AccountID = q.RevocationIDs[i], t.Key, t.ID
		t.revocations = append(t.revocations, queued(v, t.Now))
	}
	from := t.State
	t.Record = Record{
		ID: t.ID, Key: t.Key, State: t.State, Generation: t.Generation + 1, Epoch: t.Epoch + 1,
		Refreshed: t.Refreshed, Used: t.Used, LastAttempt: t.LastAttempt, Created: t.Created, Changed: t.Changed, Now: t.Now,
	}
	t.dropFlows = true
	t.setState(Disconnected, q.Reason)
	t.note(from, q.Note)
}

// hold adds a flow that waits for the host to confirm, and makes the account
// wait with it. An active account goes on working meanwhile.
func (t *transition) hold(f Flow, ttl time.Duration, actor string) error {
	if t.Epoch != f.Epoch {
		return ErrConflict
	}
	f.Expires = t.in(max(ttl, 0))
	t.flows = append(t.flows, f)
	from := t.State
	if from == Active {
		return nil
	}
	if from != Verifying {
		t.PreviousState, t.PreviousReason = t.State, t.Reason
	}
	t.VerifyUntil = f.Expires
	t.setState(Verifying, "")
	t.note(from, Note{Type: EventVerifying, Actor: actor})
	return nil
}

func (t *transition) forgetVerification() {
	t.VerifyUntil, t.PreviousState, t.PreviousReason = time.Time{}, "", ""
}

// endVerification returns to the state before. The event is appended in any
// case, because it tells what the host or the user did.
func (t *transition) endVerification(reason Reason, n Note) {
	from := t.State
	if from == Verifying {
		t.setState(t.PreviousState, t.PreviousReason)
		t.forgetVerification()
	}
	if n.Type != "" {
		t.event(n.Type, from, reason, n.Actor)
	}
}

// lapse acts on a deadline that has passed.
func (t *transition) lapse(d Deadline) {
	switch d {
	case VerificationEnds:
		t.endVerification(VerificationTimeout, Note{Type: EventVerificationFailed, Actor: "system"})
	case FallbackEnds:
		t.Fallback = Stash{}
	case RevokedSince:
		t.Tokens = Sealed{}
	case RenewalDue: // for a claim
	}
}

// The names of blobs: three begin with a kind and end with an id. Their order is
// that of [AdminStore.SealedBy].
const (
	tokensRef     = "account/"
	fallbackRef   = "fallback/"
	revocationRef = "revocation/"
	sentinelRef   = "sentinel"
)

func tokensRow(r Record) SealedRow {
	return SealedRow{tokensRef + r.ID, r.Key, r.ID, PurposeTokens, r.Generation, r.Tokens}
}

func fallbackRow(r Record) SealedRow {
	return SealedRow{fallbackRef + r.ID, r.Key, r.ID, r.Fallback.Purpose, r.Fallback.Generation, r.Fallback.Sealed}
}

func revocationRow(r Revocation) SealedRow {
	return SealedRow{revocationRef + r.ID, r.Key, r.AccountID, r.Purpose, r.Generation, r.Sealed}
}

func sentinelRow(s Sealed) SealedRow {
	return SealedRow{Ref: sentinelRef, Purpose: PurposeSentinel, Sealed: s}
}

// reseal replaces the blob that row names.
func (t *transition) reseal(row SealedRow, s Sealed) error {
	switch row.Ref {
	case tokensRef + t.ID:
		return replace(&t.Tokens, tokensRow(t.Record), row, s)
	case fallbackRef + t.ID:
		return replace(&t.Fallback.Sealed, fallbackRow(t.Record), row, s)
	}
	return errResealed(row)
}

// replace puts a blob in the place of another one if that is still what it was.
func replace(at *Sealed, now, row SealedRow, s Sealed) error {
	if row.Sealed.IsZero() || now.Generation != row.Generation || !bytes.Equal(now.Sealed.Blob, row.Sealed.Blob) {
		return errResealed(row)
	}
	*at = s
	return nil
}

func errResealed(row SealedRow) error {
	return fmt.Errorf("%w: the blob %s is not what it was", ErrConflict, row.Ref)
}

// queued makes a revocation that is due at once.
func queued(r Revocation, now time.Time) Revocation {
	r.Created, r.Due = now, now
	return r
}

// givenUp is the event of a revocation that was tried for too long.
func givenUp(r Revocation, now time.Time) Event {
	return Event{At: now, Type: EventRevocationFailed, Key: r.Key, AccountID: r.AccountID, Actor: "system"}
}

// about completes an event with the account it is about, if there is one.
func (e Event) about(r Record, err error) (Event, error) {
	switch {
	case errors.Is(err, ErrNotFound):
		return e, nil
	case err == nil:
		e.AccountID, e.From, e.To = r.ID, r.State, r.State
	}
	return e, err
}

// open checks that a flow has not lapsed.
func (f Flow) open(now time.Time) error {
	if !now.Before(f.Expires) {
		return ErrNotFound
	}
	return nil
}

// setHealth changes the health of a connection from what it was. It returns the
// event if the state changed.
func setHealth(was, is ConnectionHealth, now time.Time) (ConnectionHealth, *Event) {
	if was.State == is.State {
		was.Code = is.Code
		return was, nil
	}
	is.Since = now
	return is, &Event{
		At: now, Type: EventHealth, Key: Principal{}.Key(is.Connection), From: State(was.State), To: State(is.State),
		Reason: Reason(is.Code), Actor: "system",
	}
}
