package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
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
	n := 0
	for _, r := range records {
		if r.Phase == agent.Outcome && r.Effect != closekit.Read {
			c.say("%s %s", r.Time.Local().Format("01-02 15:04"), deed(r))
			n++
		}
	}
	if n == 0 {
		c.say("Nothing was changed in this conversation.")
	}
	return nil
}

// records returns the records of the run. In an emulated Close, which has begun anew,
// older ones mean nothing.
func (c *chat) records(ctx context.Context) ([]agent.Record, error) {
	records, err := c.log.Records(ctx, agent.RunQuery{Run: c.session.Run()})
	for c.crm.emulated && len(records) > 0 && records[0].Time.Before(c.began) {
		records = records[1:]
	}
	return records, err
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
