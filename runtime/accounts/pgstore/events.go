package pgstore

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgconnect"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

const eventColumns = ` id, at, type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor `

func scanEvent(row pgx.Row, more ...any) (e accounts.Event, err error) {
	var k sqlrow.Names
	err = row.Scan(append([]any{
		&e.ID,
		moment{&e.At},
		(*string)(&e.Type), &k.Tenant, &k.Connection, &k.Identifier, &e.AccountID,
		(*string)(&e.From), (*string)(&e.To), (*string)(&e.Reason), &e.Actor,
	}, more...)...)
	if err == nil {
		e.Key, err = k.Key()
	}
	return e, err
}

// AppendEvent implements [accounts.Store].
func (s *Store) AppendEvent(ctx context.Context, e accounts.Event) error {
	_, err := s.exec(ctx, "append event", `with ev as (`+insertEvent+`
			select $4::text, $1::bytea, $2::bytea, $3::bytea, coalesce(a.id, $5::text), coalesce(a.state, $6::text), coalesce(a.state, $7::text), $8::text, $9::text
			from (select) one left join closekit_accounts a on a.tenant = $1::bytea and a.connection = $2::bytea and a.identifier = $3::bytea
			returning 1)
		select 1 from ev where`+durable,
		append(sqlrow.Parts(e.Key), string(e.Type), e.AccountID, string(e.From), string(e.To), string(e.Reason), e.Actor)...)
	return err
}

// ClaimEvents implements [accounts.Store].
func (s *Store) ClaimEvents(ctx context.Context, lease time.Duration, limit int) ([]accounts.Event, error) {
	return write(ctx, s, "claim events", func(ctx context.Context, c sender) (list []accounts.Event, err error) {
		err = rows(ctx, c, `with ready as (select id from closekit_events where not acked and (claimed is null or claimed <= now() or claimed > `+in("$3")+`)
				order by id limit $1::bigint for update skip locked),
			upd as (update closekit_events e set claimed = `+in("$2")+` from ready where e.id = ready.id returning e.*)
			select `+eventColumns+` from upd where`+durable+`order by id`, []any{int64(max(limit, 0)), micros(max(lease, 0)), micros(max(lease, accounts.LongestLease))}, func(row pgx.Row) error {
			e, err := scanEvent(row)
			if err != nil {
				s.skipped.Skip("event", strconv.FormatInt(e.ID, 10), err)
				return nil
			}
			list = append(list, e)
			return nil
		})
		return list, err
	})
}

// AckEvents implements [accounts.Store].
func (s *Store) AckEvents(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return ctx.Err()
	}
	// Locked in one order, so that two calls do not wait for each other.
	_, err := s.exec(ctx, "acknowledge events", `with k as (select id from closekit_events where id = any($1::bigint[]) order by id for update),
		upd as (update closekit_events e set acked = true from k where e.id = k.id returning 1) select 1 from upd where`+durable, ids)
	return err
}

// overtaken bounds how long ListEvents waits for changes that began before the
// last event and may still append an earlier one; unseen is the age at which
// an event is shown whatever happens.
const (
	overtaken = time.Second
	unseen    = `interval '1 minute'`
)

// ListEvents implements [accounts.Store]. An id is assigned when a change begins
// and becomes visible when it ends. A reader that continues after the last id
// must not miss one, so an event is returned only when no change that began
// before it is still running.
func (s *Store) ListEvents(ctx context.Context, f accounts.EventFilter) ([]accounts.Event, error) {
	var a arguments
	query := `select ` + eventColumns + `, writer < pg_snapshot_xmin(pg_current_snapshot()) or at < now() - ` + unseen + ` from closekit_events where id > ` + a.add(f.After) + `::bigint` +
		filter(&a, f.Tenant, f.Identifier, f.Connection) + ` order by id limit ` + a.add(limitOf(f.Limit)) + `::bigint`
	var whole bool
	list := func() ([]accounts.Event, error) {
		whole = true
		return read(ctx, s, "list events", func(ctx context.Context, c sender) (list []accounts.Event, err error) {
			err = rows(ctx, c, query, a, func(row pgx.Row) error {
				var settled bool
				e, err := scanEvent(row, &settled)
				if err != nil {
					s.skipped.Skip("event", strconv.FormatInt(e.ID, 10), err)
					return nil
				}
				if whole = whole && settled; whole {
					list = append(list, e)
				}
				return nil
			})
			return list, err
		})
	}
	deadline := time.Now().Add(overtaken)
	for {
		out, err := list()
		if err != nil || whole || time.Now().After(deadline) {
			return out, err
		}
		if err := pgconnect.Pause(ctx, 1); err != nil {
			return nil, fail("list events", err)
		}
	}
}
