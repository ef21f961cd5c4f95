package coverage_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/agent/internal/coverage"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

func definitions(t *testing.T, p lower.Profile) (map[string]*tool.Tool, map[string]*coverage.Definition) {
	t.Helper()
	all, defs := map[string]*tool.Tool{}, map[string]*coverage.Definition{}
	for _, x := range tools.All() {
		v := tool.OfCatalog(x)
		raw, err := lower.Definition(v, lower.Anthropic, p, lower.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := &coverage.Definition{}
		if err := json.Unmarshal(raw, d); err != nil {
			t.Fatal(err)
		}
		all[x.Name], defs[x.Name] = v, d
	}
	return all, defs
}

// TestTasksAreValid tests that every call of every task is one that the tool accepts.
func TestTasksAreValid(t *testing.T) {
	t.Parallel()
	all, _ := definitions(t, lower.Lean)
	list := append(coverage.Tasks(), coverage.Fresh()...)
	used := map[string]bool{}
	for _, task := range list {
		for _, c := range task.Calls {
			used[c.Tool] = true
			if all[c.Tool] == nil {
				t.Errorf("%s: there is no tool %s", task.Text, c.Tool)
			} else if err := all[c.Tool].Check(c.Input); err != nil {
				t.Errorf("%s: %v", task.Text, err)
			}
		}
	}
	if len(list) < 150 || len(used) < 75 {
		t.Errorf("%d tasks with %d tools, want 150 with 75 at least", len(list), len(used))
	}
}

// TestCoverage tests that the full profile shows what every task needs, and the lean
// one what 97 % of them need.
func TestCoverage(t *testing.T) {
	t.Parallel()
	for p, least := range map[lower.Profile]float64{lower.Full: 1, lower.Lean: 0.97} {
		all, defs := definitions(t, p)
		list := coverage.Tasks()
		covered := 0
		for _, task := range list {
			if missing := coverage.Missing(task, all, defs); len(missing) > 0 {
				t.Logf("%s: %s: %q", p, task.Text, missing)
				continue
			}
			covered++
		}
		share := float64(covered) / float64(len(list))
		t.Logf("%s: %d of %d tasks, %.3f", p, covered, len(list), share)
		if share < least {
			t.Errorf("%s covers %.3f, want %.2f at least", p, share, least)
		}
	}
}

// TestCoverageOfFresh measures the tasks that were written afterwards.
func TestCoverageOfFresh(t *testing.T) {
	t.Parallel()
	for p, least := range map[lower.Profile]float64{lower.Full: 1, lower.Lean: 0.97} {
		all, defs := definitions(t, p)
		list := coverage.Fresh()
		covered := 0
		for _, task := range list {
			if missing := coverage.Missing(task, all, defs); len(missing) > 0 {
				t.Logf("%s: %s: %q", p, task.Text, missing)
				continue
			}
			covered++
		}
		t.Logf("%s: %d of %d tasks", p, covered, len(list))
		if len(list) < 100 || float64(covered) < least*float64(len(list)) {
			t.Errorf("%s covers %d of %d, want %.2f at least", p, covered, len(list), least)
		}
	}
}

// TestMissing tests that what is not shown is missed.
func TestMissing(t *testing.T) {
	t.Parallel()
	all, _ := definitions(t, lower.Full)
	const name = "close_task_create"
	task := coverage.Task{Text: "x", Calls: []coverage.Call{{Tool: name, Input: json.RawMessage(`{"lead_id":"lead_1","assigned_to":"user_1","priority":"high","is_dateless":true}`)}}}
	for def, want := range map[string]int{
		`{"description":"","input_schema":{"properties":{}}}`: 4,
		`{"description":"","input_schema":{"properties":{"lead_id":{},"assigned_to":{},"priority":{},"more":{"description":"Rare: is_dateless"}}}}`:                                            2,
		`{"description":"close_users_list","input_schema":{"properties":{"lead_id":{},"assigned_to":{},"priority":{"enum":["high"]},"more":{"description":"Rare: x"}}}}`:                       1,
		`{"description":"","input_schema":{"properties":{"lead_id":{},"assigned_to":{"description":"From close_users_list."},"priority":{"enum":["high"]},"is_dateless":{"type":"boolean"}}}}`: 0,
	} {
		d := &coverage.Definition{}
		if err := json.Unmarshal([]byte(def), d); err != nil {
			t.Fatal(err)
		}
		if got := coverage.Missing(task, all, map[string]*coverage.Definition{name: d}); len(got) != want {
			t.Errorf("%s: %q, want %d", def, got, want)
		}
	}
}
