package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/modeltest"
)

// empty has a last message that says nothing, which is no error: some models end so when
// all is done.
func (a Adapter) empty(t *testing.T, l Loop) {
	_, s, _ := open(t, few)
	m := modeltest.Start(t, modeltest.Step{Calls: []modeltest.Call{{Name: "close_me_get", Input: "{}"}}}, modeltest.Step{})
	if said, err := l.Talk(t.Context(), m.URL(), s, "Do it."); said != "" || err != nil {
		t.Errorf("after a message that says nothing: %q, %v", said, err)
	}
}

// unfinished has last messages that are not whole: the loop ends with an error that has
// the provider's word for it, and with what the model has said.
func (a Adapter) unfinished(t *testing.T, l Loop) {
	const half = "I have done ha"
	for what, step := range map[string]modeltest.Step{
		"too long":             {Text: half, End: modeltest.Limit},
		"too long, empty":      {End: modeltest.Limit},
		"refused":              {Text: half, End: modeltest.Refused},
		"refused, empty":       {End: modeltest.Refused},
		"no message":           {End: modeltest.Nothing},
		"stream broken":        {Text: half, End: modeltest.Broken},
		"stream broken, empty": {End: modeltest.Broken},
	} {
		if step.End == modeltest.Broken && (!l.Stream || a.Mute && step.Text != "") {
			continue
		}
		_, s, _ := open(t, few)
		m := modeltest.Start(t, step)
		if step.End == modeltest.Broken && a.Lost {
			step.Text = ""
		}
		said, err := l.Talk(t.Context(), m.URL(), s, "Do it.")
		word := a.Word(m.Word())
		if err == nil || said != step.Text || !strings.Contains(err.Error(), word) && step.End != modeltest.Nothing {
			t.Errorf("%s: the loop ends with %q, %v; want %q and an error with %q", what, said, err, step.Text, word)
		}
		if cut := (*agent.CutOffError)(nil); !errors.As(err, &cut) && step.End != modeltest.Nothing && !a.Untyped { // for no message SDKs have errors too
			t.Errorf("%s: the error is a %T", what, err)
		}
	}
}

// lost has a stream that breaks after its first call, of an adapter that has nothing of
// its message then: nothing is carried out.
func (a Adapter) lost(t *testing.T, l Loop) {
	_, s, srv := open(t, few)
	m := modeltest.Start(t, modeltest.Step{End: modeltest.Broken, Calls: []modeltest.Call{
		{Name: "close_lead_create", Input: `{"name":"Whole"}`}, {Name: "close_me_get", Input: "{}"},
	}})
	if said, err := l.Talk(t.Context(), m.URL(), s, "Do it."); said != "" || err == nil || len(leads(srv)) > 0 {
		t.Errorf("the loop ends with %q, %v, and the leads are %q", said, err, leads(srv))
	}
}

// cutOff has messages that end within their last call: it is not carried out, whether or
// not its input looks whole, and the model reads so. The call before it is.
func (a Adapter) cutOff(t *testing.T, l Loop) {
	for _, end := range []modeltest.End{modeltest.Limit, modeltest.Broken} {
		if end == modeltest.Broken && (!l.Stream || a.Lost || a.Mute) {
			continue
		}
		for _, input := range []string{`{"name":"Half"}`, `{"name":"Half`} {
			if a.Rejects && strings.HasSuffix(input, "Half") {
				continue
			}
			_, s, srv := open(t, few)
			play(t, l, s, modeltest.Step{End: end, Text: "I begin.", Calls: []modeltest.Call{
				{Name: "close_lead_create", Input: `{"name":"Whole"}`}, {Name: "close_lead_create", Input: input},
			}}, modeltest.Step{Check: func(r modeltest.Request) error {
				if len(r.Results) != 2 || a.Marked(r.Results[0]) || !a.Marked(r.Results[1]) || !strings.Contains(a.Text(r.Results[1]), "cut off") {
					return fmt.Errorf("the results are %+v", r.Results)
				}
				return nil
			}, Calls: []modeltest.Call{{Name: "close_me_get", Input: "{}"}}})
			if got := leads(srv); !slices.Equal(got, []string{"Whole"}) {
				t.Errorf("end %d, %s: leads: %q", end, input, got)
			}
		}
	}
}

// Malformed has a message whose call the provider has left out, because it could not read
// it: the model reads so, with and without a text before the call, and calls again.
func Malformed(t *testing.T, talk func(ctx context.Context, model string, s *agent.Session, ask string) (string, error)) {
	t.Helper()
	for _, text := range []string{"", "I begin."} {
		_, s, srv := open(t, few)
		play(t, Loop{Talk: talk}, s, modeltest.Step{Text: text, End: modeltest.Malformed}, modeltest.Step{
			Check: func(r modeltest.Request) error {
				if !strings.Contains(string(r.Body), "cut off before this call was complete") {
					return fmt.Errorf("the model does not read of its mistake: %s", r.Body)
				}
				return nil
			},
			Calls: []modeltest.Call{{Name: "close_lead_create", Input: `{"name":"Acme"}`}},
		})
		if got := leads(srv); !slices.Equal(got, []string{"Acme"}) {
			t.Errorf("leads: %q", got)
		}
	}
}
