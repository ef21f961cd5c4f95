package pgstore

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
)

// columns is what a record is read from, in the order of scanAccount; the time
// of the statement comes after them.
const columns = ` id, tenant, connection, identifier, state, reason, generation, epoch, consent, tokens, tokens_key,
	no_refresh, fallback, fallback_key, fallback_purpose, fallback_generation, fallback_until, organization_id, user_id,
	expires, due, refreshed, used, attempt, owner, attempt_until, last_attempt, doubts, troubled, failures, failure,
	verify_until, previous_state, previous_reason, created, changed `

func scanAccount(row pgx.Row) (r accounts.Record, err error) {
	var k names
	err = row.Scan(
		&r.ID, &k.tenant, &k.connection, &k.identifier, (*string)(&r.State), (*string)(&r.Reason), &r.Generation, &r.Epoch, &r.Grant,
		&r.Tokens.Blob, &r.Tokens.KeyID, &r.NoRefresh, &r.Fallback.Sealed.Blob, &r.Fallback.Sealed.KeyID,
		&r.Fallback.Purpose, &r.Fallback.Generation, moment{&r.Fallback.Until}, &r.OrganizationID, &r.UserID,
		moment{&r.Expires}, moment{&r.Due}, moment{&r.Refreshed}, moment{&r.Used}, &r.Attempt, &r.Owner,
		moment{&r.AttemptUntil}, &r.LastAttempt, &r.Doubts, &r.Troubled, &r.Failures, (*string)(&r.Failure),
		moment{&r.VerifyUntil}, (*string)(&r.PreviousState), (*string)(&r.PreviousReason), moment{&r.Created}, moment{&r.Changed},
		moment{&r.Now},
	)
	if err == nil {
		r.Key, err = k.key()
	}
	return r, err
}

// records reads accounts.
func records(ctx context.Context, c sender, query string, args []any) (list []accounts.Record, err error) {
	err = rows(ctx, c, query, args, func(row pgx.Row) error {
		r, err := scanAccount(row)
		list = append(list, r)
		return err
	})
	return list, err
}

// update changes accounts and gives them back.
func (s *Store) update(ctx context.Context, op, query string, args ...any) ([]accounts.Record, error) {
	return write(ctx, s, op, func(ctx context.Context, c sender) ([]accounts.Record, error) { return records(ctx, c, query, args) })
}

// update1 changes one account, or answers with otherwise.
func (s *Store) update1(ctx context.Context, otherwise error, op, query string, args ...any) (accounts.Record, error) {
	list, err := s.update(ctx, op, query, args...)
	switch {
	case err != nil:
		return accounts.Record{}, err
	case len(list) == 0:
		return accounts.Record{}, otherwise
	}
	return list[0], nil
}

// changing makes a statement that changes the account of the key in $1 to $3 if
// a guard holds, appends the event of a note, and gives the account back. The
// row is locked first, so that the state before is certain.
func changing(guard, set string, n note) string {
	return `with old as (select id, state as former from closekit_accounts where ` + byKey + ` and ` + guard + ` for update),
		upd as (update closekit_accounts a set ` + set + ` from old where a.id = old.id returning a.*, old.former),
		ev as (` + n.insert("upd") + `)
		select ` + columns + `, now() from upd where` + durable
}

// quietly makes such a statement without an event. It is a third of the work.
func quietly(guard, set string) string {
	return `update closekit_accounts a set ` + set + ` where ` + byKey + ` and ` + guard + ` and ` + durable + ` returning ` + columns + `, now()`
}

// note says where in the parameters the parts of an [accounts.Note] are.
type note struct{ kind, actor, always string }

func noteAt(a *arguments, n accounts.Note) note {
	return note{a.add(string(n.Type)) + "::text", a.add(n.Actor) + "::text", a.add(n.Always) + "::boolean"}
}

const insertEvent = `insert into closekit_events (type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor) `

// insert appends the event for what from holds.
func (n note) insert(from string) string {
	return insertEvent + `select ` + n.kind + `, tenant, connection, identifier, id, former, state, reason, ` + n.actor +
		` from ` + from + ` where ` + n.kind + ` <> '' and (former <> state or ` + n.always + `)`
}

// setState is the part of a change that sets the state.
func setState(state, reason string) string {
	return `changed = case when a.state = ` + state + ` then a.changed else now() end, state = ` + state + `, reason = ` + reason
}

// in is the moment after the duration in a parameter.
func in(parameter string) string {
	return `now() + ` + parameter + `::bigint * interval '1 microsecond'`
}

// Ensure implements [accounts.Store].
func (s *Store) Ensure(ctx context.Context, id string, key accounts.Key, actor string) (r accounts.Record, made bool, err error) {
	for {
		r, err = s.Load(ctx, key) // the usual case
		if err == nil {
			return r, false, nil
		}
		if err != accounts.ErrNotFound { //nolint:errorlint // exactly this
			return accounts.Record{}, false, err
		}
		r, err = s.update1(ctx, accounts.ErrConflict, "ensure", `with upd as (
				insert into closekit_accounts (tenant, connection, identifier, id, state) values ($1::bytea, $2::bytea, $3::bytea, $4::text, 'PENDING')
				on conflict (tenant, connection, identifier) do nothing returning *),
			ev as (`+insertEvent+`select 'created', tenant, connection, identifier, id, '', state, reason, $5::text from upd)
			select `+columns+`, now() from upd where`+durable, append(parts(key), id, actor)...)
		if err != accounts.ErrConflict { //nolint:errorlint // exactly this: somebody else made it meanwhile
			return r, err == nil, err
		}
	}
}

// Load implements [accounts.Store].
func (s *Store) Load(ctx context.Context, key accounts.Key) (accounts.Record, error) {
	list, err := s.records(ctx, "load", `select `+columns+`, now() from closekit_accounts where `+byKey, parts(key)...)
	switch {
	case err != nil:
		return accounts.Record{}, err
	case len(list) == 0:
		return accounts.Record{}, accounts.ErrNotFound
	}
	return list[0], nil
}

func (s *Store) records(ctx context.Context, op, query string, args ...any) ([]accounts.Record, error) {
	return read(ctx, s, op, func(ctx context.Context, c sender) ([]accounts.Record, error) { return records(ctx, c, query, args) })
}

// filter makes the conditions on a key that is given in part.
func filter(a *arguments, tenant, identifier, connection string) string {
	var b strings.Builder
	for _, f := range [][2]string{{"tenant", tenant}, {"identifier", identifier}, {"connection", connection}} {
		if f[1] != "" {
			b.WriteString(" and " + f[0] + " = " + a.add([]byte(f[1])) + "::bytea")
		}
	}
	return b.String()
}

func limitOf(n int) int64 {
	if n <= 0 {
		return 100
	}
	return int64(n)
}

// List implements [accounts.Store].
func (s *Store) List(ctx context.Context, f accounts.ListFilter) ([]accounts.Record, error) {
	var a arguments
	query := `select ` + columns + `, now() from closekit_accounts where id > ` + a.add(f.After) + `::text` +
		filter(&a, f.Tenant, f.Identifier, f.Connection)
	if f.State != "" {
		query += ` and state = ` + a.add(string(f.State)) + `::text`
	}
	return s.records(ctx, "list", query+` order by id limit `+a.add(limitOf(f.Limit))+`::bigint`, a...)
}

// Touch implements [accounts.Store].
func (s *Store) Touch(ctx context.Context, keys []accounts.Key) error {
	if len(keys) == 0 {
		return ctx.Err()
	}
	var tenants, connections, identifiers [][]byte
	for _, k := range keys {
		tenants, connections, identifiers = append(tenants, []byte(k.Tenant())), append(connections, []byte(k.Connection())), append(identifiers, []byte(k.Identifier()))
	}
	// Locked in one order, so that two calls do not wait for each other.
	_, err := s.exec(ctx, "touch", `with k as (
			select id from closekit_accounts join unnest($1::bytea[], $2::bytea[], $3::bytea[]) as q (tenant, connection, identifier)
			using (tenant, connection, identifier) order by id for update of closekit_accounts),
		upd as (update closekit_accounts a set used = now() from k where a.id = k.id returning 1)
		select 1 from upd where`+durable, tenants, connections, identifiers)
	return err
}

// claimable is the guard of a claim.
const claimable = ` state in ('ACTIVE', 'EXPIRED') and (attempt = '' or attempt_until <= now()) `

// claiming is what a claim sets; the parameters are attempt, owner and lease.
func claiming(attempt, owner, lease string) string {
	return `doubts = a.doubts + case when a.attempt = '' then 0 else 1 end, attempt = ` + attempt + `::text, owner = ` + owner +
		`::text, attempt_until = ` + in(lease) + `, due = ` + in(lease)
}

// Claim implements [accounts.Store].
func (s *Store) Claim(ctx context.Context, q accounts.ClaimRequest) (accounts.Record, error) {
	r, err := s.update1(ctx, accounts.ErrConflict, "claim",
		quietly(`generation = $4::bigint and `+claimable, claiming("$5", "$6", "$7")),
		append(parts(q.Key), q.Generation, q.Attempt, q.Owner, micros(max(q.Lease, 0)))...)
	if err == accounts.ErrConflict { //nolint:errorlint // exactly this
		if _, lerr := s.Load(ctx, q.Key); lerr != nil {
			return accounts.Record{}, lerr // most likely that there is none
		}
	}
	return r, err
}

// ClaimDue implements [accounts.Store].
func (s *Store) ClaimDue(ctx context.Context, q accounts.DueRequest) ([]accounts.Record, error) {
	return s.update(ctx, "claim due",
		`with ready as (select id, due as since from closekit_accounts where connection = $1::bytea and due <= now() and `+claimable+`
			order by due limit $2::bigint for update skip locked),
		upd as (update closekit_accounts a set `+claiming("$3", "$4", "$5")+` from ready where a.id = ready.id returning a.*, ready.since)
		select `+columns+`, now() from upd where`+durable+`order by since, id`,
		[]byte(q.Connection), int64(max(q.Limit, 0)), q.Attempt, q.Owner, micros(max(q.Lease, 0)))
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
		append(parts(q.Key), q.Generation, q.Attempt, micros(max(q.Lease, 0)), int64(q.Doubts))...)
}

// isUnsure reports whether an error leaves open what happened.
func isUnsure(err error) bool {
	var e *storeError
	return errors.As(err, &e) && e.unsure
}

// Commit implements [accounts.Store]. When the connection is lost on the way,
// it finds out whether the commit happened, and makes it if not.
func (s *Store) Commit(ctx context.Context, q accounts.CommitRequest) (accounts.Record, error) {
	unsure, lost := false, error(nil)
	for try := 1; ; try++ {
		r, err := s.commit(ctx, q)
		switch {
		case err == nil:
			return r, nil
		case err == accounts.ErrConflict && unsure && q.Attempt != "": //nolint:errorlint // exactly this
			r, lerr := s.Load(ctx, q.Key)
			switch {
			case lerr == nil && r.Generation == q.Generation+1 && r.Epoch == q.Epoch && r.LastAttempt == q.Attempt:
				return r, nil // it was ours
			case lerr != nil || r.Generation > q.Generation+1:
				return accounts.Record{}, lost // others came after it, if it was ours
			}
			return accounts.Record{}, err
		case !isUnsure(err) || try == tries:
			return accounts.Record{}, err
		}
		unsure, lost = true, err
		if pause(ctx, try) != nil {
			return accounts.Record{}, err
		}
	}
}

func (s *Store) commit(ctx context.Context, q accounts.CommitRequest) (accounts.Record, error) {
	a := arguments(append(parts(q.Key), q.Generation, q.Epoch))
	set := `generation = a.generation + 1, tokens = ` + a.add(blob(q.Tokens)) + `::bytea, tokens_key = ` + a.add(keyID(q.Tokens)) +
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
	a := arguments(append(parts(q.Key), q.Generation, q.Attempt))
	set := `attempt = '', owner = '', attempt_until = null, due = ` + in(a.add(micros(q.DueIn))) + `, failures = ` + a.add(int64(q.Failures)) +
		`::bigint, failure = ` + a.add(string(q.Failure)) + `::text, doubts = ` + a.add(int64(q.Doubts)) + `::bigint, troubled = ` +
		a.add(q.Troubled) + `::boolean, ` + releaseState(a.add(string(q.State))+`::text`, a.add(string(q.Reason))+`::text`)
	if q.Stash != nil {
		set += `, ` + setFallback(&a, *q.Stash)
	}
	return s.update1(ctx, accounts.ErrConflict, "release", changing(held, set, noteAt(&a, q.Note)), a...)
}

// releaseState sets the state, or what a verification goes back to.
func releaseState(state, reason string) string {
	verifying := func(then, otherwise string) string {
		return `case when a.state = 'VERIFYING' then ` + then + ` else ` + otherwise + ` end`
	}
	return setState(verifying("a.state", state), verifying("a.reason", reason)) +
		`, previous_state = ` + verifying(state, "a.previous_state") + `, previous_reason = ` + verifying(reason, "a.previous_reason")
}

func setFallback(a *arguments, st accounts.Stash) string {
	return `fallback = ` + a.add(blob(st.Sealed)) + `::bytea, fallback_key = ` + a.add(keyID(st.Sealed)) + `::bigint, fallback_purpose = ` +
		a.add(st.Purpose) + `::text, fallback_generation = ` + a.add(st.Generation) + `::bigint, fallback_until = ` + in(a.add(micros(st.TTL)))
}

// Stash implements [accounts.Store].
func (s *Store) Stash(ctx context.Context, key accounts.Key, grant string, st accounts.Stash) error {
	a := arguments(append(parts(key), grant))
	n, err := s.exec(ctx, "stash", `with upd as (update closekit_accounts set `+setFallback(&a, st)+
		` where `+byKey+` and consent = $4::text and consent <> '' returning 1) select 1 from upd where`+durable, a...)
	if err == nil && n == 0 {
		err = accounts.ErrConflict
	}
	return err
}

// Disconnect implements [accounts.Store].
func (s *Store) Disconnect(ctx context.Context, q accounts.DisconnectRequest) (accounts.Record, error) {
	a := arguments(append(parts(q.Key), string(q.Reason), q.RevocationIDs[0], q.RevocationIDs[1]))
	n := noteAt(&a, q.Note)
	return s.update1(ctx, accounts.ErrNotFound, "disconnect",
		`with old as (select * from closekit_accounts where `+byKey+` for update),
		upd as (update closekit_accounts a set generation = a.generation + 1, epoch = a.epoch + 1, consent = '', tokens = null, tokens_key = 0,
			no_refresh = false, `+dropFallback+`, organization_id = '', user_id = '', expires = null, due = null, attempt = '', owner = '',
			attempt_until = null, doubts = 0, troubled = false, failures = 0, failure = '', verify_until = null, previous_state = '',
			previous_reason = '', `+setState("'DISCONNECTED'", "$4::text")+`
			from old where a.id = old.id and old.state <> 'DISCONNECTED' returning a.*, old.state as former),
		rev as (insert into closekit_revocations (id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key)
			select v.id, o.tenant, o.connection, o.identifier, o.id, v.purpose, v.generation, v.sealed, v.sealed_key
			from old o join upd on upd.id = o.id, lateral (values
				($5::text, '`+accounts.PurposeTokens+`', o.generation, o.tokens, o.tokens_key),
				($6::text, o.fallback_purpose, o.fallback_generation, o.fallback, o.fallback_key)
			) as v (id, purpose, generation, sealed, sealed_key) where v.sealed is not null `+replaceRevocation+`),
		fl as (delete from closekit_flows where `+byKey+` and exists (select from upd)),
		ev as (`+n.insert("upd")+`)
		select `+columns+`, now() from upd where`+durable+`
		union all select `+columns+`, now() from old where state = 'DISCONNECTED'`, a...)
}

// EndVerification implements [accounts.Store].
func (s *Store) EndVerification(ctx context.Context, key accounts.Key, reason accounts.Reason, n accounts.Note) error {
	changed, err := s.exec(ctx, "end verification",
		`with old as (select id, tenant, connection, identifier, state as former from closekit_accounts where `+byKey+` for update),
		upd as (update closekit_accounts a set `+endVerification+` from old where a.id = old.id and old.former = 'VERIFYING' returning a.id, a.state),
		ev as (`+insertEvent+`select $4::text, tenant, connection, identifier, old.id, former, coalesce(upd.state, former), $5::text, $6::text
			from old left join upd on upd.id = old.id where $4::text <> '')
		select 1 from old where`+durable, append(parts(key), string(n.Type), string(reason), n.Actor)...)
	if err == nil && changed == 0 {
		err = accounts.ErrNotFound
	}
	return err
}

// endVerification sets what was before.
const endVerification = `changed = now(), state = a.previous_state, reason = a.previous_reason, verify_until = null, previous_state = '', previous_reason = ''`

// QueueRevocation implements [accounts.Store].
func (s *Store) QueueRevocation(ctx context.Context, r accounts.Revocation) error {
	_, err := s.exec(ctx, "queue revocation",
		`with ins as (insert into closekit_revocations (tenant, connection, identifier, id, account_id, purpose, generation, sealed, sealed_key)
			values ($1::bytea, $2::bytea, $3::bytea, $4::text, $5::text, $6::text, $7::bigint, $8::bytea, $9::bigint)
			`+replaceRevocation+` returning 1)
		select 1 from ins where`+durable,
		append(parts(r.Key), r.ID, r.AccountID, r.Purpose, r.Generation, blob(r.Sealed), keyID(r.Sealed))...)
	return err
}

const replaceRevocation = `on conflict (id) do update set
	(tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created, due) =
	(excluded.tenant, excluded.connection, excluded.identifier, excluded.account_id, excluded.purpose, excluded.generation,
	excluded.sealed, excluded.sealed_key, now(), now())`

// ClaimRevocations implements [accounts.Store].
func (s *Store) ClaimRevocations(ctx context.Context, q accounts.RevocationRequest) ([]accounts.Revocation, error) {
	which, args := `due <= now()`, []any{int64(max(q.Limit, 0)), micros(max(q.Lease, 0))}
	if !q.Key.IsZero() {
		which, args = `tenant = $3::bytea and connection = $4::bytea and identifier = $5::bytea`, append(args, parts(q.Key)...)
	}
	query := `with ready as (select id, due as since from closekit_revocations where ` + which + ` order by due limit $1::bigint for update skip locked),
		upd as (update closekit_revocations r set due = now() + $2::bigint * interval '1 microsecond' from ready where r.id = ready.id returning r.*, ready.since)
		select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created from upd
		where` + durable + `order by since, id`
	return write(ctx, s, "claim revocations", func(ctx context.Context, c sender) (list []accounts.Revocation, err error) {
		err = rows(ctx, c, query, args, func(row pgx.Row) error {
			var r accounts.Revocation
			var k names
			err := row.Scan(&r.ID, &k.tenant, &k.connection, &k.identifier, &r.AccountID, &r.Purpose, &r.Generation,
				&r.Sealed.Blob, &r.Sealed.KeyID, moment{&r.Created})
			if err == nil {
				r.Key, err = k.key()
			}
			list = append(list, r)
			return err
		})
		return list, err
	})
}

// FinishRevocation implements [accounts.Store].
func (s *Store) FinishRevocation(ctx context.Context, id string) error {
	_, err := s.exec(ctx, "finish revocation",
		`with gone as (delete from closekit_revocations where id = $1::text returning 1) select 1 from gone where`+durable, id)
	return err
}
