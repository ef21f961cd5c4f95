package wire

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/closekit/closekit"
)

// EffectCase is the effect of an operation if the parameters meet all conditions.
type EffectCase struct {
	// When lists the conditions, 3=draft|~,9=true: each names a parameter by its index
	// in the order of the struct, and its values, strings or true and false. A tilde
	// means that the parameter is not sent.
	When   string
	Effect closekit.Effect // not Read
}

// Effects are the cases of an operation: the first one that matches decides.
type Effects []EffectCase

// Cases are the [Effects] of an operation, or nil. They are in an interface so that a
// program links them only if it has an operation with some.
type Cases interface {
	effect(w *sender) closekit.Effect
}

// EffectOf checks a tool's JSON input and returns the effect of this call: that of
// the first matching case, or that of the operation. Invalid input is a
// [*closekit.ValidationError].
func (op *Operation) EffectOf(input json.RawMessage) (closekit.Effect, error) {
	w := newSender(op)
	defer w.free()
	if _, err := op.read(input, w); err != nil {
		return op.Effect, err
	}
	return w.effect(), nil
}

// effect returns the effect of the call whose parameters were sent.
func (w *sender) effect() closekit.Effect {
	if w.op.Effects == nil {
		return w.op.Effect
	}
	return w.op.Effects.effect(w)
}

func (cases Effects) effect(w *sender) closekit.Effect {
	for i := range cases {
		if w.meets(cases[i].When) {
			return cases[i].Effect
		}
	}
	return w.op.Effect
}

// meets reports whether the parameters meet all conditions.
func (w *sender) meets(conditions string) bool {
	for condition := range strings.SplitSeq(conditions, ",") {
		index, values, _ := strings.Cut(condition, "=")
		i, _ := strconv.ParseUint(index, 10, 8) // generated
		n := uint8(i & 0xff)
		met := false
		for v := range strings.SplitSeq(values, "|") {
			if v == absent {
				met = met || !w.has(n)
			} else {
				met = met || w.has(n) && w.holds(n, v)
			}
		}
		if !met {
			return false
		}
	}
	return true
}

// absent stands for a parameter that is not sent.
const absent = "~"
