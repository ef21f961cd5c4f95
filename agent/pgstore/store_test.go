package pgstore_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/pgstore"
	"github.com/closekit/closekit/agent/storetest"
	"github.com/closekit/closekit/internal/pgtest"
	accountstore "github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func open(t *testing.T, url string) *pgstore.Store {
	t.Helper()
	s, err := pgstore.Open(t.Context(), url)
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
	storetest.Run(t, func(t *testing.T) (a, b agent.Store) {
		url := pgtest.Database(t) + "&pool_max_conns=4"
		return open(t, url), open(t, url)
	})
}

func TestAudit(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	storetest.RunLog(t, func(t *testing.T) (a, b agent.Log) { return open(t, url).Audit(v), open(t, url).Audit(v) })
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	storetest.RunChain(t, open(t, url).Audit(nil), func(query string) {
		if _, err := conn.Exec(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}, "closekit_agent_audit")
	// The end of the log cannot be cut either.
	log := open(t, url).Audit(nil)
	if _, err := conn.Exec(t.Context(), "delete from closekit_agent_audit where seq = 41"); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "record 41") {
		t.Errorf("the last record was removed: %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Database(t))
	storetest.RunKeys(t, func(_ *testing.T, v agent.Vault) storetest.Sealing { return s.Audit(v) }, func() error {
		_, err := s.Audit(nil).Verify(t.Context())
		return err
	})
}

// TestAuditOfReplicas has two replicas append at once: there is one chain.
func TestAuditOfReplicas(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t) + "&pool_max_conns=4"
	logs := []*pgstore.Audit{open(t, url).Audit(nil), open(t, url).Audit(nil)}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			if err := logs[i%2].Record(t.Context(), storetest.Record(i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	report, err := logs[0].Verify(t.Context())
	if err != nil || report.Records != 40 || report.Last != 40 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestBesideAccounts opens one database with both stores, many at once.
func TestBesideAccounts(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t) + "&pool_max_conns=2"
	if found, err := pgstore.Exists(t.Context(), url); found || err != nil {
		t.Errorf("an empty database: %v, %v", found, err)
	}
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			if i%2 == 0 {
				s, err := accountstore.Open(t.Context(), url)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = s.Close() })
				return
			}
			s, err := pgstore.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = s.Close() })
		})
	}
	group.Wait()
	if found, err := pgstore.Exists(t.Context(), url); !found || err != nil {
		t.Errorf("after opening: %v, %v", found, err)
	}
}

// TestErrorsHidePassword has a URL that cannot be used, and a server that is not there.
func TestErrorsHidePassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://u:hunter2secret@127.0.0.1:1/x?connect_timeout=2", "postgres://u:hunter2secret@127.0.0.1:notaport/x"} {
		_, err := pgstore.Open(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "hunter2secret") {
			t.Errorf("the error is %v", err)
		}
	}
}
