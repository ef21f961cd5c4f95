package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ask stores approvals for calls that need a person, all with one question, and tells
// the host.
func (s *Session) ask(ctx context.Context, plans []*planned) {
	if len(plans) == 0 {
		return
	}
	question := "ask_" + rand.Text()[:16]
	var rows []Row
	var asked []*Approval
	var of []*planned
	for _, p := range plans {
		a, row, err := s.approvalOf(ctx, p, question)
		if err != nil {
			s.refuse(ctx, p, err)
			continue
		}
		rows, asked, of = append(rows, row), append(asked, a), append(of, p)
	}
	if len(rows) == 0 {
		return
	}
	if err := s.agent.store.Create(ctx, rows); err != nil {
		for _, p := range of {
			s.refuse(ctx, p, fmt.Errorf("asking a person: %w", err))
		}
		return
	}
	for i, p := range of {
		s.wait(ctx, p, asked[i])
	}
	s.agent.tell(ctx, asked)
}

// wait ends a call whose approval is pending.
func (s *Session) wait(ctx context.Context, p *planned, a *Approval) {
	p.result = &Result{
		ID: p.id, Tool: p.name, Pending: a, Err: errWait, Repairs: p.repairs, Notes: p.notes, Input: p.input, Effect: p.effect,
		Text: "Not done yet: a person must approve this call (" + p.decision.Why + ") and has been asked. Tell the user. Do not try another way; when it is approved, the same call is carried out.",
	}
	s.outcome(ctx, p, "pending") //nolint:errcheck // nothing was carried out
}

// approvalOf makes the approval of a call, with its preview.
func (s *Session) approvalOf(ctx context.Context, p *planned, question string) (*Approval, Row, error) {
	// No person is asked about a call that cannot be sent, such as one with a time
	// without offset. What was completed was checked.
	if !p.tool.Completes {
		if _, _, err := p.tool.Complete(ctx, s.bare, p.input); err != nil {
			return nil, Row{}, err
		}
	}
	view, before, err := s.preview(ctx, p.tool, p.input, p.effect)
	if err != nil {
		return nil, Row{}, fmt.Errorf("reading what a person must see before the call: %w", err)
	}
	p.before = before
	now := s.agent.now().UTC().Truncate(time.Microsecond) // as databases keep it
	a := &Approval{
		ID: "apr_" + rand.Text(), Question: question, Account: p.account, Run: s.run, Tool: p.tool.Name, ToolHash: p.tool.Hash(),
		Input: slices.Clone(p.input), Effect: p.effect, Why: p.decision.Why, Preview: view, State: Pending, Created: now, Expires: now.Add(s.agent.validity),
		undo: ctx.Value(undoing{}) != nil,
	}
	row, err := s.agent.row(a, 0)
	if err != nil {
		return nil, row, err
	}
	a.Shown = a.shown()
	return a, row, nil
}

// approved looks for an approval of the very same call. If a person has approved it,
// it is in p. If a person has still to decide, or has denied it, the call ends here.
func (s *Session) approved(ctx context.Context, p *planned) (bool, error) {
	rows, err := s.agent.store.List(ctx, Query{
		Account: p.account.Name, Run: s.run, Digest: callDigest(p.account, s.run, p.tool.Name, p.tool.Hash(), p.input),
		States: []State{Pending, Approved, Denied, Executing, Unclear}, Limit: 20,
	})
	if err != nil {
		return false, fmt.Errorf("looking for an approval: %w", err)
	}
	for _, r := range rows {
		a, err := s.agent.open(r)
		if err != nil {
			return false, err
		}
		switch a.State {
		case Approved:
			p.approval, p.row = a, r
			return true, nil
		case Pending:
			s.wait(ctx, p, a)
			return false, nil
		case Denied, Executing, Unclear:
			return false, &StateError{a.ID, a.State}
		case Expired, Stale, Done, Failed:
		}
	}
	return false, nil
}

// Resume carries out an approved call: the stored input, not what a model says now.
// Right before it, the policy is asked again, and what the person saw is read again;
// if either differs, the call is refused and must be asked for anew. Close has no
// conditional writes: a change in the moment between this and the call stays unseen.
func (s *Session) Resume(ctx context.Context, id string) Result {
	p := &planned{id: "exec_" + rand.Text()[:16], begun: s.agent.now()}
	if err := s.loadApproved(ctx, id, p); err != nil {
		s.refuse(ctx, p, err)
		return *p.result
	}
	s.carryOutApproved(ctx, p)
	return *p.result
}

func (s *Session) loadApproved(ctx context.Context, id string, p *planned) error {
	row, a, err := s.agent.load(ctx, id)
	if err != nil {
		return err
	}
	p.approval, p.row = a, row
	p.name, p.input, p.effect = a.Tool, a.Input, a.Effect
	if a.Run != s.run {
		p.approval = nil
		return ErrOtherAccount
	}
	if a.State != Approved {
		p.approval = nil
		return &StateError{id, a.State}
	}
	if a.undo {
		ctx = context.WithValue(ctx, undoing{}, true)
	}
	t, err := s.toolFor(ctx, a.Tool)
	if err != nil {
		return err
	}
	p.tool = t
	return nil
}

// carryOutApproved claims an approval and carries out its call.
func (s *Session) carryOutApproved(ctx context.Context, p *planned) {
	err := s.claim(ctx, p)
	switch {
	case err != nil && p.approval.State == Executing:
		p.approval.State = Stale
		s.refuse(ctx, p, err)
		s.settle(ctx, p, Stale, "nothing was sent: "+err.Error())
	case err != nil:
		s.refuse(ctx, p, err)
	default:
		s.carryOut(ctx, p)
	}
}

// claim takes the approval for this process, and compares what a person approved with
// what is true now.
func (s *Session) claim(ctx context.Context, p *planned) error {
	a := p.approval
	account, err := s.account(ctx, true)
	switch {
	case err != nil:
		return err
	case !account.same(a.Account):
		return ErrOtherAccount
	}
	if state := p.row.stateAt(s.agent.now()); state != Approved { // asking took its time
		return &StateError{a.ID, state}
	}
	p.account = account
	a.State = Executing
	if err := s.agent.swap(ctx, p.row, a); err != nil {
		a.State = Approved
		if errors.Is(err, ErrConflict) {
			return s.agent.overtaken(ctx, a.ID, Approved, err)
		}
		return fmt.Errorf("claiming approval %s: %w", a.ID, err)
	}
	p.row.Revision++
	effect, err := p.tool.EffectOf(p.input)
	switch {
	case err != nil:
		return err
	case effect != a.Effect, p.tool.Hash() != a.ToolHash:
		return &StateError{a.ID, Stale} // another release has changed the tool
	}
	if err := s.decide(ctx, p); err != nil {
		return err
	}
	view, before, err := s.preview(ctx, p.tool, p.input, p.effect)
	if err != nil {
		return fmt.Errorf("reading again what the approval shows: %w", err)
	}
	p.before = before
	again := *a
	again.Preview = view
	if again.shown() != a.Shown {
		return &StateError{a.ID, Stale}
	}
	return nil
}
