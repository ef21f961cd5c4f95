package closemcp

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit/agent"
)

// question is the key of the one thing that is asked at a time.
const question = "closekit"

// form asks for one tick, which is not set: a person who only dismisses the dialog,
// or presses the default button, has not agreed.
var form = json.RawMessage(`{"type":"object","properties":{"approve":{"type":"boolean","title":"Go ahead","description":"Carry out exactly what is shown above","default":false}},"required":["approve"]}`)

// longestQuestion is how many bytes a client is trusted to show. What does not fit is
// not cut: a person must see all of it.
const longestQuestion = 16 << 10

// shows reports whether the client can show forms, or pages.
func shows(req *mcp.CallToolRequest) (forms, pages bool) {
	c := req.ClientCapabilities()
	if c == nil || c.Elicitation == nil {
		return false, false
	}
	e := c.Elicitation
	return e.Form != nil || e.URL == nil, e.URL != nil
}

// rounds reports whether the client's revision brings answers with a repetition of the
// call, instead of answering requests of the server.
func rounds(req *mcp.CallToolRequest) bool { return req.ProtocolVersion() >= "2026-07-28" }

// ask has the client ask the user. With a revision of rounds, the answer comes with the
// next request, and result is what to return now.
func (s *Server) ask(ctx context.Context, req *mcp.CallToolRequest, u User, p *mcp.ElicitParams, st state) (answer *mcp.ElicitResult, result *mcp.CallToolResult, err error) {
	if !rounds(req) {
		answer, err = req.Session.Elicit(ctx, p)
		return answer, nil, err
	}
	st.Call = digest(req.Params.Name, string(req.Params.Arguments))
	sealed, err := s.sealer.seal(u.ID, st)
	if err != nil {
		return nil, nil, err
	}
	return nil, &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{question: p}, RequestState: sealed}, nil
}

// approve puts a call that waits to a person: by a form of the client, or on the page of
// the host.
func (s *Server) approve(ctx context.Context, req *mcp.CallToolRequest, u User, ses *agent.Session, r agent.Result) (*mcp.CallToolResult, error) {
	p := r.Pending
	forms, pages := shows(req)
	q := &mcp.ElicitParams{Mode: "form", RequestedSchema: form}
	account := cmp.Or(p.Account.Title, u.Name) // by Close: people of the host may have several
	q.Message = fmt.Sprintf("%s\nA person must decide because %s. Account: %s.", p.Preview.Text(), p.Why, account)
	if forms = forms && !s.config.NoForms && len(q.Message) <= longestQuestion; !forms {
		if !pages || s.config.Page == nil {
			return s.unattended(ctx, u, r)
		}
		link, err := s.config.Page(ctx, u, p)
		if err != nil {
			s.config.Logger.WarnContext(ctx, "there is no page for an approval", "approval", p.ID, "error", err)
			return s.unattended(ctx, u, r)
		}
		q = &mcp.ElicitParams{Mode: "url", URL: link, ElicitationID: rand.Text(), Message: fmt.Sprintf("A call of %s needs your decision, because %s. Account: %s. The page shows what it would do.", p.Tool, p.Why, account)}
	}
	ctx, cancel := context.WithTimeout(ctx, p.Expires.Sub(p.Created))
	defer cancel()
	st := state{Approval: p.ID, Page: !forms, Shown: p.Shown, Run: ses.Run()}
	answer, result, err := s.ask(ctx, req, u, q, st)
	if err == nil && result == nil && st.unread(answer) {
		err = errUnread
	}
	switch {
	case err != nil:
		s.config.Logger.WarnContext(ctx, "the client did not ask the user", "approval", p.ID, "error", err)
		return s.unattended(context.WithoutCancel(ctx), u, r)
	case result != nil:
		return result, nil
	}
	return s.decide(ctx, u, ses, st, answer)
}

// errUnread is why the client did not ask: what it sent says neither yes nor no.
var errUnread = errors.New("the form came back without an answer to its question")

// unread reports whether a client says that its form was sent, and has no answer that
// can be read: then no person is known to have seen it.
func (st *state) unread(answer *mcp.ElicitResult) bool {
	_, ok := answer.Content["approve"].(bool)
	return !st.Page && answer.Action == "accept" && !ok
}

// unattended ends a call that the client cannot put to a person.
func (s *Server) unattended(ctx context.Context, u User, r agent.Result) (*mcp.CallToolResult, error) {
	if s.config.HostAsks {
		if s.config.Notify != nil {
			s.config.Notify(ctx, u, r.Pending)
		}
		return s.result(r), nil
	}
	if err := s.agent.Expire(ctx, r.Pending.ID); err != nil {
		return text(s.explain(err), true), nil
	}
	return text("Not done: this call needs the approval of a person ("+r.Pending.Why+"), and this client cannot ask one. Do not try another way. "+
		"Tell the user; it can be done in Close itself, or from a client that can ask its user.", true), nil
}

// decide records what a person answered, and carries out what was approved.
func (s *Server) decide(ctx context.Context, u User, ses *agent.Session, st state, answer *mcp.ElicitResult) (*mcp.CallToolResult, error) {
	id, verdict := st.Approval, agent.Reject
	switch answer.Action {
	case "accept": // of a page: it was opened
		if st.Page {
			return s.onPage(ctx, ses, id)
		}
		if agreed, _ := answer.Content["approve"].(bool); agreed { // it is one, unless st.unread
			verdict = agent.Approve
		}
	case "decline":
	default: // dismissed
		return text("Not done: the person closed the question without a decision. Tell the user; the call can be made again if the user wants it.", true), nil
	}
	err := s.agent.Decide(ctx, id, u.Name, verdict, st.Shown)
	var at *agent.StateError
	if errors.As(err, &at) && at.State == agent.Approved && verdict == agent.Approve {
		err = nil // on the page of the host, meanwhile
	}
	if err == nil && verdict == agent.Reject {
		err = &agent.StateError{ID: id, State: agent.Denied}
	}
	if err != nil {
		return text(s.explain(err), true), nil
	}
	return s.result(ses.Resume(ctx, id)), nil
}

// onPage waits until a person has decided on the page of the host, and carries out what
// was approved. Another process may serve the page: only the store tells.
func (s *Server) onPage(ctx context.Context, ses *agent.Session, id string) (*mcp.CallToolResult, error) {
	wait, cancel := context.WithTimeout(ctx, s.config.PageWait)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := s.agent.Approval(ctx, id)
		switch {
		case err != nil:
			return text(s.explain(err), true), nil
		case p.State == agent.Approved:
			return s.result(ses.Resume(ctx, id)), nil
		case p.State.Final(): // denied, or carried out by the host
			return text(s.explain(&agent.StateError{ID: id, State: p.State}), p.State != agent.Done), nil
		}
		select {
		case <-wait.Done():
			return text("Not done yet: the page for the decision of a person was opened, and the person has not decided. Tell the user, and make the same call again when the user says that it is decided.", true), nil
		case <-tick.C:
		}
	}
}

// explain is the text of an error for the model.
func (s *Server) explain(err error) string {
	var m interface{ ModelText() string }
	if errors.As(err, &m) {
		return m.ModelText()
	}
	s.config.Logger.Error("an approval could not be decided", "error", err)
	return "Not done: the approval could not be recorded. Tell the user."
}

// answered goes on with a call that a person was asked about. What was approved is
// carried out, not what the repetition says.
func (s *Server) answered(ctx context.Context, req *mcp.CallToolRequest, u User, ses *agent.Session) (*mcp.CallToolResult, error) {
	st, err := s.sealer.open(u.ID, req.Params.RequestState)
	if err != nil || st.Call != digest(req.Params.Name, string(req.Params.Arguments)) {
		return text("Not done: "+errForeign.Error()+". Make the call anew.", true), nil //nolint:nilerr // for the model
	}
	answer, ok := req.Params.InputResponses[question].(*mcp.ElicitResult)
	if !ok || answer == nil {
		answer = &mcp.ElicitResult{Action: "cancel"}
	}
	if st.Approval == "" {
		return s.connected(ctx, req, u, ses, answer)
	}
	ses = s.session(u, st.Run)
	if st.unread(answer) {
		s.config.Logger.WarnContext(ctx, "the client did not ask the user", "approval", st.Approval, "error", errUnread)
		r := ses.Call(ctx, req.Params.Name, req.Params.Arguments) // it waits, unless it was decided on the page of the host
		if r.Pending == nil {
			return s.finish(ctx, req, u, ses, r)
		}
		return s.unattended(ctx, u, r)
	}
	return s.decide(ctx, u, ses, st, answer)
}
