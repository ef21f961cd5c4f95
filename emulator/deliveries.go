package emulator

import (
	"context"
	"time"

	"github.com/closekit/closekit/emulator/internal/hooks"
)

// WebhookMode makes webhook deliveries arrive repeatedly or out of order. The
// zero value delivers each event once and in order.
type WebhookMode struct {
	// Duplicate delivers everything twice.
	Duplicate bool
	// Reverse holds deliveries back until [Server.WaitWebhooks] is called, which
	// sends them newest first.
	Reverse bool
}

// Delivery is one attempt to deliver an event to a webhook.
type Delivery struct {
	Time           time.Time
	SubscriptionID string
	EventID        string
	URL            string
	Attempt        int    // 1 for the first one
	Status         int    // of the receiver's response, 0 without one
	Error          string // empty if the response was 2xx
}

// SetWebhookMode changes how deliveries are made from now on.
func (s *Server) SetWebhookMode(mode WebhookMode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.SetMode(hooks.Mode(mode))
}

// WaitWebhooks waits until every delivery that is due has been attempted, and
// releases the deliveries that [WebhookMode.Reverse] holds back. It does not wait
// for retries in the future; [Server.Advance] makes them due.
func (s *Server) WaitWebhooks(ctx context.Context) error {
	return s.hooks.Wait(ctx)
}

// Deliveries returns the last 10,000 attempts to deliver webhooks, in the order in
// which they ended.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Delivery
	for _, d := range s.hooks.Attempts() {
		out = append(out, Delivery(d))
	}
	return out
}
