package otelaccounts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/otelaccounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

const (
	tenant     = "tenant-canary"
	identifier = "identifier-canary"
)

// world is a manager on the emulator, with everything that is recorded.
type world struct {
	*testing.T
	srv     *emulator.Server
	m       *accounts.Manager
	user    accounts.Principal
	tel     *otelaccounts.Telemetry
	reader  *metric.ManualReader
	spans   *tracetest.InMemoryExporter
	tracer  trace.Tracer // of the caller
	wire    *wire
	trouble *bool // makes the store fail
	asked   *int  // how often the store was asked for its statistics
}

func newWorld(t *testing.T, opts ...otelaccounts.Option) *world {
	t.Helper()
	w := &world{T: t, srv: emulator.New(emulator.Options{}), reader: metric.NewManualReader(), spans: tracetest.NewInMemoryExporter()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	w.tracer = tracers.Tracer("the host")
	var err error
	w.tel, err = otelaccounts.New(append([]otelaccounts.Option{
		otelaccounts.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(w.reader))),
		otelaccounts.WithTracerProvider(tracers),
	}, opts...)...)
	w.check(err)
	key, err := vault.Keygen()
	w.check(err)
	v, err := vault.Open(key)
	w.check(err)
	w.user, err = accounts.NewPrincipal(tenant, identifier)
	w.check(err)
	w.wire = &wire{base: w.srv.Transport()}
	store := &store{Store: memstore.New()}
	w.trouble, w.asked = &store.trouble, &store.asked
	w.m, err = accounts.New(t.Context(), accounts.Config{
		Store: store, Vault: v, Transport: w.wire, Metrics: w.tel, Tracer: w.tel,
		Connections: []accounts.Connection{{
			Name: "close", ClientID: w.srv.ClientID(), ClientSecret: accounts.NewSecret(w.srv.ClientSecret()),
			RedirectURL: "https://app.example.com/callback", AuthorizeURL: "https://close.example/oauth2/authorize/",
			TokenURL: "https://close.example/oauth2/token/", RevokeURL: "https://close.example/oauth2/revoke/",
		}},
	})
	w.check(err)
	t.Cleanup(func() { _ = w.m.Close(context.Background()) })
	return w
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) connect() {
	w.Helper()
	f, err := w.m.PasteLocal(w.Context(), w.user, "close")
	w.check(err)
	back, err := w.srv.Allow(f.URL(), "", "")
	w.check(err)
	w.wire.see(url.ParseQuery(back[strings.IndexByte(back, '?')+1:]))
	_, err = f.Finish(w.Context(), back)
	w.check(err)
}

// store counts readings, and fails on demand.
type store struct {
	accounts.Store
	trouble bool
	asked   int
}

func (s *store) Stats(ctx context.Context) (accounts.Stats, error) {
	s.asked++
	if s.trouble {
		return accounts.Stats{}, errors.New("away")
	}
	return s.Store.Stats(ctx)
}

// wire remembers every secret that passes.
type wire struct {
	base http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (w *wire) see(form url.Values, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range []string{"code", "code_verifier", "state", "token", "refresh_token", "client_secret"} {
		if v := form.Get(name); v != "" {
			w.seen = append(w.seen, v)
		}
	}
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(sent))
	w.see(url.ParseQuery(string(sent)))
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer map[string]any
	if json.Unmarshal(body, &answer) == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, name := range []string{"access_token", "refresh_token", "user_id", "organization_id"} {
			if v, ok := answer[name].(string); ok {
				w.seen = append(w.seen, v)
			}
		}
	}
	return resp, nil
}

// collect gives what the instruments hold: the value by name and attributes.
func (w *world) collect() (values map[string]float64, text string, err error) {
	w.Helper()
	var rm metricdata.ResourceMetrics
	err = w.reader.Collect(w.Context(), &rm)
	values = map[string]float64{}
	for _, s := range rm.ScopeMetrics {
		for _, m := range s.Metrics {
			put := func(set attribute.Set, v float64) {
				name := m.Name
				for _, a := range set.ToSlice() {
					name += fmt.Sprintf(" %s=%s", strings.TrimPrefix(string(a.Key), "closekit.accounts."), a.Value.String())
				}
				values[name] = v
			}
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					put(p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					put(p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					put(p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					put(p.Attributes, float64(p.Count))
				}
			default:
				w.Errorf("%s has data of type %T", m.Name, d)
			}
		}
	}
	return values, fmt.Sprintf("%+v", rm), err
}

func (w *world) want(values map[string]float64, want map[string]float64) {
	w.Helper()
	for name, v := range want {
		if got, ok := values[name]; !ok || got != v {
			w.Errorf("%s is %v (%v), want %v", name, got, ok, v)
		}
	}
}

// TestLife takes an account through connecting, renewing, being revoked and
// disconnecting, and looks at all that is recorded.
func TestLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unregister, err := w.tel.Gauges(w.m)
	w.check(err)

	w.connect()
	ctx, parent := w.tracer.Start(t.Context(), "the caller")
	_, err = w.m.Refresh(ctx, w.user, "close")
	w.check(err)
	parent.End()
	w.srv.RevokeGrant("", "")
	if _, err := w.m.Refresh(t.Context(), w.user, "close"); !errors.Is(err, accounts.ErrAuthorizationRequired) {
		t.Fatalf("after the revocation: %v", err)
	}
	w.connect()
	_, err = w.m.Disconnect(t.Context(), w.user, "close", accounts.HostDisconnect)
	w.check(err)
	w.tel.Oddity("close", "expires_in_missing")

	values, text, err := w.collect()
	w.check(err)
	w.want(values, map[string]float64{
		"closekit.accounts.refreshes connection=close outcome=renewed":              1,
		"closekit.accounts.refreshes connection=close outcome=grant_refused":        1,
		"closekit.accounts.refresh.duration connection=close outcome=renewed":       1,
		"closekit.accounts.refresh.duration connection=close outcome=grant_refused": 1,
		"closekit.accounts.oddities connection=close kind=expires_in_missing":       1,
		"closekit.accounts.count connection=close state=DISCONNECTED":               1,
		"closekit.accounts.count connection=close state=ACTIVE":                     0,
		"closekit.accounts.due":                                                    0,
		"closekit.accounts.schedule.lag":                                           0,
		"closekit.accounts.attempts.in_doubt":                                      0,
		"closekit.accounts.flows.open":                                             0,
		"closekit.accounts.events.pending":                                         5, // created, connected, revoked, connected, disconnected
		"closekit.accounts.revocations.queued":                                     0,
		"closekit.accounts.limiter.rate connection=close":                          22, // 20 and one for each answer
		"closekit.accounts.limiter.pause connection=close":                         0,
		"closekit.accounts.connection.status connection=close health=OK":           1,
		"closekit.accounts.connection.status connection=close health=CONFIG_ERROR": 0,
		"closekit.accounts.connection.status connection=close health=THROTTLED":    0,
		"closekit.accounts.connection.status connection=close health=SUSPECT":      0,
	})
	if i := slices.IndexFunc(slices.Collect(maps.Keys(values)), func(s string) bool {
		return strings.HasPrefix(s, "closekit.accounts.blobs ") && strings.HasSuffix(s, "key_primary=true")
	}); i < 0 {
		t.Error("nothing is said about the sealed blobs")
	}
	w.spansOf(text, []string{
		"closekit.accounts exchange ok", "closekit.accounts refresh renewed", "the caller ", "closekit.accounts refresh grant_refused",
		"closekit.accounts exchange ok", "closekit.accounts revoke ok",
	})

	w.check(unregister())
	if values, _, err = w.collect(); err != nil {
		t.Fatal(err)
	}
	if _, ok := values["closekit.accounts.due"]; ok {
		t.Error("a gauge is reported after it was unregistered")
	}
}

// spansOf looks at the spans, and that neither they nor the metrics in text
// hold anything that they must not.
func (w *world) spansOf(text string, want []string) {
	w.Helper()
	spans := w.spans.GetSpans()
	var got []string
	var caller trace.SpanContext
	for _, s := range spans {
		if s.Name == "the caller" {
			caller = s.SpanContext
		}
	}
	for _, s := range spans {
		attrs := map[string]string{}
		for _, a := range s.Attributes {
			attrs[string(a.Key)] = a.Value.String()
		}
		outcome := attrs["closekit.accounts.outcome"]
		got = append(got, s.Name+" "+outcome)
		text += fmt.Sprintf("%+v", s)
		if s.Name == "the caller" {
			continue
		}
		failed := outcome == "grant_refused"
		if s.SpanKind != trace.SpanKindClient || attrs["closekit.accounts.connection"] != "close" ||
			(s.Status.Code == codes.Error) != failed || (attrs["error.type"] == outcome) != failed {
			w.Errorf("the span %s is %+v", s.Name, s)
		}
		if child := s.Parent.SpanID() == caller.SpanID(); child != (outcome == "renewed") {
			w.Errorf("the span %s %s is a child of the caller's: %v", s.Name, outcome, child)
		}
	}
	if !slices.Equal(got, want) {
		w.Errorf("the spans are %q, want %q", got, want)
	}
	w.wire.mu.Lock()
	canaries := append([]string{tenant, identifier, w.srv.ClientID(), w.srv.ClientSecret()}, w.wire.seen...)
	w.wire.mu.Unlock()
	if len(canaries) < 20 {
		w.Errorf("only %d secrets passed", len(canaries))
	}
	for _, c := range []string{"expires_in_missing", "closekit.accounts revoke", "DISCONNECTED"} {
		if !strings.Contains(text, c) {
			w.Errorf("the text of what is recorded does not hold %q, so that it shows nothing", c)
		}
	}
	for _, c := range canaries {
		if strings.Contains(text, c) {
			w.Errorf("what is recorded holds %q", c)
		}
	}
}

// TestEmpty sees that a connection is reported before it has an account.
func TestEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.tel.Gauges(w.m)
	w.check(err)
	values, _, err := w.collect()
	w.check(err)
	w.want(values, map[string]float64{"closekit.accounts.count connection=close state=ACTIVE": 0})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := map[string]bool{"renewed": true, "adopted": true, "replayed_ok": true, "ok": true}
	for _, result := range []string{
		"renewed", "adopted", "replayed_ok", "ok", "failed", "not_sent", "in_doubt", "provider_error", "throttled",
		"grant_refused", "rotation_lost", "config_error", "store_error", "seal_error", "identity_mismatch", "",
	} {
		w.spans.Reset()
		_, end := w.tel.Start(t.Context(), accounts.OpRefresh, "close")
		end(result)
		if s := w.spans.GetSpans(); len(s) != 1 || (s[0].Status.Code == codes.Error) == good[result] {
			t.Errorf("%q gives %+v", result, s)
		}
	}
}

// TestReading sees that the table is not counted more often than wanted, and
// that trouble is reported and passes.
func TestReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, otelaccounts.WithHealthInterval(10*time.Minute))
		_, err := w.tel.Gauges(w.m)
		w.check(err)
		_, err = w.m.GetOrCreate(t.Context(), w.user, "close")
		w.check(err)
		const pending = "closekit.accounts.count connection=close state=PENDING"
		step := func(after time.Duration, asked int, ok bool) {
			t.Helper()
			time.Sleep(after)
			values, _, err := w.collect()
			if _, given := values[pending]; *w.asked != asked || (err == nil) != ok || given != ok || ok && values[pending] != 1 {
				t.Errorf("asked %d times, want %d; err is %v, %s is %v", *w.asked, asked, err, pending, values[pending])
			}
		}
		step(0, 1, true)
		step(9*time.Minute, 1, true)
		step(59*time.Second, 2, true) // a moment early
		*w.trouble = true
		step(9*time.Minute, 2, true)
		step(time.Minute, 3, false)
		*w.trouble = false
		step(9*time.Minute, 3, false)
		step(time.Minute, 4, true)
	})
}

// TestGlobal sees that without options everything goes to the global
// providers, and that doing without an SDK works.
func TestGlobal(t *testing.T) {
	reader, spans := metric.NewManualReader(), tracetest.NewInMemoryExporter()
	meters, tracers := otel.GetMeterProvider(), otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetMeterProvider(meters); otel.SetTracerProvider(tracers) })
	use := func() {
		tel, err := otelaccounts.New(otelaccounts.WithMeterProvider(nil), otelaccounts.WithTracerProvider(nil))
		if err != nil {
			t.Fatal(err)
		}
		tel.Refreshed("close", accounts.OutcomeRenewed, time.Second)
		_, end := tel.Start(t.Context(), accounts.OpRefresh, "close")
		end("renewed")
	}
	use()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	use()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil || len(rm.ScopeMetrics) != 1 {
		t.Errorf("the global meter has %+v, %v", rm, err)
	}
	if n := len(spans.GetSpans()); n != 1 {
		t.Errorf("the global tracer has %d spans", n)
	}
}
