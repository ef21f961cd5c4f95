package sqlitestore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

// child is set in processes that the tests start of themselves.
const child = "SQLITESTORE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(child); path != "" {
		if err := drain(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func open(tb testing.TB, path string) *sqlitestore.Store {
	tb.Helper()
	s, err := sqlitestore.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) accounts.Store {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "accounts.db"))
	})
}

const connection = "close"

func key(tb testing.TB, i int) accounts.Key {
	tb.Helper()
	p, err := accounts.NewPrincipal("tenant", "user"+strconv.Itoa(i))
	if err != nil {
		tb.Fatal(err)
	}
	return p.Key(connection)
}

// connect makes n accounts that are due.
func connect(tb testing.TB, s accounts.Store, n int) {
	tb.Helper()
	for i := range n {
		k := key(tb, i)
		if _, _, err := s.Ensure(tb.Context(), "id"+strconv.Itoa(i), k, "test"); err != nil {
			tb.Fatal(err)
		}
		_, err := s.Commit(tb.Context(), accounts.CommitRequest{
			Key: k, Attempt: "consent", Grant: "grant", Tokens: accounts.Sealed{Blob: []byte("pair"), KeyID: 1}, ExpiresIn: time.Hour,
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func TestSeveralStoresOnOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	storetest.RunReplicas(t, open(t, path), open(t, path), open(t, path), open(t, path))
}
