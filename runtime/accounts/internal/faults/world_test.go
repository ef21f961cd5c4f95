//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// stores are the kinds of stores that processes share.
var stores = []string{"sqlite", "postgres"}

// world is a provider and a store that processes share.
type world struct {
	testing.TB
	*provider
	where  string // of the store
	plain  string // where, without parameters of the test
	folder string // what to look through for secrets
	store  closer
	key    accounts.Secret
	db     execer
	pool   *pgxpool.Pool // nil for SQLite

	mu     sync.Mutex
	output bytes.Buffer // of all workers
	serial int          // of the last worker
}

// execer changes tables behind the store's back.
type execer func(ctx context.Context, query string, args ...any) error

func newWorld(tb testing.TB, kind string) *world {
	tb.Helper()
	if kind == "postgres" {
		return newWorldAt(tb, pgtest.Database(tb))
	}
	return newWorldAt(tb, filepath.Join(tb.TempDir(), "accounts.db"))
}

// newWorldAt is newWorld on a database. The parameter is added to its URL where
// it is a store, but not for what goes behind the store's back.
func newWorldAt(tb testing.TB, where string, parameter ...string) *world {
	tb.Helper()
	w := &world{TB: tb, provider: newProvider(tb), folder: tb.TempDir(), where: where, plain: where}
	if len(parameter) == 2 {
		w.where = with(where, parameter[0], parameter[1])
	}
	if !w.postgres() {
		w.folder = filepath.Dir(where)
	}
	var err error
	if w.store, err = openStore(tb.Context(), w.where); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			tb.Error(err)
		}
	})
	if w.key, err = vault.Keygen(); err != nil {
		tb.Fatal(err)
	}
	if w.postgres() {
		pool, err := pgxpool.New(tb.Context(), w.plain)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(pool.Close)
		w.pool = pool
		w.db = func(ctx context.Context, query string, args ...any) error {
			_, err := pool.Exec(ctx, query, args...)
			for range 10 { // connections from before a restart
				if err == nil {
					break
				}
				_, err = pool.Exec(ctx, query, args...)
			}
			return err
		}
	} else {
		db, err := sql.Open("sqlite", "file:"+w.where+"?_pragma=busy_timeout(20000)")
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = db.Close() })
		w.db = func(ctx context.Context, query string, args ...any) error {
			_, err := db.ExecContext(ctx, query, args...)
			return err
		}
	}
	return w
}

func (w *world) postgres() bool { return filepath.Ext(w.where) != ".db" }

// manager makes a replica in this process.
func (w *world) manager(dir string) *accounts.Manager {
	w.Helper()
	return w.managerOf(w.store, dir)
}

// replica makes a manager with connections of its own to a database.
func (w *world) replica(where string) *accounts.Manager {
	w.Helper()
	store, err := openStore(w.Context(), where)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = store.Close() })
	return w.managerOf(store, "")
}

func (w *world) managerOf(store accounts.Store, dir string) *accounts.Manager {
	w.Helper()
	cfg, err := config(store, w.key, w.URL, dir)
	if err != nil {
		w.Fatal(err)
	}
	cfg.Logger = nil
	m, err := accounts.New(w.Context(), cfg)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

func (w *world) close(m *accounts.Manager) {
	w.Helper()
	if err := m.Close(context.Background()); err != nil {
		w.Error(err)
	}
}

// connect takes users through a consent.
func (w *world) connect(users ...string) {
	w.Helper()
	m := w.manager("")
	defer w.close(m)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, user := range users {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f, err := m.PasteLocal(w.Context(), principal(user), conName)
			if err == nil {
				_, err = f.Finish(w.Context(), "consent.code."+user)
			}
			if err != nil {
				w.Errorf("connecting %s: %v", user, err)
			}
		})
	}
	wg.Wait()
}

// expire makes the access tokens of users look as if an hour had passed; all
// users if there are none.
func (w *world) expire(users ...string) {
	w.Helper()
	set := `update accounts set expires = ?, due = ?, refreshed = ? where (? or identifier = ?)`
	now := time.Now()
	args := []any{now.UnixNano(), now.UnixNano(), now.Add(-time.Hour).UnixNano()}
	if w.postgres() {
		set = `update closekit_accounts set expires = $1, due = $2, refreshed = $3 where ($4 or identifier = $5)`
		args = []any{now, now, now.Add(-time.Hour)}
	}
	if len(users) == 0 {
		users = []string{""}
	}
	for _, user := range users {
		if err := w.db(context.Background(), set, append(args[:3:3], user == "", []byte(user))...); err != nil {
			w.Fatal(err)
		}
	}
}

// lapse ends the leases of attempts, as if a minute and a half had passed.
func (w *world) lapse(users ...string) {
	w.Helper()
	for _, user := range users {
		query, args := `update accounts set attempt_until = ?, due = ? where attempt <> '' and identifier = ?`, []any{time.Now().UnixNano(), time.Now().UnixNano(), []byte(user)}
		if w.postgres() {
			query, args = `update closekit_accounts set attempt_until = now(), due = now() where attempt <> '' and identifier = $1`, []any{[]byte(user)}
		}
		if err := w.db(context.Background(), query, args...); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) rec(user string) accounts.Record {
	w.Helper()
	r, err := w.store.Load(context.Background(), principal(user).Key(conName))
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// events lists the types of a user's events. A database server shows them when
// every change that began before has ended, of other tests too; a minute later
// at most.
func (w *world) events(user string) (out []accounts.EventType) {
	w.Helper()
	for end := time.Now().Add(90 * time.Second); ; {
		list, err := w.store.ListEvents(context.Background(), accounts.EventFilter{Identifier: user, Limit: 1000})
		if err != nil {
			w.Fatal(err)
		}
		last := accounts.State("")
		out = nil
		for _, e := range list {
			if e.From != last {
				w.Errorf("I9: the event %s of %s begins at %q, the one before ended at %q", e.Type, user, e.From, last)
			}
			last = e.To
			out = append(out, e.Type)
		}
		state := w.rec(user).State
		if state == last {
			return out
		}
		if time.Now().After(end) {
			w.Errorf("I9: %s is %s, its last event says %s", user, state, last)
			return out
		}
	}
}

// worker is a process.
type worker struct {
	*exec.Cmd
	name string
	in   *os.File
	done chan error
}

// start starts a worker, which waits until it is told to go.
func (w *world) start(p plan) *worker {
	w.Helper()
	w.mu.Lock()
	w.serial++
	name := fmt.Sprintf("worker%d", w.serial)
	w.mu.Unlock()
	p.Store, p.Key, p.Provider = w.where, vault.Text(w.key), w.URL
	if w.postgres() {
		p.Store = with(w.where, "application_name", name)
	}
	text, err := json.Marshal(p)
	if err != nil {
		w.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), planEnv+"="+string(text), "GOMAXPROCS=2")
	in, feed, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	cmd.Stdin = in
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	cmd.Stderr = lockedWriter{w}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	_ = in.Close()
	lines := bufio.NewReader(out)
	first, _ := lines.ReadString('\n')
	c := &worker{cmd, name, feed, make(chan error, 1)}
	go func() {
		_, _ = lines.WriteTo(lockedWriter{w})
		c.done <- cmd.Wait()
	}()
	w.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = feed.Close()
	})
	if first != "ready\n" {
		<-c.done
		w.Fatalf("a worker did not start: %q\n%s", first, w.said())
	}
	return c
}

func (c *worker) goAhead() { _, _ = c.in.WriteString("go\n") }

// gone waits until the database server has done what a worker that was killed
// had asked of it, and closed its connections.
func (w *world) gone(c *worker) {
	w.Helper()
	for n := 1; n > 0 && w.pool != nil; {
		const query = "select count(*) from pg_stat_activity where application_name like '%' || $1"
		if err := w.pool.QueryRow(context.Background(), query, c.name).Scan(&n); err != nil {
			w.Fatal(err)
		}
	}
}

// killed reports whether a worker that has ended was killed.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	s, ok := exit.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

type lockedWriter struct{ w *world }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.w.output.Write(p)
}

// said is what the workers wrote.
func (w *world) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.output.String()
}

// number reads how much to do from the environment.
func number(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

func names(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("u%d", i))
	}
	return out
}
