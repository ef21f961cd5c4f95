package repair_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/repair"
	"github.com/closekit/closekit/agent/internal/tool"
)

// TestWorkIsBounded reads inputs that are large in every way. The limit is generous
// for a loaded machine; work that grows with the square takes minutes.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	many := func(n int, f func(i int) string) string {
		var list []string
		for i := range n {
			list = append(list, f(i))
		}
		return strings.Join(list, ",")
	}
	for name, input := range map[string]string{
		"keys":           "{" + many(40_000, func(i int) string { return fmt.Sprintf(`"leadId%d":1`, i) }) + "}",
		"known spelling": "{" + many(40_000, func(i int) string { return `"` + strings.Repeat("Lead", 1+i%20) + fmt.Sprint(i) + `Id":"lead_x"` }) + "}",
		"custom fields":  `{"name":"x",` + many(20_000, func(i int) string { return fmt.Sprintf(`"cf_%d":1`, i) }) + "}",
		"nested":         `{"name":"x","contacts":[` + many(20_000, func(i int) string { return fmt.Sprintf(`{"Name":"%d","emails":"a@b.example"}`, i) }) + "]}",
		"deep":           `{"name":"x","a":` + strings.Repeat("[", 150) + strings.Repeat("]", 150) + "}",
		"too deep":       `{"name":"x","a":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + "}",
		"deep objects":   strings.Repeat(`{"contacts":`, 50_000) + "1" + strings.Repeat("}", 50_000),
		"text":           `{"Name":"` + strings.Repeat("x", 1<<20) + `"}`,
		"quotes":         `{'Name':'` + strings.Repeat("'", 1<<20) + `'}`,
		"commas":         `{"Name":"x",` + strings.Repeat(",", 1<<20) + `}`,
		"strings":        strings.Repeat(`"`, 1<<20),
		"spaces":         `{"Name":"x",` + strings.Repeat(" ", 1<<20) + `}`,
		"escapes":        `{"Name":"` + strings.Repeat(`\`, 1<<20),
		"addresses":      `{"name":"x","contacts":[{"emails":"` + strings.Repeat("a@b.example,", 80_000) + `"}]}`,
		"ids":            `{"status_id":"` + strings.Repeat("app.close.com/stat_x/", 50_000) + `","name":"x"}`,
	} {
		start := time.Now()
		fixed, _, err := repair.Input(lookup(t, "close_lead_create"), []byte(input), facts(t))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if err == nil && lookup(t, "close_lead_create").Check(fixed) != nil {
			t.Errorf("%s: the result is invalid", name)
		}
		var invalid *closekit.ValidationError
		if err != nil && (!errors.As(err, &invalid) || len(err.Error()) > 5000) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// TestFactsAreAskedFor tests that a fact is asked for only if the input needs it, and
// that an input that needs one that is not known is refused with the tool's error.
func TestFactsAreAskedFor(t *testing.T) {
	t.Parallel()
	asked := ""
	failed := errors.New("unreachable")
	f := repair.Facts{
		Zone:     func() (*time.Location, error) { asked += "zone "; return nil, failed },
		User:     func() (string, error) { asked += "user "; return "", failed },
		Currency: func() (string, string, error) { asked += "currency "; return "", "", failed },
	}
	for _, c := range []struct{ tool, input, asked string }{
		{"close_leads_list", `{"Query":"acme"}`, ""},
		{"close_opportunity_create", `{"lead_id":"lead_x","status_id":"stat_x","value":100,"user_id":"user_x","date_created":"2026-11-28T10:00:00Z"}`, ""},
		{"close_opportunity_create", `{"lead_id":"lead_x","status_id":"stat_x","value":"$5"}`, "currency "},
		{"close_user_get", `{"user_id":"me"}`, "user "},
		{"close_note_create", `{"lead_id":"lead_x","note":"x","activity_at":"2026-11-28T10:00:00","Pinned":true}`, "zone "},
	} {
		asked = ""
		_, _, err := repair.Input(lookup(t, c.tool), []byte(c.input), f)
		if asked != c.asked {
			t.Errorf("%s: asked for %q, want %q", c.input, asked, c.asked)
		}
		if refused := strings.Contains(c.asked, "user") || strings.Contains(c.asked, "currency"); refused != (err != nil) {
			t.Errorf("%s: %v", c.input, err)
		}
	}
}

// TestLocalTimes tests the hours that do not exist, or exist twice.
func TestLocalTimes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-03-08T02:30:00":      "2026-03-08T02:30:00", // does not exist
		"2026-11-01T01:30:00":      "2026-11-01T01:30:00", // exists twice
		"2026-11-01T03:30":         "2026-11-01T03:30:00-05:00",
		"2026-07-01T03:30:00.5":    "2026-07-01T03:30:00.5-04:00",
		"2026-07-01T03:30:00Z":     "2026-07-01T03:30:00Z",
		"2026-07-01T03:30:00+0200": "2026-07-01T03:30:00+0200",
	} {
		fixed, _, err := repair.Input(lookup(t, "close_note_create"), []byte(`{"lead_id":"lead_x","note":"x","activity_at":"`+in+`"}`), facts(t))
		if err != nil || !strings.Contains(string(fixed), `"`+want+`"`) {
			t.Errorf("%s: %s, %v, want %s", in, fixed, err, want)
		}
	}
}

// TestNoStrongerEffect tests that another name for a parameter is refused if the
// call does more because of it, and that a spelling of the same name is not.
func TestNoStrongerEffect(t *testing.T) {
	t.Parallel()
	own := tool.OfHost(tool.Own{
		Name: "own_x", Effect: closekit.Destructive,
		Input: json.RawMessage(`{"type":"object","properties":{"wipe_id":{"type":"string","pattern":"^rec_[a-z]+$"}},"additionalProperties":false}`),
		Checked: func(input json.RawMessage) error {
			var v map[string]json.RawMessage
			if err := json.Unmarshal(input, &v); err != nil {
				return &closekit.ValidationError{Tool: "own_x", Problems: []closekit.Problem{{Expected: err.Error()}}}
			}
			for name := range v {
				if name != "wipe_id" {
					return &closekit.ValidationError{Tool: "own_x", Problems: []closekit.Problem{{Path: name, Expected: "is not a known parameter"}}}
				}
			}
			return nil
		},
		EffectOf: func(input json.RawMessage) (closekit.Effect, error) {
			if strings.Contains(string(input), "wipe_id") {
				return closekit.Destructive, nil
			}
			return closekit.Read, nil
		},
		Call: func(context.Context, *closekit.Client, json.RawMessage) (json.RawMessage, error) { return nil, nil },
	})
	if _, _, err := repair.Input(own, []byte(`{"wipe":"rec_a"}`), repair.Facts{}); err == nil || !strings.Contains(err.Error(), "write wipe_id if you mean it") {
		t.Errorf("another name: %v", err)
	}
	if fixed, _, err := repair.Input(own, []byte(`{"wipeId":"rec_a"}`), repair.Facts{}); err != nil || string(fixed) != `{"wipe_id":"rec_a"}` {
		t.Errorf("another spelling: %s, %v", fixed, err)
	}
}

// FuzzInput looks for inputs that are repaired to invalid ones, or that are changed
// again when they are repaired again.
func FuzzInput(f *testing.F) {
	for _, e := range examples(f) {
		f.Add(e.Tool, e.Input)
	}
	facts := facts(f)
	f.Fuzz(func(t *testing.T, name, input string) {
		if !strings.HasPrefix(name, "close_") || len(input) > 10_000 {
			return
		}
		tl, ok := tryLookup(name)
		if !ok {
			return
		}
		fixed, repairs, err := repair.Input(tl, []byte(input), facts)
		if err != nil {
			return
		}
		if len(repairs) == 0 && string(fixed) != input {
			t.Fatalf("%q is changed without a repair to %q", input, fixed)
		}
		again, repairs, err := repair.Input(tl, fixed, facts)
		if err != nil || len(repairs) > 0 || string(again) != string(fixed) {
			t.Fatalf("%q is repaired to %q, and that to %q: %v %v", input, fixed, again, repairs, err)
		}
	})
}
