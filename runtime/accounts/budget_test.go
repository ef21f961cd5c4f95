package accounts

import (
	"runtime"
	"testing"
	"time"
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
