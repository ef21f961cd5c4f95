package sqlitestore

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

// TestSameAsInMemory compares what the rows keep: the rules are the same.
func TestSameAsInMemory(t *testing.T) {
	t.Parallel()
	storetest.Compare(t, 1, 1000, func() storetest.Pair {
		s, err := Open(filepath.Join(t.TempDir(), "accounts.db"))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1_800_000_000, 0)
		clock := func() time.Time { return now }
		s.clock = clock
		return storetest.Pair{
			Want: memstore.New(memstore.WithClock(clock)), Got: s,
			Pass: func(d time.Duration) { now = now.Add(d) }, Close: func() { s.Close() },
		}
	})
}

// TestDueUsesItsIndex keeps the work of a claim from growing with what exists.
func TestDueUsesItsIndex(t *testing.T) {
	t.Parallel()
	s, err := Open(filepath.Join(t.TempDir(), "accounts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var plan []string
	query, args := selectAccounts(accounts.AccountQuery{Connection: "close", Deadline: accounts.RenewalDue, By: s.now(), Limit: 1})
	err = s.read(t.Context(), "explain query plan "+query, func(row scanner) error {
		var id, parent, unused int
		var detail string
		err := row.Scan(&id, &parent, &unused, &detail)
		plan = append(plan, detail)
		return err
	}, args...)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "; "); !strings.Contains(text, "accounts_due (connection=? AND due>? AND due<?)") || strings.Contains(text, "TEMP B-TREE") {
		t.Errorf("the plan is %s", text)
	}
}
