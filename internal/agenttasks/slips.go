package agenttasks

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// Slip is a kind of mistake of a model.
type Slip string

// The kinds that a tool layer can see.
const (
	Misspelt  Slip = "a name in another spelling"
	Invented  Slip = "a parameter that does not exist"
	Mistyped  Slip = "a value of another type or shape"
	Absent    Slip = "a required parameter left out"
	Wrapped   Slip = "the input inside something, or cut off"
	OtherWord Slip = "another word for a value"
	Labeled   Slip = "a label for an id"
	OtherKind Slip = "the id of another kind"
	Doubled   Slip = "the same create twice"
)

// The kinds that it cannot.
const (
	OtherRecord Slip = "the id of another record of the kind"
	Neighbor    Slip = "the tool next to the right one"
	OffValue    Slip = "an amount or a date that is off"
	Filler      Slip = "a placeholder for a text"
	FirstPage   Slip = "only the first page"
	Stops       Slip = "stops half way"
	Blind       Slip = "no look before a write after a change"
	NoTool      Slip = "no call at all"
)

// Rate is how often a slip happens, of what.
type Rate struct {
	Slip    Slip
	Visible bool
	Of      string // call, write, create, number, list, long task, change, task
	Rate    float64
}

// Rates are the rates of a model of the middle; a strong one makes a quarter, a weak one
// twice as many. The kinds come from published error analyses, most rates are assumed.
func Rates() []Rate {
	return []Rate{
		{Misspelt, true, "call", 0.02},
		{Invented, true, "call", 0.02},
		{Mistyped, true, "call", 0.04},
		{Absent, true, "call", 0.015},
		{Wrapped, true, "call", 0.005},
		{OtherWord, true, "write", 0.0125},
		{Labeled, true, "write", 0.0125},
		{OtherKind, true, "write", 0.0125},
		{Doubled, true, "create", 0.05},
		{OtherRecord, false, "write", 0.0125},
		{Neighbor, false, "call", 0.015},
		{OffValue, false, "number", 0.03},
		{Filler, false, "write", 0.01},
		{FirstPage, false, "list", 0.25},
		{Stops, false, "long task", 0.15},
		{Blind, false, "change", 0.5},
		{NoTool, false, "task", 0.05},
	}
}

// spoiled is input with a mistake.
type spoiled struct {
	slip  Slip
	tool  string
	input json.RawMessage
	// names are what an error must name so that a reader can put it right: all of
	// them. None: it cannot.
	names []string
	twice bool
}

func (s Step) writes() bool {
	t := catalogTool(s.Tool)
	return t != nil && t.Effect != closekit.Read
}

func (s Step) creates() bool { return strings.HasSuffix(s.Tool, "_create") }

// of reports whether a slip can happen to a step.
func (s Slip) of(what string, step Step) bool {
	switch what {
	case "call":
		return true
	case "write":
		return step.writes()
	case "create":
		return step.creates()
	case "number":
		return step.writes() && (step.In["value"] != nil || step.In["date"] != nil || step.In["date_won"] != nil || step.In["duration"] != nil)
	}
	return false // of the task
}

// spoil returns a call with a mistake. ok is false if the call has no place for it.
func (s Slip) spoil(rng *rand.Rand, w *World, tool string, right json.RawMessage) (out spoiled, ok bool) { //nolint:gocognit // one case per kind
	var in map[string]any
	schema := schemaOf(tool)
	out = spoiled{slip: s, tool: tool, input: right}
	if json.Unmarshal(right, &in) != nil || len(in) == 0 {
		return out, false
	}
	keys := slices.Sorted(maps.Keys(in))
	pick := func(f func(key string) bool) string {
		fit := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !f(k) })
		if len(fit) == 0 {
			return ""
		}
		return fit[rng.IntN(len(fit))]
	}
	isID := func(k string) bool { text, is := in[k].(string); return is && idLike.MatchString(text) }
	done := func(v any, names ...string) (spoiled, bool) {
		out.input, out.names = mustJSON(v), names
		return out, true
	}
	switch s {
	case Misspelt:
		k := pick(func(k string) bool { return !strings.Contains(k, ".") && !strings.HasPrefix(k, "_") })
		if k == "" {
			break
		}
		other := camel(k)
		if other == k { // one word: models put the kind before it
			other = kindOf(tool) + "_" + k
		}
		in[other] = in[k]
		delete(in, k)
		return done(in, k)
	case Invented:
		in["reason_code"] = "requested"
		return done(in, "reason_code")
	case Mistyped:
		k := pick(func(k string) bool {
			list, isList := in[k].([]any)
			_, isObject := in[k].(map[string]any)
			_, isFlag := in[k].(bool)
			return !isFlag && !isObject && (!isList || len(list) == 1)
		})
		if k == "" {
			break
		}
		switch v := in[k].(type) {
		case []any:
			in[k] = v[0]
		case float64:
			in[k] = string(mustJSON(v))
		case string:
			in[k] = []any{v}
		}
		return done(in, k)
	case Wrapped:
		switch rng.IntN(3) {
		case 0:
			return done(string(right), "object")
		case 1:
			return done(map[string]any{"input": in}, "input")
		}
		out.input, out.names = right[:len(right)-1], []string{"JSON"} // cut off
		return out, true
	case Absent:
		k := pick(func(k string) bool { return slices.Contains(schema.Required, k) })
		if k == "" {
			break
		}
		delete(in, k)
		return done(in, k)
	case OtherWord:
		k := pick(func(k string) bool { _, text := in[k].(string); return text && len(schema.Properties[k].Enum) > 0 })
		if k == "" {
			break
		}
		right := in[k].(string)
		in[k] = strings.ToUpper(right) + []string{"", "_NOW"}[rng.IntN(2)]
		return done(in, k, right)
	case Labeled:
		k := pick(func(k string) bool { return isID(k) && w.nameOf(in[k].(string)) != "" })
		if k == "" {
			break
		}
		right := in[k].(string)
		in[k] = w.nameOf(right)
		return done(in, k, formOf(right))
	case OtherKind:
		k := pick(func(k string) bool { return isID(k) && !strings.HasPrefix(in[k].(string), "user_") })
		if k == "" {
			break
		}
		right := in[k].(string)
		in[k] = w.IDs["ben"]
		return done(in, k, formOf(right))
	case Doubled:
		out.twice = true
		return out, true
	case OtherRecord:
		k := pick(func(k string) bool { return isID(k) && w.sibling(in[k].(string)) != "" })
		if k == "" {
			break
		}
		in[k] = w.sibling(in[k].(string))
		return done(in)
	case Neighbor:
		other := neighbors[verbOf(tool)]
		if other == "" {
			break
		}
		out.tool = strings.TrimSuffix(tool, verbOf(tool)) + other
		if catalogTool(out.tool) == nil {
			break
		}
		return out, true
	case OffValue:
		if v, is := in["value"].(float64); is {
			in["value"] = v * 100
			return done(in)
		}
		for _, k := range []string{"date", "date_won"} {
			if v, is := in[k].(string); is && len(v) >= len("2026-11-28") && v[8:10] > "01" {
				day := []byte(v)
				if day[9] > '0' {
					day[9]--
				} else {
					day[8], day[9] = day[8]-1, '9'
				}
				in[k] = string(day)
				return done(in)
			}
		}
	case Filler:
		k := pick(func(k string) bool {
			text, is := in[k].(string)
			return is && !idLike.MatchString(text) && len(schema.Properties[k].Enum) == 0
		})
		if k == "" {
			break
		}
		in[k] = "{{contact.name}}"
		return done(in)
	case FirstPage, Stops, Blind, NoTool: // of the task
	}
	return out, false
}

var neighbors = map[string]string{"create": "update", "update": "create", "get": "delete", "delete": "update"}

// formOf returns what an error must say for a reader to know which id belongs there: its
// form, or a tool to ask. That some object does not exist is not enough.
func formOf(id string) string { return id[:strings.IndexByte(id, '_')+1] + "|close_" }

// kindOf returns the kind of record of a tool: close_task_create has task.
func kindOf(tool string) string {
	return strings.TrimSuffix(strings.TrimPrefix(tool, "close_"), "_"+verbOf(tool))
}

func verbOf(tool string) string { return tool[strings.LastIndexByte(tool, '_')+1:] }

// nameOf returns what people call the record of an id.
func (w *World) nameOf(id string) string {
	for _, name := range slices.Sorted(maps.Keys(w.IDs)) {
		if w.IDs[name] == id {
			return strings.TrimPrefix(name, "lead ")
		}
	}
	return ""
}

// sibling returns the id of another record of the kind.
func (w *World) sibling(id string) string {
	kind, _, _ := strings.Cut(id, "_")
	for _, name := range slices.Sorted(maps.Keys(w.IDs)) {
		if other := w.IDs[name]; other != id && strings.HasPrefix(other, kind+"_") {
			return other
		}
	}
	return ""
}

func camel(k string) string {
	var b strings.Builder
	up := false
	for _, c := range k {
		switch {
		case c == '_':
			up = b.Len() > 0
		case up:
			b.WriteRune(unicode.ToUpper(c))
			up = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

type schema struct {
	Required   []string
	Properties map[string]struct {
		Enum    []any
		Default any
	}
}

var schemas sync.Map // schema by tool

func schemaOf(tool string) (s schema) {
	if known, ok := schemas.Load(tool); ok {
		return known.(schema) //nolint:forcetypeassert // only schemas are stored
	}
	if t := catalogTool(tool); t != nil && json.Unmarshal(t.InputSchema(), &s) != nil {
		s = schema{}
	}
	schemas.Store(tool, s)
	return s
}

var byName = sync.OnceValue(func() map[string]*closekit.Tool {
	all := map[string]*closekit.Tool{}
	for _, t := range tools.All() {
		all[t.Name] = t
	}
	return all
})

// catalogTool returns a tool by its name, or nil.
func catalogTool(name string) *closekit.Tool { return byName()[name] }
