// Package otelagent reports the calls of agents to OpenTelemetry: a span for each.
//
//	a, err := agent.New(tools.Catalog(), agent.WithAudit(otelagent.New()))
//
// It needs the OpenTelemetry API only; the program brings an SDK, or nothing is
// recorded. A span is named after the tool, such as "close_lead_create", and is a child
// of the span in the context of the call. It begins and ends with the call, repair and
// policy included, and its end is known with the outcome; so the spans of package
// otelclient are its siblings. It is an addition to an audit log, not a replacement: it
// never fails, and holds nothing of what was sent.
//
// Attributes are closekit.tool, closekit.effect, closekit.decision, closekit.result and,
// if there are any, closekit.run, closekit.call and closekit.approval, which are ids of
// the agent layer. There is no argument, no id of Close, no name of an account or a
// person, and no text of an error.
package otelagent

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

const scope = "github.com/closekit/closekit/agent/otelagent"

// Option is an option of [New].
type Option func(*config)

type config struct{ tracers trace.TracerProvider }

// WithTracerProvider sets where spans go. By default, or if p is nil, they go to the
// global provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// New returns a sink for [agent.WithAudit]. Its errors are always nil.
func New(opts ...Option) agent.Sink {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	return &sink{c.tracers.Tracer(scope, trace.WithInstrumentationVersion(closekit.Version))}
}

type sink struct{ tracer trace.Tracer }

// Record implements [agent.Sink].
func (s *sink) Record(ctx context.Context, r agent.Record) error {
	if r.Phase != agent.Outcome {
		return nil
	}
	attributes := []attribute.KeyValue{
		attribute.String("closekit.effect", r.Effect.String()), attribute.String("closekit.decision", r.Decision.String()), attribute.String("closekit.result", r.Result),
	}
	// The name of a tool that was refused is what a model wrote.
	name := "refused call"
	if r.Result != "refused" {
		name = r.Tool
		attributes = append(attributes, attribute.String("closekit.tool", r.Tool))
	}
	for key, value := range map[string]string{"closekit.run": r.Run, "closekit.call": r.ID, "closekit.approval": r.Approval} {
		if value != "" {
			attributes = append(attributes, attribute.String(key, value))
		}
	}
	_, span := s.tracer.Start(ctx, name, trace.WithTimestamp(r.Time.Add(-r.Duration)), trace.WithAttributes(attributes...))
	if r.Result == "failed" || r.Result == "unclear" {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(r.Time))
	return nil
}
