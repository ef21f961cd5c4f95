package sqlitestore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/testuser"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
)

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
		"of a newer version": {newer, "of version 99, and this program knows no version above 2"},
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

// TestOlderVersion opens a database that lacks the last migration.
func TestOlderVersion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "older.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	run(t, path, "drop table budgets; pragma user_version = 1")
	if n, err := open(t, path).ShareBudget(t.Context(), "orga_1", "a", time.Minute); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
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
