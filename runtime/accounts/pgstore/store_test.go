package pgstore_test

import (
	"os"
	"testing"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func open(t testing.TB, url string) *pgstore.Store {
	t.Helper()
	s, err := pgstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "&default_query_exec_mode=simple_protocol", "&default_query_exec_mode=cache_describe", "&default_query_exec_mode=cache_statement"} {
		t.Run("mode"+mode, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) accounts.Store {
				t.Helper()
				return open(t, pgtest.Database(t)+mode)
			})
		})
	}
}
