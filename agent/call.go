package agent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/shape"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/bom"
)

// Call carries out a call that a model asked for. It never fails: what went wrong is
// in the text for the model, and in Err for the host.
func (s *Session) Call(ctx context.Context, name string, input []byte) Result {
	return s.CallAll(ctx, []Invocation{{Name: name, Input: input}})[0]
}

// planned is a call on its way. Once a result is set, it goes no further.
type planned struct {
	id       string
	begun    time.Time
	name     string
	tool     *tool.Tool
	input    json.RawMessage
	effect   closekit.Effect
	account  Account
	decision Decision
	call     *Call // that was decided on
	repairs  []Repair
	named    readNames // names that were read as ids
	notes    []string
	fields   []string  // that the model selected
	approval *Approval // approved
	row      Row       // of the approval
	before   []Snapshot
	records  int                // of a bulk action, which limits count
	logged   json.RawMessage    // the input, redacted
	ready    *closekit.ToolCall // the input was accepted as it is; nil if it must be checked again
	made     string             // the key of [Session.madeKey], once it is asked for
	response *shape.Response    // of a call that was carried out
	result   *Result
}

// plan reads the input of a call and decides on it. Nothing is written.
func (s *Session) plan(ctx context.Context, v Invocation) *planned {
	v, err := s.complete(v)
	p := &planned{id: "exec_" + rand.Text()[:16], begun: s.agent.now(), name: v.Name, input: bom.Trim(v.Input)}
	if len(p.input) == 0 {
		p.input = json.RawMessage("{}")
	}
	if err == nil && s.answersMeta(ctx, p) {
		return p
	}
	if err == nil {
		err = s.prepare(ctx, p)
	}
	if err != nil {
		s.refuse(ctx, p, err)
	}
	return p
}

func (s *Session) prepare(ctx context.Context, p *planned) (err error) {
	if p.tool, err = s.toolFor(ctx, p.name); err != nil {
		return err
	}
	p.effect = p.tool.Effect // until the input is read: a call that cannot be read is one that failed
	if err := p.tool.CheckCredential(ctx, s.bare); err != nil {
		return err
	}
	if err := s.read(ctx, p); err != nil {
		return err
	}
	return s.decide(ctx, p)
}

// read repairs, completes and checks the input.
func (s *Session) read(ctx context.Context, p *planned) error {
	p.input, p.fields = selection(p.tool, p.input)
	if err := s.byName(ctx, p); err != nil {
		return err
	}
	if !s.ready(p) {
		input, repairs, err := s.repair(ctx, p.tool, p.input)
		p.repairs = append(p.repairs, repairs...)
		if err != nil {
			return err
		}
		if len(repairs) > 0 && p.fields == nil {
			_, p.fields = selection(p.tool, input)
		}
		p.input = input
	}
	if p.tool.Completes {
		filled, notes, err := p.tool.Complete(ctx, s.bare, p.input)
		if err != nil {
			return err
		}
		p.input, p.notes = filled, notes
	}
	if err := s.keepable(p); err != nil {
		return err
	}
	if e, ok := p.tool.OnlyEffect(); ok && p.tool.Method != "" {
		p.effect = e
		return nil
	}
	var err error
	p.effect, err = p.tool.EffectOf(p.input)
	return err
}

// decide asks the policy.
func (s *Session) decide(ctx context.Context, p *planned) (err error) {
	if p.account, err = s.accountFor(ctx, p.effect); err != nil {
		return err
	}
	call := s.agent.callOf(p.tool)
	call.Input, call.Effect, call.Account, call.Run = p.input, p.effect, p.account, s.run
	if p.effect != closekit.Read {
		if call.Outside, err = s.Outside(ctx); err != nil {
			return err
		}
		if call.Repeat, err = s.repeats(ctx, p); err != nil {
			return err
		}
	}
	p.decision, p.call = s.agent.judge(call), call
	if p.decision.Action == Ask && p.account.UserID == "" { // an approval is bound to what Close calls the account
		if p.account, err = s.account(ctx, false); err != nil {
			return err
		}
		call.Account = p.account
	}
	if p.decision.Action != Allow && p.decision.Action != Ask {
		return &PolicyError{p.tool.Name, p.effect, p.decision}
	}
	return nil
}

// accountFor returns whom the session acts as. A read of a named account needs no
// question to Close.
func (s *Session) accountFor(ctx context.Context, e closekit.Effect) (Account, error) {
	s.mu.Lock()
	me := s.me
	s.mu.Unlock()
	if e == closekit.Read && s.name != "" && me == nil {
		return Account{Name: s.name}, nil
	}
	return s.account(ctx, false)
}

// refuse ends a call that is not carried out.
func (s *Session) refuse(ctx context.Context, p *planned, err error) {
	r := Result{ID: p.id, Tool: p.name, IsError: true, Err: err, Text: s.explain(ctx, err, p.repairs), Repairs: p.repairs, Input: p.input, Effect: p.effect}
	p.result = &r
	s.outcome(ctx, p, "refused") //nolint:errcheck // nothing was carried out that would have to be known
}

// carryOut makes a call that is allowed, or approved.
func (s *Session) carryOut(ctx context.Context, p *planned) {
	if err := s.begin(ctx, p); err != nil {
		_ = s.remember(ctx, p, err) // only that it is over: nothing is stored
		s.refuse(ctx, p, err)
		s.settle(ctx, p, Failed, "nothing was sent: "+err.Error())
		return
	}
	if p.fields == nil { // of an approved call
		_, p.fields = selection(p.tool, p.input)
	}
	granted, g := s.grant(ctx, p)
	out, notes, err := s.do(granted, p)
	g.over.Store(true)
	p.notes = append(p.notes, notes...)
	r := &Result{ID: p.id, Tool: p.name, JSON: out, Err: err, Repairs: p.repairs, Notes: p.notes, Input: p.input, Effect: p.effect}
	p.result = r
	word, state, text := "ok", Done, "carried out"
	switch {
	case err == nil:
		p.response = parsed(out)
	case closekit.MaybeDone(err), g.maybeDone(err):
		word, state, text = "unclear", Unclear, err.Error()
	default:
		word, state, text = "failed", Failed, err.Error()
	}
	unrecorded := s.outcome(ctx, p, word)
	s.settle(ctx, p, state, text)
	unsaved := s.remember(ctx, p, err)
	// The answer comes last: by then it is on record what was done.
	if err := s.brings(ctx, p, g); err != nil {
		s.withhold(r, state, err)
	} else {
		s.say(ctx, p)
	}
	if unrecorded != nil {
		r.Text += "\n(This call is not in the audit log: " + unrecorded.Error() + ")"
		r.Err = errors.Join(r.Err, unrecorded)
	}
	if unsaved != nil {
		r.Text += "\n(This call was made, but the state of the run could not be saved. Do not make it again.)"
		r.Err = errors.Join(r.Err, unsaved)
	}
}

// parsed splits a response, for the record of the call and for the answer.
func parsed(out json.RawMessage) (r *shape.Response) {
	var err error // the answer fails in its turn
	defer recovered("reading the response", &err)
	return shape.Parse(out)
}

// say makes the text for the model. If that fails, the call was carried out all the
// same, and the host has the response.
func (s *Session) say(ctx context.Context, p *planned) {
	r := p.result
	err := func() (err error) {
		defer recovered("making the answer", &err)
		if r.Err != nil {
			r.IsError, r.Text = true, s.explain(ctx, r.Err, p.repairs)
		} else {
			r.Text = s.answer(ctx, p, r.JSON)
		}
		return nil
	}()
	switch {
	case err == nil:
		return
	case r.Err != nil:
		r.Text = "The call has failed, and the reason cannot be shown. Tell the user."
	case p.effect == closekit.Read:
		r.Text = "The answer cannot be shown. Tell the user."
	default:
		r.Text = "The call was carried out, but its answer cannot be shown. Do not make it again; tell the user."
	}
	r.IsError, r.Err = true, errors.Join(r.Err, err)
}

// brings remembers that the model is about to see text of outsiders, if so.
func (s *Session) brings(ctx context.Context, p *planned, g *grant) error {
	if g.outside.Load() || len(p.result.JSON) > 0 && bringsOutside(p.tool, p.input, p.fields != nil) { // an error of a handler can have text too
		return s.sawOutside(ctx, p.account)
	}
	return nil
}

// withhold replaces an answer that the model must not see, because the session could
// not remember that it was seen. What came of the call stays known.
func (s *Session) withhold(r *Result, state State, err error) {
	const why = "cannot be shown: the state of this run could not be saved"
	switch {
	case state == Unclear:
		r.Text = "The call may have been carried out, and its answer " + why + ". Do not make it again; tell the user."
	case state == Failed:
		r.Text = "The call has failed, and the reason " + why + ". Tell the user."
	case r.Effect != closekit.Read:
		r.Text = "The call was carried out, but its answer " + why + ". Do not make it again; tell the user."
	default:
		r.Text = "The answer " + why + ". Tell the user."
	}
	r.IsError, r.Err = true, errors.Join(r.Err, fmt.Errorf("remembering that text of outsiders was read: %w", err))
}

// begin does what comes before a call: limits, the record of the intent.
func (s *Session) begin(ctx context.Context, p *planned) error {
	if p.effect != closekit.Read {
		if err := s.confirmNames(ctx, p); err != nil {
			return err
		}
	}
	if err := s.before(ctx, p); err != nil {
		return err
	}
	if err := s.spend(ctx, p); err != nil {
		return err
	}
	if p.effect == closekit.Read {
		return nil
	}
	if p.keeps() { // it is the only undo
		return s.recorded(ctx, p.record(Intent, s))
	}
	return s.record(ctx, p.record(Intent, s))
}

// before keeps the records that a call changes, as they are, if that was not done for
// an approval.
func (s *Session) before(ctx context.Context, p *planned) error {
	if p.tool != nil && p.tool.Bulk {
		return s.beforeBulk(ctx, p)
	}
	if p.effect == closekit.Read || p.before != nil || p.tool == nil || len(s.agent.sinks) == 0 && !s.counts(p.tool) {
		return nil
	}
	before, err := s.snapshots(ctx, p.tool, p.input)
	if err != nil {
		return fmt.Errorf("reading what the call would change: %w", err)
	}
	p.before = before
	return nil
}

// settle stores the outcome of an approved call.
func (s *Session) settle(ctx context.Context, p *planned, state State, text string) {
	if p.approval == nil {
		return
	}
	p.approval.State, p.approval.Outcome = state, text
	// The call is over whether or not this is stored: an approval that stays in
	// Executing becomes unclear, and is never used again.
	_ = s.agent.swap(context.WithoutCancel(ctx), p.row, p.approval)
}

// record returns the audit record of a call.
func (p *planned) record(phase Phase, s *Session) Record {
	r := Record{
		Phase: phase, ID: p.id, Time: s.agent.now(), Account: p.account, Run: s.run, Tool: p.name, Input: p.redacted(), Effect: p.effect,
		Decision: p.decision.Action, Why: p.decision.Why,
	}
	if p.account.Name == "" {
		r.Account.Name = s.name
	}
	if phase == Intent {
		r.Before, r.After = p.before, meantBy(p)
	}
	if p.approval != nil {
		r.Approval, r.Approver = p.approval.ID, p.approval.Approver
	}
	return r
}

// redacted returns the input for the audit log.
func (p *planned) redacted() json.RawMessage {
	if p.logged == nil {
		p.logged = Redact(p.input)
	}
	return p.logged
}

// outcome records what came of a call.
func (s *Session) outcome(ctx context.Context, p *planned, word string) error {
	r := p.record(Outcome, s)
	r.Result, r.Duration = word, r.Time.Sub(p.begun)
	if p.result != nil {
		if p.response != nil {
			r.IDs = p.response.IDs()
		}
		r.After = afterOf(p)
		if p.result.Err != nil {
			r.Error = p.result.Err.Error()
		}
	}
	return s.record(context.WithoutCancel(ctx), r)
}

// record passes a record to all sinks. If the host wants so, an error stops nothing.
func (s *Session) record(ctx context.Context, r Record) error {
	if err := s.recorded(ctx, r); err != nil && !s.agent.lenient {
		return err
	}
	return nil
}

// recorded is like record for a record that must be kept.
func (s *Session) recorded(ctx context.Context, r Record) error {
	var errs []error
	for _, sink := range s.agent.sinks {
		if err := keep(ctx, sink, r); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the audit log cannot be written: %w", err)
	}
	return nil
}

// spend counts a call against the limits.
func (s *Session) spend(ctx context.Context, p *planned) error {
	limits := limitsOf(s.agent.policy)
	if len(limits) == 0 {
		return nil
	}
	var spends []Spend
	var of []Limit
	now := s.agent.now()
	for _, l := range limits {
		amount := s.agent.amount(p, l.What)
		if amount == 0 {
			continue
		}
		x := Spend{Account: p.account.Name, Amount: amount, Most: l.Most, Ends: now.Add(runsEnd)}
		switch l.Per {
		case Run:
			x.Key = counterKey("run", string(l.What), s.run)
		case Day:
			day := now.UTC().Format(time.DateOnly)
			x.Key = counterKey("day", string(l.What), day, p.account.Name)
			x.Ends = now.UTC().Truncate(24 * time.Hour).Add(48 * time.Hour)
		}
		spends, of = append(spends, x), append(of, l)
	}
	if len(spends) == 0 {
		return nil
	}
	over, err := s.agent.store.Spend(ctx, spends)
	switch {
	case err != nil:
		return fmt.Errorf("counting the call: %w", err)
	case over >= 0:
		return &LimitError{of[over]}
	}
	return nil
}

// amount is what a call counts for a quantity.
func (a *Agent) amount(p *planned, q Quantity) int64 {
	is := func(b bool) int64 {
		switch {
		case !b:
			return 0
		case p.tool != nil && p.tool.Bulk:
			return int64(max(1, p.records))
		}
		return 1
	}
	switch q {
	case Calls:
		return 1
	case Writes:
		switch list, _, many := a.changesMany(p.tool); {
		case list != nil:
			return max(1, int64(len(p.before)))
		case many:
			return max(1, int64(namedIn(p.input)))
		}
		return is(p.effect != closekit.Read)
	case Sends:
		return is(p.effect.Has(closekit.Sends))
	case Money:
		return moneyChange(p)
	}
	return 0
}
