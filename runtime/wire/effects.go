package wire

import (
	"encoding/json"
	"slices"

	"github.com/closekit/closekit"
)

// EffectCase is the effect of an operation if the parameters meet all conditions.
type EffectCase struct {
	When   []Condition
	Effect closekit.Effect
	Sends  bool
}

// Condition is met if parameter Param, an index in the order of the struct, has one
// of the Values, or, with Absent, if it is not sent.
type Condition struct {
	Param  uint8
	Values []string // strings, or true and false
	Absent bool
}

// EffectOf checks a tool's JSON input and returns the effect of this call: that of
// the first matching case, or that of the operation. Invalid input is a
// [*closekit.ValidationError].
func (op *Operation) EffectOf(input json.RawMessage) (effect closekit.Effect, sends bool, err error) {
	w := newSender(op)
	defer w.free()
	if _, err := op.read(input, w); err != nil {
		return op.Effect, op.Sends, err
	}
	for i := range op.Effects {
		if c := &op.Effects[i]; w.meets(c.When) {
			return c.Effect, c.Sends, nil
		}
	}
	return op.Effect, op.Sends, nil
}

func (w *sender) meets(conditions []Condition) bool {
	return !slices.ContainsFunc(conditions, func(c Condition) bool {
		if !w.has(c.Param) {
			return !c.Absent
		}
		return !slices.ContainsFunc(c.Values, func(v string) bool { return w.holds(c.Param, v) })
	})
}
