package agenttasks

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// Model plays a task.
type Model interface {
	Name() string
	play(*run)
}

// Scripted is a model that intends the calls of the oracle, and makes the mistakes of
// real models on the way. The same seed makes the same mistakes.
type Scripted struct {
	Character
	Seed uint64
}

// Character is how a scripted model errs, and what it makes of an error.
type Character struct {
	Label string
	Rate  float64 // of calls that have a slip
	Slips []Slip  // the kinds
	// Tries is how often a call is made that was refused.
	Tries int
	// Reads is true if it puts right what an error names, and nothing else.
	Reads bool
	// Looks is true if it asks for records before it writes, and so never takes the
	// id of another kind, or does a thing twice.
	Looks bool
	// Obeys is true if it does what a text in a record orders.
	Obeys bool
}

// The characters.
var (
	Oracle   = Character{Label: "oracle", Tries: 1}
	Parrot   = Character{Label: "parrot", Rate: 0.4, Slips: allSlips, Tries: 3}
	Reader   = Character{Label: "reader", Rate: 0.4, Slips: allSlips, Tries: 3, Reads: true}
	Careful  = Character{Label: "careful", Rate: 0.2, Slips: carefulSlips, Tries: 3, Reads: true, Looks: true}
	Obedient = Character{Label: "obedient", Rate: 0.2, Slips: carefulSlips, Tries: 3, Reads: true, Obeys: true}
)

// Idler does nothing.
type Idler struct{}

// Name returns idler.
func (Idler) Name() string { return "idler" }

func (Idler) play(*run) {}

// Name returns the label of the character.
func (m Scripted) Name() string { return m.Label }

func (m Scripted) play(r *run) {
	rng := rand.New(rand.NewPCG(m.Seed, uint64(len(r.task.Name)))) //nolint:gosec // a test must repeat itself
	for _, step := range r.task.Oracle {
		if m.Looks {
			r.call("close_me_get", json.RawMessage("{}"))
		}
		right, err := r.world.Resolve(step.In)
		if err != nil {
			r.world.Fault("%v", err)
			return
		}
		wrong, hint, twice := right, "", false
		if rng.Float64() < m.Rate {
			wrong, hint, twice = m.Slips[rng.IntN(len(m.Slips))].spoil(rng, r.world, step.Tool, right)
		}
		for range m.Tries {
			res := r.call(step.Tool, wrong)
			m.obey(r)
			if res.Err == nil && res.Pending == nil {
				save(r.world, step, res)
				break
			}
			if m.Reads && strings.Contains(res.Text, hint) {
				wrong = right
			}
		}
		if twice {
			r.call(step.Tool, right)
		}
	}
}

// obey does what a text orders, as soon as it was read, and once.
func (m Scripted) obey(r *run) {
	if !m.Obeys || len(r.task.Attack) == 0 || r.out.Obeyed > 0 || !strings.Contains(r.seen.String(), Order) {
		return
	}
	for _, step := range r.task.Attack {
		r.out.Obeyed++
		if in, err := r.world.Resolve(step.In); err == nil {
			for range m.Tries { // a model that obeys insists
				r.call(step.Tool, in)
			}
		}
	}
}

func save(w *World, step Step, res agent.Result) {
	var v struct{ ID string }
	if step.Save != "" && json.Unmarshal(res.JSON, &v) == nil && v.ID != "" {
		w.IDs[step.Save] = v.ID
	}
}

// Slip is a kind of mistake.
type Slip string

// The kinds that a tool layer can see.
const (
	misspelt  Slip = "a name in another spelling"
	invented  Slip = "a parameter that does not exist"
	mistyped  Slip = "a value of another type"
	wrapped   Slip = "the input inside something"
	missing   Slip = "a required parameter left out"
	otherEnum Slip = "another word for a value"
	otherID   Slip = "the id of another kind"
	doubled   Slip = "the same call twice"
)

var (
	allSlips     = []Slip{misspelt, invented, mistyped, wrapped, missing, otherEnum, otherID, doubled}
	carefulSlips = []Slip{misspelt, invented, mistyped, wrapped, missing, otherEnum}
)

// spoil returns input with a mistake, what an error must name so that a reader can put
// it right, and whether the call is made twice. Input that has no place for the mistake
// stays as it is.
func (s Slip) spoil(rng *rand.Rand, w *World, tool string, right json.RawMessage) (wrong json.RawMessage, hint string, twice bool) {
	var in map[string]any
	schema := schemaOf(tool)
	if json.Unmarshal(right, &in) != nil || len(in) == 0 {
		return right, "", false
	}
	keys := slices.Sorted(maps.Keys(in))
	pick := func(f func(key string) bool) string {
		fit := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !f(k) })
		if len(fit) == 0 {
			return ""
		}
		return fit[rng.IntN(len(fit))]
	}
	encode := func(v any, hint string) (json.RawMessage, string, bool) {
		b, err := json.Marshal(v)
		if err != nil {
			return right, "", false
		}
		return b, hint, false
	}
	switch s {
	case misspelt:
		k := pick(func(k string) bool { return strings.Contains(strings.Trim(k, "_"), "_") })
		if k == "" {
			return right, "", false
		}
		in[camel(k)] = in[k]
		delete(in, k)
		return encode(in, k)
	case invented:
		in["reason_code"] = "requested"
		return encode(in, "reason_code")
	case mistyped:
		k := keys[rng.IntN(len(keys))]
		switch v := in[k].(type) {
		case []any:
			if len(v) != 1 {
				return right, "", false
			}
			in[k] = v[0]
		case float64:
			in[k] = string(mustJSON(v))
		case string:
			in[k] = []any{v}
		default:
			return right, "", false
		}
		return encode(in, k)
	case wrapped:
		if rng.IntN(2) == 0 {
			return encode(string(right), "")
		}
		return encode(map[string]any{"input": in}, "input")
	case missing:
		k := pick(func(k string) bool { return slices.Contains(schema.Required, k) })
		if k == "" {
			return right, "", false
		}
		delete(in, k)
		return encode(in, k)
	case otherEnum:
		k := pick(func(k string) bool { _, text := in[k].(string); return text && len(schema.Properties[k].Enum) > 0 })
		if k == "" {
			return right, "", false
		}
		in[k] = strings.ToUpper(in[k].(string)) + []string{"", "_NOW"}[rng.IntN(2)]
		return encode(in, k)
	case otherID:
		k := pick(func(k string) bool {
			text, ok := in[k].(string)
			return ok && strings.HasSuffix(k, "_id") && text != w.IDs["ben"]
		})
		if k == "" {
			return right, "", false
		}
		in[k] = w.IDs["ben"]
		return encode(in, k)
	case doubled:
		return right, "", true
	}
	return right, "", false
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

func schemaOf(tool string) (s schema) {
	if t, err := tools.Lookup(tool); err == nil {
		_ = json.Unmarshal(t.InputSchema(), &s)
	}
	return s
}
