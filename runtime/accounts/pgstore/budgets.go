package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
)

var _ accounts.BudgetStore = (*Store)(nil)

// ShareBudget implements [accounts.BudgetStore]. Rows of owners that have ended are
// removed by those of any organization that go on; another one that does the same just
// now is not waited for.
func (s *Store) ShareBudget(ctx context.Context, organizationID, owner string, ttl time.Duration) (int, error) {
	return write(ctx, s, "share budget", func(ctx context.Context, c sender) (n int, err error) {
		err = rows(ctx, c, `with old as (select organization, owner from closekit_budgets where until <= now() and (organization, owner) <> ($1::text, $2::text) limit 100 for update skip locked),
				gone as (delete from closekit_budgets b using old where (b.organization, b.owner) = (old.organization, old.owner)),
				up as (insert into closekit_budgets (organization, owner, until) values ($1::text, $2::text, `+in("$3")+`)
					on conflict (organization, owner) do update set until = excluded.until returning 1)
			select count(*) + (select count(*) from up) from closekit_budgets where organization = $1::text and owner <> $2::text and until > now()`,
			[]any{organizationID, owner, micros(ttl)}, func(row pgx.Row) error { return row.Scan(&n) })
		return n, err
	})
}
