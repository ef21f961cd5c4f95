package webhooks_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/webhooks"
)

// org is an emulated Close with a client of its administrator.
type org struct {
	*emulator.Server
	t      testing.TB
	client *closekit.Client
}

func newOrg(t testing.TB, options ...emulator.Option) *org {
	t.Helper()
	srv := emulator.Start(t, options...)
	return &org{srv, t, closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))}
}

func (o *org) post(path string, in any) map[string]any {
	o.t.Helper()
	var out map[string]any
	if err := o.client.Post(context.Background(), path, in, &out); err != nil {
		o.t.Fatal(err)
	}
	return out
}

func (o *org) lead(name string) string {
	o.t.Helper()
	return o.post("/lead/", map[string]any{"name": name})["id"].(string)
}

func (o *org) rename(id, name string) {
	o.t.Helper()
	if err := o.client.Put(context.Background(), "/lead/"+id+"/", map[string]any{"name": name}, nil); err != nil {
		o.t.Fatal(err)
	}
}

// wait waits for the deliveries that are due.
func (o *org) wait() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := o.WaitWebhooks(ctx); err != nil {
		o.t.Fatal(err)
	}
}

// statuses lists the responses to deliveries.
func (o *org) statuses() string {
	var list []string
	for _, d := range o.Deliveries() {
		list = append(list, fmt.Sprint(d.Status))
	}
	return strings.Join(list, " ")
}

// journal records what a function handled, as "action name".
type journal struct {
	mu    sync.Mutex
	lines []string
	fail  error
}

func (j *journal) handle(_ context.Context, d *webhooks.Delivery) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	name := ""
	if lead, ok := d.Event.AsLead(); ok && lead.After != nil { // a deletion has none
		name = lead.After.Name.Or("")
	}
	j.lines = append(j.lines, strings.TrimSpace(string(d.Event.Action)+" "+name))
	return nil
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, ", ")
}

func (j *journal) breaks(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = err
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	testID  = "whsub_1"
	testKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

func signingKey(t testing.TB, text string) webhooks.SigningKey {
	t.Helper()
	k, err := webhooks.ParseSigningKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// desk is a receiver with a fixed subscription, and what it did.
type desk struct {
	*webhooks.Receiver
	t testing.TB
	journal
	log lines
	key webhooks.SigningKey
}

func newDesk(t testing.TB, change func(*webhooks.Config)) *desk {
	t.Helper()
	d := &desk{t: t, key: signingKey(t, testKey)}
	cfg := webhooks.Config{
		Keys:   webhooks.Fixed(webhooks.Subscription{ID: testID, Tenant: "acme", Organization: "orga_1", Key: d.key}),
		Once:   webhooks.Leased(webhooks.NewMemory(0), 0, d.handle),
		Logger: slog.New(slog.NewTextHandler(&d.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if d.Receiver, err = webhooks.NewReceiver(cfg); err != nil {
		t.Fatal(err)
	}
	return d
}

// body returns the body of a delivery.
func body(id, date, action, name string) string {
	return fmt.Sprintf(`{"subscription_id": %q, "event": {"id": %q, "object_type": "lead", "object_id": "lead_1", "lead_id": "lead_1",
		"organization_id": "orga_1", "action": %q, "changed_fields": ["name"], "data": {"name": %q}, "previous_data": {}, "date_created": "2026-01-01T00:00:00",
		"date_updated": %q}}`, testID, id, action, name, date)
}

const stamp = "1767225600"

// deliver posts a signed body and returns the status.
func (d *desk) deliver(body string) int { return d.send(body, d.key.Sign(stamp, []byte(body)), stamp) }

func (d *desk) send(body, hash, timestamp string) int {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("Close-Sig-Hash", hash)
	req.Header.Set("Close-Sig-Timestamp", timestamp)
	return d.serve(req)
}

func (d *desk) serve(req *http.Request) int {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, req)
	return w.Code
}

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
