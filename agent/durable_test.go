package agent_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/pgstore"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func newVault(t *testing.T) agent.Vault {
	t.Helper()
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// databases are the durable stores; each function returns one that opens the same
// database again and again, as processes and replicas do.
var databases = map[string]func(t *testing.T) func() agent.Store{
	"SQLite": func(t *testing.T) func() agent.Store {
		path := filepath.Join(t.TempDir(), "agents.db")
		return func() agent.Store { return openSQLite(t, path) }
	},
	"PostgreSQL": func(t *testing.T) func() agent.Store {
		url := pgtest.Database(t) + "&pool_max_conns=4"
		return func() agent.Store {
			s, err := pgstore.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
	},
}

func openSQLite(t *testing.T, path string) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// everyDatabase runs a test on each durable store.
func everyDatabase(t *testing.T, test func(t *testing.T, again func() agent.Store)) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

// replica is another process of an office: its own agent, the same database and Close.
func (o *office) replica(opts ...agent.Option) *agent.Agent {
	o.Helper()
	a, err := agent.New(tools.Catalog(), append([]agent.Option{
		agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(o.srv.URL()))), agent.Clock(o.clock.Now),
	}, opts...)...)
	if err != nil {
		o.Fatal(err)
	}
	return a
}

func (o *office) session(a *agent.Agent) *agent.Session {
	return a.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"), agent.WithRun(o.s.Run()))
}

func TestDurableStoreNeedsVault(t *testing.T) {
	t.Parallel()
	store := openSQLite(t, filepath.Join(t.TempDir(), "agents.db"))
	if _, err := agent.New(tools.Catalog(), agent.WithApprovals(store)); err == nil || !strings.Contains(err.Error(), "WithVault") {
		t.Errorf("the error is %v", err)
	}
}

// TestApprovalSurvivesRestart asks in one process, decides in another, and carries out
// in a third.
func TestApprovalSurvivesRestart(t *testing.T) {
	everyDatabase(t, func(t *testing.T, again func() agent.Store) {
		v := newVault(t)
		o := open(t, agent.WithApprovals(again()), agent.WithVault(v))
		p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
		second := o.replica(agent.WithApprovals(again()), agent.WithVault(v))
		shown, err := second.Approval(t.Context(), p.ID)
		if err != nil || shown.Shown != p.Shown || shown.State != agent.Pending || shown.Tool != "close_lead_delete" {
			t.Fatalf("after a restart: %+v, %v", shown, err)
		}
		if err := second.Decide(t.Context(), p.ID, "ben@example.com", agent.Approve, shown.Shown); err != nil {
			t.Fatal(err)
		}
		third := o.replica(agent.WithApprovals(again()), agent.WithVault(v))
		o.ok(o.session(third).Resume(t.Context(), p.ID))
		o.has("leads", 0)
		last, err := o.agent.Approval(t.Context(), p.ID)
		if err != nil || last.State != agent.Done || last.Approver != "ben@example.com" {
			t.Errorf("in the first process: %+v, %v", last, err)
		}
	})
}

// TestOneExecutionOfReplicas lets fifty goroutines of two replicas use one approval.
func TestOneExecutionOfReplicas(t *testing.T) {
	everyDatabase(t, func(t *testing.T, again func() agent.Store) {
		v := newVault(t)
		policy := agent.WithPolicy(agent.Default().Ask(agent.Named("close_task_create")))
		o := open(t, agent.WithApprovals(again()), agent.WithVault(v), policy)
		replicas := []*agent.Agent{o.agent, o.replica(agent.WithApprovals(again()), agent.WithVault(v), policy)}
		p := o.pending("close_task_create", `{"lead_id":%q,"text":"x","date":"2026-11-30"}`, o.lead)
		o.decide(p, agent.Approve)
		var group sync.WaitGroup
		var done atomic.Int64
		for i := range 50 {
			group.Go(func() {
				if r := o.session(replicas[i%2]).Resume(t.Context(), p.ID); r.Err == nil {
					done.Add(1)
				}
			})
		}
		group.Wait()
		if done.Load() != 1 {
			t.Errorf("%d uses of one approval", done.Load())
		}
		o.has("tasks", 1)
	})
}

// TestDailyLimitOfReplicas lets two replicas with many sessions use up one limit.
func TestDailyLimitOfReplicas(t *testing.T) {
	everyDatabase(t, func(t *testing.T, again func() agent.Store) {
		v := newVault(t)
		policy := agent.WithPolicy(agent.Default().Limit(agent.Limit{What: agent.Writes, Per: agent.Day, Most: 7}))
		o := open(t, agent.WithApprovals(again()), agent.WithVault(v), policy)
		replicas := []*agent.Agent{o.agent, o.replica(agent.WithApprovals(again()), agent.WithVault(v), policy)}
		note := []byte(`{"lead_id":"` + o.lead + `","note":"hello"}`)
		var group sync.WaitGroup
		var done atomic.Int64
		write := func(a *agent.Agent) error {
			s := a.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
			return s.Call(t.Context(), "close_note_create", note).Err
		}
		for i := range 20 {
			group.Go(func() {
				err := write(replicas[i%2])
				var limit *agent.LimitError
				switch {
				case err == nil:
					done.Add(1)
				case !errors.As(err, &limit):
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		group.Wait()
		if done.Load() != 7 {
			t.Errorf("%d writes, the limit is 7", done.Load())
		}
		o.clock.Move(24 * time.Hour)
		if err := write(replicas[1]); err != nil {
			t.Errorf("on the next day: %v", err)
		}
	})
}

// crash is a sink that ends its goroutine, which stands for the process, when a call is
// about to be sent.
type crash struct{}

func (crash) Record(_ context.Context, r agent.Record) error {
	if r.Phase == agent.Intent {
		runtime.Goexit()
	}
	return nil
}

// TestCrashWhileExecuting has a process end between the claim of an approval and its
// outcome.
func TestCrashWhileExecuting(t *testing.T) {
	everyDatabase(t, func(t *testing.T, again func() agent.Store) {
		v := newVault(t)
		o := open(t, agent.WithApprovals(again()), agent.WithVault(v))
		p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
		o.decide(p, agent.Approve)
		crashing := o.session(o.replica(agent.WithApprovals(again()), agent.WithVault(v), agent.WithAudit(crash{})))
		ended := make(chan bool)
		go func() {
			survived := false
			defer func() { ended <- survived }()
			crashing.Resume(t.Context(), p.ID)
			survived = true
		}()
		if <-ended {
			t.Error("nothing was about to be sent")
		}
		after := o.replica(agent.WithApprovals(again()), agent.WithVault(v))
		wants := func(want agent.State) {
			t.Helper()
			for name, r := range map[string]agent.Result{
				"resumed":  o.session(after).Resume(t.Context(), p.ID),
				"repeated": o.session(after).Call(t.Context(), "close_lead_delete", []byte(`{"lead_id":"`+o.lead+`"}`)),
			} {
				var state *agent.StateError
				if !errors.As(r.Err, &state) || state.State != want {
					t.Errorf("%s: %v, want %s", name, r.Err, want)
				}
			}
		}
		wants(agent.Executing)
		o.clock.Move(11 * time.Minute)
		wants(agent.Unclear)
		o.clock.Move(24 * time.Hour)
		wants(agent.Unclear)
		o.has("leads", 1)
	})
}

// TestApprovalIsSealed looks for a message in the files of the database, and alters
// rows.
func TestApprovalIsSealed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "agents.db")
	v := newVault(t)
	o := open(t, agent.WithApprovals(openSQLite(t, path)), agent.WithVault(v))
	p := o.pending("close_email_create", `{"lead_id":%q,"to":["zorro@secret.example"],"subject":"xylophone","body_text":"quokka","status":"outbox","sender":"ada@example.com"}`, o.lead)
	q := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	if !strings.Contains(string(p.Input), "quokka") {
		t.Fatalf("the approval has not the message: %s", p.Input)
	}
	found := 0
	for _, file := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		found += bytes.Count(b, []byte(p.ID))
		for _, word := range []string{"zorro", "xylophone", "quokka", o.lead} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s has %q in clear", filepath.Base(file), word)
			}
		}
	}
	if found == 0 {
		t.Error("the approval is in no file")
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(15000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("create table copied as select * from agent_approvals")
	for name, change := range map[string]string{
		"body of another":  "update agent_approvals set body = (select body from copied c where c.id <> agent_approvals.id)",
		"approved by hand": "update agent_approvals set state = 'approved'",
		"given more time":  "update agent_approvals set expires = expires + 3600000000",
		"other account":    "update agent_approvals set account = x'626f62'",
		"other run":        "update agent_approvals set run = x'72756e5f32'",
		"other question":   "update agent_approvals set question = x'61736b5f32'",
		"other digest":     "update agent_approvals set digest = zeroblob(32)",
		"changed later":    "update agent_approvals set changed = changed + 1",
		"a byte":           "update agent_approvals set body = cast(substr(body, 1, length(body) - 1) || case substr(body, -1) when x'00' then x'01' else x'00' end as blob)",
	} {
		exec(change)
		for _, id := range []string{p.ID, q.ID} {
			if a, err := o.agent.Approval(t.Context(), id); err == nil || a != nil {
				t.Errorf("%s: the approval opens", name)
			}
			if err := o.agent.Decide(t.Context(), id, "ben", agent.Approve, p.Shown); err == nil {
				t.Errorf("%s: it can be decided", name)
			}
			if r := o.s.Resume(t.Context(), id); r.Err == nil {
				t.Errorf("%s: it is carried out", name)
			}
		}
		exec("delete from agent_approvals")
		exec("insert into agent_approvals select * from copied")
	}
	if _, err := o.agent.Approval(t.Context(), p.ID); err != nil {
		t.Errorf("as it was: %v", err)
	}
	other := o.replica(agent.WithApprovals(openSQLite(t, path)), agent.WithVault(newVault(t)))
	if _, err := other.Approval(t.Context(), p.ID); err == nil {
		t.Error("it opens with another key")
	}
}
