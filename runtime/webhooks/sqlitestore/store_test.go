package sqlitestore

import (
	"path/filepath"
	"testing"

	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/storetest"
)

func temporary(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "webhooks.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) webhooks.Store { return temporary(t) })
}
