package pgstore

import (
	"cmp"
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// columns is what a record is read from, in the order of scanAccount; the time
// of the statement comes after them.
const columns = ` id, tenant, connection, identifier, state, reason, generation, epoch, consent, tokens, tokens_key,
	no_refresh, fallback, fallback_key, fallback_purpose, fallback_generation, fallback_until, organization_id, user_id,
	expires, due, refreshed, used, attempt, owner, attempt_until, last_attempt, doubts, troubled, failures, failure,
	verify_until, previous_state, previous_reason, created, changed `

func scanAccount(row pgx.Row) (r accounts.Record, err error) {
	var k sqlrow.Names
	var odd error
	err = row.Scan(
		&r.ID, &k.Tenant, &k.Connection, &k.Identifier, (*string)(&r.State), (*string)(&r.Reason), &r.Generation, &r.Epoch, &r.Grant,
		&r.Tokens.Blob, keyDest{&r.Tokens.KeyID, &odd}, &r.NoRefresh, &r.Fallback.Sealed.Blob, keyDest{&r.Fallback.Sealed.KeyID, &odd},
		&r.Fallback.Purpose, &r.Fallback.Generation, moment{&r.Fallback.Until}, &r.OrganizationID, &r.UserID,
		moment{&r.Expires}, moment{&r.Due}, moment{&r.Refreshed}, moment{&r.Used}, &r.Attempt, &r.Owner,
		moment{&r.AttemptUntil}, &r.LastAttempt, &r.Doubts, &r.Troubled, &r.Failures, (*string)(&r.Failure),
		moment{&r.VerifyUntil}, (*string)(&r.PreviousState), (*string)(&r.PreviousReason), moment{&r.Created}, moment{&r.Changed},
		moment{&r.Now},
	)
	if err == nil {
		r.Key, err = k.Key()
	}
	return r, cmp.Or(err, odd)
}

// records reads accounts. What cannot be read is an error, or skipped if skip is
// not nil.
func records(ctx context.Context, c sender, skip *sqlrow.Skipped, query string, args []any) (list []accounts.Record, err error) {
	err = rows(ctx, c, query, args, func(row pgx.Row) error {
		r, err := scanAccount(row)
		if err != nil && skip != nil {
			skip.Skip("account", r.ID, err)
			return nil
		}
		list = append(list, r)
		return err
	})
	return list, err
}

// update changes accounts and returns them; see records.
func (s *Store) update(ctx context.Context, op string, skip *sqlrow.Skipped, query string, args ...any) ([]accounts.Record, error) {
	return write(ctx, s, op, func(ctx context.Context, c sender) ([]accounts.Record, error) {
		return records(ctx, c, skip, query, args)
	})
}

// update1 changes one account. If there was none to change, the error is
// otherwise.
func (s *Store) update1(ctx context.Context, otherwise error, op, query string, args ...any) (accounts.Record, error) {
	list, err := s.update(ctx, op, nil, query, args...)
	switch {
	case err != nil:
		return accounts.Record{}, err
	case len(list) == 0:
		return accounts.Record{}, otherwise
	}
	return list[0], nil
}

// changing makes a statement that changes the account of the key in $1 to $3 if
// a guard holds, appends the event of a note, and returns the account. The
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

// insert appends an event for each row of from.
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
			select `+columns+`, now() from upd where`+durable, append(sqlrow.Parts(key), id, actor)...)
		if err != accounts.ErrConflict { //nolint:errorlint // exactly this: another caller made it meanwhile
			return r, err == nil, err
		}
	}
}

// Load implements [accounts.Store].
func (s *Store) Load(ctx context.Context, key accounts.Key) (accounts.Record, error) {
	list, err := s.records(ctx, "load", nil, `select `+columns+`, now() from closekit_accounts where `+byKey, sqlrow.Parts(key)...)
	switch {
	case err != nil:
		return accounts.Record{}, err
	case len(list) == 0:
		return accounts.Record{}, accounts.ErrNotFound
	}
	return list[0], nil
}

func (s *Store) records(ctx context.Context, op string, skip *sqlrow.Skipped, query string, args ...any) ([]accounts.Record, error) {
	return read(ctx, s, op, func(ctx context.Context, c sender) ([]accounts.Record, error) {
		return records(ctx, c, skip, query, args)
	})
}

// filter returns the conditions on the parts of a key that are not empty.
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
	// A page that is short is the last one, so what is skipped is made up for.
	limit := limitOf(f.Limit)
	query += ` order by id limit ` + a.add(limit) + `::bigint`
	var out []accounts.Record
	for {
		last := ""
		list, err := read(ctx, s, "list", func(ctx context.Context, c sender) (list []accounts.Record, err error) {
			n := int64(0)
			err = rows(ctx, c, query, a, func(row pgx.Row) error {
				r, err := scanAccount(row)
				if n++; n == limit {
					last = r.ID
				}
				if err != nil {
					s.skipped.Skip("account", r.ID, err)
					return nil
				}
				list = append(list, r)
				return nil
			})
			return list, err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, list[:min(len(list), int(limit)-len(out))]...)
		if last == "" || len(out) >= int(limit) {
			return out, nil
		}
		a[0] = last
	}
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
