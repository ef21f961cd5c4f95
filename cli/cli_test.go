package cli_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/cli"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestProgram runs the command with one tool, under a name of its own.
func TestProgram(t *testing.T) {
	t.Parallel()
	me, err := tools.Lookup("close_me_get")
	if err != nil {
		t.Fatal(err)
	}
	data := `{"tools": {"my_me_get": {"title": "Me", "description": "Say who I am.", "input": ` + string(me.InputSchema()) + `, "output": {"type": "object"}}}}`
	catalog := &closekit.Catalog{
		Data: fstest.MapFS{"data/mine.json": {Data: []byte(data)}},
		List: []closekit.Tool{{Name: "my_me_get", Resource: "mine", Func: "MeGet"}},
		Operations: func() []closekit.Callable {
			for _, op := range closeapi.Operations() {
				if op.Describe().Tool == "close_me_get" {
					return []closekit.Callable{op}
				}
			}
			return nil
		},
	}
	run := func(p cli.Program, args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := p.Run(t.Context(), args, strings.NewReader(""), &out, &errs, func(string) string { return "" })
		return code, out.String() + errs.String()
	}
	mine := cli.Program{Tools: catalog}
	if code, out := run(mine, "tools"); code != 0 || !strings.Contains(out, "my_me_get") || strings.Contains(out, "close_lead") {
		t.Errorf("tools: %d\n%s", code, out)
	}
	if code, out := run(mine, "schema", "my_me_get"); code != 0 || !strings.Contains(out, `"type": "object"`) {
		t.Errorf("schema: %d\n%s", code, out)
	}
	if code, out := run(mine, "call", "close_me_get"); code == 0 || !strings.Contains(out, "unknown tool") {
		t.Errorf("call: %d\n%s", code, out)
	}
	if code, out := run(mine, "__complete", "schema", ""); code != 0 || !strings.Contains(out, "my_me_get") || strings.Contains(out, "close_") {
		t.Errorf("completion: %d\n%s", code, out)
	}
	if code, out := run(cli.Program{}, "tools"); code != 0 || !strings.Contains(out, "close_lead_create") {
		t.Errorf("tools of closekit: %d\n%s", code, out)
	}
}
