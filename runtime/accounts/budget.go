package accounts

import (
	"context"
	"sync"
	"weak"

	"github.com/closekit/closekit"
)

// budgets keeps one budget for each organization of Close that clients of this
// process work in.
type budgets struct {
	mu    sync.Mutex
	byOrg map[string]*organizationBudget
}

// organizationBudget is kept for as long as a client holds it, and for idleTime
// after it was asked for last, so that what a client for one request has learned
// is there for the next one.
type organizationBudget struct {
	budget *closekit.Budget // nil after idleTime
	held   weak.Pointer[closekit.Budget]
	used   instant
}

// Budget returns the budget that all clients of an organization of Close should
// share, whichever user and connection they act for, because Close counts their
// requests together. If the store is a [BudgetStore], as all of this module are, the
// replicas of the program know of each other: while calls are paced, and only then,
// each writes to the store once a second and sends its part of what the rate limit
// leaves. Set it when a client is made of a handle:
//
//	info, err := account.Info(ctx)
//	client := base.With(account, closekit.WithBudget(m.Budget(info.OrganizationID)))
//
// Without an id, as [Info] has it before an account is connected, the budget is a
// new one.
func (m *Manager) Budget(organizationID string) *closekit.Budget {
	if organizationID == "" {
		return &closekit.Budget{}
	}
	b := &m.budgets
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byOrg[organizationID]
	if o == nil {
		o = &organizationBudget{}
		if b.byOrg == nil {
			b.byOrg = map[string]*organizationBudget{}
		}
		b.byOrg[organizationID] = o
	}
	if o.budget == nil {
		o.budget = o.held.Value()
	}
	if o.budget == nil {
		o.budget = m.newBudget(organizationID)
		o.held = weak.Make(o.budget)
	}
	o.used = m.now()
	return o.budget
}

func (m *Manager) newBudget(organizationID string) *closekit.Budget {
	store, ok := m.store.(BudgetStore)
	if !ok {
		return &closekit.Budget{}
	}
	return closekit.NewSharedBudget(func(ctx context.Context) (int, error) {
		return store.ShareBudget(ctx, organizationID, m.owner, closekit.SharedFor)
	})
}

// forgetIdle leaves the budgets that were not asked for lately to the clients that
// hold them.
func (b *budgets) forgetIdle(now instant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, o := range b.byOrg {
		if now.since(o.used) < idleTime {
			continue
		}
		if o.budget = nil; o.held.Value() == nil {
			delete(b.byOrg, id)
		}
	}
}
