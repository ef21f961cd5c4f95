package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
)

// LoadHealth implements [accounts.Store].
func (s *Store) LoadHealth(ctx context.Context, connection, fingerprint string) (accounts.ConnectionHealth, error) {
	return read(ctx, s, "load health", func(ctx context.Context, c sender) (accounts.ConnectionHealth, error) {
		h := accounts.ConnectionHealth{Connection: connection, Fingerprint: fingerprint, State: accounts.HealthOK}
		err := rows(ctx, c, `select state, code, since from closekit_health where connection = $1::bytea and fingerprint = $2::text`,
			[]any{[]byte(connection), fingerprint}, func(row pgx.Row) error {
				return row.Scan((*string)(&h.State), &h.Code, moment{&h.Since})
			})
		return h, err
	})
}

// SetHealth implements [accounts.Store]. The row keeps the former state, which
// is how two callers at once make one event: the second one finds the row that
// the first one left.
func (s *Store) SetHealth(ctx context.Context, h accounts.ConnectionHealth, probe time.Duration) error {
	_, err := s.exec(ctx, "set health", `with up as (
			insert into closekit_health as h (connection, fingerprint, state, former, code, since, probe)
			select $1::bytea, $2::text, $3::text, 'OK', $4::text, now(), `+in("$5")+`
			where $3::text <> 'OK' or exists (select from closekit_health where connection = $1::bytea and fingerprint = $2::text)
			on conflict (connection, fingerprint) do update set state = excluded.state, former = h.state, code = excluded.code,
				since = case when h.state = excluded.state then h.since else excluded.since end,
				probe = case when h.state = excluded.state then h.probe else excluded.probe end
			returning *),
		ev as (`+insertEvent+`select '`+string(accounts.EventHealth)+`', '', connection, '', '', former, state, code, 'system' from up where former <> state)
		select 1 from up where`+durable, []byte(h.Connection), h.Fingerprint, string(h.State), h.Code, micros(max(probe, 0)))
	return err
}

// ClaimProbe implements [accounts.Store].
func (s *Store) ClaimProbe(ctx context.Context, connection, fingerprint string, every time.Duration) (bool, error) {
	return write(ctx, s, "claim probe", func(ctx context.Context, c sender) (may bool, err error) {
		err = rows(ctx, c, `with upd as (update closekit_health set probe = `+in("$3")+`
				where connection = $1::bytea and fingerprint = $2::text and (probe <= now() or probe > `+in("$4")+`) returning 1)
			select exists (select from upd) or not exists (select from closekit_health where connection = $1::bytea and fingerprint = $2::text)
			where`+durable, []any{[]byte(connection), fingerprint, micros(max(every, 0)), micros(max(every, accounts.LongestLease))}, func(row pgx.Row) error { return row.Scan(&may) })
		return may, err
	})
}
