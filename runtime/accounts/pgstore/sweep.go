package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
)

// sweeps are the statements of [Store.Sweep]: limit in $1, age in $2. Rows that
// another transaction has locked are left for the next time.
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
