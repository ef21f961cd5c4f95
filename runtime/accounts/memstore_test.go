package accounts

import (
	"context"
	"time"
)

// MemoryStore stands for a memstore.Store. Tests in this package cannot import
// package memstore, which imports this one.
type MemoryStore struct {
	Store
	BudgetStore
	rows TxStore
	now  func() time.Time
}

// NewMemstore makes a memstore.Store with a clock. The external tests of this
// directory set it.
var NewMemstore func(now func() time.Time) interface {
	Store
	BudgetStore
	TxStore
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore {
	s := &MemoryStore{now: time.Now}
	inner := NewMemstore(func() time.Time { return s.now() })
	s.Store, s.BudgetStore, s.rows = inner, inner, inner
	return s
}

// put writes a record past the rules of a store.
func (s *MemoryStore) put(r Record) {
	s.edit(r.Key, func(old *Record) { *old = r })
}

// edit changes a record past the rules of a store.
func (s *MemoryStore) edit(key Key, change func(*Record)) {
	err := s.rows.Update(context.Background(), func(tx Tx) error {
		r, err := tx.Account(key)
		if err != nil {
			return err
		}
		change(&r)
		return tx.PutAccount(r)
	})
	if err != nil {
		panic(err)
	}
}
