package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// deeds shows each call when it is over. It is an audit sink, and so sees all of them:
// also those that a person approved, and those of an undo.
type deeds struct{ terminal *terminal }

// Record prints the outcome of a call.
func (d deeds) Record(_ context.Context, r agent.Record) error {
	if r.Phase == agent.Outcome {
		d.terminal.say("%s", deed(r))
	}
	return nil
}

// deed is the line of a call: what, on which record, and what came of it.
func deed(r agent.Record) string {
	mark, result := "✗", "not done: "+firstLine(r.Error)
	switch r.Result {
	case "ok":
		mark = "·"
		if r.Effect != closekit.Read {
			mark = "✓"
		}
		switch len(r.IDs) {
		case 0:
			result = "done"
		case 1:
			result = short(r.IDs[0])
		default:
			result = fmt.Sprint(len(r.IDs), " records")
		}
	case "pending":
		mark, result = "?", "waits for you: "+r.Why
		if r.Approver != "" {
			result = "approved by " + r.Approver
		}
	case "unclear":
		mark, result = "!", "it may have been done, look in Close: "+firstLine(r.Error)
	}
	return fmt.Sprintf("  %s %s → %s", mark, strings.Join(append([]string{strings.TrimPrefix(r.Tool, "close_")}, about(r.Input)...), " "), result)
}

var id = regexp.MustCompile(`"([a-z]+_[A-Za-z0-9]{8,})"`)

// about returns the record that an input names, and the text that says most about it.
func about(input json.RawMessage) (parts []string) {
	if m := id.FindSubmatch(input); m != nil {
		parts = append(parts, short(string(m[1])))
	}
	var in map[string]any
	if json.Unmarshal(input, &in) != nil {
		return parts
	}
	for _, name := range []string{"subject", "text", "name", "note", "query", "status_type"} {
		if text, ok := in[name].(string); ok {
			return append(parts, fmt.Sprintf("%q", firstLine(text)))
		}
	}
	return parts
}

func short(id string) string {
	if len(id) > 16 {
		return id[:15] + "…"
	}
	return id
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if r := []rune(line); len(r) > 120 {
		line = string(r[:120]) + "…"
	}
	return cmp.Or(line, "no reason was given")
}

// done lists what the run has changed, or tried to.
func (c *chat) done(ctx context.Context) error {
	records, err := c.records(ctx)
	if err != nil {
		return err
	}
	asked, err := c.ofRep.Approvals(ctx, agent.Query{Account: c.rep.name, Run: c.session.Run(), Limit: 10_000}) // the newest first
	if err != nil {
		return err
	}
	n := 0
	for _, r := range records {
		if r.Phase == agent.Outcome && r.Effect != closekit.Read {
			c.say("%s %s", r.Time.Local().Format("01-02 15:04"), deed(decided(r, asked)))
			n++
		}
	}
	if n == 0 {
		c.say("Nothing was changed in this conversation.")
	}
	return nil
}

// decided returns the record of a call that waited with what was decided since.
func decided(r agent.Record, asked []*agent.Approval) agent.Record {
	if r.Result != "pending" {
		return r
	}
	i := slices.IndexFunc(asked, func(w *agent.Approval) bool {
		return w.Tool == r.Tool && !w.Created.After(r.Time) && bytes.Equal(agent.Redact(w.Input), r.Input)
	})
	if i < 0 {
		return r
	}
	switch w := asked[i]; w.State {
	case agent.Denied:
		r.Result, r.Error = "refused", "denied by "+w.Approver
	case agent.Expired:
		r.Result, r.Error = "refused", "it was not decided in time"
	case agent.Stale:
		r.Result, r.Error = "refused", "what it was about has changed"
	case agent.Approved, agent.Executing, agent.Done, agent.Failed, agent.Unclear:
		r.Approver = w.Approver
	case agent.Pending:
	}
	return r
}

// records returns the records of the run.
func (c *chat) records(ctx context.Context) ([]agent.Record, error) {
	return c.log.Records(ctx, agent.RunQuery{Run: c.session.Run()})
}

// undo restores what the run has changed, as far as that is possible, after a look at
// the plan. The calls pass the policy as all others do.
func (c *chat) undo(ctx context.Context) error {
	records, err := c.records(ctx)
	if err != nil || len(records) == 0 {
		c.say("Nothing was changed in this conversation.")
		return err
	}
	plan, err := c.session.UndoPlan(ctx, records)
	if err != nil {
		return err
	}
	c.say("%s", strings.TrimSpace(plan.Text()))
	var calls int
	for _, step := range plan.Steps {
		if step.Restore != nil {
			calls++
		}
	}
	if calls == 0 {
		return nil
	}
	switch verdict, err := c.ask(ctx, "Restore what can be restored?"); {
	case err != nil:
		c.say("Nothing was restored (%s).", reason(err))
		return err
	case !verdict:
		c.say("Nothing was restored.")
		return nil
	}
	other := c.ofRep.Session(c.rep.account, agent.As(c.rep.name))
	_, results, err := other.Undo(ctx, records)
	if err != nil {
		return err
	}
	_, err = c.settle(ctx, pending(results), true)
	c.remember(c.model.said("(From the program: the user has undone calls of this conversation. The plan was:\n" + plan.Text() + ")"))
	return err
}
