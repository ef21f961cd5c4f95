package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// TestEffectOf has conditions on the parameters status, done, kind (with a preset),
// flag and contact_ids, fields 3, 9, 24, 26 and 19.
func TestEffectOf(t *testing.T) {
	t.Parallel()
	op := &wire.Operation{
		Operation: closekit.Operation{Tool: "close_thing_create", Method: "POST", Path: create.Path, Effect: closekit.Destructive | closekit.Sends},
		Params:    newParams,
		Effects: wire.Effects{
			{When: "3=won,9=true", Effect: closekit.Write},
			{When: "24=lead,26=false|~", Effect: closekit.Sends},
			{When: "24=~", Effect: closekit.Admin},
			{When: "19=~", Effect: closekit.Overwrite},
		},
	}
	for input, want := range map[string]closekit.Effect{
		`"status": "won", "done": true`:                  closekit.Write,
		`"status": "won", "done": false`:                 closekit.Sends,
		`"status": "won"`:                                closekit.Sends,
		`"flag": false`:                                  closekit.Sends,
		`"flag": true`:                                   closekit.Overwrite,
		`"flag": true, "contact_ids": ["cont_a"]`:        closekit.Destructive | closekit.Sends,
		`"kind": "call"`:                                 closekit.Overwrite,
		`"kind": "call", "status": "won", "done": true`:  closekit.Write,
		`"kind": "call", "contact_ids": ["cont_a"]`:      closekit.Destructive | closekit.Sends,
		`"kind": "call", "name": "won", "label": "lead"`: closekit.Overwrite,
	} {
		in := json.RawMessage(`{"lead_id": "lead_abc", "key": "k", ` + input + `}`)
		if effect, err := op.EffectOf(in); err != nil || effect != want {
			t.Errorf("%s: %s, %v; want %s", input, effect, err, want)
		}
		if req, err := op.Prepare(in, nil); err != nil || req.Effect != want {
			t.Errorf("%s: the request is to %v, %v; want %s", input, req, err, want)
		}
	}
}
