package otelclient_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/otelclient"
)

// A program usually has global providers already, so that New needs no options.
func Example() {
	spans := tracetest.NewInMemoryExporter()
	telemetry, err := otelclient.New(otelclient.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(spans))))
	if err != nil {
		log.Fatal(err)
	}
	srv := emulator.New(emulator.Options{}) // stands for Close
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.HTTPClient(&http.Client{Transport: srv.Transport()}), telemetry)
	if _, err := closeapi.MeGet(context.Background(), c, closeapi.MeGetParams{}); err != nil {
		log.Fatal(err)
	}
	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name)
	}
	// Output: close_me_get
}
