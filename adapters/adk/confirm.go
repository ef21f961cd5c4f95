package closeadk

import (
	adk "google.golang.org/adk/v2/agent"

	"github.com/closekit/closekit/agent"
)

// ask asks for a confirmation, and notes in the state of the ADK session what it is
// about, for when the call is made again.
func ask(ctx adk.Context, p *agent.Approval) error {
	if err := ctx.State().Set(noteOf(ctx), map[string]any{"approval": p.ID, "shown": p.Shown.String()}); err != nil {
		return err
	}
	return ctx.RequestConfirmation(p.Preview.Text(), map[string]any{"approval": p.ID})
}

func noteOf(ctx adk.Context) string { return "closekit_approval_" + ctx.FunctionCallID() }

// confirmed records what the user has decided, and carries out what was approved. It
// returns false if the user has confirmed what the call has not asked for.
func (t sessionTool) confirmed(ctx adk.Context, v agent.Verdict) (agent.Result, bool) {
	note, err := ctx.State().Get(noteOf(ctx))
	if err != nil && v == agent.Approve {
		return agent.Result{}, false
	}
	fields, _ := note.(map[string]any)
	id, _ := fields["approval"].(string)
	text, _ := fields["shown"].(string)
	shown, err := agent.ParseDigest(text)
	if err == nil {
		// If this fails, the approval stays as it is, which the result says.
		_ = t.g.Decide(ctx, id, ctx.UserID(), v, shown)
	}
	if v == agent.Approve {
		return t.s.Resume(ctx, id), true
	}
	return agent.Result{IsError: true, Text: (&agent.StateError{ID: id, State: agent.Denied}).ModelText()}, true
}
