package pgstore

import (
	"os"
	"testing"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func temporary(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), pgtest.Database(t))
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
