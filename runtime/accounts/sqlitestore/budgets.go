package sqlitestore

import (
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

var _ accounts.BudgetStore = (*Store)(nil)

// ShareBudget implements [accounts.BudgetStore].
func (s *Store) ShareBudget(ctx context.Context, organizationID, owner string, ttl time.Duration) (n int, err error) {
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(`insert or replace into budgets (organization, owner, until) values (?, ?, ?)`, organizationID, owner, nanos(t.now.Add(ttl))); err != nil {
			return err
		}
		if _, err := t.exec(`delete from budgets where until <= ?`, nanos(t.now)); err != nil {
			return err
		}
		return t.query(`select count(*) from budgets where organization = ?`, func(row scanner) error { return row.Scan(&n) }, organizationID)
	})
	return n, err
}
