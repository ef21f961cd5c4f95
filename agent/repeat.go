package agent

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/closekit/closekit"
)

// creates reports whether repeating the call would make something a second time.
func (p *planned) creates() bool {
	return p.tool != nil && p.tool.Method == http.MethodPost && p.effect != closekit.Read
}

// madeKey is the counter of one call with one input in the run.
func (s *Session) madeKey(p *planned) string {
	if p.made == "" {
		d := callDigest(p.account, s.run, p.tool.Name, p.tool.Hash(), p.input)
		p.made = "made-" + hex.EncodeToString(d[:])
	}
	return p.made
}

// repeats reports whether the run has made the very same call before. Models do that
// when an answer confuses them, or when they have lost sight of what they did.
func (s *Session) repeats(ctx context.Context, p *planned) (bool, error) {
	if !p.creates() {
		return false, nil
	}
	n, err := s.agent.store.Count(ctx, s.madeKey(p))
	if err != nil {
		return false, fmt.Errorf("reading the state of the run: %w", err)
	}
	return n > 0, nil
}

// decideRepeat decides again if the very same call was made, or has begun, since the
// call was planned: earlier in the turn, or by a framework that carries out the calls of
// a turn at once. Nothing else that was learned since counts: the model has not seen it.
func (s *Session) decideRepeat(ctx context.Context, p *planned) {
	if !p.creates() || p.call.Repeat || s.begins(p) {
		return
	}
	p.call.Repeat = true
	p.decision = s.agent.judge(p.call)
	if p.decision.Action != Allow && p.decision.Action != Ask {
		s.refuse(ctx, p, &PolicyError{p.tool.Name, p.effect, p.decision})
	}
}

// begins reports whether the session has made no such call and has none under way. If
// so, and if it is allowed, it is under way now.
func (s *Session) begins(p *planned) bool {
	key := s.madeKey(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.begun[key]; ok {
		return false
	}
	if p.decision.Action == Allow {
		if s.begun == nil {
			s.begun = map[string]struct{}{}
		}
		s.begun[key] = struct{}{}
	}
	return true
}

// remember keeps that a call was made, or may have been.
func (s *Session) remember(ctx context.Context, p *planned, err error) error {
	if !p.creates() {
		return nil
	}
	if err != nil && !closekit.MaybeDone(err) {
		s.mu.Lock()
		delete(s.begun, p.made)
		s.mu.Unlock()
		return nil
	}
	_, err = s.agent.store.Spend(context.WithoutCancel(ctx), []Spend{{Key: s.madeKey(p), Account: p.account.Name, Amount: 1, Most: -1, Ends: s.agent.now().Add(runsEnd)}})
	return err
}
