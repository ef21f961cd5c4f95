package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
)

// keepsFallbacks forgets to drop a fallback.
type keepsFallbacks struct{ accounts.Store }

func (s keepsFallbacks) Extend(ctx context.Context, q accounts.ExtendRequest) (accounts.Record, error) {
	q.DropFallback = false
	return s.Store.Extend(ctx, q)
}

// TestReportIsShort finds a difference that needs an account, a commit, a
// fallback, a claim and an extension, in hundreds of requests.
func TestReportIsShort(t *testing.T) {
	t.Parallel()
	report := compare(t.Context(), 1, 5000, func() Pair {
		now := time.Unix(1_800_000_000, 0)
		clock := memstore.WithClock(func() time.Time { return now })
		return Pair{Want: memstore.New(clock), Got: keepsFallbacks{memstore.New(clock)}, Pass: func(d time.Duration) { now = now.Add(d) }}
	})
	for _, want := range []string{"with seed 1 ", " 1. Ensure(", "Extend(", "DropFallback: true", "result.Fallback.Until: want 0001-01-01"} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if lines := strings.Count(report, "\n"); lines > 20 {
		t.Errorf("it has %d lines", lines)
	}
	if t.Failed() {
		t.Log(report)
	}
}
