package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

var budgetCases = map[string]func(*suite){
	"processes that pace calls are counted": func(s *suite) {
		share := s.budgets()
		s.counted("the first", share("orga_1", "a", lease), 1)
		s.counted("another one", share("orga_1", "b", lease), 2)
		s.counted("the first again", share("orga_1", "a", lease), 2)
		s.counted("one of another organization", share("orga_2", "a", lease), 1)
	},
	"processes that ended are not counted": func(s *suite) {
		share := s.budgets()
		share("orga_1", "a", short)
		share("orga_1", "b", short)
		s.wait(2 * short)
		s.counted("after the others", share("orga_1", "c", lease), 1)
		s.counted("one that comes back", share("orga_1", "a", lease), 2)
	},
	"processes that come at once are all counted": func(s *suite) {
		share := s.budgets()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() { share("orga_1", fmt.Sprint(i), lease) })
		}
		wg.Wait()
		s.counted("all", share("orga_1", "0", lease), 8)
	},
}

func (s *suite) counted(who string, n, want int) {
	s.Helper()
	s.want(n == want, "%s counts %d, want %d", who, n, want)
}

// budgets returns ShareBudget of the store. A store need not have it.
func (s *suite) budgets() func(organization, owner string, ttl time.Duration) int {
	store, ok := s.Store.(accounts.BudgetStore)
	if !ok {
		s.Skip("the store is no accounts.BudgetStore")
	}
	return func(organization, owner string, ttl time.Duration) int {
		n, err := store.ShareBudget(s.ctx, organization, owner, ttl)
		if err != nil {
			s.Error(err)
		}
		return n
	}
}
