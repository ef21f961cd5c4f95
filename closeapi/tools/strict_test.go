package tools_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// The strict form of a tool is the schema that OpenAI enforces: every parameter is
// given, null for one that is not set, and objects with free keys are lists of pairs.
// TestStrictIsOracle compares it with what the agent layer reads. Three things hold for
// every input:
//
//   - what the strict form accepts, and the schema of the tool too once the form is
//     taken back, is accepted, and is sent as it was meant, but for the reasons in
//     stricter and doubted;
//   - what the strict form accepts and the layer refuses is refused by the schema of
//     the tool for a keyword in unsaid, or for one of those reasons;
//   - what the layer accepts and the strict form refuses differs from the strict form
//     only as listed in looser.

// unsaid lists the keywords that the strict form leaves out, or has in part.
var unsaid = map[string]string{
	"pattern":              "OpenAI bounds the length of a schema, and the check says better which tool gives the id",
	"format":               "of the formats of the tools, OpenAI knows those of dates and addresses",
	"minimum":              "said only where a value can reach the bounds",
	"maximum":              "said only where a value can reach the bounds",
	"maxLength":            "not in the subset",
	"minItems":             "left to the check",
	"maxItems":             "said up to ten",
	"additionalProperties": "keys of pairs are any text",
	"type":                 "an id that two pairs have does not make an object",
}

// doubted lists what the layer refuses although Close would take it: a model hardly
// means it.
var doubted = map[string]string{
	"must be an id that starts with": "an id of an unknown kind was made up",
	"must be a phone number":         "a number without country code",
	"must not be empty":              "an empty text would clear what is there",
	"must be a time with offset":     "a local time that does not exist on that day, or exists twice",
}

// looser lists how the layer takes what the strict form refuses.
var looser = map[string]string{
	"left out":  "a parameter is left out instead of null",
	"repaired":  "a mistake with one reading is corrected, and the model is told",
	"plain":     "an object with free keys is given as itself",
	"not shown": "a parameter that the definition does not show, or an alias",
	"lenient":   "what the tool itself takes beyond its schema, listed with lenient",
}

// strictForm puts the input of a tool into the strict form p.
func strictForm(p map[string]any, v any) any {
	props, _ := p["properties"].(map[string]any)
	switch v := v.(type) {
	case map[string]any:
		switch {
		case has(p, "string"):
			return text(v)
		case has(p, "array"):
			list := []any{}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if v[k] == nil { // a strict form leaves the field out
					continue
				}
				list = append(list, map[string]any{"id": k, "value": v[k]})
			}
			return list
		}
		out := maps.Clone(v)
		for name, q := range props {
			out[name] = strictForm(q.(map[string]any), v[name])
		}
		return out
	case []any:
		items, _ := p["items"].(map[string]any)
		if has(p, "string") {
			return text(v)
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
			if items != nil {
				out[i] = strictForm(items, v[i])
			}
		}
		return out
	}
	return v
}

// plainForm takes the strict form p of the schema c back.
func plainForm(c, p map[string]any, v any) any {
	switch v := v.(type) {
	case map[string]any:
		props, _ := c["properties"].(map[string]any)
		shown, _ := p["properties"].(map[string]any)
		out := map[string]any{}
		for name, x := range v {
			q, isShown := shown[name].(map[string]any)
			s, isKnown := props[name].(map[string]any)
			switch {
			case x == nil && isKnown:
			case isShown && isKnown:
				out[name] = plainForm(s, q, x)
			default:
				out[name] = x
			}
		}
		return out
	case []any:
		if has(c, "object") && has(p, "array") {
			out := map[string]any{}
			for _, x := range v {
				pair, ok := x.(map[string]any)
				id, isText := pair["id"].(string)
				if _, twice := out[id]; !ok || !isText || twice {
					return v
				}
				out[id] = pair["value"]
			}
			return out
		}
		items, _ := c["items"].(map[string]any)
		shown, _ := p["items"].(map[string]any)
		if items == nil || shown == nil {
			return v
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainForm(items, shown, v[i])
		}
		return out
	}
	return v
}

// misshape spoils the form of an input: of the object itself, or of one in it.
func (g *generator) misshape(p map[string]any, in map[string]any) {
	names := slices.Sorted(maps.Keys(in))
	name := pick(g, names...)
	q, _ := p["properties"].(map[string]any)[name].(map[string]any)
	if list, ok := in[name].([]any); ok && len(list) > 0 && g.r.IntN(2) == 0 {
		if o, ok := list[g.r.IntN(len(list))].(map[string]any); ok && len(o) > 0 {
			switch g.r.IntN(3) {
			case 0:
				delete(o, pick(g, slices.Sorted(maps.Keys(o))...))
			case 1:
				o[pick(g, slices.Sorted(maps.Keys(o))...)] = nil
			default:
				list[0] = o // the same pair, or record, twice
			}
			return
		}
	}
	if pairs, ok := in["custom_fields"].([]any); ok && g.r.IntN(3) == 0 {
		if len(pairs) > 0 && g.r.IntN(4) == 0 {
			in["custom_fields"] = append(pairs, pairs[0])
			return
		}
		plain := map[string]any{}
		for _, x := range pairs {
			if pair, ok := x.(map[string]any); ok {
				plain[pair["id"].(string)] = pair["value"]
			}
		}
		in["custom_fields"] = plain
		return
	}
	switch g.r.IntN(4) {
	case 0:
		delete(in, name)
	case 1:
		in[name] = nil
	case 2:
		if has(q, "array") {
			in[name] = []any{}
			return
		}
		in["surplus"] = "x"
	default:
		in[name] = g.value(name, q)
	}
}

// TestStrictIsOracle compares what the agent layer accepts with the strict forms of the
// tools that have one.
func TestStrictIsOracle(t *testing.T) {
	t.Parallel()
	rounds := max(*oracleInputs/len(tools.All()), 100)
	if testing.Short() {
		rounds = 100
	}
	user := agent.User{ID: "user_" + strings.Repeat("a", 43), Zone: time.UTC, Currency: "USD", Now: time.Date(2026, 6, 19, 12, 0, 0, 0, time.UTC)}
	used, strict := map[string]bool{}, map[string]bool{}
	compared, agreed := 0, 0
	for i, tool := range tools.All() {
		if reasons, err := agent.NotStrict(tool); err != nil || len(reasons) > 0 {
			continue
		}
		t.Run(tool.Name, func(t *testing.T) {
			defs, err := agent.Definitions([]*closekit.Tool{tool}, agent.OpenAIStrict, agent.Full, agent.Deferral{})
			if err != nil {
				t.Fatal(err)
			}
			var def struct {
				Function struct {
					Parameters json.RawMessage `json:"parameters"`
					Strict     bool            `json:"strict"`
				} `json:"function"`
			}
			if err := json.Unmarshal(defs[0], &def); err != nil || !def.Function.Strict {
				t.Fatalf("%v: %s", err, defs[0])
			}
			x := &strictCase{
				tool: tool, canonical: compile(t, tool.Name, tool.InputSchema()), strict: compile(t, tool.Name+"-strict", def.Function.Parameters),
				tree: decode(t, tool.InputSchema()).(map[string]any), form: decode(t, def.Function.Parameters).(map[string]any),
				user: user, used: used, stricter: strict,
			}
			g := &generator{r: rand.New(rand.NewPCG(uint64(i), 11))}
			for n := range rounds {
				in := g.object(x.tree)
				if n%4 == 1 || n%4 == 2 {
					g.mutate(tool, x.tree, in, true)
				}
				in = strictForm(x.form, in).(map[string]any)
				if n%4 > 1 && len(in) > 0 {
					g.misshape(x.form, in)
				}
				compared++
				if x.compare(t, text(in)) {
					agreed++
				}
			}
		})
	}
	t.Logf("%d of %d verdicts are the same", agreed, compared)
	if testing.Short() || t.Failed() {
		return
	}
	for why := range looser {
		if !used[why] {
			t.Errorf("the leniency %q never occurred", why)
		}
	}
	for why := range unsaid {
		if !used[why] && *oracleInputs >= 500_000 { // some are rare
			t.Errorf("the keyword %q never mattered", why)
		}
	}
}

// strictCase is a tool with its schema and its strict form.
type strictCase struct {
	tool              *closekit.Tool
	canonical, strict *jsonschema.Schema
	tree, form        map[string]any
	user              agent.User
	used, stricter    map[string]bool
}

// compare compares the verdicts about an input, and reports whether they are the same.
func (x *strictCase) compare(t *testing.T, input string) bool {
	t.Helper()
	in := decode(t, []byte(input))
	refused := x.strict.Validate(in)
	reading := agent.Read(x.tool, []byte(input), x.user)
	plain := plainForm(x.tree, x.form, in)
	invalid := x.canonical.Validate(decode(t, []byte(text(plain))))
	switch {
	case refused == nil && reading.Err == nil:
		if sent := plainForm(x.tree, x.form, decode(t, reading.Input)); invalid == nil && len(reading.Repairs) == 0 && text(sent) != text(plain) {
			t.Fatalf("misread: %.600s\nsent  %.600s\nmeant %.600s", input, text(sent), text(plain))
		}
	case refused == nil && invalid != nil:
		x.unsaid(t, input, invalid, reading.Err)
	case refused == nil:
		x.reasons(t, input, text(plain), reading.Err)
	case reading.Err == nil:
		x.looser(t, input, in.(map[string]any), reading)
	}
	return (refused == nil) == (reading.Err == nil)
}

// unsaid explains why the schema refuses what the strict form accepts.
func (x *strictCase) unsaid(t *testing.T, input string, invalid, ours error) {
	t.Helper()
	var v *jsonschema.ValidationError
	if !errors.As(invalid, &v) {
		t.Fatal(invalid)
	}
	for _, leaf := range causes(v) {
		keyword := leaf.KeywordLocation[strings.LastIndexByte(leaf.KeywordLocation, '/')+1:]
		if unsaid[keyword] == "" {
			t.Fatalf("the strict form accepts what the schema refuses for %s: %.600s\n%v", keyword, input, ours)
		}
		x.used[keyword] = true
	}
}

func causes(v *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(v.Causes) == 0 {
		return []*jsonschema.ValidationError{v}
	}
	var list []*jsonschema.ValidationError
	for _, c := range v.Causes {
		list = append(list, causes(c)...)
	}
	return list
}

// reasons explains why the layer refuses what both schemas accept.
func (x *strictCase) reasons(t *testing.T, input, plain string, ours error) {
	t.Helper()
	var v *closekit.ValidationError
	if !errors.As(ours, &v) {
		t.Fatalf("%T: %v", ours, ours)
	}
	rest := &closekit.ValidationError{Tool: v.Tool}
	for _, p := range v.Problems {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(doubted)), func(why string) bool { return strings.HasPrefix(p.Expected, why) }) {
			rest.Problems = append(rest.Problems, p)
		}
	}
	explainRefusal(t, x.tree, plain, rest, x.stricter)
}

// looser explains why the layer accepts what the strict form refuses, and tests that
// what is sent has a strict form.
func (x *strictCase) looser(t *testing.T, input string, in map[string]any, reading agent.Reading) {
	t.Helper()
	sent := decode(t, reading.Input).(map[string]any)
	for _, a := range x.tool.Info().Aliases {
		if v, ok := sent[a.Name]; ok {
			x.used["not shown"] = true
			delete(sent, a.Name)
			if a.Name == "pause" {
				v = map[bool]string{true: "paused", false: "active"}[v == true]
			}
			if v != nil {
				sent[a.For] = v
			}
		}
	}
	if len(reading.Repairs) > 0 {
		x.used["repaired"] = true
	}
	why := map[string]bool{}
	mended := rewrite(x.tree, sent, true, why)
	if len(why) > 0 {
		x.used["lenient"] = true
	}
	if err := x.canonical.Validate(mended); err != nil {
		t.Fatalf("accepted, and nothing explains it: %.600s\n%v", input, short(err))
	}
	again := strictForm(x.form, plainForm(x.tree, x.form, mended)).(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(again)) {
		if x.form["properties"].(map[string]any)[name] == nil {
			x.used["not shown"] = true
			delete(again, name)
		}
	}
	if err := x.strict.Validate(decode(t, []byte(text(again)))); err != nil {
		t.Fatalf("what is sent has no strict form: %.600s\nsent %s\nform %s\n%v", input, reading.Input, text(again), short(err))
	}
	for name := range again {
		if _, ok := in[name]; !ok {
			x.used["left out"] = true
		}
		if _, isMap := in[name].(map[string]any); isMap && has(x.form["properties"].(map[string]any)[name], "array") {
			x.used["plain"] = true
		}
	}
}
