package closemcp

import (
	"context"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// task is a prompt that clients show to users, such as in a menu.
type task struct {
	name, title, about string
	argument, explains string // "" for none
	text               string // with %s for the argument
}

var tasks = []task{
	{
		"prepare_call", "Prepare a call", "What to know before talking to a lead.", "lead", "Name or ID of the lead",
		"I am about to call the lead %s. Find it in Close, read its contacts, open opportunities, open tasks and latest activities, and tell me in ten lines: who I talk to, what was said last, what is open, and what I should ask for. Change nothing.",
	},
	{
		"log_call", "Log a call", "Writes down a call and its next step.", "notes", "Whom you talked to, and what was said",
		"I had a call: %s\n\nFind the lead in Close, log the call with a short note, and create a task for the next step if I named one. If several leads fit, ask me which one.",
	},
	{
		"follow_up", "Follow up", "Drafts an email after a conversation.", "lead", "Name or ID of the lead",
		"Write a follow-up email to the lead %s. Read the latest activities in Close first, and save the email as a draft. Do not send it.",
	},
	{
		"pipeline_review", "Review the pipeline", "Opportunities that need attention.", "", "",
		"Review my active opportunities in Close. List those without an activity in two weeks, or with a close date that has passed, with lead, value and a proposed next step. Change nothing until I agree.",
	},
	{
		"plan_day", "Plan the day", "Tasks that are due, in a good order.", "", "",
		"List my open tasks in Close that are due today or overdue, with lead and reason, in the order in which I should do them. Change nothing.",
	},
}

func (s *Server) addPrompts() {
	for _, t := range tasks {
		p := &mcp.Prompt{Name: t.name, Title: t.title, Description: t.about}
		if t.argument != "" {
			p.Arguments = []*mcp.PromptArgument{{Name: t.argument, Description: t.explains, Required: true}}
		}
		s.mcp.AddPrompt(p, func(_ context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			words := t.text
			if t.argument != "" {
				given := strings.TrimSpace(req.Params.Arguments[t.argument])
				if given == "" {
					return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf("the argument %s is missing: %s", t.argument, t.explains)}
				}
				words = fmt.Sprintf(t.text, given)
			}
			return &mcp.GetPromptResult{Description: t.about, Messages: []*mcp.PromptMessage{{Role: "user", Content: &mcp.TextContent{Text: words}}}}, nil
		})
	}
}
