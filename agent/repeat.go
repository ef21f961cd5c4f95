package agent

import (
	"context"
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
	d := callDigest(p.account, s.run, p.tool.Name, p.tool.Hash(), p.input)
	return counterKey("made", string(d[:]))
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

// decideRepeat decides again if an earlier call of the same turn was the very same.
// Nothing else that the turn has learned counts: the model has not seen it.
func (s *Session) decideRepeat(ctx context.Context, p *planned) {
	repeat, err := s.repeats(ctx, p)
	if err == nil && repeat && !p.call.Repeat {
		p.call.Repeat = true
		p.decision = s.agent.judge(p.call)
		if p.decision.Action != Allow && p.decision.Action != Ask {
			err = &PolicyError{p.tool.Name, p.effect, p.decision}
		}
	}
	if err != nil {
		s.refuse(ctx, p, err)
	}
}

// remember keeps that a call was made, or may have been.
func (s *Session) remember(ctx context.Context, p *planned, err error) error {
	if !p.creates() || err != nil && !closekit.MaybeDone(err) {
		return nil
	}
	_, err = s.agent.store.Spend(context.WithoutCancel(ctx), []Spend{{Key: s.madeKey(p), Account: p.account.Name, Amount: 1, Most: -1, Ends: s.agent.now().Add(runsEnd)}})
	return err
}
