package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/sqlitefile"
	"github.com/closekit/closekit/runtime/webhooks"
)

func delivery(t testing.TB, id string) *webhooks.Delivery {
	t.Helper()
	d, err := webhooks.Parse("acme", "", fmt.Appendf(nil, `{"id":%q,"object_type":"lead","action":"created","date_updated":"2026-01-01T00:00:00"}`, id))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// host is another connection of the program to the same file.
func host(t testing.TB, s *Store) *sql.DB {
	t.Helper()
	db, err := sqlitefile.Connect(s.path, 1, "busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "create table if not exists changes (event text not null)"); err != nil {
		t.Fatal(err)
	}
	return db
}

func changes(t testing.TB, db *sql.DB) string {
	t.Helper()
	var text sql.NullString
	if err := db.QueryRowContext(t.Context(), "select group_concat(event, ' ') from (select event from changes order by event)").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text.String
}

var errBad = errors.New("no")

// write is a function of the host. Events with certain names fail after they have written.
func write(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
	if _, err := tx.ExecContext(ctx, "insert into changes values (?)", string(d.Event.ID)); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(string(d.Event.ID), "bad"):
		return errBad
	case strings.HasPrefix(string(d.Event.ID), "panic"):
		panic("x")
	}
	return nil
}

// TestTransactional commits mark and writes together, and undoes the writes of what failed,
// but of nothing else in the group.
func TestTransactional(t *testing.T) {
	t.Parallel()
	s := temporary(t)
	db := host(t, s)
	once := s.Transactional(0, write)
	var wg sync.WaitGroup
	for i := range 60 {
		name := fmt.Sprintf("%s_%02d", []string{"ev", "bad", "panic"}[i%3], i/6) // each twice
		wg.Go(func() {
			var failed *webhooks.HandleError
			if _, err := once(context.Background(), delivery(t, name)); (err == nil) != strings.HasPrefix(name, "ev") || err != nil && !errors.As(err, &failed) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
	want := "ev_00 ev_01 ev_02 ev_03 ev_04 ev_05 ev_06 ev_07 ev_08 ev_09"
	if got := changes(t, db); got != want {
		t.Errorf("got %s", got)
	}
	if first, err := once(t.Context(), delivery(t, "ev_00")); first || err != nil {
		t.Errorf("a repetition: %v, %v", first, err)
	}
	if first, err := s.Transactional(0, func(context.Context, *sql.Tx, *webhooks.Delivery) error { return nil })(t.Context(), delivery(t, "bad_00")); !first || err != nil {
		t.Errorf("after a failure: %v, %v", first, err)
	}
	// A claim that is in force holds it up.
	d := delivery(t, "claimed")
	if c, err := s.Claim(t.Context(), d.Mark(), "x", time.Hour); c != webhooks.Claimed || err != nil {
		t.Fatal(c, err)
	}
	if _, err := once(t.Context(), d); !errors.Is(err, webhooks.ErrBusy) {
		t.Errorf("a claimed event: %v", err)
	}
}

// TestTransactionalCommitsTogether writes several deliveries in one transaction.
func TestTransactionalCommitsTogether(t *testing.T) {
	t.Parallel()
	s := temporary(t)
	host(t, s)
	var mu sync.Mutex
	transactions := map[*sql.Tx]int{}
	began, end := make(chan struct{}), make(chan struct{})
	once := s.Transactional(0, func(_ context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
		mu.Lock()
		transactions[tx]++
		mu.Unlock()
		if d.Event.ID == "0" {
			close(began)
			<-end
		}
		return nil
	})
	var wg sync.WaitGroup
	start := func(i int) {
		wg.Go(func() {
			if _, err := once(context.Background(), delivery(t, fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	start(0)
	<-began
	for i := 1; i <= 50; i++ {
		start(i)
	}
	for len(s.changes) < 50 { // all of them wait
		<-time.After(time.Millisecond)
	}
	close(end)
	wg.Wait()
	if len(transactions) != 2 {
		t.Errorf("51 deliveries took %d transactions", len(transactions))
	}
}

// TestTransactionalMisuse survives a function that ends the transaction or takes too long:
// what is reported as handled was committed.
func TestTransactionalMisuse(t *testing.T) {
	t.Parallel()
	s := temporary(t)
	db := host(t, s)
	for name, misuse := range map[string]func(context.Context, *sql.Tx) error{
		"commit":   func(_ context.Context, tx *sql.Tx) error { return tx.Commit() },
		"rollback": func(_ context.Context, tx *sql.Tx) error { return tx.Rollback() },
		"too long": func(ctx context.Context, tx *sql.Tx) error {
			var n int
			return tx.QueryRowContext(ctx, "with recursive c(n) as (select 1 union all select n + 1 from c) select max(n) from c").Scan(&n)
		},
	} {
		once := s.Transactional(50*time.Millisecond, func(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
			if err := write(ctx, tx, d); err != nil {
				return err
			}
			return misuse(ctx, tx)
		})
		if first, err := once(t.Context(), delivery(t, name)); first || err == nil {
			t.Errorf("%s: got %v, %v", name, first, err)
		}
		if first, err := s.Transactional(0, write)(t.Context(), delivery(t, "after "+name)); !first || err != nil {
			t.Errorf("after %s: got %v, %v", name, first, err)
		}
	}
	if got := changes(t, db); got != "after commit after rollback after too long commit" {
		t.Errorf("got %s", got)
	}
}

// clock is a clock that tests set; the store reads it on a goroutine of its own.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) time() time.Time      { return time.Unix(0, c.nanos.Load()) }
func (c *clock) move(d time.Duration) { c.nanos.Add(int64(d)) }

// TestClockSetBack recognizes what was handled when the clock was ahead, and takes over a
// claim that would be in force for days.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	now := newClock()
	s, err := open(filepath.Join(t.TempDir(), "webhooks.db"), now.time)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	done, claimed := webhooks.Mark{Tenant: "acme", Event: "done"}, webhooks.Mark{Tenant: "acme", Event: "claimed"}
	claim := func(m webhooks.Mark, want webhooks.Claim) {
		t.Helper()
		if got, err := s.Claim(t.Context(), m, "x", time.Minute); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", m.Event, got, err, want)
		}
	}
	claim(done, webhooks.Claimed)
	if err := s.Finish(t.Context(), done, "x"); err != nil {
		t.Fatal(err)
	}
	claim(claimed, webhooks.Claimed)
	now.move(-30 * time.Second) // within the lease
	claim(claimed, webhooks.Busy)
	now.move(-48 * time.Hour)
	claim(done, webhooks.Handled)
	claim(claimed, webhooks.Claimed)
}

// TestPrunesByItself removes marks when they are older than Close repeats a delivery.
func TestPrunesByItself(t *testing.T) {
	t.Parallel()
	now := newClock()
	s, err := open(filepath.Join(t.TempDir(), "webhooks.db"), now.time)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := func() (n int) {
		t.Helper()
		if err := s.SaveCheckpoint(t.Context(), "x", now.time()); err != nil { // marks are pruned after a change
			t.Fatal(err)
		}
		if err := s.SaveCheckpoint(t.Context(), "x", now.time()); err != nil { // and the next one waits for it
			t.Fatal(err)
		}
		if err := s.reader.QueryRowContext(t.Context(), "select count(*) from closekit_webhook_marks").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 3 {
		if err := s.Finish(t.Context(), webhooks.Mark{Tenant: "acme", Event: fmt.Sprint(i)}, "x"); err != nil {
			t.Fatal(err)
		}
		now.move(time.Hour)
	}
	for _, c := range []struct {
		ahead time.Duration
		n     int
	}{{69 * time.Hour, 3}, {time.Hour + time.Minute, 2}, {2 * time.Hour, 0}} {
		now.move(c.ahead)
		if n := count(); n != c.n {
			t.Errorf("%v later: %d marks, want %d", c.ahead, n, c.n)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	if _, err := Open(""); err == nil {
		t.Error("no path is accepted")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "such")); err == nil {
		t.Error("a missing folder is accepted")
	}
	s := temporary(t)
	again, err := Open(s.path) // another process
	if err != nil {
		t.Fatal(err)
	}
	m := webhooks.Mark{Tenant: "acme", Event: "1"}
	if err := again.Finish(t.Context(), m, "x"); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if err := again.Finish(t.Context(), m, "x"); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("after Close: %v", err)
	}
	if c, err := s.Claim(t.Context(), m, "y", time.Minute); err != nil || c != webhooks.Handled {
		t.Errorf("got %d, %v", c, err)
	}
	if err := s.write(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "insert into closekit_webhook_version values (99)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s.path); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("newer tables: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Finish(ctx, m, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
