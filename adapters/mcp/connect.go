package closemcp

import (
	"context"
	"crypto/rand"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit/agent"
)

// connect asks the user to connect the account. The link goes to the client for its
// user; the model is told only that there is something to do.
func (s *Server) connect(ctx context.Context, req *mcp.CallToolRequest, u User) (*mcp.CallToolResult, error) {
	_, pages := shows(req)
	there := text("The user must connect the Close account first, in the program that offers these tools. Tell the user; no call works until then.", true)
	if !pages || u.Consent == nil {
		return there, nil
	}
	link, err := u.Consent(ctx)
	if err != nil {
		s.config.Logger.WarnContext(ctx, "no link for the consent of a user", "error", err)
		return there, nil
	}
	p := &mcp.ElicitParams{
		Mode: "url", URL: link, ElicitationID: rand.Text(),
		Message: "Connect your Close account, so that the assistant can act for you.",
	}
	answer, result, err := s.ask(ctx, req, u, p, state{})
	switch {
	case err != nil:
		s.config.Logger.WarnContext(ctx, "the client did not show the page for the consent", "error", err)
		return there, nil
	case result != nil:
		return result, nil
	}
	return shown(answer), nil
}

// connected goes on after the page was shown: the account may be connected by now.
func (s *Server) connected(ctx context.Context, req *mcp.CallToolRequest, u User, ses *agent.Session, answer *mcp.ElicitResult) (*mcp.CallToolResult, error) {
	if answer.Action != "accept" {
		return shown(answer), nil
	}
	r := ses.Call(ctx, req.Params.Name, req.Params.Arguments)
	if unconnected(r.Err) {
		return shown(answer), nil
	}
	return s.finish(ctx, req, u, ses, r)
}

func shown(answer *mcp.ElicitResult) *mcp.CallToolResult {
	if answer.Action == "accept" {
		return text("The user must connect the Close account first; the page for it was opened. Tell the user, and make the call again when the user says that it is done.", true)
	}
	return text("The user must connect the Close account first, and has not agreed to open the page for it. Tell the user; no call works until then.", true)
}
