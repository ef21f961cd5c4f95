package closekit

import (
	"sync"
	"time"
)

// gate holds back all calls of one credential after a 429.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

// wait returns how long to wait.
func (g *gate) wait(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until.IsZero() {
		return 0
	}
	return max(0, g.until.Sub(now))
}

func (g *gate) close(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}
