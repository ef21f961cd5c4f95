package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// TestEffectOf has conditions on the parameters status, done, kind (with a preset)
// and flag, fields 3, 9, 24 and 26.
func TestEffectOf(t *testing.T) {
	t.Parallel()
	op := &wire.Operation{
		Operation: closekit.Operation{Tool: "close_thing_create", Method: "POST", Path: create.Path, Effect: closekit.Destructive, Sends: true},
		Params:    newParams,
		Effects: []wire.EffectCase{
			{When: []wire.Condition{{Param: 3, Values: []string{"won"}}, {Param: 9, Values: []string{"true"}}}, Effect: closekit.Read},
			{When: []wire.Condition{{Param: 24, Values: []string{"lead"}}, {Param: 26, Values: []string{"false"}, Absent: true}}, Effect: closekit.Write, Sends: true},
			{When: []wire.Condition{{Param: 24, Absent: true}}, Effect: closekit.Read},
		},
	}
	for input, want := range map[string]struct {
		effect closekit.Effect
		sends  bool
	}{
		`"status": "won", "done": true`:                  {closekit.Read, false},
		`"status": "won", "done": false`:                 {closekit.Write, true},
		`"status": "won"`:                                {closekit.Write, true},
		`"flag": false`:                                  {closekit.Write, true},
		`"flag": true`:                                   {closekit.Destructive, true},
		`"kind": "call"`:                                 {closekit.Destructive, true},
		`"kind": "call", "status": "won", "done": true`:  {closekit.Read, false},
		`"kind": "call", "contact_ids": ["cont_a"]`:      {closekit.Destructive, true},
		`"kind": "call", "name": "won", "label": "lead"`: {closekit.Destructive, true},
	} {
		effect, sends, err := op.EffectOf(json.RawMessage(`{"lead_id": "lead_abc", "key": "k", ` + input + `}`))
		if err != nil || effect != want.effect || sends != want.sends {
			t.Errorf("%s: %s, sends %v, %v", input, effect, sends, err)
		}
	}
}
