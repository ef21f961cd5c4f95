package adaptertest

import (
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// AnyProvider checks an adapter for a framework that does not tell it whose model it is:
// all tools are defined, although some providers take fewer, and what the framework has
// no field for is an error. define returns the number of tools.
func AnyProvider(t *testing.T, define func(*agent.Session, ...agent.DefinitionOption) (int, error)) {
	t.Helper()
	a, err := agent.New(tools.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey("api_x"))
	if n, err := define(s); err != nil || n != len(tools.All()) {
		t.Errorf("%d of %d tools: %v", n, len(tools.All()), err)
	}
	if n, err := define(s, agent.WithStrict("close_note_create")); err == nil {
		t.Errorf("%d tools, and nothing says that none of them is strict", n)
	}
}
