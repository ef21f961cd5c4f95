package sqlitestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/testuser"
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

// claimAll claims and commits until nothing is due, and visits what it claimed.
func claimAll(ctx context.Context, s accounts.Store, worker string, visit func(accounts.Record)) error {
	for n := 0; ; n++ {
		list, err := s.ClaimDue(ctx, accounts.DueRequest{Connection: connection, Attempt: worker + strconv.Itoa(n), Owner: worker, Lease: time.Minute, Limit: 7})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			visit(r)
			_, err := s.Commit(ctx, accounts.CommitRequest{
				Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: r.Attempt,
				Tokens: accounts.Sealed{Blob: []byte("next"), KeyID: 1}, ExpiresIn: time.Hour, DueIn: time.Hour,
			})
			if err != nil {
				return err
			}
		}
	}
}

func TestSeveralStoresOnOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	storetest.RunReplicas(t, open(t, path), open(t, path), open(t, path), open(t, path))
}

// drain is what a child process does: it prints what it claims.
func drain(path string) error {
	s, err := sqlitestore.Open(path)
	if err != nil {
		return err
	}
	err = claimAll(context.Background(), s, fmt.Sprint("p", os.Getpid(), "-"), func(r accounts.Record) { fmt.Println(r.ID, r.Generation) })
	if err != nil {
		return err
	}
	return s.Close()
}

func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	const n = 150
	s := open(t, path)
	connect(t, s, n)
	outs := make([]strings.Builder, 4)
	var wg sync.WaitGroup
	for i := range outs {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+path)
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("child: %v", err)
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for i := range outs {
		for line := range strings.Lines(outs[i].String()) {
			seen[strings.TrimSpace(line)]++
		}
	}
	for line, times := range seen {
		if times != 1 || !strings.HasSuffix(line, " 1") {
			t.Errorf("%q was printed %d times", line, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d were claimed", len(seen), n)
	}
	list, err := s.List(t.Context(), accounts.ListFilter{Limit: n})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Generation != 2 || r.Attempt != "" {
			t.Errorf("%s is left as %+v", r.ID, r)
		}
	}
}

// TestChildrenAreKilled kills processes at any moment: what is left is whole.
func TestChildrenAreKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	const n = 100
	s := open(t, path)
	connect(t, s, n)
	for i := range 10 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(10+7*i) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		list, err := s.List(t.Context(), accounts.ListFilter{Limit: n})
		if err != nil || len(list) != n {
			t.Fatalf("after a kill: %d accounts, %v", len(list), err)
		}
		for _, r := range list {
			if want := map[int64]string{1: "pair", 2: "next"}[r.Generation]; string(r.Tokens.Blob) != want || (r.Generation == 2 && r.Attempt != "") {
				t.Fatalf("after a kill: %+v", r)
			}
		}
	}
}

func TestOnlyTheOwnerReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd ?&%41#name.db")
	connect(t, open(t, path), 1)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", suffix, info.Mode())
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 3 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestDataSurvives(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	s, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	connect(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Touch(t.Context(), []accounts.Key{key(t, 0)}); err == nil {
		t.Error("a closed store wrote")
	}
	r, err := open(t, path).Load(t.Context(), key(t, 0))
	if err != nil || string(r.Tokens.Blob) != "pair" {
		t.Errorf("after opening again: %+v, %v", r, err)
	}
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := sqlitestore.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			if _, _, err := s.Ensure(t.Context(), "id", key(t, 0), "test"); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func run(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := filepath.Join(dir, "foreign.db")
	run(t, foreign, "create table customers (name text)")
	newer := filepath.Join(dir, "newer.db")
	s, err := sqlitestore.Open(newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, newer, "pragma user_version = 99")
	for name, c := range map[string]struct{ path, want string }{
		"nothing":            {"", "the path of a file is needed"},
		"memory":             {":memory:", "the path of a file is needed"},
		"a directory":        {dir, "is a directory"},
		"a missing folder":   {filepath.Join(dir, "no", "such.db"), "cannot create the database"},
		"below a file":       {filepath.Join(file("plain", "x"), "accounts.db"), "not a directory"},
		"no database":        {file("text.db", "Dear diary, today I wrote a text."), "is not a database"},
		"a long text":        {file("long.db", strings.Repeat("Dear diary. ", 1000)), "is not a database"},
		"another program's":  {foreign, "holds the database of another program"},
		"of a newer version": {newer, "of version 99, and this program knows no version above 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := sqlitestore.Open(c.path)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %q, want %q in it", err, c.want)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	if !testuser.Unprivileged(t) {
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "accounts.db")
	s, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitestore.Open(path); err == nil || !strings.Contains(err.Error(), "cannot be") {
		t.Errorf("a file without the right to write: %v", err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // so that it can be removed
	if _, err := sqlitestore.Open(filepath.Join(dir, "new.db")); err == nil || !strings.Contains(err.Error(), "cannot create the database") {
		t.Errorf("a folder without the right to write: %v", err)
	}
}

func TestFilesBesideFollow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	connect(t, open(t, path), 1)
	if err := os.Chmod(path+"-wal", 0o444); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path + "-wal"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log is %v, %v; want the mode of the database", info.Mode(), err)
	}
}

func TestFileRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	s := open(t, path)
	connect(t, s, 1)
	r, err := s.Load(t.Context(), key(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = s.Claim(t.Context(), accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: "a", Lease: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "removed or replaced") {
		t.Errorf("a claim without a file: %v", err)
	}
}

// TestWaitingEndsWithTheContext holds the file from outside.
func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	s := open(t, path)
	connect(t, s, 1)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "begin immediate"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Touch(ctx, []accounts.Key{key(t, 0)}); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("a change of a file that is held: %v after %v", err, time.Since(start))
	}
	if _, err := s.Load(t.Context(), key(t, 0)); err != nil {
		t.Errorf("a read of a file that is held: %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	if err := s.Touch(t.Context(), []accounts.Key{key(t, 0)}); err != nil {
		t.Error(err)
	}
}
