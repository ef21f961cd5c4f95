package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/closekit/closekit/runtime/webhooks"
)

// BenchmarkReceiver verifies deliveries of 2 kB, marks them, and writes a row for each, with
// synchronous = FULL and 64 deliveries at once. Every fourth one is a duplicate. The handler
// is called directly; in http, a client on the same machine posts the deliveries, and what
// both ends of net/http cost is in the number.
func BenchmarkReceiver(b *testing.B) {
	s := temporary(b)
	host(b, s)
	key, err := webhooks.ParseSigningKey(strings.Repeat("ab", 32))
	if err != nil {
		b.Fatal(err)
	}
	effects := 0 // of the transactions, which are one at a time
	modes := map[string]webhooks.Once{
		"transactional": s.Transactional(0, func(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
			effects++
			return write(ctx, tx, d)
		}),
		"leased": webhooks.Leased(s, 0, func(context.Context, *webhooks.Delivery) error { return nil }),
	}
	data := strings.Repeat("x", 1500)
	for _, name := range []string{"transactional", "leased", "transactional/http"} {
		mode, _, overHTTP := strings.Cut(name, "/")
		b.Run(name, func(b *testing.B) {
			r, err := webhooks.NewReceiver(webhooks.Config{Keys: webhooks.Fixed(webhooks.Subscription{ID: "whsub_1", Tenant: b.Name(), Key: key}), Once: modes[mode]})
			if err != nil {
				b.Fatal(err)
			}
			srv := httptest.NewServer(r)
			defer srv.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
			var serial, bad atomic.Int64
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := serial.Add(1)
					body := fmt.Appendf(nil, `{"subscription_id":"whsub_1","event":{"id":"ev_%d_%d","object_type":"lead","object_id":"lead_1","action":"updated","changed_fields":["name"],
						"data":{"name":%q},"previous_data":{"name":"old"},"date_updated":"2026-01-01T00:00:00.123456"}}`, b.N, i-i%4/3, data)
					status := http.StatusInternalServerError
					req := httptest.NewRequest(http.MethodPost, srv.URL, bytes.NewReader(body))
					req.Header.Set("Close-Sig-Timestamp", "1767225600")
					req.Header.Set("Close-Sig-Hash", key.Sign("1767225600", body))
					if overHTTP {
						req.RequestURI = ""
						if res, err := client.Do(req); err == nil {
							_ = res.Body.Close()
							status = res.StatusCode
						}
					} else {
						w := httptest.NewRecorder()
						r.ServeHTTP(w, req)
						status = w.Code
					}
					if status != http.StatusOK && status != http.StatusServiceUnavailable { // a duplicate at the same moment
						bad.Add(1)
					}
				}
			})
			if bad.Load() > 0 {
				b.Errorf("%d deliveries failed", bad.Load())
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
