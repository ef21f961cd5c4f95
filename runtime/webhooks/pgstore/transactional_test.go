package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/pgtest"
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

func prepare(t testing.TB, s *Store) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), "create table changes (event text not null)"); err != nil {
		t.Fatal(err)
	}
}

func changes(t testing.TB, s *Store) (text string) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), "select coalesce(string_agg(event, ' ' order by event), '') from changes").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

var errBad = errors.New("no")

// write is a function of the host. Events with certain names fail after they have written.
func write(ctx context.Context, tx pgx.Tx, d *webhooks.Delivery) error {
	if _, err := tx.Exec(ctx, "insert into changes values ($1)", string(d.Event.ID)); err != nil {
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

// TestTransactional commits mark and writes together or not at all, over two replicas that
// have every event at the same time.
func TestTransactional(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var replicas [2]*Store
	for i := range replicas {
		var err error
		if replicas[i], err = Open(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		defer replicas[i].Close()
	}
	prepare(t, replicas[0])
	var wg sync.WaitGroup
	for i := range 60 {
		name := fmt.Sprintf("%s_%02d", []string{"ev", "bad", "panic"}[i%3], i/6) // each twice
		wg.Go(func() {
			once := replicas[i/3%2].Transactional(0, write)
			_, err := once(context.Background(), delivery(t, name))
			for errors.Is(err, webhooks.ErrBusy) {
				_, err = once(context.Background(), delivery(t, name))
			}
			var failed *webhooks.HandleError
			if (err == nil) != strings.HasPrefix(name, "ev") || err != nil && !errors.As(err, &failed) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
	if got, want := changes(t, replicas[0]), "ev_00 ev_01 ev_02 ev_03 ev_04 ev_05 ev_06 ev_07 ev_08 ev_09"; got != want {
		t.Errorf("got %s", got)
	}
}

// TestTransactionalBusy does not wait for a replica that is handling the event, and handles
// it if that one fails.
func TestTransactionalBusy(t *testing.T) {
	t.Parallel()
	s := temporary(t)
	prepare(t, s)
	began, end, result := make(chan struct{}), make(chan struct{}), make(chan error)
	slow := s.Transactional(0, func(context.Context, pgx.Tx, *webhooks.Delivery) error {
		close(began)
		<-end
		return errBad
	})
	d := delivery(t, "one")
	go func() {
		_, err := slow(context.Background(), d)
		result <- err
	}()
	<-began
	once := s.Transactional(0, write)
	if _, err := once(t.Context(), d); !errors.Is(err, webhooks.ErrBusy) {
		t.Errorf("at the same time: %v", err)
	}
	if first, err := once(t.Context(), delivery(t, "two")); !first || err != nil {
		t.Errorf("another event: %v, %v", first, err)
	}
	close(end)
	if err := <-result; !errors.Is(err, errBad) {
		t.Errorf("got %v", err)
	}
	if first, err := once(t.Context(), d); !first || err != nil {
		t.Errorf("afterwards: %v, %v", first, err)
	}
	if got := changes(t, s); got != "one two" {
		t.Errorf("got %s", got)
	}
	if c, err := s.Claim(t.Context(), delivery(t, "three").Mark(), "x", time.Hour); c != webhooks.Claimed || err != nil {
		t.Fatal(c, err)
	}
	if _, err := once(t.Context(), delivery(t, "three")); !errors.Is(err, webhooks.ErrBusy) {
		t.Errorf("a claimed event: %v", err)
	}
}

// TestCommitInDoubt loses the connection before and after the commit: the repetition finds
// out which it was.
func TestCommitInDoubt(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	direct, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	plain, err := Use(t.Context(), direct)
	if err != nil {
		t.Fatal(err)
	}
	prepare(t, plain)
	cutter, through := pgtest.NewCutter(t, url, "commit")
	s, err := Open(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	once := s.Transactional(0, write)
	if _, err := once(t.Context(), delivery(t, "0")); err != nil {
		t.Fatal(err)
	}
	for i, cut := range []pgtest.Cut{pgtest.BeforeCut, pgtest.AfterCut} {
		id := fmt.Sprint(i + 1)
		cutter.Next(cut)
		var failed *webhooks.HandleError
		if first, err := once(t.Context(), delivery(t, id)); first || err == nil || errors.As(err, &failed) {
			t.Errorf("cut %d: got %v, %v", cut, first, err)
		}
		_, err := once(t.Context(), delivery(t, id))
		for errors.Is(err, webhooks.ErrBusy) { // until the server notices that the connection is gone
			_, err = once(t.Context(), delivery(t, id))
		}
		if err != nil {
			t.Errorf("the repetition after cut %d: %v", cut, err)
		}
	}
	if cutter.Cuts() != 2 {
		t.Fatalf("%d connections were cut", cutter.Cuts())
	}
	if got := changes(t, plain); got != "0 1 2" {
		t.Errorf("got %s", got)
	}
	// Close leaves a pool of the host open.
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	if err := direct.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPrunesByItself removes marks when they are older than Close repeats a delivery.
func TestPrunesByItself(t *testing.T) {
	t.Parallel()
	s := temporary(t)
	for i, hours := range []int{0, 72, 74, 100} {
		m := webhooks.Mark{Tenant: "acme", Event: fmt.Sprint(i)}
		if err := s.Finish(t.Context(), m, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.pool.Exec(t.Context(), "update closekit_webhook_marks set at = at - $2::bigint * 3600000000 where event = $1::bytea", []byte(m.Event), int64(hours)); err != nil {
			t.Fatal(err)
		}
	}
	s.pruned.Store(0)
	if _, err := s.Claim(t.Context(), webhooks.Mark{Tenant: "acme", Event: "new"}, "x", time.Minute); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := s.pool.QueryRow(t.Context(), "select string_agg(convert_from(event, 'UTF8'), ' ' order by event) from closekit_webhook_marks").Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != "0 1 new" {
		t.Errorf("left: %s", left)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for _, url := range []string{"postgres://u:" + secret + "@127.0.0.1:1/x", "postgres://u:" + secret + "@[::bad"} {
		if _, err := Open(t.Context(), url); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
	}
	s := temporary(t)
	if _, err := s.pool.Exec(t.Context(), "insert into closekit_webhook_version (version) values (99)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Use(t.Context(), s.pool); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("newer tables: %v", err)
	}
}
