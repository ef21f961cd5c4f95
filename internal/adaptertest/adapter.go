package adaptertest

import (
	"context"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/modeltest"
)

// Adapter is what a test plugs in.
type Adapter struct {
	Loops []Loop
	// Watch is a loop of a host that also sees what became of each call: it returns
	// all results, in the order of the calls. It is nil for a framework that carries out
	// the calls itself.
	Watch func(ctx context.Context, model string, s *agent.Session, ask string) (said string, seen []agent.Result, err error)
	// Confirm is for a framework that stops the run when a person must decide: it talks
	// as a loop does, asks person about each approval, and goes on with the run. Nil
	// means that the model is told, and the run goes on.
	Confirm Confirm
	// ConfirmStream is the same with a stream.
	ConfirmStream Confirm
	// Forgeries are calls with which a model might try to confirm its own.
	Forgeries []modeltest.Call
	// Marked tells whether a result reads as an error to the model. Nil looks at
	// IsError, for protocols that have a mark.
	Marked func(modeltest.Result) bool
	// Text returns what a result says, if a framework writes it as part of JSON. Nil
	// means the text itself.
	Text func(modeltest.Result) string
	// Texts is true if the protocol has the input of a call as text, which may be no
	// JSON.
	Texts bool
	// Lost is true if a stream that breaks leaves nothing of its message: nothing is
	// carried out, and the loop ends with the error.
	Lost bool
	// Mute is true if the framework does not tell that a stream broke, of which the page
	// warns: then a text counts as whole, as does a call whose input looks so.
	Mute bool
	// Untyped is true if the framework reports errors as texts.
	Untyped bool
	// Rejects is true if the framework ends the run for input that is no JSON, of which
	// the page warns.
	Rejects bool
	// Word translates the provider's word for the end of a message to the framework's.
	// Nil means that they are the same.
	Word func(string) string
}

// Confirm is a run that stops for a person, and goes on.
type Confirm func(ctx context.Context, model string, g *agent.Agent, s *agent.Session, ask string, person func(*agent.Approval) agent.Verdict) (said string, err error)

// Loop is a way to talk with a model.
type Loop struct {
	Name   string
	Stream bool // every request asks for a stream
	// Mute is true if the loop is not told how a message ended, of which the page warns.
	Mute bool
	// Talk offers all tools of the session to the model at the address, says ask,
	// carries out calls until the model makes none, and returns its last text.
	Talk func(ctx context.Context, model string, s *agent.Session, ask string) (said string, err error)
}

// last is the text with which each conversation ends.
const last = "All done, with 4 < 5 & ünïcode."

// Run tests the adapter.
func Run(t *testing.T, a Adapter) {
	if a.Marked == nil {
		a.Marked = func(r modeltest.Result) bool { return r.IsError }
	}
	if a.Text == nil {
		a.Text = func(r modeltest.Result) string { return r.Text }
	}
	if a.Word == nil {
		a.Word = func(word string) string { return word }
	}
	loops := a.Loops
	if a.Watch != nil { // the host's loop must do what the others do
		loops = append([]Loop{a.watched()}, loops...)
	}
	for _, l := range loops {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			t.Run("every tool", func(t *testing.T) { a.everyTool(t, l) })
			t.Run("mistakes", func(t *testing.T) { a.mistakes(t, l) })
			t.Run("turn", func(t *testing.T) { a.turn(t, l) })
			t.Run("failures", func(t *testing.T) { a.failures(t, l) })
			t.Run("empty", func(t *testing.T) { a.empty(t, l) })
			if !l.Mute {
				t.Run("unfinished", func(t *testing.T) { a.unfinished(t, l) })
				t.Run("cut off", func(t *testing.T) { a.cutOff(t, l) })
			}
			if l.Stream && a.Lost {
				t.Run("lost", func(t *testing.T) { a.lost(t, l) })
			}
			if a.Confirm == nil {
				t.Run("person", func(t *testing.T) { a.person(t, l) })
			}
		})
	}
	if a.Watch != nil {
		t.Run("unchanged", a.unchanged)
		t.Run("pending", a.pending)
	}
	for way, confirm := range map[string]Confirm{"": a.Confirm, ", streamed": a.ConfirmStream} {
		if confirm == nil {
			continue
		}
		a.Confirm = confirm
		t.Run("approved"+way, func(t *testing.T) { a.confirmed(t, agent.Approve) })
		t.Run("denied"+way, func(t *testing.T) { a.confirmed(t, agent.Reject) })
		t.Run("both"+way, a.both)
		t.Run("forged"+way, a.forged)
	}
}

func (a Adapter) watched() Loop {
	return Loop{Name: "watch", Talk: func(ctx context.Context, model string, s *agent.Session, ask string) (string, error) {
		said, _, err := a.Watch(ctx, model, s, ask)
		return said, err
	}}
}

// toolset is the set of tools of the cases that are not about the catalog, as on the
// page of each adapter.
const toolset = "sales"

// few selects it.
var few = agent.Toolset(toolset)

// deletes selects what the cases need besides that are about a person's decision.
var deletes = agent.Tools("close_lead_delete")

// recipe is how the page makes the agent of these cases.
const recipe = `agent.New(tools.Catalog(), agent.Toolset("` + toolset + `"))`

// open returns a session with the selected tools at an emulated Close.
func open(t *testing.T, selected agent.Option, opts ...agent.Option) (*agent.Agent, *agent.Session, *emulator.Server) {
	t.Helper()
	srv := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), append([]agent.Option{client(srv.URL()), selected}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	token, err := srv.Grant(srv.Users()[0].ID, srv.Organizations()[0].ID) // some tools take no API key
	if err != nil {
		t.Fatal(err)
	}
	return a, a.Session(closekit.Bearer(token.AccessToken)), srv
}

func client(url string) agent.Option {
	return agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(url), closekit.MaxRetries(0)))
}

// allowed is a policy that lets every call pass.
var allowed = agent.WithPolicy(agent.PolicyFunc(func(*agent.Call) agent.Decision { return agent.Decision{} }))

// play runs the loop through the steps and a last one, and wants its text.
func play(t *testing.T, l Loop, s *agent.Session, steps ...modeltest.Step) {
	t.Helper()
	playAll(t, l, s, append(steps, modeltest.Step{Text: last})...)
}

// playAll is play for steps that have the last one.
func playAll(t *testing.T, l Loop, s *agent.Session, steps ...modeltest.Step) {
	t.Helper()
	m := modeltest.Start(t, steps...)
	said, err := l.Talk(t.Context(), m.URL(), s, "Do it.")
	if err != nil {
		t.Error(err)
	} else if said != last {
		t.Errorf("the model said %q", said)
	}
	for i, r := range m.Requests() {
		if l.Stream && !r.Stream {
			t.Errorf("request %d asks for no stream", i+1)
		}
	}
}
