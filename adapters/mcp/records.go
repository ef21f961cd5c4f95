package closemcp

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// record is a kind of record that clients can attach to a conversation.
type record struct{ kind, tool, argument string }

var records = []record{
	{"lead", "close_lead_get", "lead_id"},
	{"contact", "close_contact_get", "contact_id"},
	{"opportunity", "close_opportunity_get", "opportunity_id"},
}

const scheme = "close://"

// addRecords offers the records that the tools of the agent can read. They are read by
// the same gates as a call of the tool.
func (s *Server) addRecords() {
	for _, r := range records {
		if !s.agent.Offers(r.tool) {
			continue
		}
		s.mcp.AddResourceTemplate(&mcp.ResourceTemplate{
			URITemplate: scheme + r.kind + "/{id}", Name: r.kind, Title: "Close " + r.kind, MIMEType: "text/plain",
			Description: "The " + r.kind + " of Close with this ID, as the tool " + r.tool + " returns it.",
		}, func(ctx context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			return s.record(ctx, req, r)
		})
	}
}

func (s *Server) record(ctx context.Context, req *mcp.ReadResourceRequest, r record) (*mcp.ReadResourceResult, error) {
	u, err := s.user(ctx, req.Extra)
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(map[string]string{r.argument: strings.TrimPrefix(req.Params.URI, scheme+r.kind+"/")})
	if err != nil {
		return nil, err
	}
	got := s.session(u, s.run(u, req.Session, req.Extra)).Call(ctx, r.tool, input)
	if got.IsError || got.Pending != nil {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: got.Text}
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: req.Params.URI, Text: got.Text}}}, nil
}
