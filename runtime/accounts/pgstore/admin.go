package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
)

// Sentinel implements [accounts.Store].
func (s *Store) Sentinel(ctx context.Context, b accounts.Sealed) (accounts.Sealed, error) {
	if !b.IsZero() {
		_, err := s.exec(ctx, "sentinel", `with ins as (insert into closekit_sentinel (sealed, sealed_key) values ($1::bytea, $2::bigint)
			on conflict (one) do nothing returning 1) select 1 from ins where`+durable, b.Blob, keyID(b))
		if err != nil {
			return accounts.Sealed{}, err
		}
	}
	return read(ctx, s, "sentinel", func(ctx context.Context, c sender) (out accounts.Sealed, err error) {
		err = rows(ctx, c, `select sealed, sealed_key from closekit_sentinel`, nil, func(row pgx.Row) error { return row.Scan(&out.Blob, &out.KeyID) })
		return out, err
	})
}

// Stats implements [accounts.Store]. It reads the table of accounts once.
func (s *Store) Stats(ctx context.Context) (accounts.Stats, error) {
	return read(ctx, s, "stats", func(ctx context.Context, c sender) (accounts.Stats, error) {
		st := accounts.Stats{Accounts: map[string]map[accounts.State]int64{}}
		err := rows(ctx, c, `select connection, state, count(*), count(*) filter (where ready), count(*) filter (where doubts > 0 or attempt <> '' and attempt_until <= now()),
				coalesce(extract(epoch from now() - min(due) filter (where ready)) * 1000000, 0)::bigint
			from (select *, due <= now() and `+claimable+` as ready from closekit_accounts) a group by connection, state`, nil, func(row pgx.Row) error {
			var connection []byte
			var state string
			var n, due, doubts, lag int64
			err := row.Scan(&connection, &state, &n, &due, &doubts, &lag)
			if st.Accounts[string(connection)] == nil {
				st.Accounts[string(connection)] = map[accounts.State]int64{}
			}
			st.Accounts[string(connection)][accounts.State(state)] = n
			st.Due += due
			st.InDoubt += doubts
			st.Lag = max(st.Lag, time.Duration(lag)*time.Microsecond)
			return err
		})
		if err != nil {
			return st, err
		}
		err = rows(ctx, c, `select (select count(*) from closekit_flows), (select count(*) from closekit_revocations), (select count(*) from closekit_events where not acked)`,
			nil, func(row pgx.Row) error { return row.Scan(&st.Flows, &st.Revocations, &st.PendingEvents) })
		return st, err
	})
}

// KeyUse implements [accounts.Store]. It reads the table of accounts once.
func (s *Store) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	return read(ctx, s, "key use", func(ctx context.Context, c sender) (map[uint32]int64, error) {
		use := map[uint32]int64{}
		err := rows(ctx, c, `select key, sum(n)::bigint from (
			select key, n from (
				select case when tokens is not null then tokens_key end as one, case when fallback is not null then fallback_key end as other, count(*) as n
				from closekit_accounts group by 1, 2) a, lateral (values (one), (other)) as k (key) union all
			select sealed_key, 1 from closekit_flows where sealed is not null union all
			select sealed_key, 1 from closekit_revocations where sealed is not null union all
			select sealed_key, 1 from closekit_sentinel) as keys where key is not null group by key`, nil, func(row pgx.Row) error {
			var key uint32
			var n int64
			err := row.Scan(&key, &n)
			use[key] = n
			return err
		})
		return use, err
	})
}

// place is where sealed blobs are: how to list and how to replace them.
type place struct{ prefix, list, replace string }

// places are in the order of their prefixes.
var places = []place{
	{
		"account/", `select id, tenant, connection, identifier, id, '` + accounts.PurposeTokens + `', generation, tokens, tokens_key
			from closekit_accounts where tokens is not null and tokens_key <> $1::bigint and id > $2::text order by id limit $3::bigint`,
		`update closekit_accounts set tokens = $1::bytea, tokens_key = $2::bigint where id = $3::text and generation = $4::bigint and tokens = $5::bytea returning 1`,
	},
	{
		"fallback/", `select id, tenant, connection, identifier, id, fallback_purpose, fallback_generation, fallback, fallback_key
			from closekit_accounts where fallback is not null and fallback_key <> $1::bigint and id > $2::text order by id limit $3::bigint`,
		`update closekit_accounts set fallback = $1::bytea, fallback_key = $2::bigint where id = $3::text and fallback_generation = $4::bigint and fallback = $5::bytea returning 1`,
	},
	{
		"revocation/", `select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key
			from closekit_revocations where sealed is not null and sealed_key <> $1::bigint and id > $2::text order by id limit $3::bigint`,
		`update closekit_revocations set sealed = $1::bytea, sealed_key = $2::bigint where id = $3::text and generation = $4::bigint and sealed = $5::bytea returning 1`,
	},
	{
		"sentinel", `select '', ''::bytea, ''::bytea, ''::bytea, '', '` + accounts.PurposeSentinel + `', 0::bigint, sealed, sealed_key
			from closekit_sentinel where sealed_key <> $1::bigint and '' > $2::text limit $3::bigint`,
		`update closekit_sentinel set sealed = $1::bytea, sealed_key = $2::bigint where '' = $3::text and 0 = $4::bigint and sealed = $5::bytea returning 1`,
	},
}

// SealedBy implements [accounts.Store].
func (s *Store) SealedBy(ctx context.Context, not uint32, after string, limit int) ([]accounts.SealedRow, error) {
	return read(ctx, s, "sealed by", func(ctx context.Context, c sender) (list []accounts.SealedRow, err error) {
		for _, p := range places {
			id, inside := strings.CutPrefix(after, p.prefix)
			switch {
			case inside && p.prefix == "sentinel", !inside && after > p.prefix:
				continue // behind us
			case !inside:
				id = ""
			}
			query := p.list
			if id == "" {
				query = strings.Replace(query, " > $2", " >= $2", 1) // from the first
			}
			err = rows(ctx, c, query, []any{int64(not), id, int64(max(limit-len(list), 0))}, func(row pgx.Row) error {
				var r accounts.SealedRow
				var k names
				err := row.Scan(&r.Ref, &k.tenant, &k.connection, &k.identifier, &r.AccountID, &r.Purpose, &r.Generation, &r.Sealed.Blob, &r.Sealed.KeyID)
				if err == nil {
					r.Key, err = k.key()
				}
				r.Ref = p.prefix + r.Ref
				list = append(list, r)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return list, nil
	})
}

// Reseal implements [accounts.Store].
func (s *Store) Reseal(ctx context.Context, row accounts.SealedRow, b accounts.Sealed) error {
	for _, p := range places {
		id, ok := strings.CutPrefix(row.Ref, p.prefix)
		if !ok || row.Sealed.IsZero() {
			continue
		}
		n, err := s.exec(ctx, "reseal", `with upd as (`+p.replace+`) select 1 from upd where`+durable, blob(b), keyID(b), id, row.Generation, row.Sealed.Blob)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("%w: the blob %s is not what it was", accounts.ErrConflict, row.Ref)
}

// sweeps are what [Store.Sweep] does: limit in $1, age in $2. Rows that
// somebody works on are left for the next time.
var sweeps = []string{
	`old as (select id, state as former from closekit_accounts where state = 'VERIFYING' and verify_until <= ` + ago + ` order by verify_until limit $1::bigint for update skip locked),
	swept as (update closekit_accounts a set ` + endVerification + ` from old where a.id = old.id returning a.*, old.former),
	ev as (` + insertEvent + `select '` + string(accounts.EventVerificationFailed) + `', tenant, connection, identifier, id, former, state, '` + string(accounts.VerificationTimeout) + `', 'system' from swept)`,

	`old as (select id from closekit_accounts where fallback_until <= ` + ago + ` limit $1::bigint for update skip locked),
	swept as (update closekit_accounts a set ` + dropFallback + ` from old where a.id = old.id returning 1)`,

	`old as (select id from closekit_accounts where state = 'REVOKED' and tokens is not null and changed <= ` + ago + ` limit $1::bigint for update skip locked),
	swept as (update closekit_accounts a set tokens = null, tokens_key = 0 from old where a.id = old.id returning 1)`,

	`old as (select id from closekit_flows where expires <= ` + ago + ` limit $1::bigint for update skip locked),
	swept as (delete from closekit_flows f using old where f.id = old.id returning 1)`,

	`old as (select id from closekit_revocations where created <= ` + ago + ` limit $1::bigint for update skip locked),
	swept as (delete from closekit_revocations r using old where r.id = old.id returning r.*),
	ev as (` + insertEvent + `select '` + string(accounts.EventRevocationFailed) + `', tenant, connection, identifier, account_id, coalesce(a.state, ''), coalesce(a.state, ''), '', 'system'
		from swept left join closekit_accounts a using (tenant, connection, identifier))`,

	`old as (select id from closekit_events where acked and at <= ` + ago + ` limit $1::bigint for update skip locked),
	swept as (delete from closekit_events e using old where e.id = old.id returning 1)`,
}

const ago = `now() - $2::bigint * interval '1 microsecond'`

// Sweep implements [accounts.Store].
func (s *Store) Sweep(ctx context.Context, q accounts.SweepRequest) (int, error) {
	limit := int64(q.Limit)
	if limit <= 0 {
		limit = 1000
	}
	ages := []time.Duration{0, 0, q.RevokedFor, 0, q.RevocationsFor, q.EventsFor}
	return write(ctx, s, "sweep", func(ctx context.Context, c sender) (n int, err error) {
		var b pgx.Batch // one transaction
		for i, sweep := range sweeps {
			b.Queue(`with `+sweep+` select count(*) from swept where`+durable, limit, ages[i].Microseconds())
		}
		res := c.SendBatch(ctx, &b)
		defer func() { err = errors.Join(err, res.Close()) }()
		for range sweeps {
			var swept int
			if err := res.QueryRow().Scan(&swept); err != nil {
				return 0, err
			}
			n += swept
		}
		return n, nil
	})
}

var _ accounts.Store = (*Store)(nil)
