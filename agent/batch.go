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
}

// CallAll carries out the calls of one turn of a model, and returns a result for each,
// in their order. Reads before the first call that writes run at once; the calls after
// it run one after the other, in order. Calls that need a person are put to the person
// together, and do not hold up the others. After a write that failed or waits, later
// writes that name one of its records are not carried out.
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
		if p.result == nil && writes {
			if b := blocking(blocked, p); b != "" {
				s.refuse(ctx, p, &OrderError{p.name, b})
			}
		}
		if p.result == nil {
			s.decideRepeat(ctx, p)
		}
		switch {
		case p.result != nil:
		case p.decision.Action == Ask:
			s.settleAsk(ctx, p, &waiting)
		default:
			s.carryOut(ctx, p)
		}
		if writes && (p.result == nil || p.result.IsError) {
			blocked = append(blocked, blocker{p.name, idsOf(p.input)})
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
func (s *Session) settleAsk(ctx context.Context, p *planned, waiting *[]*planned) {
	switch approved, err := s.approved(ctx, p); {
	case err != nil:
		s.refuse(ctx, p, err)
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
			s.settleAsk(ctx, p, &waiting)
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
	tool string
	ids  []string
}

func blocking(list []blocker, p *planned) string {
	if len(list) == 0 {
		return ""
	}
	ids := idsOf(p.input)
	for _, b := range list {
		if slices.ContainsFunc(b.ids, func(id string) bool { return slices.Contains(ids, id) }) {
			return b.tool
		}
	}
	return ""
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
