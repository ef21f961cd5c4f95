package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func open(tb testing.TB, url string) *pgstore.Store {
	tb.Helper()
	s, err := pgstore.Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{
		"as it comes": "",
		"simple":      "&default_query_exec_mode=simple_protocol",
		"prepared":    "&default_query_exec_mode=cache_statement",
	} {
		if options != "" && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) accounts.Store {
				t.Helper()
				return open(t, pgtest.Database(t)+options)
			})
		})
	}
}

const connection = "close"

func key(tb testing.TB, i int) accounts.Key {
	tb.Helper()
	p, err := accounts.NewPrincipal("tenant", "user"+strconv.Itoa(i))
	if err != nil {
		tb.Fatal(err)
	}
	return p.Key(connection)
}

// connect makes n accounts that are due.
func connect(tb testing.TB, s accounts.Store, n int) (list []accounts.Record) {
	tb.Helper()
	for i := range n {
		k := key(tb, i)
		if _, _, err := s.Ensure(tb.Context(), "id"+strconv.Itoa(i), k, "test"); err != nil {
			tb.Fatal(err)
		}
		r, err := s.Commit(tb.Context(), accounts.CommitRequest{
			Key: k, Attempt: "consent", Grant: "grant", Tokens: accounts.Sealed{Blob: []byte("pair"), KeyID: 1}, ExpiresIn: time.Hour,
		})
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func commitOf(r accounts.Record, attempt string) accounts.CommitRequest {
	return accounts.CommitRequest{
		Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: attempt,
		Tokens: accounts.Sealed{Blob: []byte("next"), KeyID: 1}, ExpiresIn: time.Hour, DueIn: time.Hour,
	}
}

func query(t *testing.T, url, text string, args ...any) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), text, args...).Scan(&answer); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	return answer
}

func TestSeveralStoresOnOneDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t) + "&pool_max_conns=4"
	storetest.RunReplicas(t, open(t, url), open(t, url), open(t, url), open(t, url))
}

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

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := pgstore.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if _, _, err := s.Ensure(t.Context(), fmt.Sprint("id", i), key(t, 0), "test"); err != nil {
				t.Error(err)
			}
			s.Close()
		})
	}
	wg.Wait()
	if v := query(t, url, `select string_agg(version::text, ',') from closekit_version`); v != "1" {
		t.Errorf("the versions are %q", v)
	}
}

func TestExists(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	for range 2 { // looking makes nothing
		if found, err := pgstore.Exists(t.Context(), url); err != nil || found {
			t.Errorf("in an empty database: %v, %v", found, err)
		}
	}
	open(t, url)
	if found, err := pgstore.Exists(t.Context(), url); err != nil || !found {
		t.Errorf("after Open: %v, %v", found, err)
	}
}

func TestNewerVersion(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s, err := pgstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	query(t, url, `insert into closekit_version (version) values (99) returning ''`)
	_, err = pgstore.Open(t.Context(), url)
	if err == nil || !strings.Contains(err.Error(), "of version 99, and this program knows no version above 1") {
		t.Errorf("the error is %v", err)
	}
}

func TestErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	const secret = "p4ssw0rd-canary"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	good := pgtest.Database(t)
	_, host, _ := strings.Cut(good, "@")
	for name, url := range map[string]string{
		"nobody listens": "postgres://closekit:" + secret + "@" + free + "/db?sslmode=disable",
		"wrong password": "postgres://closekit:" + secret + "@" + host,
		"no database":    "postgres://closekit:" + secret + "@" + strings.Replace(host, "/postgres?", "/nosuch?", 1),
		"bad port":       "postgres://closekit:" + secret + "@localhost:no/db",
		"bad escape":     "postgres://closekit:" + secret + "%zz@localhost/db",
		"bad option":     "postgres://closekit:" + secret + "@localhost/db?sslmode=perhaps",
		"bad pool":       "postgres://closekit:" + secret + "@localhost/db?pool_max_conns=" + secret,
		"bad mode":       "postgres://closekit:" + secret + "@localhost/db?default_query_exec_mode=" + secret,
		"password only":  "postgres://:" + secret + "@/?host=",
		"keys":           "host=localhost port=no password=" + secret,
		"quoted keys":    "host=localhost port=no password='" + secret,
		"not a URL":      secret,
		"control":        "postgres://closekit:" + secret + "\x7f@localhost/db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s, err := pgstore.Open(ctx, url)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				for _, format := range []string{"%v", "%+v", "%#v"} {
					if text := fmt.Sprintf(format, e); strings.Contains(text, secret) {
						t.Errorf("the password is in %s", text)
					}
				}
			}
			t.Log(err)
		})
	}
}

// TestNoRights opens a database as a user who may not make tables: fine when
// they are there, clear when they are not.
func TestNoRights(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.Database(t)
	query(t, url, `select 1::text`)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(text string) {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec("create role app login password 'app'")
	exec("grant usage on schema " + query(t, url, "select current_schema()::text") + " to app")
	_, host, _ := strings.Cut(url, "@")
	app := "postgres://app:app@" + host
	if _, err := pgstore.Open(t.Context(), app); err == nil || !strings.Contains(err.Error(), "may not make them") {
		t.Errorf("without tables: %v", err)
	}
	open(t, url)
	exec("grant select, insert, update, delete on all tables in schema " + query(t, url, "select current_schema()::text") + " to app")
	connect(t, open(t, app), 1)
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
					t.Errorf("a commit lost against nobody: %v", err)
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

// TestEventsAreNotMissed lets one change begin before another and end after it.
// A reader that goes on from the last event it saw must still see both.
func TestEventsAreNotMissed(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), `insert into closekit_events (type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor)
		values ('slow', 't', 'close', 'i', '', '', '', '', '')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AppendEvent(t.Context(), accounts.Event{Type: "quick", Key: key(t, 0)}); err != nil {
		t.Fatal(err)
	}
	early, err := s.ListEvents(t.Context(), accounts.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	filter := accounts.EventFilter{}
	if len(early) > 0 {
		filter.After = early[len(early)-1].ID
	}
	late, err := s.ListEvents(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, e := range append(early, late...) {
		types = append(types, string(e.Type))
	}
	if got := strings.Join(types, " "); got != "slow quick" {
		t.Errorf("the reader saw %q", got)
	}
}

// TestTouchesDoNotDeadlock touches the same accounts in opposite orders. The
// store would try again, so it is the server that tells.
func TestTouchesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.Database(t)
	s := open(t, url)
	const n = 300
	var keys [2][]accounts.Key
	for i := range n {
		keys[0], keys[1] = append(keys[0], key(t, i)), append(keys[1], key(t, n-1-i))
	}
	query(t, url, `with ins as (insert into closekit_accounts (id, tenant, connection, identifier, state)
		select 'id' || i, 'tenant', 'close', ('user' || i)::bytea, 'ACTIVE' from generate_series(0, $1 - 1) i returning 1) select count(*)::text from ins`, n)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for range 25 {
				if err := s.Touch(t.Context(), keys[g%2]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r, err := s.Load(t.Context(), keys[0][0]); err != nil || r.Used.IsZero() {
		t.Errorf("nothing was touched: %+v, %v", r, err)
	}
	if got := query(t, url, `select pg_stat_clear_snapshot()::text || deadlocks from pg_stat_database where datname = current_database()`); got != "0" {
		t.Errorf("there were %s deadlocks", got)
	}
}

// TestDueUsesItsIndex keeps the work of a claim from growing with what exists.
func TestDueUsesItsIndex(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `insert into closekit_accounts (id, tenant, connection, identifier, state, due)
		select 'id' || i, 't', 'close', ('u' || i)::bytea, 'ACTIVE', now() + (i - 100) * interval '1 second' from generate_series(1, 20000) i;
		analyze closekit_accounts`)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `explain select id from closekit_accounts where connection = 'close'::bytea and due <= now()
		and state in ('ACTIVE', 'EXPIRED') and (attempt = '' or attempt_until <= now()) order by due limit 200 for update skip locked`)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "Index Scan using closekit_accounts_due") || strings.Contains(text, "Sort") {
		t.Errorf("the plan is\n%s", text)
	}
}
