package chain

import (
	"context"
	"fmt"

	"github.com/closekit/closekit/agent"
)

// Reseal seals anew what another key than the primary one of the vault has sealed, in a
// log whose entries are read in pages and swapped one by one: swap returns 0 if the entry
// is not the old one any more. It returns how many were sealed.
func Reseal(ctx context.Context, pkg string, v agent.Vault,
	page func(ctx context.Context, primary uint32, after int64, limit int) ([]Stored, error),
	swap func(ctx context.Context, old Stored, fresh Sealed) (int, error),
) (int, error) {
	if v == nil {
		return 0, fmt.Errorf("%s: there is nothing to seal without a vault", pkg)
	}
	const limit = 100 // snapshots are up to a megabyte
	primary, _ := v.KeyIDs()
	changed, failed := 0, 0
	for after := int64(0); ; {
		list, err := page(ctx, primary, after, limit)
		if err != nil {
			return changed, err
		}
		if len(list) == 0 {
			break
		}
		for _, old := range list {
			after = old.Seq
			e := old.Entry()
			if e.Reseal(v) != nil {
				failed++
				continue
			}
			n, err := swap(ctx, old, e.Sealed)
			if err != nil {
				return changed, err
			}
			changed += n
		}
	}
	if failed > 0 {
		return changed, fmt.Errorf("%s: the snapshots of %d records cannot be opened and were left as they are; is a key missing?", pkg, failed)
	}
	return changed, nil
}
