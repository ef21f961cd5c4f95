package pgstore

import (
	"context"
	"strconv"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// claimable is the guard of a claim.
var claimable = ` state in ('ACTIVE', 'EXPIRED') and (attempt = '' or ` + lapsed + `) `

// lapsed is true of an attempt that is not live.
var lapsed = `(attempt_until <= now() or attempt_until > ` + in(strconv.FormatInt(accounts.MaxLease.Microseconds(), 10)) + `)`

// claiming is what a claim sets; the parameters are attempt, owner and lease.
func claiming(attempt, owner, lease string) string {
	return `doubts = a.doubts + case when a.attempt = '' then 0 else 1 end, attempt = ` + attempt + `::text, owner = ` + owner +
		`::text, attempt_until = ` + in(lease) + `, due = ` + in(lease)
}

// Claim implements [accounts.Store].
func (s *Store) Claim(ctx context.Context, q accounts.ClaimRequest) (accounts.Record, error) {
	r, err := s.update1(ctx, accounts.ErrConflict, "claim",
		quietly(`generation = $4::bigint and `+claimable, claiming("$5", "$6", "$7")),
		append(sqlrow.Parts(q.Key), q.Generation, q.Attempt, q.Owner, micros(max(q.Lease, 0)))...)
	if err == accounts.ErrConflict { //nolint:errorlint // exactly this
		if _, lerr := s.Load(ctx, q.Key); lerr != nil {
			return accounts.Record{}, lerr // most likely that there is none
		}
	}
	return r, err
}

// ClaimDue implements [accounts.Store].
func (s *Store) ClaimDue(ctx context.Context, q accounts.DueRequest) ([]accounts.Record, error) {
	a := arguments{[]byte(q.Connection), int64(max(q.Limit, 0)), q.Attempt, q.Owner, micros(max(q.Lease, 0))}
	sealed := ``
	if q.Keys != nil {
		keys := make([]int64, len(q.Keys))
		for i, id := range q.Keys {
			keys[i] = int64(id)
		}
		sealed = ` and tokens_key = any(` + a.add(keys) + `::bigint[]) `
	}
	return s.update(ctx, "claim due", &s.skipped,
		`with ready as (select id, due as since from closekit_accounts where connection = $1::bytea and due <= now() and `+claimable+sealed+`
			order by due limit $2::bigint for update skip locked),
		upd as (update closekit_accounts a set `+claiming("$3", "$4", "$5")+` from ready where a.id = ready.id returning a.*, ready.since)
		select `+columns+`, now() from upd where`+durable+`order by since, id`, a...)
}

// held is the guard of those who make an attempt.
const held = ` generation = $4::bigint and attempt = $5::text and attempt <> '' `

const dropFallback = `fallback = null, fallback_key = 0, fallback_purpose = '', fallback_generation = 0, fallback_until = null`

// Extend implements [accounts.Store].
func (s *Store) Extend(ctx context.Context, q accounts.ExtendRequest) (accounts.Record, error) {
	set := `attempt_until = ` + in("$6") + `, due = ` + in("$6") + `, doubts = $7::bigint`
	if q.DropFallback {
		set += `, ` + dropFallback
	}
	return s.update1(ctx, accounts.ErrConflict, "extend",
		quietly(held, set),
		append(sqlrow.Parts(q.Key), q.Generation, q.Attempt, micros(max(q.Lease, 0)), int64(q.Doubts))...)
}

// Commit implements [accounts.Store]. When the connection is lost on the way,
// the error does not tell whether the commit happened.
func (s *Store) Commit(ctx context.Context, q accounts.CommitRequest) (accounts.Record, error) {
	a := arguments(append(sqlrow.Parts(q.Key), q.Generation, q.Epoch))
	set := `generation = a.generation + 1, tokens = ` + a.add(sqlrow.Blob(q.Tokens)) + `::bytea, tokens_key = ` + a.add(keyID(q.Tokens)) +
		`::bigint, no_refresh = ` + a.add(q.NoRefresh) + `::boolean, organization_id = ` + a.add(q.OrganizationID) +
		`::text, user_id = ` + a.add(q.UserID) + `::text, expires = ` + in(a.add(micros(q.ExpiresIn))) +
		`, due = ` + in(a.add(micros(q.DueIn))) + `, refreshed = now(), attempt = '', owner = '', attempt_until = null,
		last_attempt = ` + a.add(q.Attempt) + `::text, doubts = 0, troubled = false, failures = 0, failure = '', ` + dropFallback +
		`, verify_until = null, previous_state = '', previous_reason = '', ` + setState("'ACTIVE'", "''")
	if q.Grant != "" {
		set += `, consent = ` + a.add(q.Grant) + `::text`
	}
	const guard = `generation = $4::bigint and epoch = $5::bigint`
	if !q.Note.Always { // an account that is active stays so, which is no event
		r, err := s.update1(ctx, accounts.ErrConflict, "commit", quietly(guard+` and state = 'ACTIVE'`, set), a...)
		if err != accounts.ErrConflict { //nolint:errorlint // exactly this
			return r, err
		}
	}
	return s.update1(ctx, accounts.ErrConflict, "commit", changing(guard, set, noteAt(&a, q.Note)), a...)
}

// Release implements [accounts.Store].
func (s *Store) Release(ctx context.Context, q accounts.ReleaseRequest) (accounts.Record, error) {
	a := arguments(append(sqlrow.Parts(q.Key), q.Generation, q.Attempt))
	set := `attempt = '', owner = '', attempt_until = null, due = ` + in(a.add(micros(q.DueIn))) + `, failures = ` + a.add(int64(q.Failures)) +
		`::bigint, failure = ` + a.add(string(q.Failure)) + `::text, doubts = ` + a.add(int64(q.Doubts)) + `::bigint, troubled = ` +
		a.add(q.Troubled) + `::boolean, ` + releaseState(a.add(string(q.State))+`::text`, a.add(string(q.Reason))+`::text`)
	if q.Stash != nil {
		set += `, ` + setFallback(&a, *q.Stash)
	}
	return s.update1(ctx, accounts.ErrConflict, "release", changing(held, set, noteAt(&a, q.Note)), a...)
}

// releaseState sets the state, or the one that a verification returns to.
func releaseState(state, reason string) string {
	verifying := func(then, otherwise string) string {
		return `case when a.state = 'VERIFYING' then ` + then + ` else ` + otherwise + ` end`
	}
	return setState(verifying("a.state", state), verifying("a.reason", reason)) +
		`, previous_state = ` + verifying(state, "a.previous_state") + `, previous_reason = ` + verifying(reason, "a.previous_reason")
}

func setFallback(a *arguments, st accounts.Stash) string {
	return `fallback = ` + a.add(sqlrow.Blob(st.Sealed)) + `::bytea, fallback_key = ` + a.add(keyID(st.Sealed)) + `::bigint, fallback_purpose = ` +
		a.add(st.Purpose) + `::text, fallback_generation = ` + a.add(st.Generation) + `::bigint, fallback_until = ` + in(a.add(micros(st.TTL)))
}

// Stash implements [accounts.Store].
func (s *Store) Stash(ctx context.Context, key accounts.Key, grant string, st accounts.Stash) error {
	a := arguments(append(sqlrow.Parts(key), grant))
	n, err := s.exec(ctx, "stash", `with upd as (update closekit_accounts set `+setFallback(&a, st)+
		` where `+byKey+` and consent = $4::text and consent <> '' returning 1) select 1 from upd where`+durable, a...)
	if err == nil && n == 0 {
		err = accounts.ErrConflict
	}
	return err
}
