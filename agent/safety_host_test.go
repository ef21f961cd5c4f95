package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// Ways through code of the host that is careless, broken, or does what a model wants.

type job struct {
	LeadID string `json:"lead_id,omitempty"`
	Do     string `json:"do,omitempty"`
}

// working returns a scene with a tool of the host.
func working(t *testing.T, effect closekit.Effect, opts []agent.Option, call func(context.Context, *closekit.Client, job) (any, error)) *scene {
	t.Helper()
	sc := newScene(t)
	own := agent.WithTool(agent.OwnTool[job]{Name: "work", Description: "Do work.", Effect: effect, Call: call})
	sc.Restart(append(opts, own)...)
	return sc
}

func (sc *scene) deleteLeadWith(ctx context.Context, c *closekit.Client) error {
	return closeapi.LeadDelete(ctx, c, closeapi.LeadDeleteParams{LeadID: closeapi.LeadID(sc.Other)})
}

func noteOn(ctx context.Context, c *closekit.Client, lead string) error {
	_, err := closeapi.NoteCreate(ctx, c, closeapi.NoteCreateParams{LeadID: closeapi.LeadID(lead), Note: closekit.Some("hello")})
	return err
}

// TestPermissionEndsWithCall has a handler that keeps its context: a goroutine that it
// left behind, or the next call, cannot use what was approved for this one.
func TestPermissionEndsWithCall(t *testing.T) {
	t.Parallel()
	var kept context.Context
	sc := working(t, closekit.Destructive, nil, func(ctx context.Context, _ *closekit.Client, _ job) (any, error) {
		kept = ctx
		return "ok", nil
	})
	p := sc.Approve("work", `{"lead_id":%q}`, sc.Lead)
	sc.OK(sc.S.Resume(t.Context(), p.ID))
	done := make(chan error)
	go func() { done <- sc.deleteLeadWith(kept, sc.S.Client()) }()
	var denied *agent.PolicyError
	if err := <-done; !errors.As(err, &denied) {
		t.Errorf("the goroutine: %v", err)
	}
	sc.Has("leads", 2)
}

// TestPermissionIsOfOneSession has a handler that uses the client of another session.
func TestPermissionIsOfOneSession(t *testing.T) {
	t.Parallel()
	var sc *scene
	sc = working(t, closekit.Destructive, nil, func(ctx context.Context, _ *closekit.Client, _ job) (any, error) {
		_, other := sc.Replica()
		return nil, sc.deleteLeadWith(ctx, other.Client())
	})
	p := sc.Approve("work", `{}`)
	var denied *agent.PolicyError
	if r := sc.S.Resume(t.Context(), p.ID); !errors.As(r.Err, &denied) {
		t.Errorf("got %v", r.Err)
	}
	sc.Has("leads", 2)
}

// TestHandlerCannotCallForMore has a handler that asks the session for a call by name,
// with the context of its own approved call.
func TestHandlerCannotCallForMore(t *testing.T) {
	t.Parallel()
	var sc *scene
	sc = working(t, closekit.Overwrite, nil, func(ctx context.Context, _ *closekit.Client, _ job) (any, error) {
		return sc.S.Call(ctx, "close_lead_delete", fmt.Appendf(nil, `{"lead_id":%q}`, sc.Lead)).Text, nil
	})
	p := sc.Approve("work", `{}`)
	sc.OK(sc.S.Resume(t.Context(), p.ID))
	sc.Has("leads", 2)
}

// TestTextThroughHandler has a tool of the host whose result holds a note, and that
// does not say so.
func TestTextThroughHandler(t *testing.T) {
	t.Parallel()
	sc := working(t, closekit.Read, nil, func(ctx context.Context, c *closekit.Client, in job) (any, error) {
		return closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: closeapi.LeadID(in.LeadID)})
	})
	sc.OK(sc.Call("close_lead_create", `{"name":"before"}`))
	sc.OK(sc.Call("work", `{"lead_id":%q}`, sc.Lead))
	sc.Pending("close_lead_create", `{"name":"after"}`)
}

// TestHandlerThatReads cannot write.
func TestHandlerThatReads(t *testing.T) {
	t.Parallel()
	sc := working(t, closekit.Read, nil, func(ctx context.Context, c *closekit.Client, in job) (any, error) {
		return nil, noteOn(ctx, c, in.LeadID)
	})
	// The default policy allows the note to the host's own code. It is counted and
	// recorded as such.
	before := len(sc.Records())
	sc.Call("work", `{"lead_id":%q}`, sc.Lead)
	if got := sc.Records()[before:]; len(got) == 0 || got[0].Phase != agent.Intent || got[0].Tool != "close_note_create" {
		t.Errorf("audit: %+v", got)
	}
	sc.Restart(agent.WithPolicy(agent.Default().ReadOnly()))
	n := len(sc.Writes())
	sc.Call("work", `{"lead_id":%q}`, sc.Lead)
	if len(sc.Writes()) != n {
		t.Error("it wrote although the policy allows reads only")
	}
}

// TestHandlerCountsEveryWrite has a handler that creates ten notes in one call, against a limit of three.
func TestHandlerCountsEveryWrite(t *testing.T) {
	t.Parallel()
	limit := agent.WithPolicy(agent.Default().Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 3}))
	sc := working(t, closekit.Write, []agent.Option{limit}, func(ctx context.Context, c *closekit.Client, in job) (any, error) {
		for range 10 {
			if err := noteOn(ctx, c, in.LeadID); err != nil {
				return nil, err
			}
		}
		return "ok", nil
	})
	var over *agent.LimitError
	if r := sc.Call("work", `{"lead_id":%q}`, sc.Lead); !errors.As(r.Err, &over) {
		t.Errorf("got %v", r.Err)
	}
	sc.Has("notes", 3)
}

// TestEffectThatIsNotDeclared has a tool whose call does something else than the tool.
func TestEffectThatIsNotDeclared(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	ran := false
	sc.Restart(agent.WithTool(agent.OwnTool[job]{
		Name: "work", Description: "Do work.", Effect: closekit.Destructive,
		EffectOf: func(job) closekit.Effect { return closekit.Sends },
		Call:     func(context.Context, *closekit.Client, job) (any, error) { ran = true; return nil, nil },
	}))
	if r := sc.Call("work", `{}`); r.Err == nil || r.Pending != nil || ran {
		t.Errorf("got %v, ran %t", r.Err, ran)
	}
}

// TestRepeatedKeyOfHostsTool tests that the policy and the handler read the same.
func TestRepeatedKeyOfHostsTool(t *testing.T) {
	t.Parallel()
	ran := false
	sc := working(t, closekit.Write, nil, func(context.Context, *closekit.Client, job) (any, error) { ran = true; return nil, nil })
	for _, in := range []string{`{"do":"a","do":"b"}`, `{"do":"a","Do":"b"}`, `{"do":"a"}{"do":"b"}`, `[{"do":"a"},{"do":"b"}]`} {
		if r := sc.Call("work", "%s", in); r.Err == nil {
			t.Errorf("%s was taken as %s", in, r.Input)
		}
	}
	if ran {
		t.Error("the handler ran")
	}
}

// TestNamesOfHostsTools tests that no tool of the host can stand for another one.
func TestNamesOfHostsTools(t *testing.T) {
	t.Parallel()
	call := func(context.Context, *closekit.Client, job) (any, error) { return nil, nil }
	for _, name := range []string{"close_lead_delete", "close_execute_tool", "close_search_tools", "close_describe_tools"} {
		_, err := agent.New(tools.Catalog(), agent.MetaTools(), agent.Toolset("sales"), agent.WithTool(agent.OwnTool[job]{Name: name, Description: "x", Call: call}))
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestRequestsThatLie sends requests on the session's client that the policy and Close
// could read in two ways.
func TestRequestsThatLie(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	mail := "/activity/email/" + sc.Draft + "/"
	outbox := `{"status":"outbox","sender":"ada@example.com"}`
	get := &closekit.Operation{Tool: "close_lead_get", Method: "GET", Path: "/lead/{lead_id}/", Effect: closekit.Read}
	draft := &closekit.Operation{Tool: "close_note_create", Method: "POST", Path: "/activity/note/", Effect: closekit.Write}
	before, sent := len(sc.Writes()), len(sc.Close.Outbox())
	for name, req := range map[string]closekit.Request{
		"status in the query":             {Method: "PUT", Path: mail, Query: "status=draft", Body: []byte(outbox)},
		"status twice in the query":       {Method: "PUT", Path: mail, Query: "status=outbox&status=draft"},
		"status twice in the body":        {Method: "PUT", Path: mail, Body: []byte(`{"status":"outbox","sender":"ada@example.com","status":"draft"}`)},
		"status escaped in the body":      {Method: "PUT", Path: mail, Body: []byte(`{"st\u0061tus":"outbox","status":"draft","sender":"ada@example.com"}`)},
		"a key twice inside":              {Method: "POST", Path: "/lead/", Body: []byte(`{"name":"x","contacts":[{"name":"a","name":"b"}]}`)},
		"a list":                          {Method: "PUT", Path: mail, Body: []byte("[" + outbox + "]")},
		"text after the body":             {Method: "PUT", Path: mail, Body: []byte(`{"status":"draft"}` + outbox)},
		"a broken body":                   {Method: "PUT", Path: mail, Body: []byte(`{"status":"outbox"`)},
		"a broken query":                  {Method: "PUT", Path: mail, Query: "a=%zz", Body: []byte(`{"status":"draft"}`)},
		"the id in the body":              {Method: "PUT", Path: mail, Body: []byte(`{"email_id":"x","status":"outbox","sender":"ada@example.com"}`)},
		"an operation that reads":         {Operation: get, Method: "PUT", Path: mail, Body: []byte(outbox), Effect: closekit.Write},
		"an operation that notes":         {Operation: draft, Method: "DELETE", Path: "/lead/" + sc.Lead + "/"},
		"an escaped letter in the id":     {Method: "DELETE", Path: "/lead/%6C" + strings.TrimPrefix(sc.Lead, "l") + "/"},
		"an escaped letter in the path":   {Method: "DELETE", Path: "/%6Cead/" + sc.Lead + "/"},
		"an escaped slash":                {Method: "DELETE", Path: "/lead%2F" + sc.Lead + "/"},
		"a doubled slash":                 {Method: "DELETE", Path: "/lead//" + sc.Lead + "/"},
		"no slash at the end":             {Method: "DELETE", Path: "/lead/" + sc.Lead},
		"two slashes at the end":          {Method: "DELETE", Path: "/lead/" + sc.Lead + "//"},
		"dots":                            {Method: "DELETE", Path: "/activity/note/../../lead/" + sc.Lead + "/"},
		"escaped dots":                    {Method: "PUT", Path: "/activity/note/%2e%2e/email/" + sc.Draft + "/", Body: []byte(outbox)},
		"escaped dots and slashes":        {Method: "PUT", Path: "/activity/note/..%2Femail%2F" + sc.Draft + "/", Body: []byte(outbox)},
		"the prefix twice":                {Method: "DELETE", Path: "/api/v1/api/v1/lead/" + sc.Lead + "/"},
		"upper case":                      {Method: "DELETE", Path: "/LEAD/" + sc.Lead + "/"},
		"a method in the query":           {Method: "POST", Path: "/lead/" + sc.Lead + "/", Query: "_method=DELETE"},
		"a method in the body":            {Method: "POST", Path: "/lead/" + sc.Lead + "/", Body: []byte(`{"_method":"DELETE"}`)},
		"a method in lower case":          {Method: "delete", Path: "/lead/" + sc.Lead + "/"},
		"parameters in the body of a GET": {Operation: get, Method: "PATCH", Path: "/lead/" + sc.Lead + "/"},
		"another host":                    {Method: "DELETE", Path: "//evil.example/lead/" + sc.Lead + "/"},
		"bulk":                            {Method: "POST", Path: "/bulk_action/delete/", Body: []byte(`{}`)},
	} {
		if err := sc.S.Client().Do(t.Context(), req, nil); err == nil {
			t.Errorf("%s: was sent", name)
		}
	}
	if after := sc.Writes()[before:]; len(after) > 0 || len(sc.Close.Outbox()) != sent {
		t.Errorf("Close received %q", after)
	}
}

// TestIteratorMeetsPolicy iterates over leads on the session's client, and deletes them as it goes.
func TestIteratorMeetsPolicy(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	n := 0
	for lead, err := range closeapi.LeadsAll(t.Context(), sc.S.Client(), closeapi.LeadsListParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		var denied *agent.PolicyError
		if err := closeapi.LeadDelete(t.Context(), sc.S.Client(), closeapi.LeadDeleteParams{LeadID: lead.ID}); !errors.As(err, &denied) {
			t.Errorf("got %v", err)
		}
	}
	if n != 2 {
		t.Errorf("%d leads", n)
	}
	sc.Has("leads", 2)
}

// TestRedirectOfApprovedCall redirects an approved call to another host.
func TestRedirectOfApprovedCall(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Method + " " + r.URL.Path }))
	defer other.Close()
	sc := newScene(t)
	p := sc.ApproveDelete()
	sc.Close.Fail(emulator.Fault{Tool: "close_lead_delete", Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/x"}}})
	if r := sc.S.Resume(t.Context(), p.ID); r.Err == nil {
		t.Error("it was followed")
	}
	if len(reached) > 0 {
		t.Errorf("the other host received %s", <-reached)
	}
	sc.Has("leads", 2)
	if r := sc.S.Resume(t.Context(), p.ID); r.Err == nil {
		t.Error("a second use")
	}
}

// vandal is a sink that changes what it is given.
type vandal struct{}

func (vandal) Record(_ context.Context, r agent.Record) error {
	for i := range r.Input {
		if r.Input[i] == 'x' {
			r.Input[i] = 'y'
		}
	}
	return nil
}

// TestHostsCodeCannotChangeCall has a policy, a sink and a hook that write into what they are shown.
func TestHostsCodeCannotChangeCall(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	policy := agent.PolicyFunc(func(c *agent.Call) agent.Decision {
		d := agent.Default().Decide(c)
		copy(c.Input, bytes.ReplaceAll(c.Input, []byte("xx"), []byte("zz")))
		return d
	})
	hook := agent.WithNotify(func(_ context.Context, list []*agent.Approval) {
		for _, p := range list {
			copy(p.Input, bytes.ReplaceAll(p.Input, []byte("xx"), []byte("ww")))
		}
	})
	sc.Restart(agent.WithPolicy(policy), agent.WithAudit(vandal{}), hook)
	sc.OK(sc.Call("close_note_create", `{"lead_id":%q,"note":"xxxx"}`, sc.Lead))
	if n := sc.Close.Objects("notes")[0]["note"]; n != "xxxx" {
		t.Errorf("sent %q", n)
	}
	p := sc.Approve("close_custom_field_lead_create", `{"name":"xxxx","type":"number"}`)
	sc.OK(sc.S.Resume(t.Context(), p.ID))
	if n := sc.Close.Objects("custom_fields_lead")[0]["name"]; n != "xxxx" {
		t.Errorf("sent %q", n)
	}
}

// TestCodeThatPanics has every kind of the host's code panic.
func TestCodeThatPanics(t *testing.T) {
	t.Parallel()
	var panicked *agent.PanicError
	boom := func(context.Context, *closekit.Client, job) (any, error) { panic("boom") }
	t.Run("policy", func(t *testing.T) {
		t.Parallel()
		sc := newScene(t)
		sc.Restart(agent.WithPolicy(agent.PolicyFunc(func(*agent.Call) agent.Decision { panic("boom") })))
		n := len(sc.Writes())
		var denied *agent.PolicyError
		if r := sc.Call("close_note_create", `{"lead_id":%q,"note":"x"}`, sc.Lead); !errors.As(r.Err, &denied) || denied.Decision.Action != agent.Deny {
			t.Errorf("got %v", r.Err)
		}
		if err := noteOn(t.Context(), sc.S.Client(), sc.Lead); !errors.As(err, &denied) {
			t.Errorf("typed: %v", err)
		}
		if len(sc.Writes()) != n {
			t.Error("something was sent")
		}
	})
	t.Run("sink", func(t *testing.T) {
		t.Parallel()
		sc := newScene(t)
		sc.Restart(agent.WithAudit(sinkFunc(func(agent.Record) error { panic("boom") })))
		n := len(sc.Writes())
		if r := sc.Call("close_note_create", `{"lead_id":%q,"note":"x"}`, sc.Lead); !errors.As(r.Err, &panicked) {
			t.Errorf("got %v", r.Err)
		}
		for _, r := range sc.Turn(`close_lead_get {"lead_id":"LEAD"}`, `close_me_get {}`, `close_me_get {}`) { // on goroutines
			if r.JSON == nil {
				t.Errorf("a read: %v", r.Err)
			}
		}
		if len(sc.Writes()) != n {
			t.Error("something was sent")
		}
	})
	t.Run("handler", func(t *testing.T) {
		t.Parallel()
		sc := working(t, closekit.Read, nil, boom)
		for _, r := range sc.Turn(`work {}`, `work {}`, `close_me_get {}`)[:2] { // on goroutines
			if !errors.As(r.Err, &panicked) {
				t.Errorf("got %v", r.Err)
			}
		}
	})
	t.Run("approved handler", func(t *testing.T) {
		t.Parallel()
		sc := working(t, closekit.Destructive, nil, boom)
		p := sc.Approve("work", `{}`)
		if r := sc.S.Resume(t.Context(), p.ID); !errors.As(r.Err, &panicked) {
			t.Errorf("got %v", r.Err)
		}
		if p, err := sc.Agent.Approval(t.Context(), p.ID); err != nil || p.State != agent.Unclear {
			t.Errorf("%v, %v", p, err)
		}
	})
	t.Run("hook", func(t *testing.T) {
		t.Parallel()
		sc := newScene(t)
		sc.Restart(agent.WithNotify(func(context.Context, []*agent.Approval) { panic("boom") }))
		p := sc.ApproveDelete()
		sc.OK(sc.S.Resume(t.Context(), p.ID))
	})
}

type sinkFunc func(agent.Record) error

func (f sinkFunc) Record(_ context.Context, r agent.Record) error { return f(r) }

// TestHookThatDecides decides inside the hook. The call has waited all the same, and
// nothing is sent until the host resumes it.
func TestHookThatDecides(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	var a *agent.Agent
	var errs []error
	a, sc.S = sc.Replica(agent.WithNotify(func(ctx context.Context, list []*agent.Approval) {
		for _, p := range list {
			errs = append(errs, a.Decide(ctx, p.ID, "hook", agent.Approve, agent.Digest{}), a.Decide(ctx, p.ID, "hook", agent.Approve, p.Shown))
		}
	}))
	p := sc.Pending("close_lead_delete", `{"lead_id":%q}`, sc.Lead)
	if len(errs) != 2 || !errors.Is(errs[0], agent.ErrNotShown) || errs[1] != nil {
		t.Errorf("decided: %v", errs)
	}
	sc.Has("leads", 2)
	sc.OK(sc.S.Resume(t.Context(), p.ID))
	sc.Has("leads", 1)
}

// TestToolOfAnotherRelease has a tool of the host that means something else after a
// release.
func TestToolOfAnotherRelease(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	ran := ""
	type after struct {
		LeadID string `json:"lead_id"`
		Cents  int    `json:"cents,omitempty"`
	}
	sc.Restart(agent.WithTool(agent.OwnTool[job]{
		Name: "work", Description: "x", Effect: closekit.Destructive,
		Call: func(context.Context, *closekit.Client, job) (any, error) { ran += "old"; return nil, nil },
	}))
	p := sc.Approve("work", `{"lead_id":%q}`, sc.Lead)
	_, s := sc.Replica(agent.WithTool(agent.OwnTool[after]{
		Name: "work", Description: "x", Effect: closekit.Destructive,
		Call: func(context.Context, *closekit.Client, after) (any, error) { ran += "new"; return nil, nil },
	}))
	var state *agent.StateError
	if r := s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Stale || ran != "" {
		t.Errorf("got %v, ran %q", r.Err, ran)
	}
}

// TestPolicyOfUnknownAction denies what is no action.
func TestPolicyOfUnknownAction(t *testing.T) {
	t.Parallel()
	for _, action := range []agent.Action{-1, 3, 99} {
		sc := newScene(t)
		sc.Restart(agent.WithPolicy(agent.PolicyFunc(func(*agent.Call) agent.Decision { return agent.Decision{Action: action} })))
		n := len(sc.Writes())
		if r := sc.Call("close_note_create", `{"lead_id":%q,"note":"x"}`, sc.Lead); r.Err == nil {
			t.Errorf("action %d", action)
		}
		if err := noteOn(t.Context(), sc.S.Client(), sc.Lead); err == nil || len(sc.Writes()) != n {
			t.Errorf("action %d on the client: %v", action, err)
		}
	}
}

// TestDenialByArgument tests that a rule about an argument holds however the request is written.
func TestDenialByArgument(t *testing.T) {
	t.Parallel()
	sc := newScene(t)
	sc.Restart(agent.WithPolicy(agent.Rules{}.Deny(agent.Argument("status", "outbox"))))
	n := len(sc.Close.Outbox())
	path := "/activity/email/" + sc.Draft + "/"
	for _, req := range []closekit.Request{
		{Method: "PUT", Path: path, Body: []byte(`{"status":"outbox","sender":"ada@example.com"}`)},
		{Method: "PUT", Path: path, Body: []byte(`{"status":"outbox","sender":"ada@example.com","status":"draft"}`)},
		{Method: "PUT", Path: path, Query: "status=draft", Body: []byte(`{"status":"outbox","sender":"ada@example.com"}`)},
		{Method: "PUT", Path: path, Body: []byte(`{"st\u0061tus":"out\u0062ox","sender":"ada@example.com"}`)},
		{Method: "PUT", Path: path, Body: []byte(`{"status":"draft"} {"status":"outbox"}`)},
	} {
		if err := sc.S.Client().Do(t.Context(), req, nil); err == nil {
			t.Errorf("%s %s was sent", req.Query, req.Body)
		}
	}
	if len(sc.Close.Outbox()) != n {
		t.Error("it was sent")
	}
}
