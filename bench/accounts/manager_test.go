package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// The child is a process with a manager and nothing else.
const (
	childURL   = "BENCH_ACCOUNTS_URL"
	childVault = "BENCH_ACCOUNTS_VAULT" // of a temporary database
	childIdle  = "BENCH_ACCOUNTS_IDLE"
	childWarm  = "BENCH_ACCOUNTS_WARM"
	childFlush = "BENCH_ACCOUNTS_FLUSH"
)

// footprint is the result of the child.
type footprint struct {
	Start            time.Duration // accounts.New
	Bare, Idle, Warm memory        // before the manager, with it, with accounts in memory
	CPU              time.Duration // per second of idleness
	Statements       float64       // per second of idleness
	Credentials      float64       // of accounts that are not in memory, per second
	Flushed          int64         // statements that record that accounts were used
	Flush            time.Duration // one of them
}

type memory struct{ Heap, RSS int64 }

// TestManager measures a manager with all accounts in its table, in a process
// of its own.
func TestManager(t *testing.T) {
	srv, sc := start(t), measured()
	var rows [][]string
	for _, n := range sc.sizes {
		d := newTable(t, srv, n, func(int) times { return times{refreshed: -time.Minute, used: -time.Hour, due: far / 2, expires: far} })
		f := d.child(sc, min(sc.warm, n))
		warm := float64(min(sc.warm, n))
		rows = append(rows, []string{
			count(n), millis(f.Start), mib(f.Bare.RSS), mib(f.Idle.RSS), mib(f.Idle.Heap - f.Bare.Heap), millis(f.CPU), number(f.Statements),
			number(warm), number(f.Credentials), number(float64(f.Warm.Heap-f.Idle.Heap) / warm), mib(f.Warm.RSS), millis(f.Flush),
		})
		if sc.flush > 0 && f.Flushed == 0 {
			t.Errorf("no statement records that accounts were used")
		}
	}
	report(t, "One manager with `Run`, in a process of its own", []string{
		"accounts in the table", "New, ms", "RSS without manager, MiB", "RSS idle, MiB", "heap of the manager, MiB", "CPU ms per idle second", "statements per idle second",
		"accounts used", "first credentials/s", "heap bytes per used account", "RSS with them, MiB", "ms to record that 500 were used",
	}, rows)
}

func (d *table) child(sc scale, warm int) (f footprint) {
	d.Helper()
	self, err := os.Executable()
	d.check(err)
	cmd := exec.CommandContext(d.Context(), self)
	cmd.Env = append(os.Environ(), childURL+"="+d.url, childVault+"="+vault.Text(d.secret), childIdle+"="+sc.idle.String(), childWarm+"="+strconv.Itoa(warm), childFlush+"="+sc.flush.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	d.check(err)
	d.check(json.Unmarshal(out, &f))
	return f
}

// child is the main function of the child process.
func child() error {
	ctx := context.Background()
	idle, err1 := time.ParseDuration(os.Getenv(childIdle))
	warm, err2 := strconv.Atoi(os.Getenv(childWarm))
	v, err3 := vault.Open(accounts.NewSecret(os.Getenv(childVault)))
	s, err4 := pgstore.Open(ctx, os.Getenv(childURL)+"&pool_max_conns=8")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	var f footprint
	admin, err := pgx.Connect(ctx, os.Getenv(childURL))
	if err != nil {
		return err
	}
	f.Bare = used()
	begin := time.Now()
	m, err := accounts.New(ctx, accounts.Config{Store: s, Vault: v, Connections: []accounts.Connection{connectionTo("http://127.0.0.1:1/")}})
	if err != nil {
		return err
	}
	f.Start = time.Since(begin)
	run, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.Run(run) })

	before, err := tally(ctx, admin)
	if err != nil {
		return err
	}
	cpu := cpuTime()
	<-time.After(idle)
	f.CPU = time.Duration(float64(cpuTime()-cpu) / idle.Seconds())
	now, err := tally(ctx, admin)
	if err != nil {
		return err
	}
	f.Statements = float64(now.calls-before.calls-1) / idle.Seconds() // one is this query
	f.Idle = used()

	if f.Credentials, err = use(ctx, m, warm); err != nil {
		return err
	}
	f.Warm = used()
	flush, err := time.ParseDuration(os.Getenv(childFlush))
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(flush); f.Flushed < int64((warm+499)/500) && time.Now().Before(deadline); {
		<-time.After(time.Second)
		if now, err = tally(ctx, admin); err != nil {
			return err
		}
		f.Flushed = now.flushes
	}
	f.Flush = now.flush
	stop()
	wg.Wait()
	return errors.Join(m.Close(ctx), s.Close(), admin.Close(ctx), json.NewEncoder(os.Stdout).Encode(f))
}

// statements counts the statements of the server.
type statements struct {
	calls, flushes int64
	flush          time.Duration // one of them
}

func tally(ctx context.Context, admin *pgx.Conn) (s statements, err error) {
	var ms float64
	err = admin.QueryRow(ctx, `select coalesce(sum(calls), 0)::bigint, coalesce(sum(calls) filter (where starts_with(query, $1)), 0)::bigint,
			coalesce(sum(total_exec_time) filter (where starts_with(query, $1)), 0)::float8
		from public.pg_stat_statements`, touch).Scan(&s.calls, &s.flushes, &ms)
	if s.flushes > 0 {
		s.flush = time.Duration(ms * float64(time.Millisecond) / float64(s.flushes))
	}
	return s, err
}

// use requests the credentials of accounts that are not in memory yet.
func use(ctx context.Context, m *accounts.Manager, n int) (rate float64, err error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	begin := time.Now()
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				a, aerr := m.Account(principal(i), connection)
				if aerr == nil {
					_, aerr = a.Credential(ctx)
				}
				if aerr != nil {
					mu.Lock()
					err = aerr
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(begin).Seconds(), err
}

// used measures the memory of the process after a garbage collection.
func used() memory {
	runtime.GC()
	debug.FreeOSMemory()
	var st runtime.MemStats
	runtime.ReadMemStats(&st)
	m := memory{Heap: int64(st.HeapAlloc)}
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m // not on Linux
	}
	for line := range strings.Lines(string(data)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			m.RSS = kb << 10
		}
	}
	return m
}

// cpuTime is the CPU time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func connectionTo(url string) accounts.Connection {
	return accounts.Connection{
		Name: connection, ClientID: oauthtest.ClientID, ClientSecret: accounts.NewSecret(oauthtest.ClientSecret),
		RedirectURL: "http://127.0.0.1/callback", TokenURL: url, RevokeURL: url,
	}
}
