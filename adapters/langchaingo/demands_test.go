package closelangchain_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/modeltest"
)

// TestEveryTool calls each tool of the catalog in a turn of its own: the definitions
// are accepted, and each call has a text.
func TestEveryTool(t *testing.T) {
	for name, l := range loops {
		t.Run(name, func(t *testing.T) {
			s, srv := open(t)
			var steps []modeltest.Step
			var want string
			seen := 0 // requests that Close has seen
			for _, tool := range tools.Catalog().Tools() {
				before := want
				steps = append(steps, modeltest.Step{
					Calls: []modeltest.Call{{Name: tool.Name, Input: input(tool)}},
					Check: func(r modeltest.Request) error {
						was := seen
						seen = len(srv.Requests())
						return answered(r, before, seen > was)
					},
				})
				want = tool.Name
			}
			if len(steps) < 81 {
				t.Fatalf("%d tools", len(steps))
			}
			run(t, l, s, steps...)
		})
	}
}

// answered wants one result of the tool, which is no refusal of the call: an error is
// one of Close, which knows none of the records in the examples.
func answered(r modeltest.Request, tool string, reached bool) error {
	if tool == "" {
		if len(r.Tools) != len(tools.Catalog().Tools()) {
			return fmt.Errorf("%d tools are offered", len(r.Tools))
		}
		return nil
	}
	if len(r.Results) != 1 || r.Results[0].Name != tool || r.Results[0].Text == "" {
		return fmt.Errorf("the results are %+v, want one of %s", r.Results, tool)
	}
	if marked(r.Results[0]) == nil && !reached {
		return errors.New("the call did not reach Close: " + r.Results[0].Text)
	}
	return nil
}

// input returns the first example of a tool, which is legal.
func input(t *closekit.Tool) string {
	if e := t.Info().Examples; len(e) > 0 {
		return string(e[0].Input)
	}
	return "{}"
}

// TestMistakes has four mistakes in one input. The model reads of each in a line, in a
// result that is marked, and puts them right.
func TestMistakes(t *testing.T) {
	for name, l := range loops {
		t.Run(name, func(t *testing.T) {
			s, srv := open(t)
			run(t, l, s,
				modeltest.Step{Calls: []modeltest.Call{{Name: "close_opportunity_create", Input: `{"lead_id":7,"value_period":"yearly-ish","confidence":900,"color":"red"}`}}},
				modeltest.Step{
					Calls: []modeltest.Call{{Name: "close_lead_create", Input: `{"name":"Acme"}`}},
					Check: func(r modeltest.Request) error {
						text := r.Results[0].Text
						for _, at := range []string{"lead_id", "value_period", "confidence", "color"} {
							if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, "- "), at) }) {
								return fmt.Errorf("no line begins with %s: %s", at, text)
							}
						}
						return marked(r.Results[0])
					},
				})
			if n := len(srv.Objects("leads")); n != 1 {
				t.Errorf("%d leads in Close", n)
			}
		})
	}
}

// TestTurn has several calls in one turn: an unknown tool and broken records do not
// hold up the others, and results are in the order of the calls.
func TestTurn(t *testing.T) {
	for name, l := range loops {
		t.Run(name, func(t *testing.T) {
			s, srv := open(t)
			calls := []modeltest.Call{
				{Name: "close_me_get", Input: `{}`},
				{Name: "close_lead_create", Input: `{"name":"First & <foremost>"}`},
				{Name: "close_nothing_get", Input: `{}`},
				{Name: "close_lead_get", Input: `{"lead_id":"lead_doesnotexist00"}`},
				{Name: "close_lead_create", Input: `{"name":"Sécond"}`},
			}
			run(t, l, s, modeltest.Step{Text: "I begin.", Calls: calls}, modeltest.Step{
				Check: func(r modeltest.Request) error {
					if len(r.Results) != len(calls) {
						return fmt.Errorf("%d results", len(r.Results))
					}
					for i, one := range r.Results {
						bad := i == 2 || i == 3
						if one.Name != calls[i].Name || bad != (marked(one) == nil) {
							return fmt.Errorf("result %d: %+v", i, one)
						}
					}
					return nil
				},
				Calls: []modeltest.Call{{Name: "close_leads_list", Input: `{}`}},
			})
			var leads []string
			for _, lead := range srv.Objects("leads") {
				leads = append(leads, fmt.Sprint(lead["name"]))
			}
			slices.Sort(leads)
			if !slices.Equal(leads, []string{"First & <foremost>", "Sécond"}) {
				t.Errorf("leads: %q", leads)
			}
		})
	}
}

// TestPerson has a call that a person must decide. It is no error, and nothing is
// deleted.
func TestPerson(t *testing.T) {
	s, srv := open(t)
	run(t, assist, s,
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_lead_create", Input: `{"name":"Acme"}`}}},
	)
	id := fmt.Sprint(srv.Objects("leads")[0]["id"])
	run(t, assist, s,
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_lead_delete", Input: `{"lead_id":"` + id + `"}`}}},
		modeltest.Step{Check: func(r modeltest.Request) error {
			if r.Results[0].Text == "" || marked(r.Results[0]) == nil {
				return fmt.Errorf("%+v", r.Results[0])
			}
			return nil
		}, Text: "A person must decide.", Calls: []modeltest.Call{{Name: "close_me_get", Input: "{}"}}},
	)
	if len(srv.Objects("leads")) != 1 {
		t.Error("the lead was deleted without a person")
	}
}
