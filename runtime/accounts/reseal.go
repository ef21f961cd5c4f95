package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// Reseal seals again, with the primary key, what is sealed with another key, and
// reports how many blobs it changed. It may run at any time, and again after an
// interruption. A key may be removed from the vault when [Manager.Health] counts
// no blob under its id; flows take ten minutes to lapse.
func (m *Manager) Reseal(ctx context.Context) (int, error) {
	primary, _ := m.vault.KeyIDs()
	changed, failed := 0, 0
	for after := ""; ; {
		page, err := m.store.SealedBy(ctx, primary, after, 200)
		if err != nil {
			return changed, err
		}
		if len(page) == 0 {
			break
		}
		for _, row := range page {
			after = row.Ref
			err := m.resealRow(ctx, row)
			switch {
			case err == nil:
				changed++
			case errors.Is(err, errSealing):
				m.log.ErrorContext(ctx, "a stored blob cannot be opened", "account", row.Key, "key_id", row.Sealed.KeyID, "purpose", row.Purpose)
				failed++
			case errors.Is(err, ErrConflict): // it was written meanwhile, with the primary key
			default:
				return changed, err
			}
		}
	}
	if failed > 0 {
		return changed, fmt.Errorf("accounts: %d stored blobs cannot be opened and were left as they are", failed)
	}
	return changed, nil
}

func (m *Manager) resealRow(ctx context.Context, row SealedRow) error {
	id := row.AccountID
	if row.Purpose == PurposeSentinel {
		id = "sentinel"
	}
	ad := AssociatedData(row.Key, id, row.Purpose, row.Generation)
	plain, err := m.vault.Open(row.Sealed.Blob, ad)
	if err != nil {
		return errSealing
	}
	defer clear(plain)
	s, err := seal(m.vault, plain, ad)
	if err != nil {
		return err
	}
	if err := failpoint.Hit(ctx, failpoint.Resealed); err != nil {
		return err
	}
	return m.store.Reseal(ctx, row, s)
}
