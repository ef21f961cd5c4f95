package otelagent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/otelagent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// TestSpans follows calls of an agent.
func TestSpans(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	spans := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.WithAudit(otelagent.New(otelagent.WithTracerProvider(tracers), nil)))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()), agent.As("ada"))
	ctx, parent := tracers.Tracer("host").Start(t.Context(), "turn")
	begun := time.Now()
	if r := s.Call(ctx, "close_lead_create", []byte(`{"name":"Zorro"}`)); r.Err != nil {
		t.Fatal(r.Err)
	}
	var pending agent.Result
	if pending = s.Call(ctx, "close_pipeline_create", []byte(`{"name":"Zorro"}`)); pending.Pending == nil {
		t.Fatal(pending.Text)
	}
	if r := s.Call(ctx, "zorro_is_secret", nil); r.Err == nil {
		t.Fatal("an unknown tool was called")
	}
	if r := s.Call(ctx, "close_lead_get", []byte(`{"lead_id":"lead_unknownXXXXXXXXXX"}`)); r.Err == nil {
		t.Fatal("an unknown lead was found")
	} else if e := new(closekit.Error); !errors.As(r.Err, &e) {
		t.Fatal(r.Err)
	}
	parent.End()
	got := spans.GetSpans()
	var lines []string
	for _, span := range got[:len(got)-1] {
		values := map[string]string{}
		for _, x := range span.Attributes {
			values[string(x.Key)] = x.Value.AsString()
			if strings.Contains(strings.ToLower(x.Value.AsString()), "zorro") || strings.Contains(x.Value.AsString(), "lead_") && x.Key != "closekit.tool" || strings.Contains(x.Value.AsString(), "ada") {
				t.Errorf("%s is %q", x.Key, x.Value.AsString())
			}
		}
		if span.Parent.SpanID() != parent.SpanContext().SpanID() || values["closekit.run"] != s.Run() || values["closekit.call"] == "" {
			t.Errorf("the span %s has the parent %v and the attributes %v", span.Name, span.Parent.SpanID(), values)
		}
		if span.StartTime.Before(begun) || span.EndTime.Before(span.StartTime) {
			t.Errorf("the span %s is from %v to %v", span.Name, span.StartTime, span.EndTime)
		}
		lines = append(lines, fmt.Sprint(span.Name, " ", values["closekit.result"], " ", values["closekit.decision"], " ", span.Status.Code == codes.Error))
	}
	want := "close_lead_create ok allow false\nclose_pipeline_create pending ask false\nrefused call refused allow false\nclose_lead_get failed allow true"
	if strings.Join(lines, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), want)
	}
}

// TestKeepsNothing makes sure that agents do not take spans for the records that an undo
// needs.
func TestKeepsNothing(t *testing.T) {
	t.Parallel()
	if s, ok := any(otelagent.New()).(agent.SnapshotSink); ok && s.KeepsSnapshots() {
		t.Error("spans have no records as they were")
	}
}
