package sqlitestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/closekit/closekit/internal/sqlitefile"
	"github.com/closekit/closekit/runtime/accounts"
)

// fail explains an error.
func (s *Store) fail(err error) error {
	if err == nil || errors.Is(err, accounts.ErrNotFound) || errors.Is(err, accounts.ErrConflict) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("sqlitestore: %w", sqlitefile.Explain(s.path, err))
}
