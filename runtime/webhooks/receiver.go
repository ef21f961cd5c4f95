package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Defaults of [Config].
const (
	DefaultMaxBody     = 8 << 20
	DefaultReadTimeout = 10 * time.Second
	DefaultInFlight    = 256
)

// Config configures a [Receiver].
type Config struct {
	// Keys returns the subscription with an id, or an error that is [ErrNotFound]. The id
	// comes from a body that is not verified yet: it may choose a key and do nothing else.
	// [Keys.Lookup] and [Fixed] are such functions. Required.
	Keys func(ctx context.Context, subscription string) (Subscription, error)
	// Once handles verified deliveries. Required.
	Once Once
	// MaxBody is the largest body in bytes; 0 means [DefaultMaxBody]. A larger one is
	// refused with 413.
	MaxBody int64
	// ReadTimeout is the time in which a body must have come; 0 means
	// [DefaultReadTimeout].
	ReadTimeout time.Duration
	// InFlight is how many deliveries are read and handled at once; 0 means
	// [DefaultInFlight]. Further ones are refused with 503, and come again.
	InFlight int
	// MaxAge refuses deliveries whose signed timestamp is further from Now than this, with
	// 401. Zero, the default, accepts every age: Close does not document that a repetition
	// is signed with a new timestamp, and if it is not, any limit would discard every event
	// whose first delivery failed. Marks make a replayed delivery harmless for [Retention].
	MaxAge time.Duration
	// Now is the clock for MaxAge; nil means [time.Now].
	Now func() time.Time
	// Logger receives a record for each refused or failed delivery, without its content;
	// nil disables logging.
	Logger *slog.Logger
}

// Subscription is what verifies the deliveries of a subscription.
type Subscription struct {
	ID     string
	Tenant string // name that the host has chosen
	// Organization is the id of the tenant's organization in Close. Unless it is empty,
	// an event of another organization is refused.
	Organization string
	Key          SigningKey
}

// Receiver is the [http.Handler] for the deliveries of any number of subscriptions. Make
// it with [NewReceiver]. It is safe for concurrent use.
//
// It responds with 200 after an event was handled, now or before. Close repeats a delivery
// after every other status: 401 for a signature that is missing or wrong and for an unknown
// subscription, 413 and 408 for a body that is too large or too slow, 400 for one that
// cannot be read, 500 if the function that handles events failed, and 503 if a store or key
// was not available or the event is being handled.
type Receiver struct {
	cfg   Config
	slots chan struct{}
}

// NewReceiver returns a receiver, or an error if the configuration is not valid.
func NewReceiver(cfg Config) (*Receiver, error) {
	switch {
	case cfg.Keys == nil:
		return nil, errors.New("webhooks: Config.Keys is needed; use NewKeys or Fixed")
	case cfg.Once == nil:
		return nil, errors.New("webhooks: Config.Once is needed; use Leased, or Transactional of a store")
	case cfg.MaxBody < 0, cfg.ReadTimeout < 0, cfg.InFlight < 0, cfg.MaxAge < 0:
		return nil, errors.New("webhooks: a limit in Config is negative; leave it out for the default")
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.ReadTimeout == 0 {
		cfg.ReadTimeout = DefaultReadTimeout
	}
	if cfg.InFlight == 0 {
		cfg.InFlight = DefaultInFlight
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Receiver{cfg, make(chan struct{}, cfg.InFlight)}, nil
}

// refusal is a delivery that is not handled. The reason is for the log only.
type refusal struct {
	status int
	reason string
	err    error
}

// ServeHTTP receives one delivery.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		r.refuse(w, req, refusal{status: http.StatusServiceUnavailable, reason: "too many deliveries at once"})
		return
	}
	if no := r.receive(w, req); no != nil {
		r.refuse(w, req, *no)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, no refusal) {
	switch no.status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "60")
	}
	w.WriteHeader(no.status)
	if r.cfg.Logger == nil {
		return
	}
	level := slog.LevelWarn
	if no.status >= http.StatusInternalServerError && !errors.Is(no.err, ErrBusy) {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.Int("status", no.status), slog.String("reason", no.reason)}
	if no.err != nil {
		attrs = append(attrs, slog.Any("error", no.err))
	}
	r.cfg.Logger.LogAttrs(req.Context(), level, "webhook refused", attrs...)
}

// receive verifies and handles a delivery.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) *refusal {
	if req.Method != http.MethodPost {
		return &refusal{status: http.StatusMethodNotAllowed, reason: "the method is not POST"}
	}
	sig, ok := readSignature(req.Header)
	if !ok { // before the body, which costs more
		return &refusal{status: http.StatusUnauthorized, reason: "the signature headers are missing or malformed"}
	}
	body, no := r.read(w, req)
	if no != nil {
		return no
	}
	d, no := r.verify(req.Context(), sig, body)
	if no != nil {
		return no
	}
	_, err := r.cfg.Once(req.Context(), d)
	var failed *HandleError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrBusy):
		return &refusal{http.StatusServiceUnavailable, "the event is being handled", err}
	case errors.As(err, &failed):
		return &refusal{http.StatusInternalServerError, "the event was not handled", err}
	}
	return &refusal{http.StatusServiceUnavailable, "the store failed", err}
}

// read reads the body, at most as much and for as long as the configuration allows.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request) ([]byte, *refusal) {
	if req.ContentLength > r.cfg.MaxBody {
		w.Header().Set("Connection", "close")
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, reason: "the body is too large"}
	}
	control := http.NewResponseController(w)
	bounded := control.SetReadDeadline(time.Now().Add(r.cfg.ReadTimeout)) == nil
	body, err := r.readBody(w, req, bounded)
	var large *http.MaxBytesError
	switch {
	case err == nil:
		if bounded {
			_ = control.SetReadDeadline(time.Time{}) // the deadline was for the body only
		}
		return body, nil
	case errors.As(err, &large):
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, reason: "the body is too large"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, &refusal{status: http.StatusRequestTimeout, reason: "the body came too slowly"}
	}
	w.Header().Set("Connection", "close")
	return nil, &refusal{http.StatusBadRequest, "the body is truncated", err}
}

// readBody reads the body. If the connection of w has no deadlines, because middleware
// hides it, a timer bounds the reading; the body is closed when the handler returns, which
// ends the goroutine.
func (r *Receiver) readBody(w http.ResponseWriter, req *http.Request, bounded bool) ([]byte, error) {
	from := http.MaxBytesReader(w, req.Body, r.cfg.MaxBody)
	if bounded {
		return io.ReadAll(from)
	}
	type result struct {
		body []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		body, err := io.ReadAll(from)
		done <- result{body, err}
	}()
	timer := time.NewTimer(r.cfg.ReadTimeout)
	defer timer.Stop()
	select {
	case got := <-done:
		return got.body, got.err
	case <-timer.C:
		return nil, os.ErrDeadlineExceeded
	}
}

// envelope is the body of a delivery.
type envelope struct {
	Subscription string          `json:"subscription_id"`
	Event        json.RawMessage `json:"event"`
}

// verify returns the delivery in a body whose signature is right.
func (r *Receiver) verify(ctx context.Context, sig signature, body []byte) (*Delivery, *refusal) {
	unauthorized := func(reason string) (*Delivery, *refusal) {
		return nil, &refusal{status: http.StatusUnauthorized, reason: reason}
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return unauthorized("the body is not JSON") // nothing of Close's
	}
	if !validID(e.Subscription) {
		return unauthorized("the body names no subscription")
	}
	sub, err := r.cfg.Keys(ctx, e.Subscription)
	switch {
	case errors.Is(err, ErrNotFound):
		return unauthorized("the subscription is not known")
	case err != nil:
		return nil, &refusal{http.StatusServiceUnavailable, "the key of the subscription is not available", err}
	case !sub.Key.verifies(sig, body):
		return unauthorized("the signature is wrong")
	case !r.fresh(sig.timestamp):
		return unauthorized("the timestamp is too old or in the future")
	}
	d, err := Parse(sub.Tenant, e.Subscription, e.Event)
	switch {
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the event cannot be read", err}
	case sub.Organization != "" && string(d.Event.OrganizationID.Or("")) != sub.Organization:
		return unauthorized("the event is of another organization than the subscription")
	}
	return d, nil
}

// fresh reports whether a timestamp is within MaxAge, in the past or the future: either
// clock may be wrong.
func (r *Receiver) fresh(timestamp string) bool {
	if r.cfg.MaxAge == 0 {
		return true
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && r.cfg.Now().Sub(time.Unix(seconds, 0)).Abs() <= r.cfg.MaxAge
}

// validID reports whether a text can be the id of a subscription.
func validID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(c rune) bool {
		return c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// Fixed returns a function for [Config].Keys that knows a fixed set of subscriptions.
func Fixed(subscriptions ...Subscription) func(context.Context, string) (Subscription, error) {
	known := map[string]Subscription{}
	for _, s := range subscriptions {
		known[s.ID] = s
	}
	return func(_ context.Context, id string) (Subscription, error) {
		s, ok := known[id]
		if !ok {
			return Subscription{}, ErrNotFound
		}
		return s, nil
	}
}
