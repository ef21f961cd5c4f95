package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/closekit/closekit"
)

// Policies, sinks, handlers and hooks are the host's code. One that panics must neither
// let a call pass nor end a program that has a hundred other sessions: what it was
// asked fails.

// PanicError reports that code of the host has panicked.
type PanicError struct {
	Where string // the policy, the tool rate_lead
	Value any
}

// Error names the code, and what it panicked with.
func (e *PanicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.Where, e.Value) }

func recovered(where string, err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{where, v}
	}
}

// judge asks the policy.
func (a *Agent) judge(c *Call) Decision {
	c.Input = slices.Clone(c.Input) // the policy cannot change what is sent
	var d Decision
	err := func() (err error) {
		defer recovered("the policy", &err)
		d = a.policy.Decide(c)
		return nil
	}()
	if err != nil {
		return Decision{Deny, err.Error()}
	}
	return d
}

// keep passes a record to a sink.
func keep(ctx context.Context, sink Sink, r Record) (err error) {
	defer recovered("the audit sink", &err)
	return sink.Record(ctx, r)
}

// tell tells the host of calls that wait. They are stored already, so that nothing is
// lost if this fails.
func (a *Agent) tell(ctx context.Context, asked []*Approval) {
	if a.notify == nil {
		return
	}
	var err error
	defer recovered("the notify hook", &err)
	a.notify(ctx, asked)
}

// do makes a call with its permission.
func (s *Session) do(ctx context.Context, p *planned) (out json.RawMessage, notes []string, err error) {
	defer recovered("the tool "+p.name, &err)
	if p.ready != nil && p.effect != closekit.Read {
		r, err := p.ready.Do(ctx)
		if err != nil {
			return nil, nil, err
		}
		return r.JSON, r.Notes, nil
	}
	if p.tool.Keeps { // the audit log has them
		return p.tool.Do(ctx, s.client, p.asking(), closekit.UndoTo(io.Discard))
	}
	return p.tool.Do(ctx, s.client, p.asking())
}
