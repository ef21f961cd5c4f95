package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/explain"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/repair"
	"github.com/closekit/closekit/agent/internal/tool"
)

// ready prepares a write whose input needs no repair, and reports whether it does not:
// it is then checked once. A read is not prepared, because it gets a selection of fields.
func (s *Session) ready(p *planned) bool {
	if p.tool.Effect == closekit.Read || p.tool.Completes || nests(p.input) {
		return false
	}
	call, err := p.tool.Prepare(s.client, p.input)
	if err != nil || repair.Suspicious(p.tool, p.input) {
		return false
	}
	p.ready = call
	return true
}

// nests reports whether the input may have the parameter more.
func nests(input json.RawMessage) bool {
	return bytes.Contains(input, []byte(`"more"`)) || bytes.Contains(input, []byte(`\u`))
}

// repair reads input as models write it. What a definition does to its form is taken
// back first, so that everything after it sees one form.
func (s *Session) repair(ctx context.Context, t *tool.Tool, input json.RawMessage) (json.RawMessage, []Repair, error) {
	plain, err := lower.Plain(t, input)
	if err != nil {
		return nil, nil, err
	}
	fixed, list, err := repair.Input(t, plain, s.facts(ctx))
	var repairs []Repair
	for _, r := range list {
		repairs = append(repairs, Repair(r))
	}
	return fixed, repairs, err
}

// facts are what the reading of inputs may ask about the user; Close is asked only if
// an input needs it.
func (s *Session) facts(ctx context.Context) repair.Facts {
	return repair.Facts{
		Now: func() time.Time { return s.now(ctx) },
		Zone: func() (*time.Location, error) {
			if l := s.zone(ctx); l != nil {
				return l, nil
			}
			return nil, errors.New("the time zone of the user is not known")
		},
		User: func() (string, error) {
			me, err := s.whoami(ctx, false)
			if err != nil {
				return "", err
			}
			return me.UserID, nil
		},
		Currency: func() (string, string, error) {
			me, err := s.whoami(ctx, false)
			if err != nil {
				return "", "", err
			}
			code := me.currency()
			return code, repair.Symbol(code), nil
		},
	}
}

// now returns the time in the zone of the user, if that is known already.
func (s *Session) now(ctx context.Context) time.Time {
	s.mu.Lock()
	known := s.me != nil
	s.mu.Unlock()
	now := s.agent.now()
	if l := s.client.Location(); l != nil || known {
		if l = s.zone(ctx); l != nil {
			return now.In(l)
		}
	}
	return now
}

// explain returns the text for the model about an error.
func (s *Session) explain(ctx context.Context, err error, repairs []Repair) string {
	var list []repair.Repair
	for _, r := range repairs {
		list = append(list, repair.Repair(r))
	}
	return explain.Error(err, s.facts(ctx), explain.Options{Repairs: list})
}
