//go:build unix

package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// until tries for two minutes.
func until(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Error(err)
}

// wantRenewedOnce wants the one good end.
func (w *world) wantRenewedOnce(t *testing.T, user string) {
	t.Helper()
	r := w.rec(user)
	renewals, refusals := w.counts(user)
	if r.State != accounts.Active || r.Generation != 2 || renewals != 1 || refusals != 0 {
		t.Errorf("%s is %s (%s) in generation %d after %d renewals and %d refusals", user, r.State, r.Reason, r.Generation, renewals, refusals)
	}
	if got := w.events(user); !slices.Equal(got, []accounts.EventType{accounts.EventCreated, accounts.EventConnected}) {
		t.Errorf("%s has the events %v", user, got)
	}
}

// TestServerGoes (D1) stops and kills the database server at steps of a
// renewal, and starts it again a moment later.
func TestServerGoes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	w := newWorldAt(t, server.Database(t))
	steps := []failpoint.Step{failpoint.Claim, failpoint.Claimed, failpoint.Received, failpoint.Commit, failpoint.Committed}
	for how, end := range map[string]func() error{"stop": server.Stop, "kill": server.Kill} {
		for _, step := range steps {
			t.Run(how+" "+string(step), func(t *testing.T) {
				user := how + string(step)
				w.connect(user)
				w.expire(user)
				m := w.manager(filepath.Join(w.folder, user))
				defer w.close(m)
				a, err := m.Account(principal(user), conName)
				if err != nil {
					t.Fatal(err)
				}
				var once sync.Once
				back := make(chan error, 1)
				ctx := failpoint.With(t.Context(), func(s failpoint.Step) error {
					if s == step {
						once.Do(func() {
							if err := end(); err != nil {
								t.Error(err)
							}
							go func() {
								<-time.After(300 * time.Millisecond)
								back <- server.Start()
							}()
						})
					}
					return nil
				})
				until(t, func() error {
					_, err := a.Credential(ctx)
					return err
				})
				if err := <-back; err != nil {
					t.Fatal(err)
				}
				w.wantRenewedOnce(t, user)
			})
		}
	}
	w.check(t)
	w.scan(t)
	// Tables, indexes, the write-ahead log and the log of the server.
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := w.scanFolder(t, server.Dir()); n < 100 {
		t.Errorf("the server has only %d files", n)
	}
	if err := server.Start(); err != nil {
		t.Error(err)
	}
}

// TestCommitIsCutOff loses the connection during a commit, before and after it
// took effect: the manager finds out which, and the account is renewed once.
func TestCommitIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "postgres")
	cutter, through := pgtest.NewCutter(t, w.where, "last_attempt = $")
	m := w.replica(through)
	defer w.close(m)
	for i, cut := range []pgtest.Cut{pgtest.BeforeCut, pgtest.AfterCut} {
		user := fmt.Sprint("cut", i)
		w.connect(user)
		w.expire(user)
		cutter.Next(cut)
		if err := whoami(t.Context(), m, w.URL, user); err != nil {
			t.Errorf("cut %d: %v", i, err)
		}
		if cutter.Cuts() != i+1 {
			t.Errorf("cut %d: nothing was cut", i)
		}
		w.wantRenewedOnce(t, user)
	}
	w.check(t)
}

// TestFailover (D4) brings a database back as it was a moment ago.
func TestFailover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "postgres")
	back := func(f func()) {
		t.Helper()
		for _, q := range []string{`drop table if exists backup`, `create table backup as select * from closekit_accounts`} {
			if err := w.db(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		f()
		for _, q := range []string{`delete from closekit_accounts`, `insert into closekit_accounts select * from backup`} {
			if err := w.db(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.connect("with", "without")
	w.expire()
	dir := filepath.Join(w.folder, "state")
	m := w.manager(dir)
	without := w.manager("")
	defer w.close(without)
	back(func() {
		for user, m := range map[string]*accounts.Manager{"with": m, "without": without} {
			if err := whoami(t.Context(), m, w.URL, user); err != nil {
				t.Fatal(err)
			}
		}
	})
	if g := w.rec("with").Generation; g != 1 {
		t.Fatalf("generation %d after the failover", g)
	}
	w.close(m)
	m = w.manager(dir)
	defer w.close(m)
	w.wantRenewedOnce(t, "with")
	if err := whoami(t.Context(), m, w.URL, "with"); err != nil {
		t.Error(err)
	}
	// Without a journal the grant is gone, and that is said as it is.
	if _, err := without.Refresh(t.Context(), principal("without"), conName); !errors.Is(err, accounts.ErrAuthorizationRequired) {
		t.Errorf("without a journal: %v", err)
	}
	if r := w.rec("without"); r.State != accounts.Revoked || r.Reason != accounts.RotationLost {
		t.Errorf("without a journal it is %s (%s)", r.State, r.Reason)
	}
}

// TestNoRoom (D6) runs into a full disk, a file that is held and one that is
// gone: nothing is sent that could not be kept.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "sqlite")
		w.connect("ada")
		w.expire("ada")
		c := w.start(plan{Task: "full", Users: []string{"ada"}, StateDir: filepath.Join(w.folder, "state")})
		c.goAhead()
		if err := <-c.done; err != nil {
			t.Errorf("the worker ended with %v\n%s", err, w.said())
		}
		if renewals, _ := w.counts("ada"); renewals != 0 {
			t.Error("the token was spent")
		}
		m := w.manager("")
		defer w.close(m)
		if err := whoami(t.Context(), m, w.URL, "ada"); err != nil {
			t.Error(err)
		}
		w.wantRenewedOnce(t, "ada")
	})
	t.Run("held", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "sqlite")
		w.connect("ada")
		w.expire("ada")
		m := w.manager("")
		defer w.close(m)
		db, err := sql.Open("sqlite", w.where)
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
		a, err := m.Account(principal("ada"), conName)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := a.Credential(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a file that is held: %v", err)
		}
		if renewals, _ := w.counts("ada"); renewals != 0 {
			t.Error("the token was spent")
		}
		if _, err := conn.ExecContext(t.Context(), "rollback"); err != nil {
			t.Fatal(err)
		}
		until(t, func() error {
			_, err := a.Credential(t.Context())
			return err
		})
		w.wantRenewedOnce(t, "ada")
	})
	t.Run("removed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "sqlite")
		w.connect("ada")
		w.expire("ada")
		m := w.manager("")
		defer w.close(m)
		if err := os.Remove(w.where); err != nil {
			t.Fatal(err)
		}
		if err := whoami(t.Context(), m, w.URL, "ada"); !errors.Is(err, accounts.ErrTemporarilyUnavailable) {
			t.Errorf("with a file that is gone: %v", err)
		}
		if renewals, _ := w.counts("ada"); renewals != 0 {
			t.Error("the token was spent")
		}
	})
	t.Run("fifty writers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "sqlite")
		users := names(50)
		w.connect(users...)
		w.expire()
		var wg sync.WaitGroup
		for _, user := range users {
			m := w.replica(w.where)
			wg.Go(func() {
				defer w.close(m)
				if err := whoami(t.Context(), m, w.URL, user); err != nil {
					t.Errorf("%s: %v", user, err)
				}
			})
		}
		wg.Wait()
		for _, user := range users {
			w.wantRenewedOnce(t, user)
		}
	})
}

// TestStatementsFail (D7) makes the server refuse statements that would have
// to wait, and transactions that it cannot put in order.
func TestStatementsFail(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]string{
		"serializable":      "-c default_transaction_isolation=serializable",
		"statement timeout": "-c statement_timeout=500ms",
		"lock timeout":      "-c lock_timeout=200ms",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAt(t, pgtest.Database(t), "options", option)
			users := names(12)
			w.connect(users...)
			w.expire()
			plain, err := pgx.Connect(t.Context(), w.plain)
			if err != nil {
				t.Fatal(err)
			}
			tx, err := plain.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "select 1 from closekit_accounts where identifier = $1 for update", []byte("u7")); err != nil {
				t.Fatal(err)
			}
			let := make(chan struct{})
			defer func() {
				<-let
				_ = plain.Close(context.Background())
			}()
			go func() {
				defer close(let)
				<-time.After(1500 * time.Millisecond)
				_ = tx.Rollback(context.Background())
			}()
			var wg sync.WaitGroup
			for range 4 {
				m := w.manager("")
				wg.Go(func() {
					defer w.close(m)
					var all sync.WaitGroup
					for _, user := range users {
						all.Go(func() {
							until(t, func() error { return whoami(t.Context(), m, w.URL, user) })
						})
					}
					all.Wait()
				})
			}
			wg.Wait()
			for _, user := range users {
				w.wantRenewedOnce(t, user)
			}
			w.check(t)
		})
	}
}

// TestPooler (D5) renews a thousand accounts with two replicas that share four
// sessions of a pooler.
func TestPooler(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	w := newWorldAt(t, database)
	users := names(1000)
	if testing.Short() {
		users = names(100)
	}
	w.connect(users...)
	w.expire()
	pooled := pgtest.Pooler(t, database)
	var renewed atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		m := w.replica(with(pooled, "pool_max_conns", "25"))
		wg.Go(func() {
			defer w.close(m)
			for end := time.Now().Add(time.Minute); int(renewed.Load()) < len(users); {
				n, err := m.RunDue(t.Context(), 200)
				if err != nil || time.Now().After(end) {
					t.Errorf("%d of %d were renewed: %v", renewed.Load(), len(users), err)
					return
				}
				renewed.Add(int64(n))
			}
		})
	}
	wg.Wait()
	for _, user := range users {
		w.wantRenewedOnce(t, user)
	}
	w.check(t)
}

// TestKeyRotation (D9) changes the key under load, with replicas that are not
// at the same step: no caller ever gets a SealError, and in the end nothing is
// sealed with the old key.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	for _, kind := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			users := names(60)
			w.connect(users...)
			old, err := vault.Open(w.key)
			if err != nil {
				t.Fatal(err)
			}
			oldID, _ := old.KeyIDs()
			added, newID, err := vault.Add(w.key)
			if err != nil {
				t.Fatal(err)
			}
			promoted, err := vault.Promote(added, newID)
			if err != nil {
				t.Fatal(err)
			}
			removed, err := vault.Remove(promoted, oldID)
			if err != nil {
				t.Fatal(err)
			}
			// Each phase: the keysets of two replicas, and whether the second one
			// seals everything again.
			for _, phase := range []struct {
				a, b   accounts.Secret
				reseal bool
				last   bool // nothing may be left of the old key
			}{{w.key, added, false, false}, {added, promoted, true, false}, {promoted, promoted, true, true}, {promoted, removed, false, false}, {removed, removed, false, false}} {
				w.key = phase.a
				a := w.manager("")
				w.key = phase.b
				b := w.manager("")
				var calls atomic.Int64
				stop := make(chan struct{})
				var wg sync.WaitGroup
				for i := range 4 {
					m := []*accounts.Manager{a, b}[i%2]
					wg.Go(func() {
						for n := i; ; n++ {
							select {
							case <-stop:
								return
							default:
							}
							user := users[n%len(users)]
							if err := whoami(t.Context(), m, w.URL, user); err != nil {
								t.Errorf("calling as %s: %v", user, err)
							}
							if n%3 == 0 {
								if _, err := m.Refresh(t.Context(), principal(user), conName); err != nil {
									t.Errorf("renewing %s: %v", user, err)
								}
							}
							calls.Add(1)
						}
					})
				}
				if phase.reseal {
					if _, err := b.Reseal(t.Context()); err != nil {
						t.Errorf("resealing: %v", err)
					}
				}
				for calls.Load() < 100 {
					<-time.After(time.Millisecond)
				}
				close(stop)
				wg.Wait()
				if phase.last {
					if _, err := b.Reseal(t.Context()); err != nil {
						t.Errorf("resealing: %v", err)
					}
					h, err := b.Health(t.Context())
					if err != nil || h.KeyUse[oldID] != 0 || h.KeyUse[newID] == 0 {
						t.Errorf("key use is %v, %v", h.KeyUse, err)
					}
				}
				w.close(a)
				w.close(b)
			}
			for _, user := range users {
				w.events(user)
			}
			w.check(t)
			w.scan(t)
		})
	}
}

// with adds a parameter to the URL of a database.
func with(where, name, value string) string {
	u, err := url.Parse(where)
	if err != nil {
		panic(fmt.Sprintf("%v", err)) // the tests made it
	}
	q := u.Query()
	if old := q.Get(name); old != "" {
		value = old + " " + value
	}
	q.Set(name, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}
