package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

// suggestion is what to try first.
const suggestion = "find all open opportunities over $10k, summarize them, create a follow-up task for each due tomorrow"

// mostAnswers is how many answers with calls a model gives to one message.
const mostAnswers = 25

// mostRefusals is how often a model makes the same call that is refused.
const mostRefusals = 3

// chat is the conversation of the rep at the terminal.
type chat struct {
	*terminal
	crm        *crm
	ofModel    *agent.Agent
	ofRep      *agent.Agent // with all tools: an undo deletes, which the model cannot
	log        agent.Log
	model      model
	memory     *memory
	interrupts <-chan os.Signal

	rep     rep
	me      *closeapi.Me
	session *agent.Session
	talk    *conversation
}

// run talks until the input ends, Ctrl-C at the prompt, or /quit.
func (c *chat) run(ctx context.Context) error {
	if err := c.as(ctx, c.crm.reps[0].name); err != nil {
		return err
	}
	c.say("Try: %s\n/help lists the commands.", suggestion)
	for {
		c.terminal.ask(c.rep.name + "> ")
		got, err := c.attend(ctx, false, c.typed.next)
		switch {
		case err != nil:
			c.say("\nGoodbye (%s). The conversations are kept, and nothing is under way.", reason(err))
			return nil
		case c.echo:
			c.say("%s", got.text)
		}
		if got.text == "/quit" && !got.pasted {
			return nil
		}
		_, err = c.attend(ctx, true, func(ctx context.Context) (typed, error) { return typed{}, c.do(ctx, got) })
		switch {
		case errors.Is(err, errInterrupted):
			c.say("Stopped. What has ✓ above was done, and nothing else; /done lists it. /retry lets the model go on.")
		case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errNoTerminal): // they were told
			c.say("%s", err)
		}
	}
}

// attend runs f with a context that Ctrl-C ends.
func (c *chat) attend(ctx context.Context, working bool, f func(context.Context) (typed, error)) (typed, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.interrupts:
			if c.person != nil {
				c.person.forget()
			}
			if working {
				c.say("\nStopping; a call that is under way comes to its end.")
			}
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	got, err := f(ctx)
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return got, errInterrupted
	}
	return got, err
}

const help = `/as NAME     go on as another rep
/done        what was changed in this conversation
/undo        restore what can be restored of it
/approvals   decide on what waits
/retry       let the model answer again, or go on
/new         begin a new conversation
/quit        end; so do Ctrl-D, and Ctrl-C at the prompt. Elsewhere Ctrl-C stops what is under way`

// do does what was typed. What was pasted is a message to the model, whatever it is.
func (c *chat) do(ctx context.Context, got typed) error {
	if got.pasted && got.text != "" {
		if strings.HasPrefix(got.text, "/") {
			c.say("(What is pasted is a message to the model. Commands must be typed.)")
		}
		c.remember(c.model.said(got.text))
		return c.answer(ctx)
	}
	line := got.text
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "":
		return nil
	case "/as":
		return c.as(ctx, strings.TrimSpace(rest))
	case "/done":
		return c.done(ctx)
	case "/undo":
		return c.undo(ctx)
	case "/approvals":
		return c.approvals(ctx)
	case "/new":
		c.open(&conversation{Account: c.talk.Account})
		c.say("A new conversation. What waits for a decision is still in /approvals.")
		return nil
	case "/retry":
		if len(c.talk.Messages) == 0 {
			return errors.New("there is nothing to try again: type what is to be done")
		}
		return c.answer(ctx)
	case "/help":
		c.say("%s", help)
		return nil
	}
	if strings.HasPrefix(line, "/") {
		return fmt.Errorf("there is no command %s; /help lists them", command)
	}
	c.remember(c.model.said(line))
	return c.answer(ctx)
}

// as goes on as a rep: with the account and the conversation of that rep, and no other.
func (c *chat) as(ctx context.Context, name string) error {
	i := slices.IndexFunc(c.crm.reps, func(r rep) bool { return r.name == name })
	if i < 0 {
		var names []string
		for _, r := range c.crm.reps {
			names = append(names, r.name)
		}
		return fmt.Errorf("there is no rep %q; there are %s", name, strings.Join(names, " and "))
	}
	r := c.crm.reps[i]
	me, err := closeapi.MeGet(ctx, closekit.NewClient(r.account, c.crm.options...), closeapi.MeGetParams{})
	if err != nil {
		return fmt.Errorf("%s cannot use Close: %w%s", name, err, r.wrongKey(err))
	}
	talk, err := c.memory.load(name)
	if err != nil {
		return err
	}
	var ids, companies []string
	for _, o := range me.Organizations {
		ids, companies = append(ids, string(o.ID)), append(companies, o.Name.Or("an organization"))
	}
	account := string(me.ID) + "@" + strings.Join(ids, "+")
	other := talk.Account != "" && talk.Account != account
	c.rep, c.me = r, me
	if talk.Account != account {
		talk = &conversation{Account: account} // what another user talked about stays out
	}
	c.open(talk)
	c.say("You are %s: %s %s of %s.", name, me.FirstName, me.LastName, strings.Join(companies, ", "))
	if other {
		c.say("A new conversation begins: the one before, and what waits in it, is of another Close. An emulated one ends with the program.")
	}
	if n := len(talk.Messages); n > 0 {
		c.say("The conversation goes on after message %d; /new begins another one.", n)
	}
	return nil
}

// open goes on with a conversation, and its run.
func (c *chat) open(talk *conversation) {
	opts := []agent.SessionOption{agent.As(c.rep.name)}
	if talk.Run != "" {
		opts = append(opts, agent.WithRun(talk.Run))
	}
	c.session, c.talk = c.ofModel.Session(c.rep.account, opts...), talk
	talk.Run = c.session.Run()
	c.remember()
}

// remember adds messages to the conversation, and keeps it.
func (c *chat) remember(messages ...json.RawMessage) {
	c.talk.Messages = append(c.talk.Messages, messages...)
	if err := c.memory.save(c.rep.name, c.talk); err != nil {
		c.say("The conversation cannot be kept, and ends with the program: %s", err)
	}
}

// answer lets the model answer, and carries out its calls, until it is done.
func (c *chat) answer(ctx context.Context) error {
	refusals := map[string]int{} // answers in which a call was refused, by call and reason
	for n := range mostAnswers {
		next, results, err := c.model.answer(ctx, c.session, c.system(), c.talk.Messages, c.stream)
		switch {
		case ctx.Err() != nil && err != nil:
			return context.Cause(ctx)
		case errors.Is(err, errEmpty) && n > 0:
			c.say("(The model has ended without a word. What has ✓ above was done.)")
			return nil
		case err != nil:
			return fmt.Errorf("%s What has ✓ above was done, and nothing else", trouble(err, len(c.talk.Messages) < 2))
		}
		c.remember(next...)
		if len(results) == 0 {
			return nil
		}
		notes, err := c.settle(ctx, pending(results), false)
		c.tell(notes)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !errors.Is(err, errNoTerminal) && !errors.Is(err, io.EOF): // the model can say that it waits
			return err
		}
		if r := again(refusals, results); r != nil {
			return fmt.Errorf("the model makes the same call of %s again and again, and it was refused %d times: %s\nSay what it is to do instead, or let it go on with /retry", r.Tool, mostRefusals, firstLine(r.Err.Error()))
		}
	}
	return fmt.Errorf("the model has made calls in %d answers without an end; /retry lets it go on", mostAnswers)
}

// again counts refused calls, once for each answer: a model reads why only after it. It
// returns one that was refused too often, with the same input and for the same reason.
func again(refusals map[string]int, results []agent.Result) (last *agent.Result) {
	counted := map[string]bool{}
	for i, r := range results {
		if r.Err == nil || r.Pending != nil {
			continue
		}
		key := strings.Join([]string{r.Tool, string(r.Input), r.Err.Error()}, "\x00")
		if !counted[key] {
			counted[key] = true
			refusals[key]++
		}
		if refusals[key] >= mostRefusals {
			last = &results[i]
		}
	}
	return last
}

// system tells the model who it works for, and what day it is.
func (c *chat) system() string {
	now := time.Now()
	return fmt.Sprintf("You are the sales assistant of %s %s (%s) in the CRM Close. Today is %s. "+
		"Do what the user asks for with the tools, then say in plain text, without Markdown, what you found and did. "+
		"Do not ask for permission: the program asks the user about calls that need it.",
		c.me.FirstName, c.me.LastName, c.me.Email, now.Format("Monday, 2006-01-02, 15:04 -0700"))
}
