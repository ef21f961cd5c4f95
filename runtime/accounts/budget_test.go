package accounts

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
)

// TestBudget asks for the budgets of organizations, and lets time pass.
func TestBudget(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		one := w.m.Budget("orga_1")
		if w.m.Budget("orga_1") != one || w.m.Budget("orga_2") == one {
			w.Error("a budget does not belong to one organization")
		}
		if a, b := w.m.Budget(""), w.m.Budget(""); a == b {
			w.Error("accounts that are not connected share a budget")
		}
		time.Sleep(idleTime - time.Second)
		w.m.forgetIdle()
		if n := len(w.m.budgets.byOrg); n != 2 {
			w.Errorf("%d budgets are kept, want 2", n)
		}
		time.Sleep(time.Second)
		w.m.forgetIdle() // orga_1 is held here
		runtime.GC()
		w.m.forgetIdle()
		if n := len(w.m.budgets.byOrg); n != 1 {
			w.Errorf("%d budgets are kept, want that of the client", n)
		}
		if w.m.Budget("orga_1") != one {
			w.Error("the budget changed while a client holds it")
		}
		runtime.KeepAlive(one)
	})
}

// TestBudgetOfReplicas refuses a call of each of two replicas, which then know of each
// other.
func TestBudgetOfReplicas(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		other := w.manager()
		for _, m := range []*Manager{w.m, other} {
			refused := httptest.NewRecorder()
			refused.Header().Set("Retry-After", "1")
			refused.WriteHeader(http.StatusTooManyRequests)
			c := closekit.NewClient(closekit.APIKey("key"), closekit.WithBudget(m.Budget("orga_1")), closekit.HTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return refused.Result(), nil })}))
			_ = c.Do(w.Context(), closekit.Request{Method: "GET", Path: "/me/"}, nil, closekit.NoRetry())
		}
		synctest.Wait()
		store, ok := w.m.store.(BudgetStore)
		if !ok {
			w.Fatalf("%T is no BudgetStore", w.m.store)
		}
		if n, err := store.ShareBudget(w.Context(), "orga_1", "third", time.Second); n != 3 || err != nil {
			w.Errorf("%d processes pace calls, want 2 and this one; %v", n, err)
		}
	})
}
