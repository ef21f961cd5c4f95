package lower_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/rules"
)

var update = flag.Bool("update", false, "write the golden files")

func all() []*tool.Tool {
	var list []*tool.Tool
	for _, t := range tools.All() {
		list = append(list, tool.OfCatalog(t))
	}
	return list
}

func find(t *testing.T, name string) *tool.Tool {
	t.Helper()
	x, err := tools.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return tool.OfCatalog(x)
}

// TestLegal proves every tool in every format and profile legal, alone and together with
// as many others as every provider takes.
func TestLegal(t *testing.T) {
	t.Parallel()
	options := map[string]lower.Options{
		"": {}, "deferred": {Defer: true, Keep: []string{"close_leads_list"}}, "namespaces": {Defer: true, Namespaces: true, Keep: []string{"close_leads_list"}},
	}
	for _, f := range lower.Formats() {
		for _, p := range []lower.Profile{lower.Full, lower.Lean} {
			for name, o := range options {
				for some := range slices.Chunk(all(), 100) {
					if kept := find(t, "close_leads_list"); !slices.ContainsFunc(some, func(x *tool.Tool) bool { return x.Name == kept.Name }) {
						some = append(slices.Clip(some), kept)
					}
					list, err := lower.All(some, f, p, o)
					if err != nil {
						t.Fatalf("%s %s %s: %v", f, p, name, err)
					}
					for _, problem := range rules.Request(string(f), list) {
						t.Errorf("%s %s %s: %s", f, p, name, problem)
					}
				}
			}
		}
	}
}

// TestGolden compares all definitions with reviewed files: one line per tool.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, f := range lower.Formats() {
		for _, p := range []lower.Profile{lower.Full, lower.Lean} {
			// The loose formats differ in the envelope only: the whole list is in the files of
			// one of them, and three tools of each are in the others.
			list := all()
			if f != lower.OpenAIChat && f != lower.OpenAIStrict && f != lower.GeminiOpenAPI {
				list = []*tool.Tool{find(t, "close_me_get"), find(t, "close_opportunity_create"), find(t, "close_notes_list")}
			}
			defs, err := lower.All(list, f, p, lower.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			for _, d := range defs {
				b.Write(d)
				b.WriteByte('\n')
			}
			golden(t, string(f)+"."+string(p)+".jsonl", b.Bytes())
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test ./agent/internal/lower -update and review the changes (%v)", file, err)
	}
}

// TestLooseFormsDifferOnlyInEnvelope tests that there is one portable form.
func TestLooseFormsDifferOnlyInEnvelope(t *testing.T) {
	t.Parallel()
	paths := map[lower.Format][]string{
		lower.OpenAIChat: {"function", "parameters"}, lower.Mistral: {"function", "parameters"}, lower.Cohere: {"function", "parameters"},
		lower.OpenAIResponses: {"parameters"}, lower.Anthropic: {"input_schema"}, lower.Gemini: {"parametersJsonSchema"},
		lower.Bedrock: {"toolSpec", "inputSchema", "json"}, lower.MCP: {"inputSchema"},
	}
	for _, x := range all() {
		var first string
		for f, path := range paths {
			v, err := lower.Definition(x, f, lower.Lean, lower.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range path {
				var m map[string]json.RawMessage
				if err := json.Unmarshal(v, &m); err != nil {
					t.Fatal(err)
				}
				v = m[key]
			}
			if first == "" {
				first = string(v)
			} else if first != string(v) {
				t.Errorf("%s: the schema for %s differs", x.Name, f)
			}
		}
	}
}

// TestStrict tests which tools can be strict and that the others say why.
func TestStrict(t *testing.T) {
	t.Parallel()
	can := 0
	for _, x := range all() {
		reasons, err := lower.NotStrict(x)
		if err != nil {
			t.Fatal(err)
		}
		_, err = lower.Definition(x, lower.OpenAIStrict, lower.Full, lower.Options{})
		var not *lower.NotStrictError
		if errors.As(err, &not) != (len(reasons) > 0) || err != nil && not == nil {
			t.Errorf("%s: error %v, reasons %v", x.Name, err, reasons)
		}
		if len(reasons) == 0 {
			can++
		}
	}
	if can < 60 {
		t.Errorf("%d tools can be strict, want 60 at least", can)
	}
	for name, want := range map[string]string{
		"close_opportunity_update": "date_won takes null for clearing it",
		"close_webhook_create":     "events[].extra_filter takes values of any type",
	} {
		reasons, _ := lower.NotStrict(find(t, name))
		if !strings.Contains(strings.Join(reasons, "\n"), want) {
			t.Errorf("%s: reasons %q lack %q", name, reasons, want)
		}
	}
}

// TestStrictByTool tests that single tools can be strict in a list of loose ones, and
// that one that cannot be says why.
func TestStrictByTool(t *testing.T) {
	t.Parallel()
	list := []*tool.Tool{find(t, "close_lead_get"), find(t, "close_note_create"), find(t, "close_opportunity_update")}
	for _, f := range []lower.Format{lower.OpenAIChat, lower.OpenAIResponses} {
		for _, o := range []lower.Options{{Strict: []string{"close_note_*"}}, {Strict: []string{"close_note_create"}, Defer: true, Namespaces: true, Keep: []string{"close_lead_get"}}} {
			defs, err := lower.All(list, f, lower.Lean, o)
			if err != nil {
				t.Fatal(err)
			}
			if problems := rules.Request(string(f), defs); len(problems) > 0 {
				t.Errorf("%s: %q", f, problems)
			}
			text := fmt.Sprintf("%s", defs)
			if strings.Count(text, `"strict":true`) != 1 || strings.Count(text, `"strict":false`) != 2 || !strings.Contains(text, `"contact_id":{"type":["string","null"]`) {
				t.Errorf("%s: %s", f, text)
			}
		}
		_, err := lower.All(list, f, lower.Lean, lower.Options{Strict: []string{"close_*"}})
		var cannot *lower.CannotError
		if !errors.As(err, &cannot) || len(cannot.Reasons) != 1 || !strings.Contains(err.Error(), "close_opportunity_update: date_won takes null for clearing it") {
			t.Errorf("%s: the error for a tool that cannot be strict is %v", f, err)
		}
		for _, pattern := range []string{"close_nothing", "[", "close_webhook_*"} {
			if _, err := lower.All(list, f, lower.Lean, lower.Options{Strict: []string{pattern}}); err == nil {
				t.Errorf("%s: the pattern %q is accepted", f, pattern)
			}
		}
	}
	if _, err := lower.All(list, lower.Anthropic, lower.Lean, lower.Options{Strict: []string{"close_lead_get"}}); err == nil {
		t.Error("a format without the mode accepts it")
	}
}

// TestRoundTrip tests that the examples of the manifest, put into the form of a format
// as a model would, come back as they are.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	n := 0
	for _, x := range all() {
		s, err := x.Schema()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range x.Info.Examples {
			for _, f := range []lower.Format{lower.OpenAIStrict, lower.GeminiOpenAPI, lower.OpenAIChat} {
				if reasons, _ := lower.NotStrict(x); f == lower.OpenAIStrict && len(reasons) > 0 {
					continue
				}
				form := formed(t, s, e.Input, f)
				got, err := lower.Undo(x, f, form)
				if err != nil {
					t.Errorf("%s %s: %v", x.Name, f, err)
					continue
				}
				if !sameJSON(got, e.Input) {
					t.Errorf("%s %s: %s came back as %s, want %s", x.Name, f, form, got, e.Input)
				}
				n++
			}
		}
	}
	if n < 200 {
		t.Errorf("%d round trips, want 200 at least", n)
	}
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

// formed puts input into the form of a format: every optional parameter null in strict
// mode, pairs for maps, text for trees, and for the loose formats everything optional
// in more.
func formed(t *testing.T, s *tool.Schema, input json.RawMessage, f lower.Format) json.RawMessage {
	t.Helper()
	var v any
	if err := json.Unmarshal(input, &v); err != nil {
		t.Fatal(err)
	}
	if f == lower.OpenAIChat {
		top := map[string]any{}
		rest := map[string]any{}
		for k, x := range v.(map[string]any) {
			if slices.Contains(s.Required, k) {
				top[k] = x
			} else {
				rest[k] = x
			}
		}
		top["more"] = rest
		v = top
	} else {
		v = form(s, v, f == lower.OpenAIStrict)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func form(s *tool.Schema, v any, strict bool) any {
	switch x := v.(type) {
	case map[string]any:
		if s.Single() == "" || len(s.Properties) > 0 && !s.Closed { // most members are only described
			b, _ := json.Marshal(x)
			return string(b)
		}
		if len(s.Properties) == 0 {
			list := []any{}
			for k, y := range x {
				list = append(list, map[string]any{"id": k, "value": y})
			}
			return list
		}
		out := map[string]any{}
		for _, p := range s.Properties {
			if y, ok := x[p.Name]; ok {
				out[p.Name] = form(p.Schema, y, strict)
			} else if strict {
				out[p.Name] = nil
			}
		}
		return out
	case []any:
		out := []any{}
		for _, y := range x {
			if s.Items == nil {
				out = append(out, y)
				continue
			}
			out = append(out, form(s.Items, y, strict))
		}
		return out
	}
	return v
}

func TestSpread(t *testing.T) {
	t.Parallel()
	x := find(t, "close_note_create")
	for _, c := range []struct{ in, want, problem string }{
		{`{"lead_id":"lead_1"}`, `{"lead_id":"lead_1"}`, ""},
		{`{"lead_id":"lead_1","more":{"note_html":"<p>x</p>"},"note":"y"}`, `{"lead_id":"lead_1","note_html":"<p>x</p>","note":"y"}`, ""},
		{`{"more":null,"lead_id":"lead_1"}`, `{"lead_id":"lead_1"}`, ""},
		{`{"more":{}}`, `{}`, ""},
		{`[1]`, `[1]`, ""},
		{`{"lead_id":`, `{"lead_id":`, ""},
		{`{"a":1} {"more":{}}`, `{"a":1} {"more":{}}`, ""},
		{`{"note":"a","more":{"note":"b"}}`, "", "more.note: is given at the top level too"},
		{`{"more":{"note":"b"},"note":"a"}`, "", "more.note: is given at the top level too"},
		{`{"more":{"more":{"note":"b"}}}`, "", "more.more: more must not contain more"},
		{`{"more":{"note":"a","note":"b"}}`, "", "more.note: is given twice"},
		{`{"note":"a","note":"b"}`, "", "note: is given twice"},
		{`{"note":"a","\u006eote":"b"}`, "", "note: is given twice"},
		{`{"more":{"note":"a"},"more":{"note":"b"}}`, "", "more: is given twice"},
		{`{"more":"note"}`, "", "more: must be an object of parameters"},
		{`{"more":[{"note":"a"}]}`, "", "more: must be an object of parameters"},
	} {
		got, err := lower.Spread(x, []byte(c.in))
		var invalid *closekit.ValidationError
		switch {
		case c.problem == "" && (err != nil || string(got) != c.want):
			t.Errorf("%s: got %s, %v; want %s", c.in, got, err, c.want)
		case c.problem != "" && (!errors.As(err, &invalid) || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: got %s, %v; want %q", c.in, got, err, c.problem)
		}
	}
}

// TestOwnMore tests that a tool of the host may have a parameter more of its own.
func TestOwnMore(t *testing.T) {
	t.Parallel()
	x := tool.OfHost(tool.Own{Name: "own_x", Input: []byte(`{"type":"object","properties":{"more":{"type":"object"},"attachments":{"type":"string"},"opens":{"type":"string"}}}`)})
	in := `{"more":{"attachments":"a"}}`
	if got, err := lower.Spread(x, []byte(in)); err != nil || string(got) != in {
		t.Errorf("got %s, %v", got, err)
	}
	d, err := lower.Definition(x, lower.Anthropic, lower.Lean, lower.Options{})
	if err != nil || strings.Contains(string(d), "Rare") || !strings.Contains(string(d), `"attachments":{`) {
		t.Errorf("got %s, %v; want all parameters shown", d, err)
	}
}

// TestHiddenStayAccepted tests that what the lean profile neither shows nor names is
// valid at the top level.
func TestHiddenStayAccepted(t *testing.T) {
	t.Parallel()
	x := find(t, "close_opportunities_list")
	in := []byte(`{"_skip":25,"_fields":["id"],"status":"Active"}`)
	d, _ := lower.Definition(x, lower.OpenAIChat, lower.Lean, lower.Options{})
	for _, name := range []string{`"_skip"`, `"_fields"`, `"status"`} {
		if bytes.Contains(d, []byte(name)) {
			t.Errorf("%s is shown", name)
		}
	}
	spread, err := lower.Spread(x, in)
	if err != nil || x.Check(spread) != nil {
		t.Errorf("%s: %v, %v", spread, err, x.Check(spread))
	}
}

func BenchmarkAll(b *testing.B) {
	list := all()
	for b.Loop() {
		if _, err := lower.All(list, lower.OpenAIChat, lower.Lean, lower.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
