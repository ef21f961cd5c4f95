package otelclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otelmetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime/otelclient"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(status int, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {"0"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
	}
}

// world is a client whose requests are answered one after the other, and what is
// recorded of them.
type world struct {
	client *closekit.Client
	reader *metric.ManualReader
	spans  *tracetest.InMemoryExporter
	tracer trace.Tracer
}

func newWorld(t *testing.T, steps ...roundTrip) *world {
	t.Helper()
	w := &world{reader: metric.NewManualReader(), spans: tracetest.NewInMemoryExporter()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	w.tracer = tracers.Tracer("the host")
	telemetry, err := otelclient.New(otelclient.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(w.reader))), otelclient.WithTracerProvider(tracers), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Traceparent") != "" {
			t.Error("trace headers are sent to Close")
		}
		if !trace.SpanContextFromContext(r.Context()).IsValid() {
			t.Error("the request does not have the span")
		}
		n++
		return steps[min(n, len(steps))-1](r)
	})
	w.client = closekit.NewClient(closekit.APIKey("api_canary"), closekit.HTTPClient(&http.Client{Transport: rt}), telemetry)
	return w
}

// metrics returns the values by name and attributes.
func (w *world) metrics(t *testing.T) map[string]int64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	values := map[string]int64{}
	for _, s := range rm.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					values[m.Name+text(p.Attributes.ToSlice())] = int64(p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					values[m.Name+text(p.Attributes.ToSlice())] = p.Value
				}
			default:
				t.Errorf("%T", d)
			}
		}
	}
	return values
}

func text(list []attribute.KeyValue) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, " %s=%s", a.Key, a.Value.String())
	}
	return b.String()
}

const lead = "lead_canary"

func TestCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, respond(503, ""), respond(200, `{"id":"lead_1"}`))
		ctx, parent := w.tracer.Start(t.Context(), "host")
		if _, err := closeapi.LeadGet(ctx, w.client, closeapi.LeadGetParams{LeadID: lead}); err != nil {
			t.Fatal(err)
		}
		parent.End()
		got := w.metrics(t)
		const call = " closekit.tool=close_lead_get"
		for name, want := range map[string]int64{
			"closekit.client.request.duration" + call + " error.type=503 http.request.method=GET http.response.status_code=503": 1,
			"closekit.client.request.duration" + call + " http.request.method=GET http.response.status_code=200":                1,
			"closekit.client.active_requests" + call + " http.request.method=GET":                                               0,
		} {
			if n, ok := got[name]; !ok || n != want {
				t.Errorf("%s is %d: %v", name, n, got)
			}
		}
		spans := w.spans.GetSpans()
		if len(spans) != 3 {
			t.Fatalf("%d spans", len(spans))
		}
		for i, s := range spans[:2] {
			if s.Name != "close_lead_get" || s.SpanKind != trace.SpanKindClient || s.Parent.SpanID() != parent.SpanContext().SpanID() {
				t.Errorf("%+v", s)
			}
			has := func(a attribute.KeyValue) bool { return slices.Contains(s.Attributes, a) }
			if !has(attribute.String("url.template", "/api/v1/lead/{lead_id}/")) || !has(attribute.String("closekit.effect", "read")) || !has(attribute.String("server.address", "api.close.com")) {
				t.Errorf("%v", s.Attributes)
			}
			if second := i == 1; second != has(attribute.Int("http.request.resend_count", 1)) || second == (s.Status.Code == codes.Error) || second != has(attribute.Int("http.response.status_code", 200)) {
				t.Errorf("span %d: %v, %v", i, s.Status, s.Attributes)
			}
		}
	})
}

// TestNoCanary looks for ids, search terms, bodies and the credential in everything
// that is recorded.
func TestNoCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, respond(400, `{"error":"canary"}`))
	ctx, host := w.tracer.Start(t.Context(), "host")
	defer host.End()
	_, _ = closeapi.LeadGet(ctx, w.client, closeapi.LeadGetParams{LeadID: lead})
	_ = w.client.Post(ctx, "/thing/canary/?q=canary", map[string]string{"a": "canary"}, nil)
	all := fmt.Sprint(w.metrics(t))
	for _, s := range w.spans.GetSpans() {
		all += s.Name + text(s.Attributes) + s.Status.Description + fmt.Sprint(s.Events)
	}
	if strings.Contains(all, "canary") {
		t.Error(all)
	}
	if !strings.Contains(all, "closekit.client.request.duration error.type=400 http.request.method=POST http.response.status_code=400:1") {
		t.Error(all)
	}
}

func TestErrorTypes(t *testing.T) {
	t.Parallel()
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for _, c := range []struct {
		name string
		step roundTrip
		want string
	}{
		{"refused", func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}, "transport"},
		{"timeout", hang, "timeout"},
		{"canceled", hang, "canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.step)
				ctx, host := w.tracer.Start(t.Context(), "host")
				defer host.End()
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				if c.name == "canceled" {
					time.AfterFunc(time.Second, cancel)
				}
				err := w.client.With(nil, closekit.MaxRetries(0)).Post(ctx, "/thing/", nil, nil)
				spans := w.spans.GetSpans()
				if err == nil || len(spans) != 1 || !slices.Contains(spans[0].Attributes, attribute.String("error.type", c.want)) || spans[0].Status.Code != codes.Error {
					t.Errorf("%v: %v", err, spans)
				}
			})
		})
	}
}

// TestGlobalProviders uses the global providers, of which none is set.
func TestGlobalProviders(t *testing.T) {
	t.Parallel()
	telemetry, err := otelclient.New(otelclient.WithMeterProvider(nil), otelclient.WithTracerProvider(nil))
	if err != nil || otel.GetMeterProvider() == nil {
		t.Fatal(err)
	}
	c := closekit.NewClient(closekit.APIKey("api_x"), closekit.HTTPClient(&http.Client{Transport: respond(200, `{}`)}), telemetry)
	var b bytes.Buffer
	if err := c.Get(t.Context(), "/me/", nil); err != nil || b.Len() != 0 {
		t.Error(err)
	}
	if _, err := otelclient.New(otelclient.WithMeterProvider(refusing{})); err == nil || !strings.Contains(err.Error(), "the meter refuses an instrument") {
		t.Error(err)
	}
}

// refusing is a provider whose meters refuse instruments.
type refusing struct{ noop.MeterProvider }

func (refusing) Meter(string, ...otelmetric.MeterOption) otelmetric.Meter { return refusingMeter{} }

type refusingMeter struct{ noop.Meter }

func (refusingMeter) Float64Histogram(string, ...otelmetric.Float64HistogramOption) (otelmetric.Float64Histogram, error) {
	return nil, errors.New("no")
}
