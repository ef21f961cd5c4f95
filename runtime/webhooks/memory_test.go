package webhooks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) webhooks.Store { return webhooks.NewMemory(0) })
}

// TestMemoryIsBounded wants the oldest handled events to be forgotten, and no claim that is
// in force.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := webhooks.NewMemory(10)
	mark := func(i int) webhooks.Mark { return webhooks.Mark{Tenant: "acme", Event: fmt.Sprint(i)} }
	want := func(i int, want webhooks.Claim) {
		t.Helper()
		if got, err := s.Claim(t.Context(), mark(i), "w", time.Hour); err != nil || got != want {
			t.Errorf("%d: got %d, %v; want %d", i, got, err, want)
		}
	}
	want(0, webhooks.Claimed) // in force all the time
	for i := 1; i <= 100; i++ {
		want(i, webhooks.Claimed)
		if err := s.Finish(t.Context(), mark(i), "w"); err != nil {
			t.Fatal(err)
		}
	}
	want(0, webhooks.Busy)
	for i := 92; i <= 100; i++ {
		want(i, webhooks.Handled)
	}
	want(91, webhooks.Claimed)
}
