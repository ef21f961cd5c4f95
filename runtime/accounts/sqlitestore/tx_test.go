package sqlitestore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

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
