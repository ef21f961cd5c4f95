package findtool_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/findtool"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// The guide, docs/search.md, has this function.

func salesAgent(client *closekit.Client) (*agent.Agent, error) {
	return agent.New(tools.Catalog(), agent.Toolset("sales"), agent.WithTool(findtool.New()), agent.WithClient(client))
}

// TestGuide makes the agent of the guide and lets it find records.
func TestGuide(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	a, err := salesAgent(closekit.NewClient(nil, closekit.BaseURL(srv.URL())))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	if r := s.Call(t.Context(), "close_lead_create", []byte(`{"name":"Acme"}`)); r.IsError {
		t.Fatal(r.Text)
	}
	if r := s.Call(t.Context(), findtool.Name, []byte(`{"kind":"lead","where":[{"field":"name","op":"has","value":"acme"}]}`)); r.IsError || !strings.Contains(r.Text, "Acme") {
		t.Errorf("got %s", r.Text)
	}
}
