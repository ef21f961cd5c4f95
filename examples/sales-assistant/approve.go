package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

// Reasons why a question has no answer. Nothing is decided then.
var (
	errNoTerminal  = errors.New("there is no terminal to ask on")
	errInterrupted = errors.New("stopped with Ctrl-C")
)

// ask asks the person at the terminal. Only y and n are answers, and Enter alone is no.
// What was typed before the question is not an answer to it, nor is what was pasted.
func (c *chat) ask(ctx context.Context, question string) (bool, error) {
	if c.person == nil {
		return false, errNoTerminal
	}
	for _, early := range c.person.early(ctx) {
		c.tooEarly(early)
	}
	for {
		asked := time.Now()
		c.terminal.ask(question + " [y/N] ")
		got, err := c.person.next(ctx)
		switch {
		case err != nil:
			return false, err
		case got.begun.Before(asked):
			c.tooEarly(got)
			continue
		case got.pasted:
			c.say("(What is pasted is no answer, and is left out: %q)", got.text)
		case strings.EqualFold(got.text, "y") || strings.EqualFold(got.text, "yes"):
			return true, nil
		case got.text == "" || strings.EqualFold(got.text, "n") || strings.EqualFold(got.text, "no"):
			return false, nil
		}
		question = "Type y or n."
	}
}

func (c *chat) tooEarly(t typed) {
	if t.text != "" {
		c.say("(What was typed before the question is left out: %q)", t.text)
	}
}

// settle puts calls that wait to the person, and carries out what is approved. It
// returns what the model is to know. With together there is one question for all.
func (c *chat) settle(ctx context.Context, waiting []*agent.Approval, together bool) (notes []string, err error) {
	for i, w := range waiting {
		c.say("\n  A call of %s as %s waits. You decide, because %s.\n%s", w.Tool, w.Account.Name, w.Why, indent(w.Preview.Text()))
		if together && i < len(waiting)-1 {
			continue
		}
		group := waiting[i : i+1]
		question := "  Do it?"
		if together && i > 0 {
			group, question = waiting, fmt.Sprintf("  Do all %d?", len(waiting))
		}
		yes, err := c.ask(ctx, question)
		if err != nil {
			c.say("  Nothing was decided (%s), and nothing was done. It waits until %s: /approvals asks again.", reason(err), w.Expires.Local().Format("15:04"))
			return notes, err
		}
		for _, w := range group {
			note, err := c.decide(ctx, w, yes)
			if err != nil {
				return notes, err
			}
			notes = append(notes, note)
		}
		if !yes {
			c.say("  Not done. The very same call is refused for the rest of this conversation; another one asks again.")
		}
	}
	return notes, nil
}

// decide records a decision, carries out what was approved, and returns a line for the
// model.
func (c *chat) decide(ctx context.Context, w *agent.Approval, yes bool) (string, error) {
	person := c.rep.name
	if u, err := user.Current(); err == nil {
		person = u.Username // in a program with a login: who is logged in
	}
	if err := c.ofRep.Decide(ctx, w.ID, person, agent.Verdict(yes), w.Shown); err != nil {
		return "", err
	}
	if !yes {
		return "The user denied " + w.Tool + "; it was not done.", nil
	}
	s := c.ofRep.Session(c.rep.account, agent.As(c.rep.name), agent.WithRun(w.Run))
	r := s.Resume(ctx, w.ID)
	return "The user approved " + w.Tool + ". Its result: " + r.Text, nil
}

// approvals asks again about everything of the rep that waits in this Close.
func (c *chat) approvals(ctx context.Context) error {
	all, err := c.ofRep.Approvals(ctx, agent.Query{Account: c.rep.name, States: []agent.State{agent.Pending}})
	if err != nil {
		return err
	}
	var waiting []*agent.Approval
	for _, w := range all {
		here := slices.ContainsFunc(c.me.Organizations, func(o closeapi.OrganizationProfile) bool { return string(o.ID) == w.Account.OrganizationID })
		if w.State == agent.Pending && here { // not expired, and not in an emulated Close that is gone
			waiting = append(waiting, w)
		}
	}
	if len(waiting) == 0 {
		c.say("Nothing waits for a decision of %s.", c.rep.name)
	}
	notes, err := c.settle(ctx, waiting, false)
	c.tell(notes)
	return err
}

// tell lets the model know what was decided.
func (c *chat) tell(notes []string) {
	if len(notes) > 0 {
		c.remember(c.model.said("(From the program: " + strings.Join(notes, "\n") + ")"))
	}
}

// pending returns the calls that wait.
func pending(results []agent.Result) (waiting []*agent.Approval) {
	for _, r := range results {
		if r.Pending != nil {
			waiting = append(waiting, r.Pending)
		}
	}
	return waiting
}

// reason says why there is no answer.
func reason(err error) string {
	if errors.Is(err, io.EOF) {
		return "the input has ended"
	}
	return err.Error()
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
