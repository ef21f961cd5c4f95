package sqlitestore

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// TestDiskFull lets the file grow no more: changes fail as a whole, reads and
// small changes go on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	s, err := Open(filepath.Join(t.TempDir(), "accounts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := accounts.NewPrincipal("tenant", "ada")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Ensure(t.Context(), "id", p.Key("close"), "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.ExecContext(t.Context(), "pragma max_page_count = 1"); err != nil { // SQLite raises it to the present size
		t.Fatal(err)
	}
	_, err = s.Commit(t.Context(), accounts.CommitRequest{
		Key: r.Key, Attempt: "a", Tokens: accounts.Sealed{Blob: make([]byte, 1<<20), KeyID: 1}, DueIn: time.Hour,
		Note: accounts.Note{Type: accounts.EventConnected},
	})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("a large commit on a full disk: %v", err)
	}
	got, err := s.Load(t.Context(), r.Key)
	if err != nil || got.Generation != 0 || got.State != accounts.Pending {
		t.Errorf("after it: %+v, %v", got, err)
	}
	if err := s.Touch(t.Context(), []accounts.Key{r.Key}); err != nil {
		t.Errorf("a small change: %v", err)
	}
}
