package closemcp_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit"
	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/approvalways"
)

// TestWays tries every way round an approval with a client of the official SDK, over
// HTTP. Run it with -v to see the table.
func TestWays(t *testing.T) {
	t.Parallel()
	direct := func(x approvalways.Target) (string, any) { return x.Tool, json.RawMessage(x.Input) }
	meta := func(x approvalways.Target) (string, any) {
		return "close_execute_tool", args{"name": x.Tool, "input": json.RawMessage(x.Input)}
	}
	own := func(x approvalways.Target) (string, any) { return "relay", approvalways.Relay(x) }
	onPage := closemcp.Config{HostAsks: true, NoForms: true}
	routes := []approvalways.Route{
		route("mcp", oldest, onPage, direct),
		route("mcp day", newest, closemcp.Config{}, direct),
		route("mcp meta", oldest, onPage, meta, agent.MetaTools()),
		route("mcp own", newest, closemcp.Config{}, own),
	}
	approvalways.Run(t, routes[0], routes)
	// The sessions of the ways are in the runs of the clients: what is approved there is
	// carried out here. A tool of the host is approved for itself.
	for _, r := range routes[:3] {
		sc := r.Open(t)
		sc.ApproveDelete()
		if got := r.Try(sc, approvalways.Target{Tool: "close_lead_delete", Input: `{"lead_id":"` + sc.Lead + `"}`}); got != approvalways.Done {
			t.Errorf("%s: an approved call: %s", r.Name, got)
		}
		sc.Has("leads", 1)
	}
}

// route is a route by way of MCP. Who is asked by a form declines.
func route(name, version string, c closemcp.Config, form func(approvalways.Target) (string, any), opts ...agent.Option) approvalways.Route {
	return approvalways.Route{Name: name, Options: opts, Connect: func(sc *approvalways.Scene) (string, func(approvalways.Target) string) {
		sc.Helper()
		o := &office{T: sc.T, close: sc.Close, agent: sc.Agent}
		user := closemcp.User{ID: sc.User.ID, Name: sc.User.ID, Account: closekit.APIKey(sc.User.Key)}
		p := &person{answer: always(&mcp.ElicitResult{Action: "decline"})}
		s := o.dial(p.client(), o.house(tokens{"token": user}, c, closemcp.HTTP{}), "token", version)
		try := func(x approvalways.Target) string {
			name, input := form(x)
			asked := p.asked.Load()
			r, err := s.CallTool(sc.Context(), &mcp.CallToolParams{Name: name, Arguments: input})
			var unknown *jsonrpc.Error
			switch {
			case errors.As(err, &unknown) && strings.Contains(unknown.Message, "unknown tool"): // the policy has left it out
				return approvalways.Refused
			case err != nil:
				sc.Errorf("%s: %v", name, err)
				return ""
			case p.asked.Load() > asked, strings.HasPrefix(textOf(r), "Not done yet"):
				return approvalways.Asked
			case r.IsError:
				return approvalways.Refused
			}
			return approvalways.Done
		}
		// The run is that of the records of a first call, which a policy may refuse.
		before := len(sc.Records())
		try(approvalways.Target{Tool: "close_me_get", Input: "{}"})
		records := sc.Records()
		if len(records) == before {
			sc.Fatal("the first call has no record")
		}
		return records[len(records)-1].Run, try
	}}
}
