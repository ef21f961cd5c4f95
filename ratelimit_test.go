package closekit

import (
	"testing"
	"time"
)

func TestGate(t *testing.T) {
	t.Parallel()
	var g gate
	now := time.Now()
	if g.wait(now) != 0 {
		t.Error("a new gate is closed")
	}
	g.close(now.Add(5 * time.Second))
	g.close(now.Add(3 * time.Second)) // a shorter wait does not open the gate earlier
	if d := g.wait(now); d != 5*time.Second {
		t.Error(d)
	}
	if d := g.wait(now.Add(6 * time.Second)); d != 0 {
		t.Error(d)
	}
}
