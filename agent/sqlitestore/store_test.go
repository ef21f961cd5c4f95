package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/agent/storetest"
	accountstore "github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func open(t *testing.T, path string) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(path)
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

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (a, b agent.Store) {
		path := filepath.Join(t.TempDir(), "agents.db")
		return open(t, path), open(t, path)
	})
}

func TestAudit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agents.db")
	v := newVault(t)
	storetest.RunLog(t, func(t *testing.T) (a, b agent.Log) { return open(t, path).Audit(v), open(t, path).Audit(v) })
	a := open(t, path).Audit(nil)
	storetest.RunChain(t, a, func(query string) { exec(t, path, query) }, "agent_audit")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agents.db")
	s := open(t, path)
	storetest.RunKeys(t, func(_ *testing.T, v agent.Vault) storetest.Sealing { return s.Audit(v) }, func() error {
		_, err := s.Audit(nil).Verify(t.Context())
		return err
	})
	if _, err := s.Audit(newVault(t)).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "record 1: its snapshots cannot be opened") {
		t.Errorf("with another key, the verification says %v", err)
	}
	exec(t, path, "update agent_audit set sealed = (select sealed from agent_audit where seq = 1) where seq = 3")
	if _, err := s.Audit(nil).Verify(t.Context()); err != nil {
		t.Error(err)
	}
	exec(t, path, "update agent_audit set sealed = null, key = null where seq = 3")
	if _, err := s.Audit(nil).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "record 3: its snapshots were removed") {
		t.Errorf("without the snapshots of record 3, the verification says %v", err)
	}
}

// TestAuditOfManyProcesses has two handles append at once: there is one chain.
func TestAuditOfManyProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agents.db")
	logs := []*sqlitestore.Audit{open(t, path).Audit(nil), open(t, path).Audit(nil)}
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

func exec(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(15000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// TestBesideAccounts opens one file with both stores, in both orders.
func TestBesideAccounts(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"agents first": true, "accounts first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "both.db")
			accounts := func() {
				s, err := accountstore.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if !first {
				accounts()
			}
			s := open(t, path)
			if err := s.Create(t.Context(), []agent.Row{{ID: "apr_1", Created: time.Now(), Expires: time.Now(), Changed: time.Now()}}); err != nil {
				t.Fatal(err)
			}
			accounts()
			if _, err := open(t, path).Load(t.Context(), "apr_1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other, newer, text := filepath.Join(dir, "other.db"), filepath.Join(dir, "newer.db"), filepath.Join(dir, "text.db")
	exec(t, other, "create table customers (id integer)")
	s, err := sqlitestore.Open(newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, newer, "insert into agent_version (version) values (99)")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		other: "another program", newer: "newer release", text: "is not a database", "": "path of a file", dir: "is a directory",
		filepath.Join(dir, "missing", "x.db"): "cannot create",
	} {
		if _, err := sqlitestore.Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", path, err, want)
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agents.db")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestWaitingEndsWithContext has another process hold the file.
func TestWaitingEndsWithContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agents.db")
	s := open(t, path)
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was changed
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Spend(ctx, []agent.Spend{{Key: "a", Amount: 1, Most: -1}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}
