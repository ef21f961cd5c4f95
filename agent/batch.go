package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/closekit/closekit"
)

// Invocation is a call that a model asks for.
type Invocation struct {
	Name  string
	Input []byte // JSON
	// CutOff is the provider's word for why the model's message ended before this call
	// was sure to be complete, such as max_tokens. The call is then not carried out, and
	// the model is told so: half of an input can look like a whole one. It is "" for
	// a call that is complete.
	CutOff string
}

// CallAll carries out the calls of one turn of a model, and returns a result for each,
// in their order. Reads before the first call that writes run at once; the calls after
// it run one after the other, in order. Calls that need a person are put to the person
// together, and do not hold up the others. After a write that failed or waits, later
// writes that name one of its records are not carried out; after one that waits, those
// that need a person too are put to the person with it.
func (s *Session) CallAll(ctx context.Context, calls []Invocation) []Result {
	plans := make([]*planned, len(calls))
	first := len(calls) // index of the first call that writes
	for i, c := range calls {
		plans[i] = s.plan(ctx, c)
		if plans[i].effect != closekit.Read && i < first {
			first = i
		}
	}
	waiting := s.together(ctx, plans[:first])
	var blocked []blocker
	for _, p := range plans[first:] {
		writes := p.effect != closekit.Read
		behind := "" // a write that waits, which this one must not overtake
		if p.result == nil && writes {
			switch b, waits := blocking(blocked, p); {
			case b == "":
			case waits && p.decision.Action == Ask:
				behind = b
			default:
				s.refuse(ctx, p, &OrderError{p.name, b})
			}
		}
		if p.result == nil {
			s.decideRepeat(ctx, p)
		}
		switch {
		case p.result != nil:
		case p.decision.Action == Ask:
			s.settleAsk(ctx, p, behind, &waiting)
		default:
			s.carryOut(ctx, p)
		}
		waits := p.result == nil || p.result.Pending != nil // since this turn, or an earlier one
		if writes && (waits || p.result.IsError) {
			blocked = append(blocked, blocker{p.name, idsOf(p.input), waits})
		}
	}
	s.ask(ctx, waiting)
	results := make([]Result, len(plans))
	for i, p := range plans {
		results[i] = *p.result
	}
	return results
}

// settleAsk carries out a call that is approved already, or lets it wait.
func (s *Session) settleAsk(ctx context.Context, p *planned, behind string, waiting *[]*planned) {
	switch approved, err := s.approved(ctx, p); {
	case err != nil:
		s.refuse(ctx, p, err)
	case approved && behind != "":
		s.refuse(ctx, p, &OrderError{p.name, behind})
	case approved:
		s.carryOutApproved(ctx, p)
	case p.result == nil:
		*waiting = append(*waiting, p)
	}
}

// together carries out reads at once, and returns those that need a person.
func (s *Session) together(ctx context.Context, plans []*planned) (waiting []*planned) {
	if len(plans) == 0 {
		return nil
	}
	const most = 8
	var group sync.WaitGroup
	slots := make(chan struct{}, most)
	for _, p := range plans {
		switch {
		case p.result != nil:
		case p.decision.Action == Ask:
			s.settleAsk(ctx, p, "", &waiting)
		case len(plans) == 1:
			s.carryOut(ctx, p)
		default:
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				s.carryOut(ctx, p)
			})
		}
	}
	group.Wait()
	return waiting
}

// blocker is a write of the turn that was not carried out.
type blocker struct {
	tool  string
	ids   []string
	waits bool // for a person
}

// blocking returns the tool of an earlier write that p must not overtake, and whether that
// one only waits: then what needs a person too joins the question.
func blocking(list []blocker, p *planned) (tool string, waits bool) {
	if len(list) == 0 {
		return "", false
	}
	ids := idsOf(p.input)
	for _, b := range list {
		if !slices.ContainsFunc(b.ids, func(id string) bool { return slices.Contains(ids, id) }) {
			continue
		}
		if !b.waits {
			return b.tool, false
		}
		tool, waits = b.tool, true
	}
	return tool, waits
}

// OrderError reports a write that was not carried out, because an earlier one of the
// same turn for the same record was not.
type OrderError struct {
	Tool    string
	Earlier string // the tool of the earlier call
}

// Error says which call must come first.
func (e *OrderError) Error() string {
	return fmt.Sprintf("%s was not carried out, because %s for the same record, earlier in this turn, was not; repeat it when that is done", e.Tool, e.Earlier)
}

var idPattern = regexp.MustCompile(`^[a-z]+_[A-Za-z0-9]{8,}$`)

// idsOf returns the ids in JSON, sorted.
func idsOf(input json.RawMessage) []string {
	var v any
	if json.Unmarshal(input, &v) != nil {
		return nil
	}
	var ids []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			// A word such as field_condition is no id.
			if idPattern.MatchString(v) && strings.ContainsAny(v, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				ids = append(ids, v)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	slices.Sort(ids)
	return slices.Compact(ids)
}

var errWait = errors.New("the call waits for the approval of a person")
