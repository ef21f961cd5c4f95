package pgstore_test

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func open(tb testing.TB, url string) *pgstore.Store {
	tb.Helper()
	s, err := pgstore.Open(tb.Context(), url)
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
	for name, options := range map[string]string{
		"as it comes": "",
		"simple":      "&default_query_exec_mode=simple_protocol",
		"prepared":    "&default_query_exec_mode=cache_statement",
	} {
		if options != "" && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) accounts.Store {
				t.Helper()
				return open(t, pgtest.Database(t)+options)
			})
		})
	}
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
func connect(tb testing.TB, s accounts.Store, n int) (list []accounts.Record) {
	tb.Helper()
	for i := range n {
		k := key(tb, i)
		if _, _, err := s.Ensure(tb.Context(), "id"+strconv.Itoa(i), k, "test"); err != nil {
			tb.Fatal(err)
		}
		r, err := s.Commit(tb.Context(), accounts.CommitRequest{
			Key: k, Attempt: "consent", Grant: "grant", Tokens: accounts.Sealed{Blob: []byte("pair"), KeyID: 1}, ExpiresIn: time.Hour,
		})
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func commitOf(r accounts.Record, attempt string) accounts.CommitRequest {
	return accounts.CommitRequest{
		Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: attempt,
		Tokens: accounts.Sealed{Blob: []byte("next"), KeyID: 1}, ExpiresIn: time.Hour, DueIn: time.Hour,
	}
}

func query(t *testing.T, url, text string, args ...any) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), text, args...).Scan(&answer); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	return answer
}

func TestSeveralStoresOnOneDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t) + "&pool_max_conns=4"
	storetest.RunReplicas(t, open(t, url), open(t, url), open(t, url), open(t, url))
}
