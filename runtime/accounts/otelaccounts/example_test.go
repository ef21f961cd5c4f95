package otelaccounts_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/otelaccounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// A host usually has global providers already, so that New needs no options.
func Example() {
	ctx := context.Background()
	reader, spans := metric.NewManualReader(), tracetest.NewInMemoryExporter()
	t, err := otelaccounts.New(
		otelaccounts.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))),
		otelaccounts.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(spans))),
	)
	if err != nil {
		log.Fatal(err)
	}

	key, err := vault.Keygen()
	if err != nil {
		log.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		log.Fatal(err)
	}
	srv := emulator.New(emulator.Options{}) // stands for Close
	m, err := accounts.New(ctx, accounts.Config{
		Store: memstore.New(), Vault: v, Transport: srv.Transport(),
		Metrics: t, Tracer: t,
		Connections: []accounts.Connection{{
			Name: "close", ClientID: srv.ClientID(), ClientSecret: accounts.NewSecret(srv.ClientSecret()),
			RedirectURL: "https://app.example.com/callback",
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close(ctx)
	unregister, err := t.Gauges(m)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = unregister() }()

	user, err := accounts.NewPrincipal("acme", "ada")
	if err != nil {
		log.Fatal(err)
	}
	flow, err := m.PasteLocal(ctx, user, "close")
	if err != nil {
		log.Fatal(err)
	}
	answer, err := srv.Allow(flow.URL(), "", "") // what the user does in a browser
	if err != nil {
		log.Fatal(err)
	}
	if _, err := flow.Finish(ctx, answer); err != nil {
		log.Fatal(err)
	}
	if _, err := m.Refresh(ctx, user, "close"); err != nil {
		log.Fatal(err)
	}

	for _, s := range spans.GetSpans() {
		fmt.Println("span:", s.Name)
	}
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &rm); err != nil {
		log.Fatal(err)
	}
	for _, i := range rm.ScopeMetrics[0].Metrics {
		fmt.Println(i.Name, i.Unit)
	}
	// Output:
	// span: closekit.accounts exchange
	// span: closekit.accounts refresh
	// closekit.accounts.refreshes {attempt}
	// closekit.accounts.refresh.duration s
	// closekit.accounts.count {account}
	// closekit.accounts.due {account}
	// closekit.accounts.attempts.in_doubt {attempt}
	// closekit.accounts.flows.open {flow}
	// closekit.accounts.events.pending {event}
	// closekit.accounts.revocations.queued {revocation}
	// closekit.accounts.blobs {blob}
	// closekit.accounts.connection.status 1
	// closekit.accounts.schedule.lag s
	// closekit.accounts.limiter.rate {attempt}/s
	// closekit.accounts.limiter.pause s
}
