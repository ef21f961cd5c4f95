package pgstore

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// Stats implements [accounts.Store]. It reads the table of accounts once.
func (s *Store) Stats(ctx context.Context) (accounts.Stats, error) {
	return read(ctx, s, "stats", func(ctx context.Context, c sender) (accounts.Stats, error) {
		st := accounts.Stats{Accounts: map[string]map[accounts.State]int64{}}
		err := rows(ctx, c, `select connection, state, count(*), count(*) filter (where ready), count(*) filter (where doubts > 0 or attempt <> '' and `+lapsed+`),
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
			var id, n int64
			if err := row.Scan(&id, &n); err != nil {
				return err
			}
			key, err := sqlrow.KeyID(id)
			if err != nil {
				s.skipped.Skip("key", strconv.FormatInt(id, 10), err)
				return nil
			}
			use[key] = n
			return nil
		})
		return use, err
	})
}
