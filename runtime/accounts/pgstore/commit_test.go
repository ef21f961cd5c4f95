package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
)

// TestCommitsRace has many replicas commit the same generation: one wins, and
// no unrelated change makes it lose.
func TestCommitsRace(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	a, b := open(t, url), open(t, url)
	r := connect(t, a, 1)[0]
	for round := range 5 {
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 10 {
			s := []*pgstore.Store{a, b}[i%2]
			wg.Go(func() {
				_, err := s.Commit(t.Context(), commitOf(r, fmt.Sprint(round, "-", i)))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, accounts.ErrConflict):
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := s.Touch(t.Context(), []accounts.Key{r.Key}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d commits won", won.Load())
		}
		r.Generation++
	}
}

// TestCommitIsCutOff loses the connection during a commit, before and after it
// took effect: the error is neither a success nor a conflict, and the record
// tells what happened.
func TestCommitIsCutOff(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	r := connect(t, open(t, url), 1)[0]
	cutter, through := pgtest.NewCutter(t, url, "last_attempt = $")
	s := open(t, through)
	for i, cut := range []pgtest.Cut{pgtest.BeforeCut, pgtest.AfterCut} {
		happened := cut == pgtest.AfterCut
		cutter.Next(cut)
		_, err := s.Commit(t.Context(), commitOf(r, "attempt"))
		if err == nil || errors.Is(err, accounts.ErrConflict) || errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("cut %d: the error is %v", cut, err)
		}
		if cutter.Cuts() != i+1 {
			t.Fatalf("cut %d: nothing was cut", cut)
		}
		got, err := s.Load(t.Context(), r.Key)
		if err != nil || (got.LastAttempt == "attempt") != happened || (got.Generation == r.Generation+1) != happened {
			t.Errorf("cut %d: the record is %+v, %v", cut, got, err)
		}
	}
}

// TestCancelLeavesTheCommit ends the context of a commit that waits in the
// server: the caller goes on, and so does the commit.
func TestCancelLeavesTheCommit(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	r := connect(t, s, 1)[0]
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "select from closekit_accounts for update"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	committed := make(chan error, 1)
	go func() { _, err := s.Commit(ctx, commitOf(r, "attempt")); committed <- err }()
	for query(t, url, "select count(*)::text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "0" { // until it runs
		select {
		case err := <-committed:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
	}
	cancel()
	if err := <-committed; !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	<-time.After(500 * time.Millisecond) // time enough for whatever could cancel it
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		got, err := s.Load(t.Context(), r.Key)
		if err != nil {
			t.Fatal(err)
		}
		if got.LastAttempt == "attempt" {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Error("the commit was lost")
}

// TestDurable commits on a server that is set up to lose the last commits when
// it dies, and kills it.
func TestDurable(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "synchronous_commit = off", "wal_writer_delay = 10s")
	url := server.Database(t)
	s := open(t, url)
	r := connect(t, s, 1)[0]
	if query(t, url, "show synchronous_commit") != "off" {
		t.Fatal("the server is not set up as it should be")
	}
	for i := range 5 {
		var err error
		if r, err = s.Commit(t.Context(), commitOf(r, fmt.Sprint("attempt", i))); err != nil {
			t.Fatal(err)
		}
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if _, err := s.Load(ctx, r.Key); err == nil {
			t.Error("a server that is down answered")
		}
		cancel()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		got, err := s.Load(t.Context(), r.Key)
		if err != nil {
			t.Fatal(err)
		}
		if got.Generation != r.Generation || got.LastAttempt != r.LastAttempt {
			t.Fatalf("a commit was lost: %+v", got)
		}
	}
}

// TestRestartUnderLoad restarts the server while commits run, softly and hard:
// each commit that returned nil is there, and each account is whole.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := open(t, server.Database(t))
	const n = 8
	list := connect(t, s, n)
	deadline := time.Now().Add(5 * time.Minute)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				r, err := s.Commit(t.Context(), commitOf(list[i], strconv.Itoa(round)))
				switch {
				case err == nil:
					if r.Generation != list[i].Generation+1 {
						t.Errorf("committed %d after %d", r.Generation, list[i].Generation)
					}
					list[i] = r
				case errors.Is(err, accounts.ErrConflict):
					t.Errorf("the only commit lost: %v", err)
					return
				default: // what its caller does: see what happened
					for {
						r, err := s.Load(t.Context(), list[i].Key)
						if err == nil {
							if r.Generation == list[i].Generation+1 && r.LastAttempt != strconv.Itoa(round) || r.Generation > list[i].Generation+1 || r.Generation < list[i].Generation {
								t.Errorf("after an error: %+v", r)
							}
							list[i] = r
							break
						}
						<-time.After(20 * time.Millisecond)
						if time.Now().After(deadline) {
							t.Errorf("the server does not come back: %v", err)
							return
						}
					}
				}
			}
		})
	}
	for _, end := range []func() error{server.Stop, server.Kill, server.Stop, server.Kill} {
		<-time.After(200 * time.Millisecond)
		if err := errors.Join(end(), server.Start()); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(200 * time.Millisecond)
	close(stop)
	wg.Wait()
	for _, want := range list {
		got, err := s.Load(t.Context(), want.Key)
		if err != nil || got.Generation != want.Generation || got.LastAttempt != want.LastAttempt {
			t.Errorf("the end is %+v, want generation %d, %v", got, want.Generation, err)
		}
	}
}
