package wiretest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// stricter lists the pairs whose input agents refuse although Close takes it.
var stricter = map[string]string{
	"leads/01_close_lead_create": "models write phone numbers with the country code",
}

// TestAgent has an agent make every call of the pairs that the emulator answers: what
// writes is put to a person with all its arguments, and what reads is answered with the
// beginning of its record.
func TestAgent(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, p := range load(t) {
		if p.tool == "" || p.refusal != nil || p.emulator != "" || stricter[p.name] != "" {
			continue
		}
		shown[p.tool] = true
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 6, 19, 12, 5, 28, 327_000_000, time.UTC)
			s := &stage{srv: emulator.New(emulator.Options{Seed: 7, Clock: func() time.Time { return now }}), ids: map[string]string{}}
			for _, line := range p.setup {
				if err := s.prepare(line); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
			base := closekit.NewClient(nil, closekit.HTTPClient(&http.Client{Transport: s.srv.Transport()}), closekit.BaseURL("https://close.invalid"), closekit.MaxRetries(0))
			asks := agent.Rules{}.Ask(agent.MatchFunc(func(c *agent.Call) bool { return c.Effect != closekit.Read }))
			a, err := agent.New(tools.Catalog(), agent.WithClient(base), agent.WithPolicy(asks), agent.WithAudit(agent.NewMemoryLog()))
			if err != nil {
				t.Fatal(err)
			}
			input := s.own(p.input)
			r := a.Session(closekit.APIKey(s.srv.APIKey()), agent.As("ada")).Call(t.Context(), p.tool, []byte(input))
			if r.Err != nil && r.Pending == nil {
				t.Fatalf("%s: %v", input, r.Err)
			}
			if r.Pending == nil {
				checkAnswer(t, r)
				return
			}
			shown := r.Pending.Preview.Title + "\n"
			for _, f := range r.Pending.Preview.Facts {
				shown += f.Value + "\n"
			}
			for _, c := range r.Pending.Preview.Changes {
				shown += c.Before + "\n" + c.After + "\n"
			}
			for _, text := range texts("", decode(t, []byte(input))) {
				if !strings.Contains(shown, text) {
					t.Errorf("a person does not see %q in\n%s", text, shown)
				}
			}
		})
	}
	for _, tool := range tools.All() {
		if !shown[tool.Name] && tool.Info().Needs != "oauth" { // the account here has an API key
			t.Errorf("no pair has an agent call %s", tool.Name)
		}
	}
}

// checkAnswer looks for the id of the first record in the text for the model.
func checkAnswer(t *testing.T, r agent.Result) {
	t.Helper()
	if r.IsError || r.Text == "" {
		t.Fatalf("the answer is %q", r.Text)
	}
	record, _ := decode(t, r.JSON).(map[string]any)
	if list, ok := record["data"].([]any); ok && len(list) > 0 && record["id"] == nil {
		record, _ = list[0].(map[string]any)
	}
	if id, ok := record["id"].(string); ok && !strings.Contains(r.Text, id) {
		t.Errorf("the answer lacks %s: %s", id, r.Text)
	}
}

// texts lists the texts of an input that a person must see: not ids, for which names
// are shown.
func texts(name string, v any) []string {
	var list []string
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			list = append(list, texts(k, e)...)
		}
	case []any:
		for _, e := range v {
			list = append(list, texts(name, e)...)
		}
	case string:
		if !idKind.MatchString(v) && !slices.Contains([]string{"_fields", "fields"}, name) && len(v) < 60 && !strings.ContainsAny(v, "\n<") {
			list = append(list, fmt.Sprint(v))
		}
	}
	return list
}
