package closejetstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/closekit/closekit/runtime/webhooks"
)

// Config configures the stream. The zero value has the defaults.
type Config struct {
	Name     string // of the stream; CLOSE_EVENTS if it is empty
	Subject  string // what the subjects begin with; close.events if it is empty
	Replicas int    // of the stream; 0 means 1
	// MaxAge is how long events are kept for consumers; 0 means 30 days, as in Close's
	// log. It cannot be shorter than the 73 hours in which repetitions are dropped.
	MaxAge time.Duration
	// AckWait is how long a consumer has for one event; 0 means 60 seconds. Then it is
	// delivered again.
	AckWait time.Duration
}

// Stream is a stream of events. Make it with [Open]. It is safe for concurrent use.
type Stream struct {
	js  jetstream.JetStream
	cfg Config
}

// The headers of a message.
const (
	headerTenant       = "Close-Tenant"
	headerSubscription = "Close-Subscription"
)

// Open creates the stream, or updates it to the configuration.
func Open(ctx context.Context, js jetstream.JetStream, cfg Config) (*Stream, error) {
	cfg.Name, cfg.Subject = cmp.Or(cfg.Name, "CLOSE_EVENTS"), cmp.Or(cfg.Subject, "close.events")
	cfg.Replicas, cfg.MaxAge, cfg.AckWait = cmp.Or(cfg.Replicas, 1), cmp.Or(cfg.MaxAge, webhooks.LogKeeps), cmp.Or(cfg.AckWait, time.Minute)
	if cfg.MaxAge < webhooks.Retention {
		return nil, fmt.Errorf("closejetstream: MaxAge is %v, and repetitions are dropped for %v: it must be longer", cfg.MaxAge, webhooks.Retention)
	}
	_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: cfg.Name, Subjects: []string{cfg.Subject + ".>"}, Replicas: cfg.Replicas, MaxAge: cfg.MaxAge,
		Duplicates: webhooks.Retention, Storage: jetstream.FileStorage,
	})
	if err != nil {
		return nil, fmt.Errorf("closejetstream: make the stream %s: %w", cfg.Name, err)
	}
	return &Stream{js, cfg}, nil
}

// Subject returns the subject of an event: that of the configuration, the tenant, the
// type and the action, such as close.events.acme.activity.note.created.
func (s *Stream) Subject(d *webhooks.Delivery) string {
	return s.cfg.Subject + "." + token(d.Tenant) + "." + words(string(d.Event.ObjectType)) + "." + words(string(d.Event.Action))
}

// plain reports whether a text can be part of a subject as it is.
func plain(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// token returns a tenant as one token of a subject. Different tenants have different
// tokens.
func token(tenant string) string {
	const encoded = "b64-"
	if plain(tenant) && !strings.HasPrefix(tenant, encoded) {
		return tenant
	}
	return encoded + base64.RawURLEncoding.EncodeToString([]byte(tenant))
}

// words returns a type or action, whose dots separate tokens.
func words(text string) string {
	parts := strings.Split(text, ".")
	for i, p := range parts {
		if !plain(p) {
			parts[i] = "other"
		}
	}
	return strings.Join(parts, ".")
}

// messageID returns the id by which the stream knows a repetition.
func messageID(d *webhooks.Delivery) string {
	m := d.Mark()
	sum := sha256.Sum256([]byte(m.Tenant + "\x00" + m.Event))
	return hex.EncodeToString(sum[:])
}

// Once returns a [webhooks.Once] that publishes events to the stream. It returns when the
// server has stored the event.
func (s *Stream) Once() webhooks.Once {
	return func(ctx context.Context, d *webhooks.Delivery) (bool, error) {
		msg := &nats.Msg{Subject: s.Subject(d), Data: d.Raw, Header: nats.Header{
			headerTenant: {base64.StdEncoding.EncodeToString([]byte(d.Tenant))}, headerSubscription: {d.Subscription},
		}}
		ack, err := s.js.PublishMsg(ctx, msg, jetstream.WithMsgID(messageID(d)), jetstream.WithExpectStream(s.cfg.Name))
		switch {
		case errors.Is(err, nats.ErrMaxPayload):
			return false, fmt.Errorf("closejetstream: the event %s has %d bytes; raise max_payload of the server to 8 MB: %w", d.Event.ID, len(d.Raw), err)
		case err != nil:
			return false, fmt.Errorf("closejetstream: publish the event %s: %w", d.Event.ID, err)
		}
		return !ack.Duplicate, nil
	}
}

// Consume hands events to once until the context is done, and returns its error then. The
// durable consumer remembers what was handled: the next Consume with its name goes on there,
// and several at the same time share the work. The filter is a subject as [Stream.Subject]
// returns it, with wildcards; an empty one is all events. An event for which once returns an
// error comes again, after a while that grows to 20 minutes.
func (s *Stream) Consume(ctx context.Context, durable, filter string, once webhooks.Once) error {
	consumer, err := s.js.CreateOrUpdateConsumer(ctx, s.cfg.Name, jetstream.ConsumerConfig{
		Durable: durable, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.cfg.AckWait, MaxDeliver: -1,
	})
	if err != nil {
		return fmt.Errorf("closejetstream: make the consumer %s: %w", durable, err)
	}
	// One message at a time: the next ones stay with other workers.
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1))
	if err != nil {
		return fmt.Errorf("closejetstream: consume as %s: %w", durable, err)
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer messages.Stop()
	for {
		msg, err := messages.Next()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("closejetstream: consume as %s: %w", durable, err)
		}
		if err := handle(ctx, msg, once); err != nil {
			return fmt.Errorf("closejetstream: acknowledge a message: %w", err)
		}
	}
}

// handle handles one message and acknowledges it. What it cannot read is no event, and
// does not come again.
func handle(ctx context.Context, msg jetstream.Msg, once webhooks.Once) error {
	tenant, err := base64.StdEncoding.DecodeString(msg.Headers().Get(headerTenant))
	d, parseErr := webhooks.Parse(string(tenant), msg.Headers().Get(headerSubscription), msg.Data())
	if err != nil || parseErr != nil {
		return msg.TermWithReason("no event of Close")
	}
	if _, err := once(ctx, d); err != nil {
		return msg.NakWithDelay(wait(msg))
	}
	return msg.DoubleAck(context.WithoutCancel(ctx))
}

// wait returns how long a message waits before it comes again.
func wait(msg jetstream.Msg) time.Duration {
	tries := uint64(1)
	if meta, err := msg.Metadata(); err == nil {
		tries = max(meta.NumDelivered, 1)
	}
	return min(100*time.Millisecond<<min(2*(tries-1), 20), 20*time.Minute)
}
