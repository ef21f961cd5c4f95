package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/agenttasks"
	"github.com/closekit/closekit/internal/modeltest"
)

// TestLive has a fake provider play a task over HTTP: a search, a call that is refused,
// the right one, and the last word. It refuses what providers refuse.
func TestLive(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"anthropic", "openai"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			tasks := agenttasks.All()
			task := agenttasks.Find(tasks, "person for a known firm")
			lead := ""
			task.Seed = func(seed func(*agenttasks.World)) func(*agenttasks.World) {
				return func(w *agenttasks.World) {
					seed(w)
					lead = w.IDs["Acme"]
				}
			}(task.Seed)
			if _, err := (&agenttasks.Lab{}).Run(t.Context(), agenttasks.Trial{Task: task, Model: agenttasks.Idler{}, Arm: agenttasks.Layer}); err != nil {
				t.Fatal(err)
			}
			refused := func(r modeltest.Request) error {
				if len(r.Results) != 1 || r.Results[0].Text == "" {
					return fmt.Errorf("the reply to the refused call is missing: %+v", r.Results)
				}
				return nil
			}
			srv := modeltest.Start(t,
				modeltest.Step{Text: "I look first.", Calls: []modeltest.Call{{Name: "close_leads_list", Input: `{"query":"Acme"}`}}},
				modeltest.Step{Calls: []modeltest.Call{{Name: "close_contact_create", Input: `{"name":"Bo Diaz"}`}}},
				modeltest.Step{Check: refused, Calls: []modeltest.Call{{Name: "close_contact_create", Input: string(mustJSON(t, map[string]any{"name": "Bo Diaz", "lead_id": lead}))}}},
				modeltest.Step{Text: "Done."},
			)
			ask, err := client(provider, "model", srv.URL(), "key")
			if err != nil {
				t.Fatal(err)
			}
			out, err := (&agenttasks.Lab{Only: agenttasks.Near()}).Run(t.Context(), agenttasks.Trial{Task: task, Model: agenttasks.Live{Label: provider, Ask: ask}, Arm: agenttasks.Layer})
			if err != nil {
				t.Fatal(err)
			}
			if !out.Done() || out.Calls != 3 || out.Refused != 1 || out.Corrected != 1 || out.Ending != agenttasks.Answered {
				t.Errorf("%+v", out)
			}
		})
	}
}

func mustJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestClient tests what is refused before anything is sent.
func TestClient(t *testing.T) {
	t.Parallel()
	for _, c := range [][4]string{{"other", "m", "", "k"}, {"openai", "", "", "k"}, {"anthropic", "m", "", ""}} {
		if _, err := client(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("%q is accepted", c)
		}
	}
}

// TestBootstrap tests the statistics with values that are known.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	if i := bootstrap([]float64{1, 1, 1}); i.mean != 1 || i.low != 1 || i.high != 1 {
		t.Errorf("%v", i)
	}
	values := make([]float64, 100)
	for i := range 50 {
		values[i] = 1
	}
	// The standard error of a share of one half over 100 tasks is 0.05.
	if i := bootstrap(values); i.mean != 0.5 || i.low < 0.37 || i.low > 0.43 || i.high < 0.57 || i.high > 0.63 {
		t.Errorf("%v", i)
	}
	c := &cell{runs: [][]*agenttasks.Outcome{{{}, {}}, {{}, {Problems: []string{"x"}}}}}
	if done, all := c.share(done).mean, c.passAll().mean; done != 0.75 || all != 0.5 {
		t.Errorf("%v and %v", done, all)
	}
}

// TestQuick runs the evaluation over a few tasks, and tests that the page and the plot
// have every arm.
func TestQuick(t *testing.T) {
	t.Parallel()
	e, err := newEvaluation(1, 3, false)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.scripted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.markdown(0)
	if err != nil {
		t.Error(err)
	}
	plot := r.plot()
	for _, arm := range armNames() {
		if !strings.Contains(page, "| reader, all slips | "+arm+" |") || !strings.Contains(plot, ">"+arm+"<") {
			t.Errorf("%s is missing", arm)
		}
	}
}

// TestLiveReport tests that a real model is measured as the scripted ones are, and also
// with something left out: one that only asks does no harm, and completes only
// what it should have asked about.
func TestLiveReport(t *testing.T) {
	t.Parallel()
	e, err := newEvaluation(2, 3, false)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	asks := func(context.Context, string, []json.RawMessage, []agenttasks.Said) (agenttasks.Said, error) {
		return agenttasks.Said{Text: "Which one do you mean?"}, nil
	}
	if err := e.live(t.Context(), &page, "timid", asks); err != nil {
		t.Fatal(err)
	}
	for _, arm := range armNames() {
		for row, share := range map[string]string{"| timid | " + arm + " |": "0.000", "| timid, something left out | " + arm + " |": "1.000"} {
			_, rest, ok := strings.Cut(page.String(), row)
			if !ok || !strings.HasPrefix(strings.TrimSpace(rest), share) {
				t.Errorf("%s has not %s:\n%s", row, share, page.String())
			}
		}
	}
	for _, column := range []string{"pass^2", "put right by the next", "unwanted writes", "precision", "## Harm by kind", "utility under attack"} {
		if !strings.Contains(page.String(), column) {
			t.Errorf("%q is missing", column)
		}
	}
}
