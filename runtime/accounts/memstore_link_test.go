package accounts_test

import (
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
)

func init() {
	accounts.NewMemstore = func(now func() time.Time) interface {
		accounts.Store
		accounts.BudgetStore
		accounts.TxStore
	} {
		return memstore.New(memstore.WithClock(now))
	}
}
