package demo

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit/emulator"
)

// seed puts leads into the emulator that were changed on different days.
func seed(srv *emulator.Server, ago *atomic.Int64) error {
	for _, s := range []struct {
		days int
		json string
	}{
		{3, `{"leads": [{"name": "Acme Corp Europe", "contacts": [{"name": "Max Muster"}],
			"opportunities": [{"status": "Contract Sent", "value": 4500000, "value_period": "one_time", "confidence": 80}]}]}`},
		{2, `{"leads": [{"name": "Globex", "opportunities": [
			{"status": "Proposal Sent", "value": 250000, "value_period": "monthly", "confidence": 50},
			{"status": "Demo Completed", "value": 1000000, "value_period": "annual", "confidence": 20},
			{"status": "Won", "value": 9900000, "value_period": "annual", "confidence": 100}]}]}`},
		{1, `{"leads": [{"name": "Acme Corp", "contacts": [{"name": "Wile E. Coyote"}],
			"opportunities": [{"status": "Proposal Sent", "value": 2050050, "value_period": "annual", "confidence": 60}]}]}`},
	} {
		ago.Store(int64(s.days) * int64(24*time.Hour))
		if err := srv.Seed(strings.NewReader(s.json)); err != nil {
			return fmt.Errorf("seed the emulator: %w", err)
		}
	}
	ago.Store(0)
	return nil
}

// written lists the tools behind the writes that the emulator received.
func written(srv *emulator.Server) []string {
	var list []string
	for _, r := range srv.Requests() {
		if r.Method != http.MethodGet {
			list = append(list, r.Tool)
		}
	}
	return list
}
