package otelaccounts

import (
	"context"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// TestReaderGivesUp has one of two readers of metrics give up.
func TestReaderGivesUp(t *testing.T) {
	t.Parallel()
	r := reading{every: time.Minute, ask: func(ctx context.Context) (accounts.Health, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("it may take forever")
		}
		return accounts.Health{}, ctx.Err()
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = r.health(gone)
	if _, err := r.health(t.Context()); err != nil {
		t.Errorf("the other one gets %v", err)
	}
}
