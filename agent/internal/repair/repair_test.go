package repair_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/repair"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

const user = "user_MZ2wJk4LqXnBvC7sDfGhJkLpQwErTyUiOpZxCvBnM12"

// facts are those of the user of the inputs in testdata.
func facts(tb testing.TB) repair.Facts {
	tb.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		tb.Fatal(err)
	}
	return repair.Facts{
		Now:      func() time.Time { return time.Date(2026, 11, 28, 10, 15, 0, 0, zone) },
		Zone:     func() (*time.Location, error) { return zone, nil },
		User:     func() (string, error) { return user, nil },
		Currency: func() (string, string, error) { return "USD", "$", nil },
	}
}

func lookup(tb testing.TB, name string) *tool.Tool {
	tb.Helper()
	t, err := tools.Lookup(name)
	if err != nil {
		tb.Fatal(err)
	}
	return tool.OfCatalog(t)
}

type example struct {
	Tool, Class, Input, Verdict, Why string
	Want                             json.RawMessage
}

func examples(tb testing.TB) []example {
	tb.Helper()
	f, err := os.Open("testdata/inputs.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var list []example
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e example
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			tb.Fatalf("%v: %s", err, lines.Text())
		}
		list = append(list, e)
	}
	return list
}

func same(a, b []byte) bool {
	var x, y any
	decode := func(b []byte, v *any) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		return d.Decode(v)
	}
	return decode(a, &x) == nil && decode(b, &y) == nil && reflect.DeepEqual(x, y)
}

// TestInputs reads inputs as models write them. The log has a table by class.
func TestInputs(t *testing.T) {
	t.Parallel()
	type count struct{ accepted, repaired, refused, of int }
	classes := map[string]*count{}
	safe, repaired, unsafe := 0, 0, 0
	f := facts(t)
	used := map[string]bool{}
	for _, e := range examples(t) {
		c := classes[e.Class]
		if c == nil {
			c = &count{}
			classes[e.Class] = c
		}
		c.of++
		used[e.Tool] = true
		tl := lookup(t, e.Tool)
		fixed, repairs, err := repair.Input(tl, []byte(e.Input), f)
		verdict := "accepted"
		switch {
		case err != nil:
			verdict = "refused"
			c.refused++
		case len(repairs) > 0:
			verdict = "repaired"
			c.repaired++
		default:
			c.accepted++
		}
		var invalid *closekit.ValidationError
		switch {
		case err != nil && (!errors.As(err, &invalid) || len(invalid.Problems) == 0):
			t.Errorf("%s %s: %T, want problems: %v", e.Tool, e.Input, err, err)
		case verdict == "accepted" && string(fixed) != e.Input:
			t.Errorf("%s %s: accepted, but changed to %s", e.Tool, e.Input, fixed)
		case verdict == "repaired" && tl.Check(fixed) != nil:
			t.Errorf("%s %s: repaired to what is invalid: %s", e.Tool, e.Input, fixed)
		}
		switch e.Verdict {
		case "refused":
			unsafe++
		case "repaired":
			safe++
			if verdict == "repaired" && same(fixed, e.Want) {
				repaired++
				continue
			}
		}
		if verdict != e.Verdict || e.Verdict == "repaired" {
			t.Errorf("%s %s\n  %s, want %s (%s): %v\n  %s", e.Tool, e.Input, verdict, e.Verdict, e.Why, err, fixed)
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-8s %4s %9s %9s %8s\n", "class", "of", "accepted", "repaired", "refused")
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		c := classes[name]
		fmt.Fprintf(&table, "%-8s %4d %9d %9d %8d\n", name, c.of, c.accepted, c.repaired, c.refused)
	}
	t.Logf("%d of %d safe inputs repaired, %d unsafe ones, %d tools\n%s", repaired, safe, unsafe, len(used), table.String())
}

func tryLookup(name string) (*tool.Tool, bool) {
	t, err := tools.Lookup(name)
	if err != nil {
		return nil, false
	}
	return tool.OfCatalog(t), true
}
