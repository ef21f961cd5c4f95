package adaptertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/modeltest"
)

// most is how many tools are offered at once: a provider may take no more than 128, and
// each turn repeats the definitions and what was said before.
const most = 64

// everyTool calls each tool of the catalog in a turn of its own: all are offered, in
// parts, the provider takes the definitions, each call reaches Close, and each result
// has a text.
func (a Adapter) everyTool(t *testing.T, l Loop) {
	for part := range slices.Chunk(tools.Catalog().Tools(), most) {
		_, s, srv := open(t, only(part), allowed)
		playAll(t, l, s, a.each(t, part, s, srv)...)
	}
}

// only selects the tools of a part of the catalog.
func only(part []*closekit.Tool) agent.Option {
	var names []string
	for _, tool := range part {
		names = append(names, tool.Name)
	}
	return agent.Tools(names...)
}

// each returns a step for each tool of the part, which is what the session offers, and
// a last one. Each checks the result of the one before.
func (a Adapter) each(t *testing.T, part []*closekit.Tool, s *agent.Session, srv *emulator.Server) []modeltest.Step {
	t.Helper()
	want, err := s.Definitions(agent.MCP) // the schemas are the same in all formats
	if err != nil || len(want) != len(part) {
		t.Fatalf("%d definitions of %d tools: %v", len(want), len(part), err)
	}
	steps := make([]modeltest.Step, len(part)+1)
	seen := 0 // requests that Close has seen
	for i := range steps {
		steps[i].Check = func(r modeltest.Request) error {
			was := seen
			seen = len(srv.Requests())
			if i == 0 {
				return offered(r.Definitions, want)
			}
			return a.answered(r, part[i-1].Name, seen > was)
		}
	}
	for i, tool := range part {
		steps[i].Calls = []modeltest.Call{{Name: tool.Name, Input: example(tool)}}
	}
	steps[len(part)].Text = last
	return steps
}

// offered wants exactly the tools of the session in the request, and their schemas
// unchanged but for the order of keys and of what is required.
func offered(got []modeltest.Definition, want []json.RawMessage) error {
	left := map[string]modeltest.Definition{}
	for _, t := range got {
		left[t.Name] = t
	}
	for _, raw := range want {
		var d struct {
			Name, Description string
			InputSchema       json.RawMessage
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		t := left[d.Name]
		delete(left, d.Name)
		switch {
		case t.Description != d.Description:
			return fmt.Errorf("%s is described as %q, want %q", d.Name, t.Description, d.Description)
		case !reflect.DeepEqual(value(t.Schema), value(d.InputSchema)):
			return fmt.Errorf("%s: the schema is %s, want %s", d.Name, t.Schema, d.InputSchema)
		}
	}
	if len(got) != len(want) || len(left) > 0 {
		return fmt.Errorf("%d tools are offered, want %d; not of the session: %v", len(got), len(want), left)
	}
	return nil
}

func value(raw json.RawMessage) (v any) {
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	unorder(v)
	return v
}

// unorder sorts the lists of what is required in a schema.
func unorder(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			unorder(one)
		}
	case map[string]any:
		for key, one := range v {
			if list, ok := one.([]any); ok && key == "required" {
				slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			unorder(one)
		}
	}
}

// answered wants one result of the tool, which is no refusal of the call: an error is
// one of Close, which knows none of the records in the examples.
func (a Adapter) answered(r modeltest.Request, tool string, reached bool) error {
	if len(r.Results) != 1 || r.Results[0].Name != tool || a.Text(r.Results[0]) == "" {
		return fmt.Errorf("the results are %+v, want one of %s", r.Results, tool)
	}
	if !reached {
		return errors.New("the call did not reach Close: " + r.Results[0].Text)
	}
	return nil
}

// example returns the first example of a tool, which is legal.
func example(t *closekit.Tool) string {
	if e := t.Info().Examples; len(e) > 0 {
		return string(e[0].Input)
	}
	return "{}"
}

// turn has several calls in one turn: an unknown tool and a missing record do not hold
// up the others, and results are in the order of the calls.
func (a Adapter) turn(t *testing.T, l Loop) {
	_, s, srv := open(t, few)
	calls := []modeltest.Call{
		{Name: "close_me_get", Input: `{}`},
		{Name: "close_lead_create", Input: `{"name":"First & <foremost>"}`},
		{Name: "close_nothing_get", Input: `{}`},
		{Name: "close_lead_get", Input: `{"lead_id":"lead_doesnotexist00"}`},
		{Name: "close_lead_create", Input: `{"name":"Sécond"}`},
	}
	play(t, l, s, modeltest.Step{Text: "I begin.", Calls: calls}, modeltest.Step{
		Check: func(r modeltest.Request) error {
			if len(r.Results) != len(calls) {
				return fmt.Errorf("%d results", len(r.Results))
			}
			for i, one := range r.Results {
				if bad := i == 2 || i == 3; one.Name != calls[i].Name || bad != a.Marked(one) {
					return fmt.Errorf("result %d: %+v", i, one)
				}
			}
			return nil
		},
		Calls: []modeltest.Call{{Name: "close_leads_list", Input: `{}`}},
	})
	if got := leads(srv); !slices.Equal(got, []string{"First & <foremost>", "Sécond"}) {
		t.Errorf("leads: %q", got)
	}
}

// leads returns the names of the leads in Close, sorted.
func leads(srv *emulator.Server) []string {
	var list []string
	for _, lead := range srv.Objects("leads") {
		list = append(list, fmt.Sprint(lead["name"]))
	}
	slices.Sort(list)
	return list
}

// unchanged wants the legal input of each tool to arrive as the model wrote it: text in
// place of a number, say, would be put right by the session.
func (a Adapter) unchanged(t *testing.T) {
	for part := range slices.Chunk(tools.Catalog().Tools(), most) {
		_, s, srv := open(t, only(part), allowed)
		steps := a.each(t, part, s, srv)
		m := modeltest.Start(t, steps...)
		_, seen, err := a.Watch(t.Context(), m.URL(), s, "Do it.")
		if err != nil || len(seen) != len(part) {
			t.Fatalf("%d results of %d calls: %v", len(seen), len(part), err)
		}
		for i, r := range seen {
			if call := steps[i].Calls[0]; r.Tool != call.Name || len(r.Repairs) > 0 {
				t.Errorf("%s: the session read the input in another way: %s %+v, written %s", call.Name, r.Tool, r.Repairs, call.Input)
			}
		}
	}
}

// mistakes has four mistakes in one input. The model reads of each in a line, in a
// result that is marked, and puts them right.
func (a Adapter) mistakes(t *testing.T, l Loop) {
	_, s, srv := open(t, few)
	play(t, l, s,
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_opportunity_create", Input: `{"lead_id":7,"value_period":"yearly-ish","confidence":900,"color":"red"}`}}},
		modeltest.Step{
			Calls: []modeltest.Call{{Name: "close_lead_create", Input: `{"name":"Acme"}`}},
			Check: func(r modeltest.Request) error {
				text := a.Text(r.Results[0])
				for _, at := range []string{"lead_id", "value_period", "confidence", "color"} {
					if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, "- "), at) }) {
						return fmt.Errorf("no line begins with %s: %s", at, text)
					}
				}
				return a.marked(r.Results[0])
			},
		})
	if got := leads(srv); !slices.Equal(got, []string{"Acme"}) {
		t.Errorf("leads: %q", got)
	}
}

// failures has what ends other runs: the key is refused, Close cannot be reached, and
// input that is no JSON. Each is a result that is marked.
func (a Adapter) failures(t *testing.T, l Loop) {
	g, _, srv := open(t, few)
	_, s, _ := open(t, few, client("http://127.0.0.1:1/api/v1"))
	for what, s := range map[string]*agent.Session{
		"a key that Close refuses": g.Session(closekit.APIKey("wrong")),
		"no account":               g.Session(nil),
		"Close cannot be reached":  s,
	} {
		calls := []modeltest.Call{{Name: "close_me_get", Input: `{}`}, {Name: "close_lead_create", Input: `{"name":"Acme"}`}}
		if a.Texts {
			calls = append(calls, modeltest.Call{Name: "close_me_get", Input: `{"no`})
		}
		play(t, l, s, modeltest.Step{Calls: calls}, modeltest.Step{
			Check: func(r modeltest.Request) error {
				if len(r.Results) != len(calls) {
					return fmt.Errorf("%s: %d results", what, len(r.Results))
				}
				for _, one := range r.Results {
					if err := a.marked(one); err != nil {
						return fmt.Errorf("%s: %w", what, err)
					}
				}
				return nil
			},
			Text: "It fails.", Calls: calls[:1],
		})
	}
	if got := leads(srv); len(got) != 0 {
		t.Errorf("leads: %q", got)
	}
}

// marked returns nil if a result is marked as an error.
func (a Adapter) marked(r modeltest.Result) error {
	if !a.Marked(r) || a.Text(r) == "" {
		return fmt.Errorf("the result is not marked as an error: %+v", r)
	}
	return nil
}
