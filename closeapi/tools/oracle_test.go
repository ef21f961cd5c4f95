package tools_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// The JSON Schema of a tool is the oracle for Validate. Where the two differ,
// the difference is one of those listed here.

// stricter lists what Validate refuses although no portable JSON Schema can say
// it, by what the problem expects.
var stricter = map[string]string{
	"give exactly one of ":       "rules between parameters",
	"give at least one of ":      "rules between parameters",
	"give only one of ":          "rules between parameters",
	"is required when ":          "rules between parameters",
	"does not go with ":          "rules between parameters",
	"must have exactly one elem": "rules between parameters",
	"give different values for ": "rules between parameters",
	"must be a phone number":     "a number is written in many ways",
	"must be one line":           "a name or subject has no line breaks, which no format says",
	"must be an email address":   "an address may have a display name, which the format email does not allow",
	"must be a time zone name":   "there is no format for it",
	"must be a date such as 20":  "a date or a time is no format",
	"must not contain a comma":   "lists go into the query joined by commas",
	"must be a web address such": "the format uri takes any scheme",
	"must be an integer amount":  "an amount with a point is in dollars, and a schema takes 12000.00 for an integer",
	"is given twice":             "a name that occurs twice has two readings, of which a decoder drops one",
	"must be a custom field id":  "old fields have prefixes of their own, hence the schema names none",
}

// lenient lists how Validate takes what a schema refuses, as a function that
// rewrites such a value into what the schema wants. The value is nil when there
// is nothing to rewrite.
var lenient = map[string]func(schema, v any) (any, bool){
	"a list or object as JSON text": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		var out any
		if !ok || !has(schema, "array") && !has(schema, "object") || json.Unmarshal([]byte(s), &out) != nil {
			return nil, false
		}
		switch out.(type) {
		case []any, map[string]any:
			return out, true
		}
		return nil, false
	},
	"a list of words joined by commas, in the query": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		if !ok || !has(schema, "array") || strings.HasPrefix(s, "[") && json.Valid([]byte(s)) {
			return nil, false
		}
		var list []any
		for part := range strings.SplitSeq(s, ",") {
			list = append(list, strings.TrimSpace(part))
		}
		return list, true
	},
	"an id with an unknown prefix, or in capitals": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		m := schema.(map[string]any)
		pattern, _ := m["pattern"].(string)
		prefix, rest, cut := strings.Cut(s, "_")
		if !ok || pattern == "" || !cut || prefix == "" || !word.MatchString(prefix) || !word.MatchString(rest) || slices.Contains(knownPrefixes(), prefix) {
			return nil, false
		}
		g := &generator{r: rand.New(rand.NewPCG(1, 1))}
		return g.pattern(pattern), true
	},
	"a time without offset or seconds": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		if !ok || schema.(map[string]any)["format"] != "date-time" {
			return nil, false
		}
		for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.Format(time.RFC3339), true
			}
		}
		return nil, false
	},
	"an order that is not listed: the set is open": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		enum, _ := schema.(map[string]any)["enum"].([]any)
		for _, e := range enum {
			if name, isName := e.(string); ok && s != "" && isName && slices.Contains(enum, any("-"+name)) {
				return name, true
			}
		}
		return nil, false
	},
	"a web address without scheme": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		if u, err := url.Parse(s); !ok || err != nil || u.Scheme != "" || s == "" || schema.(map[string]any)["format"] != "uri" {
			return nil, false
		}
		return "https://acme.example/x", true
	},
	"anything with an @ between two texts as an address": func(schema, v any) (any, bool) {
		s, ok := v.(string)
		at := strings.LastIndexByte(s, '@')
		if !ok || schema.(map[string]any)["format"] != "email" || at < 1 || at == len(s)-1 {
			return nil, false
		}
		return "ann@acme.example", true
	},
	"elements of any kind in a custom field": func(schema, v any) (any, bool) {
		list, ok := v.([]any)
		types, _ := schema.(map[string]any)["type"].([]any)
		if !ok || !slices.Contains(types, any("number")) || !slices.Contains(types, any("array")) || slices.Contains(types, any("object")) {
			return nil, false
		}
		out := make([]any, len(list))
		for i := range list {
			out[i] = "x"
		}
		return out, true
	},
}

var word = regexp.MustCompile(`^[0-9A-Za-z]+$`)

// has reports whether a schema allows a type.
func has(schema any, typ string) bool {
	m, _ := schema.(map[string]any)
	switch t := m["type"].(type) {
	case string:
		return t == typ
	case []any:
		return slices.Contains(t, any(typ))
	}
	return false
}

var knownPrefixes = func() func() []string {
	var list []string
	return func() []string {
		if list == nil {
			for _, tool := range tools.All() {
				for _, m := range regexp.MustCompile(`[\^(|]([a-z]+)_\[`).FindAllStringSubmatch(string(tool.InputSchema()), -1) {
					list = append(list, m[1])
				}
			}
		}
		return list
	}
}()

// generator makes random values that a schema accepts, and spoils them.
type generator struct {
	r *rand.Rand
}

func pick[T any](g *generator, list ...T) T { return list[g.r.IntN(len(list))] }

func (g *generator) letters(n int) string {
	const all = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = all[g.r.IntN(len(all))]
	}
	return string(b)
}

// pattern makes a text for the few forms of patterns that the schemas have.
func (g *generator) pattern(p string) string {
	p = strings.Trim(p, "^$")
	if inner, ok := strings.CutPrefix(p, "("); ok && strings.HasSuffix(inner, ")") && !strings.Contains(p, `\.`) {
		p = pick(g, strings.Split(strings.TrimSuffix(inner, ")"), "|")...)
	}
	p = strings.ReplaceAll(p, `(\.(add|remove))?`, pick(g, "", "", ".add", ".remove"))
	for _, class := range []struct {
		text string
		n    int
	}{{"[A-Za-z0-9]+", pick(g, 22, 43)}, {"[a-z0-9]+", 0}, {"[a-z]+", 0}} {
		s := "cf"
		if class.n > 0 {
			s = g.letters(class.n)
		}
		p = strings.ReplaceAll(p, class.text, s)
	}
	return p
}

var (
	dateName  = regexp.MustCompile(`^(date|due_date|.*_date|date_.*|.*_at|.*_at__.*|date__.*|due_date__.*|.*__(gte?|lte?))$`)
	phoneName = regexp.MustCompile(`(^|_)phone$`)
)

// value makes a value that the schema accepts; name helps where the schema
// cannot tell all.
func (g *generator) value(name string, schema any) any {
	m := schema.(map[string]any)
	if enum, ok := m["enum"].([]any); ok {
		return pick(g, enum...)
	}
	typ, ok := m["type"].(string)
	if types, list := m["type"].([]any); list {
		typ, ok = pick(g, types...).(string), true
	}
	if !ok {
		return "anything"
	}
	switch typ {
	case "null":
		return nil
	case "boolean":
		return g.r.IntN(2) == 0
	case "integer", "number":
		return g.number(m)
	case "string":
		return g.text(name, m)
	case "array":
		list := []any{}
		least, _ := strconv.Atoi(fmt.Sprint(m["minItems"])) // 0 if there is none
		for range max(g.r.IntN(4), least) {
			item := m["items"]
			if item == nil {
				item = map[string]any{"type": "string"}
			}
			list = append(list, g.value(name, item))
		}
		return list
	case "object":
		return g.object(m)
	}
	panic("unknown type " + typ)
}

func (g *generator) number(m map[string]any) any {
	lo, hi := int64(-1000), int64(1)<<40
	if n, ok := m["minimum"].(json.Number); ok {
		lo, _ = n.Int64()
	}
	if n, ok := m["maximum"].(json.Number); ok {
		hi, _ = n.Int64()
	}
	return json.Number(strconv.FormatInt(pick(g, lo, hi, lo+g.r.Int64N(hi-lo+1)), 10))
}

func (g *generator) text(name string, m map[string]any) string {
	pattern, _ := m["pattern"].(string)
	switch {
	case pattern != "":
		return g.pattern(pattern)
	case m["format"] == "date-time":
		return pick(g, "2026-03-31T15:04:05Z", "2026-03-31T15:04:05.123456+02:00", "2026-12-31T23:59:59-05:30")
	case m["format"] == "date":
		return pick(g, "2026-03-31", "2024-02-29")
	case m["format"] == "uri":
		return pick(g, "https://acme.example", "http://acme.example/a?b=c#d")
	case m["format"] == "email":
		return pick(g, "ann@acme.example", "a.b+c@mail.acme.example")
	case dateName.MatchString(name):
		return pick(g, "2026-03-31", "2026-03-31T15:04:05+02:00")
	case phoneName.MatchString(name):
		return pick(g, "+16505550142", "(650) 555-0142")
	case name == "timezone":
		return "Europe/Berlin"
	}
	if n, ok := m["maxLength"].(json.Number); ok && g.r.IntN(4) == 0 {
		if most, _ := n.Int64(); most < 2000 {
			return strings.Repeat("ü", int(most))
		}
	}
	list := []string{"Acme", "Ünïcödé 你好", "a\"b\\c\n", "x", "true", "-date_created", g.letters(8)}
	if n, ok := m["maxLength"].(json.Number); ok {
		most, _ := n.Int64()
		list = slices.DeleteFunc(list, func(s string) bool { return int64(utf8.RuneCountInString(s)) > most })
	}
	return pick(g, list...)
}

func (g *generator) object(m map[string]any) map[string]any {
	out := map[string]any{}
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	many := pick(g, 2, 4, 20)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(name)) || g.r.IntN(many) == 0 {
			out[name] = g.value(name, properties[name])
		}
	}
	patterns, _ := m["patternProperties"].(map[string]any)
	for _, p := range slices.Sorted(maps.Keys(patterns)) {
		for range g.r.IntN(3) {
			out[g.pattern(p)] = g.value("", patterns[p])
		}
	}
	return out
}

// mutate spoils something in an object, or only makes it odd.
func (g *generator) mutate(tool *closekit.Tool, m map[string]any, in map[string]any, top bool) {
	properties, _ := m["properties"].(map[string]any)
	names := slices.Sorted(maps.Keys(in))
	if len(names) == 0 || g.r.IntN(8) == 0 {
		in[pick(g, "nme", "id", "is_unsubscribed", "tz_ids", "", "_Fields", "custom.cf_"+g.letters(43), "é")] = pick[any](g, "x", nil, 3)
		return
	}
	if top && in["_order_by"] != nil && g.r.IntN(4) == 0 {
		in["_order_by"] = pick(g, "-name", "value desc", "DATE_CREATED")
		return
	}
	name := pick(g, names...)
	if custom, ok := in["custom_fields"].(map[string]any); ok && len(custom) > 0 && g.r.IntN(3) == 0 {
		name = "custom_fields" // they have the most ways to go wrong
	}
	schema, _ := properties[name].(map[string]any)
	if schema == nil { // a custom field
		patterns, _ := m["patternProperties"].(map[string]any)
		for _, p := range patterns {
			schema, _ = p.(map[string]any)
		}
	}
	switch v := in[name].(type) {
	case map[string]any:
		if g.r.IntN(2) == 0 {
			g.mutate(tool, schema, v, false)
			return
		}
		if g.r.IntN(2) == 0 {
			in[name] = text(v)
			return
		}
	case []any:
		if items, ok := schema["items"].(map[string]any); ok && len(v) > 0 {
			i := g.r.IntN(len(v))
			if o, ok := v[i].(map[string]any); ok && g.r.IntN(2) == 0 {
				g.mutate(tool, items, o, false)
				return
			}
			if s, ok := v[i].(string); ok && g.r.IntN(2) == 0 {
				v[i] = g.spoil(s)
				return
			}
			switch g.r.IntN(5) {
			case 0:
				v[i] = pick[any](g, nil, true, json.Number("7"), []any{}, map[string]any{}, "")
				return
			case 1:
				for len(v) < 1001 {
					v = append(v, v[i])
				}
				in[name] = v
				return
			case 2:
				if joined := make([]string, len(v)); !slices.ContainsFunc(v, func(e any) bool { _, ok := e.(string); return !ok }) {
					for i := range v {
						joined[i] = v[i].(string)
					}
					in[name] = strings.Join(joined, ",")
					return
				}
			}
		}
		if g.r.IntN(2) == 0 {
			in[name] = text(v)
			return
		}
	case string:
		if other, ok := in[pick(g, names...)].(string); ok && g.r.IntN(4) == 0 {
			in[name] = other
			return
		}
		if g.r.IntN(2) == 0 {
			in[name] = g.spoil(v)
			return
		}
	case json.Number:
		if g.r.IntN(2) == 0 {
			if strings.ContainsAny(string(v), ".eE") {
				v = "7"
			}
			in[name] = json.Number(pick(g, string(v)+".0", string(v)+".5", "-1", "1e2", "99999999999999", "-0", "1e400", "1"+strings.Repeat("0", 25)))
			return
		}
	}
	switch g.r.IntN(4) {
	case 0:
		delete(in, name)
	case 1:
		if i := slices.IndexFunc(tool.Info().Aliases, func(a closekit.ToolAlias) bool { return a.For == name }); i >= 0 && top {
			in[tool.Info().Aliases[i].Name] = in[name]
			if g.r.IntN(4) > 0 {
				delete(in, name)
			}
			return
		}
		in[name] = nil
	case 2:
		in[name] = nil
	default:
		in[name] = pick[any](g, true, json.Number("3"), json.Number("-2.5"), "x", "", []any{}, []any{"x"}, map[string]any{}, map[string]any{"a": "b"}, "[]", "{}", "null")
	}
}

// spoil changes a text.
func (g *generator) spoil(s string) string {
	return pick(g, "", " ", s+" ", strings.ToUpper(s), s+"_", "qqq_"+g.letters(43), "lead_"+g.letters(43), "user_"+g.letters(43), "memb", "_x", "a,b", s+","+s,
		"2026-02-30", "2026-03-31", "2026-03-31T15:04:05", "2026-03-31T15:04", "2026-03-31T15:04:05+0200", "acme.example", "ftp://acme.example", "//acme.example/x",
		"a@b", "@", "a b@c", "a@b, c@d", strings.Repeat("x", 1100), "not-a-word", "Completed", "\u0000")
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// rewrite turns what Validate accepts into what the schema wants, as far as a
// leniency explains it, and notes which ones.
func rewrite(schema, v any, top bool, used map[string]bool) any {
	m, _ := schema.(map[string]any)
	if m == nil {
		return v
	}
	for _, why := range slices.Sorted(maps.Keys(lenient)) {
		if valid(m, v) {
			break
		}
		if w, ok := lenient[why](schema, v); ok {
			v, used[why] = w, true
		}
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = rewrite(m["items"], v[i], false, used)
		}
	case map[string]any:
		properties, _ := m["properties"].(map[string]any)
		patterns, _ := m["patternProperties"].(map[string]any)
		gatherCustomFields(properties, v, used)
		dropMembers(m, v, top, used)
		renameKeys(patterns, properties, v, used)
		for name := range v {
			if s := properties[name]; s != nil {
				v[name] = rewrite(s, v[name], false, used)
				continue
			}
			for p, s := range patterns {
				if regexp.MustCompile(p).MatchString(name) {
					v[name] = rewrite(s, v[name], false, used)
				}
			}
		}
	}
	return v
}

const (
	nullIsAbsent = "null for what cannot be null and may be left out"
	onlyReceived = "a member of a nested object that only responses have"
)

// dropMembers is the leniency for members that count as absent.
func dropMembers(m, in map[string]any, top bool, used map[string]bool) {
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	for name, v := range in {
		switch s := properties[name]; {
		case s == nil && !top && slices.Contains([]string{"id", "is_unsubscribed", "tz_ids"}, name):
			delete(in, name)
			used[onlyReceived] = true
		case s != nil && v == nil && !has(s, "null") && s.(map[string]any)["type"] != nil && !slices.Contains(required, any(name)):
			delete(in, name)
			used[nullIsAbsent] = true
		}
	}
}

// gatherCustomFields is the leniency for the keys of custom fields: Close itself
// names them custom.cf_…, beside the other members or under custom_fields.
func gatherCustomFields(properties, in map[string]any, used map[string]bool) {
	const prefix = "custom."
	if properties["custom_fields"] == nil {
		return
	}
	if s, ok := in["custom_fields"].(string); ok {
		var v map[string]any
		if json.Unmarshal([]byte(s), &v) == nil && v != nil {
			in["custom_fields"] = v
		}
	}
	values, isObject := in["custom_fields"].(map[string]any)
	if !isObject && in["custom_fields"] != nil && !testing.Short() {
		return
	}
	gathered := map[string]any{}
	for _, from := range []map[string]any{in, values} {
		for name, v := range from {
			if id, ok := strings.CutPrefix(name, prefix); ok {
				delete(from, name)
				gathered[id] = v
			}
		}
	}
	if len(gathered) > 0 {
		maps.Copy(gathered, values)
		in["custom_fields"], used[prefix] = gathered, true
	}
}

const otherKeys = "a custom field's id with an unknown prefix, or in capitals"

// renameKeys is the leniency for the keys of maps, which are ids.
func renameKeys(patterns, properties, in map[string]any, used map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		prefix, rest, cut := strings.Cut(name, "_")
		isKnown := properties[name] != nil
		for p := range patterns {
			isKnown = isKnown || regexp.MustCompile(p).MatchString(name)
		}
		if len(patterns) == 0 || isKnown || !cut || !word.MatchString(prefix) || !word.MatchString(strings.TrimSuffix(strings.TrimSuffix(rest, ".add"), ".remove")) {
			continue
		}
		in["cf_"+strings.ToLower(prefix)+rest] = in[name]
		delete(in, name)
		used[otherKeys] = true
	}
}

// valid is a rough look at one value without what is in it.
func valid(m map[string]any, v any) bool {
	switch v := v.(type) {
	case nil:
		return has(m, "null")
	case []any:
		return has(m, "array") && !(has(m, "number") && slices.ContainsFunc(v, func(e any) bool { _, ok := e.(string); return !ok }))
	case map[string]any:
		return has(m, "object")
	case string:
		if p, ok := m["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return false
		}
		if enum, ok := m["enum"].([]any); ok && !slices.Contains(enum, any(v)) {
			return false
		}
		return has(m, "string") && m["format"] == nil
	}
	return true
}

// oracleInputs is the number of inputs over all tools, at least 100 for each; make fuzz
// takes a million.
var oracleInputs = flag.Int("inputs", 48_600, "number of inputs that are compared with the schemas")

// TestSchemaIsOracle compares Validate with the schema on random inputs.
func TestSchemaIsOracle(t *testing.T) {
	t.Parallel()
	rounds := max(*oracleInputs/len(tools.All()), 100)
	if testing.Short() {
		rounds = 100
	}
	used := map[string]bool{}
	strict := map[string]bool{}
	for i, tool := range tools.All() {
		t.Run(tool.Name, func(t *testing.T) {
			schema := compile(t, tool.Name, tool.InputSchema())
			tree := decode(t, tool.InputSchema()).(map[string]any)
			g := &generator{r: rand.New(rand.NewPCG(uint64(i), 7))}
			rounds := rounds
			if tree["properties"].(map[string]any)["custom_fields"] != nil && !testing.Short() {
				rounds = max(rounds, 2500) // few tools have them, and they have the most ways to go wrong
			}
			for n := range rounds {
				in := g.object(tree)
				for range min(n%4, 2) {
					g.mutate(tool, tree, in, true)
				}
				input := text(in)
				if names := slices.Sorted(maps.Keys(in)); n%40 == 39 && len(names) > 0 {
					name := names[n/40%len(names)]
					input = input[:len(input)-1] + "," + text(name) + ":" + text(in[name]) + "}"
				}
				oracle := schema.Validate(decode(t, []byte(input)))
				ours := tool.Validate(json.RawMessage(input))
				switch {
				case n%4 == 0 && oracle != nil:
					t.Fatalf("the generator makes what the schema refuses: %s: %v", input, oracle)
				case oracle == nil && ours != nil:
					explainRefusal(t, tree, input, ours, strict)
				case oracle != nil && ours == nil:
					explainAcceptance(t, tool, tree, schema.Validate, input, oracle, used)
				}
			}
		})
	}
	if testing.Short() || t.Failed() {
		return
	}
	for _, why := range append(slices.Collect(maps.Keys(lenient)), "custom.", "aliases", nullIsAbsent, onlyReceived) {
		if !used[why] {
			t.Errorf("the leniency %q never occurred", why)
		}
	}
	for what := range stricter {
		if !strict[what] && what != "does not go with " { // only some manifests have cases
			t.Errorf("the strictness %q never occurred", what)
		}
	}
}

func explainRefusal(t *testing.T, tree map[string]any, input string, ours error, strict map[string]bool) {
	t.Helper()
	var v *closekit.ValidationError
	if !errors.As(ours, &v) {
		t.Fatalf("Validate gives %T: %v", ours, ours)
	}
	for _, p := range v.Problems {
		found := strings.HasPrefix(p.Expected, "must be an integer") && huge(p.Received) || p.Expected == "is required" && empty(input, p.Path) || abridged(tree, p.Path)
		for what := range stricter {
			if strings.HasPrefix(p.Expected, what) {
				found, strict[what] = true, true
			}
		}
		if !found {
			t.Fatalf("the schema accepts, Validate refuses: %.600s\n%v", input, p)
		}
	}
}

// empty reports whether a required parameter was given, but as an empty text or
// list, which the SDK cannot tell from one that was left out.
func empty(input, path string) bool {
	var v any
	if json.Unmarshal([]byte(input), &v) != nil {
		return false
	}
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(in) {
				return false
			}
			v = in[n]
		}
	}
	list, isList := v.([]any)
	return v == "" || isList && len(list) == 0
}

// abridged reports whether a schema does not write out what is at a path: an object
// that takes further members says them in words.
func abridged(schema map[string]any, path string) bool {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if properties, _ := schema["properties"].(map[string]any); has(schema, "object") {
			if schema["additionalProperties"] == nil {
				return true
			}
			schema, _ = properties[step].(map[string]any)
		} else {
			schema, _ = schema["items"].(map[string]any)
		}
		if schema == nil {
			return false
		}
	}
	return has(schema, "object") && schema["additionalProperties"] == nil
}

// huge reports whether a number is too large for any integer type.
func huge(s string) bool {
	f, err := strconv.ParseFloat(s, 64)
	return err != nil && strings.Contains(err.Error(), "range") || f >= 1<<53 || f <= -1<<53
}

func explainAcceptance(t *testing.T, tool *closekit.Tool, tree map[string]any, check func(any) error, input string, oracle error, used map[string]bool) {
	t.Helper()
	in := decode(t, []byte(input)).(map[string]any)
	for _, a := range tool.Info().Aliases {
		if v, ok := in[a.Name]; ok {
			delete(in, a.Name)
			if v == nil {
				continue // absent
			}
			in[a.For], used["aliases"] = v, true
			if a.Name == "pause" {
				in[a.For] = map[bool]string{true: "paused", false: "active"}[v == true]
			}
		}
	}
	mended := rewrite(tree, in, true, used)
	if err := check(mended); err != nil {
		t.Fatalf("Validate accepts, the schema refuses, and no leniency explains it: %.600s\n%v\nmended: %.300s: %v", input, short(oracle), text(mended), short(err))
	}
}

func short(err error) string {
	lines := strings.Split(fmt.Sprintf("%#v", err), "\n")
	return lines[len(lines)-1]
}

// TestAliases proves that an alias asks for the same as the name that it stands
// for, for every alias of every tool.
func TestAliases(t *testing.T) {
	t.Parallel()
	for i, tool := range tools.All() {
		tree := decode(t, tool.InputSchema()).(map[string]any)
		properties := tree["properties"].(map[string]any)
		for j, a := range tool.Info().Aliases {
			// What is compared with the organization's currency is not sent.
			if slices.ContainsFunc(tool.Accepts, func(x closekit.Accepted) bool { return x.Name == a.For && x.Use == closekit.CheckCurrency }) {
				continue
			}
			t.Run(tool.Name+"/"+a.Name, func(t *testing.T) {
				g := &generator{r: rand.New(rand.NewPCG(uint64(i), uint64(j)))}
				plain := decode(t, []byte(tool.Info().Examples[0].Input)).(map[string]any)
				for _, e := range tool.Info().Examples {
					if with := decode(t, []byte(e.Input)).(map[string]any); with[a.For] != nil {
						plain = with
					}
				}
				for len(text(plain[a.For])) < 5 { // neither nothing, nor null, nor empty
					plain[a.For] = g.value(a.For, properties[a.For])
					if has(properties[a.For], "integer") {
						break
					}
				}
				other := maps.Clone(plain)
				delete(other, a.For)
				other[a.Name] = plain[a.For]
				if a.Name == "pause" {
					plain[a.For], other[a.Name] = "paused", true
				}
				if want, got := asked(t, tool, plain), asked(t, tool, other); want != got {
					t.Errorf("%s asks for\n%s\nwant\n%s", a.Name, got, want)
				}
				other[a.For] = plain[a.For]
				if tool.Validate(json.RawMessage(text(other))) == nil {
					t.Error("both names at once pass")
				}
			})
		}
	}
}

// asked gives the request that a tool sends.
func asked(t *testing.T, tool *closekit.Tool, input map[string]any) string {
	t.Helper()
	var request string
	spy := closekit.WithMiddleware(func(closekit.RoundTrip) closekit.RoundTrip {
		return func(a *closekit.Attempt) (*http.Response, error) {
			var body []byte
			if a.Request.Body != nil {
				b, err := io.ReadAll(a.Request.Body)
				if err != nil {
					return nil, err
				}
				body = b
			}
			request = a.Request.Method + " " + a.Request.URL.RequestURI() + " " + string(body)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
		}
	})
	if _, err := tool.Call(t.Context(), closekit.NewClient(closekit.APIKey("key"), spy), json.RawMessage(text(input))); err != nil {
		t.Fatalf("%s: %v", text(input), err)
	}
	return request
}
