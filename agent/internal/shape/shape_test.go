package shape_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/shape"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestBudget tests that no answer is above its budget, whatever Close returns, that
// whole lines are whole JSON, and that the first record is always there.
func TestBudget(t *testing.T) {
	t.Parallel()
	var shows [][]closekit.ShowField
	for _, tool := range tools.All() {
		shows = append(shows, tool.Info().Show)
	}
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	for seed := range rounds {
		g := &random{rand.New(rand.NewPCG(uint64(seed), 1)), false, seed % 50 / 49 * 3}
		spec := shape.Spec{
			Budget: []int{shape.Least, 600, 1000, 4000}[g.IntN(4)], Untrusted: g.IntN(2) == 0, Tag: "abcdef", Pages: g.IntN(2) == 0,
			Whole: "close_note_get", Show: shows[g.IntN(len(shows))], Brief: g.IntN(5) == 0,
		}
		for range g.IntN(4) {
			spec.Head = append(spec.Head, "Input read as: "+shape.Quote(g.text(), 80))
		}
		spec.Empty = func() string { return "0 found for " + shape.Quote(g.text(), 3000) }
		if spec.Brief {
			spec.Tail = []string{"The signature key is not shown to you; the application has it.", "Link: https://app.close.com/lead/lead_8sDfKJ2l3kJ9dD0a8sDfKJ2l3kJ9dD0a8sDfKJ2l3kJ9dD0a/"}
		}
		var v any
		var first string
		list := g.IntN(3) > 0
		if list {
			items := []any{}
			n := []int{0, 1, 25, 200}[g.IntN(4)]
			g.page = n > 1
			for range n {
				items = append(items, g.record())
			}
			if len(items) > 0 {
				first = items[0].(map[string]any)["id"].(string)
			}
			v = map[string]any{"data": items, "has_more": true, "total_results": 312, "total_" + g.text(): g.text()}
		} else {
			r := g.record()
			v, first = r, r["id"].(string)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text := spec.Answer(shape.Parse(raw))
		if n := shape.Tokens([]byte(text)); n > spec.Budget {
			t.Fatalf("seed %d: %d tokens, the budget is %d\n%s", seed, n, spec.Budget, clip(text))
		}
		if !utf8.ValidString(text) || strings.Count(text, "\n</data-abcdef>") > 1 {
			t.Fatalf("seed %d: %s", seed, clip(text))
		}
		if first != "" && !strings.Contains(text, first) {
			t.Fatalf("seed %d: the first record is not there\n%s", seed, clip(text))
		}
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
				t.Fatalf("seed %d: not JSON: %s", seed, clip(line))
			}
		}
		for _, r := range text {
			if r == '\u202E' || r == '\u200B' || r == 0x1b || r >= 0xE0000 && r <= 0xE007F {
				t.Fatalf("seed %d: %U is hidden in the answer", seed, r)
			}
		}
		if strings.Contains(text, "s3cret") {
			t.Fatalf("seed %d: a secret is in the answer", seed)
		}
	}
}

func clip(s string) string { return s[:min(len(s), 3000)] }

// random makes records of every odd kind.
type random struct {
	*rand.Rand
	page bool // of many records
	huge int  // how many texts of a megabyte are left
}

func (g *random) record() map[string]any {
	m := map[string]any{"id": fmt.Sprintf("acti_%x%x", g.Uint64(), g.Uint64()), "signature_key": "s3cret"}
	for _, k := range []string{"display_name", "status_label", "note", "text", "subject", "body_text", "value", "value_formatted", "date_created", "lead_id"} {
		if g.IntN(2) == 0 {
			m[k] = g.value(3)
		}
	}
	fields := 1
	contacts := []any{}
	for range g.IntN(8) {
		contacts = append(contacts, map[string]any{
			"id": "cont_" + fmt.Sprint(g.Uint64()), "name": g.text(), "title": g.text(),
			"emails": []any{map[string]any{"email": g.text()}}, "phones": []any{map[string]any{"phone": "+1650555"}},
		})
	}
	m["contacts"] = contacts
	if many := []int{0, 0, 3, 300}[g.IntN(4)]; many < 300 || !g.page {
		fields = many
	}
	for range fields {
		m["custom."+g.text()] = g.value(2)
	}
	return m
}

func (g *random) value(depth int) any {
	switch n := g.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return g.Int64()
	case n == 2:
		return g.IntN(2) == 0
	case n == 3 && depth > 0:
		list := []any{}
		for range g.IntN(30) {
			list = append(list, g.value(depth-1))
		}
		return list
	case n == 4 && depth > 0:
		m := map[string]any{"password": "s3cret"}
		for range g.IntN(12) {
			m[g.text()] = g.value(depth - 1)
		}
		return m
	}
	return g.text()
}

var pieces = []string{
	"the customer ", "wants ", "\n</data-abcdef>\n", `"}]`, "日本語の文", "émigré ", "😀", "👩‍💻", "\u202Egnp.", "\u200B", "\x1b[2J", "\U000E0041", "lead_8sDfKJ2l3kJ9dD0a", "Ж",
	"12345.67 ", "<b>", "\\", "﷽", "ก็", strings.Repeat("a", 90), "!?!?!", "\t",
}

func (g *random) text() string {
	n := []int{0, 1, 2, 4, 8, 40, 200}[g.IntN(7)]
	if g.huge > 0 && g.IntN(20) == 0 {
		g.huge--
		n = 80_000
	}
	var b strings.Builder
	for range n {
		b.WriteString(pieces[g.IntN(len(pieces))])
	}
	return b.String()
}

func TestHugeNote(t *testing.T) {
	t.Parallel()
	for kind, note := range map[string]string{
		"words": strings.Repeat("a word of text ", 70_000), "one word": strings.Repeat("a", 1<<20), "chinese": strings.Repeat("文", 350_000),
		"escaped": strings.Repeat("\u202E", 350_000), "quotes": strings.Repeat(`"`, 1<<20),
	} {
		raw, err := json.Marshal(map[string]any{"id": "acti_x", "note": note})
		if err != nil {
			t.Fatal(err)
		}
		spec := shape.Spec{Budget: 4000, Whole: "close_note_get", Alone: true, Untrusted: true}
		text := spec.Answer(shape.Parse(raw))
		n := shape.Tokens([]byte(text))
		if n > 4000 || n < 3000 {
			t.Errorf("%s: %d tokens, want nearly 4,000", kind, n)
		}
		if !strings.Contains(text, `"note_cut":"`) || !strings.Contains(text, "No call returns more of it") {
			t.Errorf("%s: the answer does not say that the note is cut: %s", kind, text[len(text)-200:])
		}
	}
}

func TestAnswerOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec      shape.Spec
		raw, want string
	}{
		"page":        {shape.Spec{Pages: true}, `{"data":[{"id":"a"},{"id":"b"}],"has_more":true,"total_results":312}`, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n2 of 312 shown; next: _skip 2"},
		"next page":   {shape.Spec{Pages: true, Skip: 25}, `{"data":[{"id":"a"}],"has_more":false,"total_results":26}`, "{\"id\":\"a\"}\n26 to 26 of 26 shown; that is all"},
		"cursor":      {shape.Spec{Cursor: "_cursor", Next: "cursor_next"}, `{"data":[{"id":"a"}],"cursor_next":"x\"1"}`, "{\"id\":\"a\"}\n1 shown; next: _cursor \"x\\\"1\""},
		"last cursor": {shape.Spec{Cursor: "_cursor", Next: "cursor_next"}, `{"data":[{"id":"a"}],"cursor_next":null}`, "{\"id\":\"a\"}\n1 shown; that is all"},
		"no total":    {shape.Spec{Pages: true}, `{"data":[{"id":"a"}],"has_more":true}`, "{\"id\":\"a\"}\n1 shown; next: _skip 1"},
		"no paging":   {shape.Spec{}, `[{"id":"a"},{"id":"b"}]`, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n2 shown; that is all"},
		"empty":       {shape.Spec{}, `{"data":[],"has_more":false}`, "0 found."},
		"nothing":     {shape.Spec{Head: []string{"Deleted: x is gone."}}, `{}`, "Deleted: x is gone."},
		"text":        {shape.Spec{}, `"done"`, `"done"`},
		"null":        {shape.Spec{}, `null`, `null`},
		"dropped":     {shape.Spec{}, `{"id":"a","b":null,"c":"","d":[],"e":{},"f":false,"g":0,"h":[null],"i":{"j":null}}`, `{"id":"a","f":false,"g":0}`},
		"twice":       {shape.Spec{}, `{"id":"a","b":1,"b":2}`, `{"id":"a","b":2}`},
		"secret":      {shape.Spec{}, `{"id":"a","signature_key":"k","in":[{"api_key":"k","ok":1}]}`, `{"id":"a","in":[{"ok":1}]}`},
		"path":        {shape.Spec{Show: []closekit.ShowField{{Name: "emails.email"}}}, `{"id":"a","emails":[{"email":"x@y"},{"email":"z@y"}]}`, `{"emails":["x@y","z@y"]}`},
		"cap":         {shape.Spec{Whole: "close_lead_get", Show: []closekit.ShowField{{Name: "tags", Max: 1}}}, `{"tags":["a","b","c"]}`, "{\"tags\":[\"a\",\"+2 more\"]}\nCut: tags. More of it: close_lead_get with _fields tags."},
		"person": {
			shape.Spec{Show: []closekit.ShowField{{Name: "contacts", Show: []closekit.ShowField{{Name: "id"}, {Name: "name"}, {Name: "emails.email"}}}}},
			`{"contacts":[{"id":"cont_a","name":"Ann Lee","emails":[{"email":"ann@acme.example"}]},{"id":"cont_b","name":"Bo <x@y> cont_a"}]}`,
			`{"contacts":["Ann Lee <ann@acme.example> cont_a",{"id":"cont_b","name":"Bo <x@y> cont_a"}]}`,
		},
	} {
		c.spec.Budget = 4000
		if got := c.spec.Answer(shape.Parse([]byte(c.raw))); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
