package closejetstream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/closekit/closekit"
	closejetstream "github.com/closekit/closekit/adapters/jetstream"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/sqlitestore"
)

// engine is a NATS server with JetStream. It can be stopped and started again.
type engine struct {
	t    *testing.T
	opts server.Options
	srv  *server.Server
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{t: t, opts: server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true}}
	e.start()
	t.Cleanup(e.stop)
	return e
}

func (e *engine) start() {
	e.t.Helper()
	opts := e.opts
	srv, err := server.NewServer(&opts)
	if err != nil {
		e.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		e.t.Fatal("the server does not start")
	}
	e.srv = srv
	e.opts.Port = opts.Port // the same again
}

func (e *engine) stop() {
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
}

func (e *engine) connect() jetstream.JetStream {
	e.t.Helper()
	nc, err := nats.Connect(e.srv.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		e.t.Fatal(err)
	}
	return js
}

func open(t *testing.T, js jetstream.JetStream, cfg closejetstream.Config) *closejetstream.Stream {
	t.Helper()
	s, err := closejetstream.Open(t.Context(), js, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func delivery(t *testing.T, tenant, id, date, kind string) *webhooks.Delivery {
	t.Helper()
	dot := strings.LastIndexByte(kind, '.')
	d, err := webhooks.Parse(tenant, "whsub_1", fmt.Appendf(nil, `{"id":%q,"object_type":%q,"action":%q,"date_updated":%q}`, id, kind[:dot], kind[dot+1:], date))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const date = "2026-01-01T00:00:00"

// TestOnce publishes each event once, for each tenant and each date.
func TestOnce(t *testing.T) {
	t.Parallel()
	js := newEngine(t).connect()
	s := open(t, js, closejetstream.Config{})
	once := s.Once()
	for i, c := range []struct {
		d     *webhooks.Delivery
		first bool
	}{
		{delivery(t, "acme", "ev_1", date, "lead.created"), true},
		{delivery(t, "acme", "ev_1", date, "lead.created"), false},
		{delivery(t, "acme", "ev_1", date+"+00:00", "lead.created"), false},
		{delivery(t, "beta", "ev_1", date, "lead.created"), true},
		{delivery(t, "acme", "ev_1", "2026-01-01T00:00:01", "lead.updated"), true},
	} {
		if first, err := once(t.Context(), c.d); first != c.first || err != nil {
			t.Errorf("%d: got %v, %v", i, first, err)
		}
	}
	stream, err := js.Stream(t.Context(), "CLOSE_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if info := stream.CachedInfo(); info.State.Msgs != 3 || info.Config.Duplicates != webhooks.Retention {
		t.Errorf("the stream has %d messages and drops duplicates for %v", info.State.Msgs, info.Config.Duplicates)
	}
	large := delivery(t, "acme", "ev_2", date, "lead.created")
	large.Raw = []byte(`{"x":"` + strings.Repeat("x", 2<<20) + `"}`)
	if _, err := once(t.Context(), large); !errors.Is(err, nats.ErrMaxPayload) || !strings.Contains(err.Error(), "raise max_payload") {
		t.Errorf("a large event: %v", err)
	}
	if _, err := closejetstream.Open(t.Context(), js, closejetstream.Config{MaxAge: time.Hour}); err == nil {
		t.Error("MaxAge shorter than the repetitions is accepted")
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	s := open(t, newEngine(t).connect(), closejetstream.Config{Subject: "crm"})
	for _, c := range []struct{ tenant, kind, want string }{
		{"acme", "activity.note.created", "crm.acme.activity.note.created"},
		{"a.b", "lead.created", "crm.b64-YS5i.lead.created"},
		{"*", "lead.created", "crm.b64-Kg.lead.created"},
		{"", "lead.created", "crm.b64-.lead.created"},
		{"b64-Kg", "lead.created", "crm.b64-YjY0LUtn.lead.created"},
		{"acme", "lead.>.x", "crm.acme.lead.other.x"},
	} {
		if got := s.Subject(delivery(t, c.tenant, "ev", date, c.kind)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestConsume wants durable consumers to get every event of their filter, again after a failure,
// and goes on where another one has stopped.
func TestConsume(t *testing.T) {
	t.Parallel()
	s := open(t, newEngine(t).connect(), closejetstream.Config{})
	publish := func(tenant, id, kind string) {
		t.Helper()
		if _, err := s.Once()(t.Context(), delivery(t, tenant, id, date, kind)); err != nil {
			t.Fatal(err)
		}
	}
	publish("acme", "ev_1", "lead.created")
	publish("be.ta", "ev_2", "lead.created")
	publish("acme", "ev_3", "activity.note.created")
	consume := func(durable, filter string, n, fail int) (got []string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := s.Consume(ctx, durable, filter, func(_ context.Context, d *webhooks.Delivery) (bool, error) {
			if fail--; fail >= 0 {
				return false, errors.New("no")
			}
			if got = append(got, d.Tenant+" "+string(d.Event.ID)); len(got) == n {
				cancel()
			}
			return true, nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Consume: %v", err)
		}
		return got
	}
	equal := func(got []string, want string) {
		t.Helper()
		if strings.Join(got, ", ") != want {
			t.Errorf("got %q, want %s", got, want)
		}
	}
	equal(consume("one", "", 2, 0), "acme ev_1, be.ta ev_2")
	equal(consume("one", "", 1, 0), "acme ev_3")
	publish("acme", "ev_4", "lead.created")
	equal(consume("one", "", 1, 2), "acme ev_4") // after two failures
	equal(consume("notes", "close.events.*.activity.>", 1, 0), "acme ev_3")
	equal(consume("beta", "close.events.b64-YmUudGE.>", 1, 0), "be.ta ev_2")
}

// TestOutage keeps events over a restart of the server, and loses none: what cannot be
// stored is an error, and Close repeats it.
func TestOutage(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	js := e.connect()
	s := open(t, js, closejetstream.Config{})
	first := delivery(t, "acme", "ev_1", date, "lead.created")
	if ok, err := s.Once()(t.Context(), first); !ok || err != nil {
		t.Fatal(ok, err)
	}
	e.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	second := delivery(t, "acme", "ev_2", date, "lead.created")
	if _, err := s.Once()(ctx, second); err == nil {
		t.Fatal("published without a server")
	}
	e.start()
	s = open(t, e.connect(), closejetstream.Config{})
	if ok, err := s.Once()(t.Context(), first); ok || err != nil {
		t.Errorf("a repetition after the restart: %v, %v", ok, err)
	}
	if _, err := s.Once()(t.Context(), second); err != nil {
		t.Error(err)
	}
}

func publish(ctx context.Context, js jetstream.JetStream, keys *webhooks.Keys) (http.Handler, error) {
	stream, err := closejetstream.Open(ctx, js, closejetstream.Config{})
	if err != nil {
		return nil, err
	}
	return webhooks.NewReceiver(webhooks.Config{Keys: keys.Lookup, Once: stream.Once()})
}

// plainVault is a vault that seals nothing, because what it seals ends with the test.
type plainVault struct{}

func (plainVault) Seal(b, _ []byte) ([]byte, uint32, error) { return b, 1, nil }
func (plainVault) Open(b, _ []byte) ([]byte, error)         { return b, nil }
func (plainVault) KeyIDs() (uint32, []uint32)               { return 1, []uint32{1} }

// TestReceiver has the emulator deliver to a receiver that publishes, and workers that
// handle each event once.
func TestReceiver(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	hook := httptest.NewUnstartedServer(nil)
	var created struct {
		ID           string          `json:"id"`
		SignatureKey closekit.Secret `json:"signature_key"`
	}
	err := client.Post(t.Context(), "/webhook/", map[string]any{
		"url": "http://" + hook.Listener.Addr().String(), "events": []any{map[string]any{"object_type": "lead", "action": "created"}},
	}, &created)
	if err != nil {
		t.Fatal(err)
	}
	key, err := webhooks.ParseSigningKey(created.SignatureKey.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	keys := webhooks.NewKeys(webhooks.NewMemory(0), plainVault{})
	if err := keys.Save(t.Context(), "", webhooks.Subscription{ID: created.ID, Tenant: "acme", Key: key}); err != nil {
		t.Fatal(err)
	}
	js := newEngine(t).connect()
	s := open(t, js, closejetstream.Config{})
	if hook.Config.Handler, err = publish(t.Context(), js, keys); err != nil {
		t.Fatal(err)
	}
	hook.Start()
	defer hook.Close()
	srv.SetWebhookMode(emulator.WebhookMode{Duplicate: true})
	const n = 20
	for i := range n {
		if err := client.Post(t.Context(), "/lead/", map[string]any{"name": fmt.Sprint(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	store, err := sqlitestore.Open(filepath.Join(t.TempDir(), "marks.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	seen := map[string]int{}
	once := webhooks.Leased(store, 0, func(_ context.Context, d *webhooks.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		if seen[string(d.Event.ID)]++; len(seen) == n {
			cancel()
		}
		return nil
	})
	var wg sync.WaitGroup
	for range 3 { // workers that share a consumer
		wg.Go(func() {
			if err := s.Consume(ctx, "workers", "", once); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was handled %d times", id, times)
		}
	}
}
