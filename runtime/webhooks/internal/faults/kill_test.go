//go:build unix

package faults

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/webhooks"
)

// kills is how many workers are killed per store and way to handle.
func kills() int {
	n, err := strconv.Atoi(os.Getenv("CLOSEKIT_KILLS"))
	switch {
	case err == nil:
		return n
	case testing.Short():
		return 5
	}
	return 25
}

// TestKill delivers events as Close does, until a delivery succeeds, to two receivers at
// the same time, which are killed all the while: at fixed points of a delivery, and at
// random moments. Then every event must have had its effect: exactly once if it was written
// through the transaction of the mark, and else at most once more per kill.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, tx := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s,transactional=%v", kind, tx), func(t *testing.T) { killAll(t, kind, tx) })
		}
	}
}

func killAll(t *testing.T, kind string, tx bool) {
	w := &world{t: t, plan: plan{Tx: tx}, target: int64(kills()), client: &http.Client{Timeout: 20 * time.Second}, delivered: make(chan struct{})}
	var err error
	if w.key, err = webhooks.ParseSigningKey(keyText); err != nil {
		t.Fatal(err)
	}
	count := w.sqlite
	if kind == "postgres" {
		count = w.postgres
	}
	effects := count()
	var wg sync.WaitGroup
	for i := range w.addresses {
		w.addresses[i].Store("")
		wg.Go(func() { w.keep(i) })
	}
	var senders sync.WaitGroup
	n := 1 // so that a kill has one event to repeat
	if tx {
		n = 3 // so that commits have several
	}
	for range n {
		senders.Go(w.deliver)
	}
	senders.Wait()
	close(w.delivered)
	wg.Wait()
	lost, double, most := 0, 0, 0
	got := effects()
	total := int(w.events.Load())
	for i := 1; i <= total; i++ {
		n := got[fmt.Sprint("ev_", i)]
		if n == 0 {
			lost++
		}
		double += max(n-1, 0)
		most = max(most, n)
	}
	t.Logf("%d events, %d kills: %d lost, %d repetitions", total, w.killed.Load(), lost, double)
	switch {
	case w.killed.Load() < w.target:
		t.Errorf("only %d workers were killed", w.killed.Load())
	case lost > 0:
		t.Errorf("%d events were lost", lost)
	case tx && double > 0:
		t.Errorf("%d effects were repeated", double)
	case int64(double) > w.killed.Load():
		t.Errorf("%d effects were repeated after %d kills", double, w.killed.Load())
	}
	for event := range got {
		if n, err := strconv.Atoi(strings.TrimPrefix(event, "ev_")); err != nil || n > total {
			t.Errorf("an effect of %q", event)
		}
	}
}

// world is Close and two replicas of a receiver.
type world struct {
	t         *testing.T
	plan      plan
	key       webhooks.SigningKey
	client    *http.Client
	target    int64
	killed    atomic.Int64
	events    atomic.Int64
	delivered chan struct{} // closed when all events are
	addresses [2]atomic.Value
}

// sqlite makes the database, and returns a function that returns the function which counts
// effects.
func (w *world) sqlite() func() map[string]int {
	dir := w.t.TempDir()
	w.plan.Store, w.plan.Other = filepath.Join(dir, "hooks.db"), filepath.Join(dir, "effects.db")
	where := w.plan.Store
	if !w.plan.Tx {
		where = w.plan.Other
	}
	db, err := sql.Open("sqlite", "file:"+where+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(w.t.Context(), createEffects); err != nil {
		w.t.Fatal(err)
	}
	return func() map[string]int {
		rows, err := db.QueryContext(w.t.Context(), "select event, count(*) from effects group by event")
		if err != nil {
			w.t.Fatal(err)
		}
		defer rows.Close()
		got := map[string]int{}
		for rows.Next() {
			var event string
			var n int
			if err := rows.Scan(&event, &n); err != nil {
				w.t.Fatal(err)
			}
			got[event] = n
		}
		if err := rows.Err(); err != nil {
			w.t.Fatal(err)
		}
		return got
	}
}

func (w *world) postgres() func() map[string]int {
	w.plan.Store = pgtest.Database(w.t)
	conn, err := pgx.Connect(w.t.Context(), w.plan.Store)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(w.t.Context(), createEffects); err != nil {
		w.t.Fatal(err)
	}
	return func() map[string]int {
		got := map[string]int{}
		rows, err := conn.Query(w.t.Context(), "select event, count(*) from effects group by event")
		if err != nil {
			w.t.Fatal(err)
		}
		var event string
		var n int
		if _, err := pgx.ForEachRow(rows, []any{&event, &n}, func() error {
			got[event] = n
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
		return got
	}
}

// keep keeps a replica running: it starts a worker that dies at some point, and the next
// one when it is dead. When enough have died, the last one lives until all is delivered.
func (w *world) keep(i int) {
	points := []point{arrived, began, wrote, handled, ""} // the last is a random moment
	for n := i; ; n++ {
		p := w.plan
		last := w.killed.Load() >= w.target
		if !last {
			p.Die, p.Nth = points[n%len(points)], 1+rand.Int32N(4)
		}
		text, err := json.Marshal(p)
		if err != nil {
			w.t.Error(err)
			return
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), planEnv+"="+string(text))
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			w.t.Error(err)
			return
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			w.t.Error(err)
			return
		}
		if err := cmd.Start(); err != nil {
			w.t.Error(err)
			return
		}
		line, err := bufio.NewReader(stdout).ReadString('\n')
		address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
		if err != nil || !ok {
			w.t.Errorf("the worker said %q, %v", line, err)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return
		}
		w.addresses[i].Store(address)
		if p.Die == "" && !last {
			<-time.After(rand.N(20 * time.Millisecond))
			_ = cmd.Process.Kill()
		}
		dead := make(chan error)
		go func() { dead <- cmd.Wait() }()
		select {
		case err = <-dead:
		case <-w.delivered:
			_ = stdin.Close()
			if err := <-dead; err != nil && !killed(err) {
				w.t.Errorf("a worker ended with %v", err)
			}
			return
		}
		_ = stdin.Close()
		if !killed(err) || last {
			w.t.Errorf("a worker ended with %v", err)
			return
		}
		w.killed.Add(1)
	}
}

func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// deliver delivers events until enough workers were killed. Every event goes to both
// replicas at once, and again to one of them until it succeeds.
func (w *world) deliver() {
	for w.killed.Load() < w.target && !w.t.Failed() {
		id := w.events.Add(1)
		body := fmt.Sprintf(`{"subscription_id":%q,"event":{"id":"ev_%d","object_type":"lead","action":"created","date_updated":"2026-01-01T00:00:00"}}`, subscriptionID, id)
		var wg sync.WaitGroup
		done := false
		for i := range w.addresses {
			first := i == 0
			wg.Go(func() {
				ok := w.post(i, body)
				if first {
					done = ok
				}
			})
		}
		wg.Wait()
		for try := 0; !done; try++ {
			if try > 5000 {
				w.t.Errorf("event %d cannot be delivered", id)
				return
			}
			if done = w.post(try%2, body); !done {
				<-time.After(3 * time.Millisecond)
			}
		}
	}
}

// post makes one delivery and reports whether it succeeded.
func (w *world) post(i int, body string) bool {
	req, err := http.NewRequest(http.MethodPost, "http://"+w.addresses[i].Load().(string)+"/", strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Close-Sig-Timestamp", "1767225600")
	req.Header.Set("Close-Sig-Hash", w.key.Sign("1767225600", []byte(body)))
	res, err := w.client.Do(req)
	if err != nil {
		return false // it is dead
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusServiceUnavailable, http.StatusInternalServerError:
		return false
	}
	w.t.Errorf("the response is %d", res.StatusCode)
	return false
}
