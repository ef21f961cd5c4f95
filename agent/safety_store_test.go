package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

// Ways through time, races, and stores that fail.

// weakStore is a store that fails, or answers with what was true before.
type weakStore struct {
	agent.Store
	mu    sync.Mutex
	calls int
	at    int    // the call that fails, from 1; 0 for none
	on    string // the method that always fails
	late  bool   // the call that fails has its effect all the same
	stale map[string]agent.Row
	names []string // of the methods, in order
}

var errStore = errors.New("the database is away")

func (w *weakStore) next(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	w.names = append(w.names, name)
	if w.calls == w.at || w.on == name {
		return errStore
	}
	return nil
}

func through[T any](w *weakStore, name string, call func() (T, error)) (T, error) {
	var zero T
	if err := w.next(name); err != nil {
		if w.late {
			_, _ = call()
		}
		return zero, err
	}
	return call()
}

func (w *weakStore) Create(ctx context.Context, rows []agent.Row) error {
	_, err := through(w, "Create", func() (int, error) { return 0, w.Store.Create(ctx, rows) })
	return err
}

func (w *weakStore) Load(ctx context.Context, id string) (agent.Row, error) {
	r, err := through(w, "Load", func() (agent.Row, error) { return w.Store.Load(ctx, id) })
	if old, ok := w.stale[id]; ok && err == nil {
		return old, nil
	}
	return r, err
}

func (w *weakStore) List(ctx context.Context, q agent.Query) ([]agent.Row, error) {
	rows, err := through(w, "List", func() ([]agent.Row, error) { return w.Store.List(ctx, q) })
	if len(w.stale) > 0 && err == nil {
		rows = nil
		for _, r := range w.stale {
			rows = append(rows, r)
		}
	}
	return rows, err
}

func (w *weakStore) Swap(ctx context.Context, row agent.Row) error {
	_, err := through(w, "Swap", func() (int, error) { return 0, w.Store.Swap(ctx, row) })
	return err
}

func (w *weakStore) Spend(ctx context.Context, spends []agent.Spend) (int, error) {
	return through(w, "Spend", func() (int, error) { return w.Store.Spend(ctx, spends) })
}

func (w *weakStore) Count(ctx context.Context, key string) (int64, error) {
	return through(w, "Count", func() (int64, error) { return w.Store.Count(ctx, key) })
}

// weak returns a scene whose agent has the store, with a limit, so that every method
// is used.
func (sc *scene) weak(w *weakStore) {
	sc.Helper()
	w.Store = sc.Store
	sc.Store = w
	sc.Restart(agent.WithPolicy(agent.Default().Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 1000})))
}

// TestOneApprovalOneExecution lets fifty goroutines of two replicas use one approval,
// by its id, by repeating the call, in batches and through the meta-tool.
func TestOneApprovalOneExecution(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	p := sc.ApproveMail()
	x := sc.Mail(`["ann@acme.example"]`)
	_, second := sc.Replica()
	var group sync.WaitGroup
	var done atomic.Int64
	start := make(chan struct{})
	for i := range 50 {
		s := []*agent.Session{sc.S, second}[i%2]
		group.Go(func() {
			<-start
			var r agent.Result
			switch i % 4 {
			case 0, 1:
				r = s.Resume(t.Context(), p.ID)
			case 2:
				r = s.CallAll(t.Context(), []agent.Invocation{{Name: "close_me_get"}, {Name: x.Tool, Input: []byte(x.Input)}})[1]
			default:
				r = s.Call(t.Context(), "close_execute_tool", fmt.Appendf(nil, `{"name":%q,"input":%s}`, x.Tool, x.Input))
			}
			if r.Err == nil {
				done.Add(1)
			}
		})
	}
	close(start)
	group.Wait()
	if done.Load() != 1 || len(sc.Close.Outbox()) != 1 {
		t.Errorf("%d executions, %d messages", done.Load(), len(sc.Close.Outbox()))
	}
}

// TestDecisionsAtOnce lets fifty people approve and deny at once: one decision counts,
// and the call is carried out only if it is the approval.
func TestDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		sc := newScene(t)
		second, s := sc.Replica()
		p := sc.Pending("close_lead_delete", `{"lead_id":%q}`, sc.Lead)
		var group sync.WaitGroup
		var approved, denied, carried atomic.Int64
		for i := range 50 {
			group.Go(func() {
				a := []*agent.Agent{sc.Agent, second}[i%2]
				verdict := agent.Verdict(i%4 < 2)
				switch err := a.Decide(t.Context(), p.ID, fmt.Sprint("person ", i), verdict, p.Shown); {
				case err != nil:
				case verdict == agent.Approve:
					approved.Add(1)
				default:
					denied.Add(1)
				}
			})
			group.Go(func() {
				if r := s.Resume(t.Context(), p.ID); r.Err == nil {
					carried.Add(1)
				}
			})
		}
		group.Wait()
		if r := s.Resume(t.Context(), p.ID); r.Err == nil {
			carried.Add(1)
		}
		if approved.Load()+denied.Load() != 1 || carried.Load() != approved.Load() {
			t.Errorf("%d approvals, %d denials, carried out %d times", approved.Load(), denied.Load(), carried.Load())
		}
		sc.Has("leads", 2-int(approved.Load()))
	}
}

// TestStoreThatFails lets each call of the store fail in turn, before and after its
// effect, while a call is asked for, decided on and carried out. The message is sent
// at most once, and only after the decision was stored.
func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		for at := 1; ; at++ {
			sc := newScene(t)
			w := &weakStore{at: at, late: late}
			sc.weak(w)
			x := sc.Mail(`["ann@acme.example"]`)
			r := sc.S.Call(t.Context(), x.Tool, []byte(x.Input))
			if len(sc.Close.Outbox()) > 0 {
				t.Fatalf("call %d of the store failed (%q), and the message was sent before the decision", at, w.names)
			}
			decided := errStore
			if r.Pending != nil {
				decided = sc.Agent.Decide(t.Context(), r.Pending.ID, "ben", agent.Approve, r.Pending.Shown)
				if r := sc.S.Resume(t.Context(), r.Pending.ID); r.Err == nil && decided != nil && !late {
					t.Errorf("call %d: carried out without a decision", at)
				}
			}
			for range 3 { // the model and the host repeat themselves
				sc.S.Call(t.Context(), x.Tool, []byte(x.Input))
				if r.Pending != nil {
					sc.S.Resume(t.Context(), r.Pending.ID)
				}
			}
			if n := len(sc.Close.Outbox()); n > 1 || decided != nil && !late && n > 0 {
				t.Errorf("call %d of the store failed (%q): %d messages", at, w.names, n)
			}
			if at > w.calls {
				break // every call has failed once
			}
		}
	}
}

// TestStoreWithoutMethod lets one method of the store fail always.
func TestStoreWithoutMethod(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Create", "Load", "List", "Swap", "Spend", "Count"} {
		sc := newScene(t)
		sc.weak(&weakStore{on: method})
		x := sc.Mail(`["ann@acme.example"]`)
		for range 3 {
			if r := sc.S.Call(t.Context(), x.Tool, []byte(x.Input)); r.Pending != nil {
				_ = sc.Agent.Decide(t.Context(), r.Pending.ID, "ben", agent.Approve, r.Pending.Shown)
				sc.S.Resume(t.Context(), r.Pending.ID)
			}
		}
		if n := len(sc.Close.Outbox()); n > 0 {
			t.Errorf("without %s: %d messages", method, n)
		}
		if err := noteOn(t.Context(), sc.S.Client(), sc.Lead); (method == "Spend" || method == "Count") == (err == nil) {
			t.Errorf("without %s, a write that is allowed: %v", method, err)
		}
	}
}

// TestStoreWithOldRows answers with rows as they were before the use, as a lagging
// read replica does.
func TestStoreWithOldRows(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	w := &weakStore{}
	sc.weak(w)
	p := sc.ApproveMail()
	row, err := w.Store.Load(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.stale = map[string]agent.Row{p.ID: row}
	x := sc.Mail(`["ann@acme.example"]`)
	sc.OK(sc.S.Resume(t.Context(), p.ID))
	for range 3 {
		if r := sc.S.Resume(t.Context(), p.ID); r.Err == nil {
			t.Error("a second use")
		}
		if r := sc.S.Call(t.Context(), x.Tool, []byte(x.Input)); r.Err == nil {
			t.Error("a repeated call")
		}
	}
	if n := len(sc.Close.Outbox()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestEndedContext ends the context at each request to Close of an approved call.
func TestEndedContext(t *testing.T) {
	t.Parallel()
	for step := 1; ; step++ {
		sc := newScene(t)
		p := sc.ApproveMail()
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		base := closekit.NewClient(nil, closekit.BaseURL(sc.Close.URL()), closekit.HTTPClient(&http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			if n.Add(1) == int64(step) {
				cancel()
			}
			return http.DefaultTransport.RoundTrip(r)
		})}))
		_, s := sc.Replica(agent.WithClient(base))
		r := s.Resume(ctx, p.ID)
		cancel()
		if r.Err == nil && int64(step) > n.Load() {
			if step < 2 {
				t.Error("nothing was ended")
			}
			return
		}
		if r.Err == nil {
			t.Errorf("step %d: carried out", step)
		}
		for range 3 {
			_, s := sc.Replica()
			s.Resume(t.Context(), p.ID)
		}
		after, err := sc.Agent.Approval(t.Context(), p.ID)
		if sent := len(sc.Close.Outbox()); err != nil || sent > 1 || after.State == agent.Failed && sent > 0 {
			t.Errorf("step %d: %d messages, %v, %v", step, sent, after.State, err)
		}
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestExpiryWhileAsking lets an approval expire while Close is asked whose account it is.
func TestExpiryWhileAsking(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	p := sc.ApproveDelete()
	base := closekit.NewClient(nil, closekit.BaseURL(sc.Close.URL()), closekit.HTTPClient(&http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		sc.Clock.Move(10 * time.Minute)
		return http.DefaultTransport.RoundTrip(r)
	})}))
	_, s := sc.Replica(agent.WithClient(base))
	sc.Clock.Move(10 * time.Minute)
	var state *agent.StateError
	if r := s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Expired {
		t.Errorf("got %v", r.Err)
	}
	sc.Has("leads", 2)
}

// TestClocksOfReplicas has replicas whose clocks differ.
func TestClocksOfReplicas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		skew time.Duration
		ok   bool
	}{{0, true}, {30 * time.Second, true}, {-30 * time.Second, true}, {20 * time.Minute, false}, {-20 * time.Minute, false}} {
		sc := newScene(t)
		p := sc.ApproveMail()
		_, s := sc.Replica(agent.Clock(func() time.Time { return sc.Clock.Now().Add(c.skew) }))
		if r := s.Resume(t.Context(), p.ID); (r.Err == nil) != c.ok {
			t.Errorf("%s: %v", c.skew, r.Err)
		}
		sc.S.Resume(t.Context(), p.ID)
		if n := len(sc.Close.Outbox()); n != 1 {
			t.Errorf("%s: %d messages", c.skew, n)
		}
	}
}

// TestRunOfTwoSessions has a run that reads a note on one replica and writes on the other, which has
// already written before.
func TestRunOfTwoSessions(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	_, second := sc.Replica()
	sc.OK(second.Call(t.Context(), "close_lead_create", []byte(`{"name":"before"}`)))
	sc.OK(sc.Call("close_notes_list", `{"lead_id":[%q]}`, sc.Lead))
	if r := second.Call(t.Context(), "close_lead_create", []byte(`{"name":"after"}`)); r.Pending == nil {
		t.Errorf("got %s", r.Text)
	}
}

// TestRunThatCannotBeRemembered reads notes while the store is away, again when it is back, and
// goes on with the run elsewhere.
func TestRunThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	w := &weakStore{on: "Spend"}
	w.Store = sc.Store
	sc.Store = w
	sc.Restart()
	if r := sc.Call("close_leads_list", `{}`); !r.IsError {
		t.Errorf("shown although the state could not be saved: %s", r.Text)
	}
	w.on = ""
	sc.OK(sc.Call("close_leads_list", `{}`))
	_, second := sc.Replica()
	if r := second.Call(t.Context(), "close_lead_create", []byte(`{"name":"after"}`)); r.Pending == nil {
		t.Errorf("got %s", r.Text)
	}
}

// TestWithheldAnswers tests what is said of calls whose answers cannot be shown: the host
// learns what came of them, and a model does not repeat a write.
func TestWithheldAnswers(t *testing.T) {
	t.Parallel()
	fails := errors.New("Acme is closed")
	rates := func(e closekit.Effect) agent.Option {
		return agent.WithTool(agent.OwnTool[struct{}]{Name: "rate", Description: "Rate.", Effect: e, Call: func(ctx context.Context, c *closekit.Client, _ struct{}) (any, error) {
			page, err := closeapi.LeadsList(ctx, c, closeapi.LeadsListParams{})
			if err == nil && e != closekit.Read {
				_, err = closeapi.NoteCreate(ctx, c, closeapi.NoteCreateParams{LeadID: page.Data[0].ID, Note: closekit.Some("rated")})
			}
			return nil, errors.Join(fails, err)
		}})
	}
	for name, c := range map[string]struct {
		tool, input string
		effect      closekit.Effect
		says        string
		cause       error
	}{
		"read":          {tool: "close_leads_list", input: `{}`, says: "The answer cannot be shown"},
		"failed read":   {tool: "rate", input: `{}`, says: "The call has failed", cause: fails},
		"write":         {tool: "close_lead_update", input: `{"lead_id":"LEAD","name":"B"}`, says: "The call was carried out, but its answer cannot be shown: the state of this run could not be saved. Do not make it again"},
		"unclear write": {tool: "rate", input: `{}`, effect: closekit.Write, says: "The call may have been carried out, and its answer cannot be shown: the state of this run could not be saved. Do not make it again", cause: fails},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &weakStore{on: "Spend"}
			w.Store = agent.NewMemoryStore()
			o := open(t, agent.WithApprovals(w), agent.WithPolicy(agent.Rules{}), rates(c.effect))
			r := o.call(c.tool, "%s", strings.ReplaceAll(c.input, "LEAD", o.lead))
			if !r.IsError || !strings.Contains(r.Text, c.says) || strings.Contains(r.Text, "Acme") {
				t.Errorf("the text is %q", r.Text)
			}
			if r.Err == nil || !strings.Contains(r.Err.Error(), "remembering that text of outsiders was read") || c.cause != nil && !errors.Is(r.Err, c.cause) {
				t.Errorf("the error is %v", r.Err)
			}
		})
	}
}
