package agent

import (
	"context"
	"errors"
	"fmt"
)

// KeyUse counts the approvals in the store by the id of the key that sealed them.
func (a *Agent) KeyUse(ctx context.Context) (map[uint32]int64, error) { return a.store.KeyUse(ctx) }

// Reseal seals again, with the primary key of the vault, the approvals that another key
// sealed, and returns their number. It may run at any time, also while calls are decided
// and carried out, and again after an interruption. Approvals that cannot be opened are
// left as they are, and are an error in the end. Audit logs have a method of their own.
func (a *Agent) Reseal(ctx context.Context) (int, error) {
	if a.vault == nil {
		return 0, errors.New("agent: there is nothing to seal without WithVault")
	}
	const page = 200
	primary, _ := a.vault.KeyIDs()
	changed, failed := 0, 0
	for after := ""; ; {
		rows, err := a.store.SealedBy(ctx, primary, after, page)
		if err != nil {
			return changed, err
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			after = r.ID
			plain, err := a.vault.Open(r.Body, associated(&r))
			if err != nil {
				failed++
				continue
			}
			r.Body, r.Key, err = a.vault.Seal(plain, associated(&r))
			if err != nil {
				return changed, fmt.Errorf("sealing approval %s: %w", r.ID, err)
			}
			switch err := a.store.Swap(ctx, r); {
			case err == nil:
				changed++
			case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound): // it was sealed anew, or deleted, in the meantime
			default:
				return changed, err
			}
		}
	}
	if failed > 0 {
		return changed, fmt.Errorf("agent: %d approvals cannot be opened and were left as they are; is a key missing?", failed)
	}
	return changed, nil
}
