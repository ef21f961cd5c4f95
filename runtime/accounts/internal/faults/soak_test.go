//go:build unix

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
)

// TestSoak (S1) lets three processes serve many accounts with tokens of short
// life, while the provider fails, processes are killed, stopped and ended, and
// the database cuts connections; all at random. Whatever happens, no grant is
// lost and no rule broken, and in the end everything works.
//
// The provider forgives a spent token for a while, since a process may be
// killed before it has read the answer, which nothing can help with at a strict
// one; TestKill tells those cases apart.
func TestSoak(t *testing.T) {
	t.Parallel()
	total, life := 15*time.Second, 15*time.Second
	if testing.Short() {
		total = 5 * time.Second
	}
	if d, err := time.ParseDuration(os.Getenv("CLOSEKIT_SOAK")); err == nil {
		total, life = d, time.Minute
	}
	for _, kind := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			where := filepath.Join(t.TempDir(), "accounts.db")
			if kind == "postgres" {
				where = with(pgtest.Database(t), "application_name", "soak")
			}
			soak(t, newWorldAt(t, where), total, life, names(number("CLOSEKIT_SOAK_ACCOUNTS", 60)))
		})
	}
}

// troubles are how a refresh goes wrong.
var troubles = []oauthtest.Behavior{
	oauthtest.Refuse(http.StatusServiceUnavailable, ""),
	oauthtest.Respond(http.StatusInternalServerError, http.Header{"Content-Type": {"text/plain"}}, "oops"),
	oauthtest.Respond(http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}}, ""),
	oauthtest.LoseRequest,
	oauthtest.LoseResponse,
	oauthtest.Respond(http.StatusOK, http.Header{"Content-Type": {"text/html"}}, "<html>welcome</html>"),
}

func soak(t *testing.T, w *world, total time.Duration, life time.Duration, users []string) {
	t.Helper()
	w.Set(func(k *oauthtest.Knobs) { k.Lifetime, k.Grace, k.Latency = life, 10*time.Minute, 5*time.Millisecond })
	w.connect(users...)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0))
	random := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return r.IntN(n)
	}
	w.Always(func(req *http.Request, process func() *http.Response) (*http.Response, error) {
		if random(8) > 0 || req.PostForm.Has("code") { // a consent may be tried once only
			return process(), nil
		}
		return troubles[random(len(troubles))](req, process)
	})
	start := func(i int) *worker {
		c := w.start(plan{Task: "serve", Users: users, StateDir: filepath.Join(w.folder, fmt.Sprintf("state%d", i))})
		c.goAhead()
		return c
	}
	workers := []*worker{start(0), start(1), start(2)}
	ended := func(i int, want bool) {
		if err := <-workers[i].done; want != killed(err) || !want && err != nil {
			t.Errorf("a worker ended with %v\n%s", err, tail(w.said()))
		}
	}
	did := map[string]int{}
	pace := max(total/60, 200*time.Millisecond)
	pace = min(pace, time.Minute)
	for end := time.Now().Add(total); time.Now().Before(end) && !t.Failed(); {
		<-time.After(pace/2 + time.Duration(random(int(pace))))
		i := random(len(workers))
		switch random(5) {
		case 0:
			did["killed"]++
			_ = workers[i].Process.Kill()
			ended(i, true)
			workers[i] = start(i)
		case 1:
			did["ended"]++
			_ = workers[i].Process.Signal(syscall.SIGTERM)
			ended(i, false)
			workers[i] = start(i)
		case 2:
			did["stopped"]++
			_ = workers[i].Process.Signal(syscall.SIGSTOP)
			<-time.After(time.Duration(random(1000)) * time.Millisecond)
			_ = workers[i].Process.Signal(syscall.SIGCONT)
		case 3:
			did["reconnected"]++
			w.connect(users[random(len(users))])
		case 4:
			if w.postgres() {
				did["cut off"]++
				cut := `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'soak%' and pid <> pg_backend_pid() and state <> 'idle'`
				if err := w.db(t.Context(), cut); err != nil {
					t.Error(err)
				}
			}
		}
	}
	// Everything is well again.
	w.Always(nil)
	for i := range workers {
		_ = workers[i].Process.Signal(syscall.SIGTERM)
		ended(i, false)
	}
	w.lapse(users...)
	m := w.manager("")
	defer w.close(m)
	renewals := 0
	for _, user := range users {
		until(t, func() error {
			_, err := m.Refresh(t.Context(), principal(user), conName)
			return err
		})
		if err := whoami(t.Context(), m, w.URL, user); err != nil {
			t.Errorf("in the end %s: %v", user, err)
		}
		for _, e := range w.events(user) {
			if e == accounts.EventReauthorization {
				t.Errorf("the grant of %s was lost", user)
			}
		}
		n, _ := w.counts(user)
		renewals += n
	}
	h, err := m.Health(t.Context())
	if err != nil || h.Stats.InDoubt != 0 || h.Stats.Accounts[conName][accounts.Active] != int64(len(users)) {
		t.Error(errors.Join(err, fmt.Errorf("in the end: %+v", h.Stats)))
	}
	w.check(t)
	w.scan(t)
	said := w.said()
	for _, bad := range []string{"panic", "DATA RACE", "cannot be opened"} {
		if strings.Contains(said, bad) {
			t.Errorf("a worker said %q\n%s", bad, tail(said))
		}
	}
	t.Logf("%v; %d renewals", did, renewals)
}
