package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// When and for how long failed webhook deliveries are retried.
const (
	firstRetry = time.Minute
	lastRetry  = 20 * time.Minute
	retryFor   = 72 * time.Hour
)

// Numbers of attempts that are kept, in all and in the list of a subscription.
const (
	keepAttempts = 10_000
	keepHistory  = 20
)

// Mode makes webhook deliveries arrive repeatedly or out of order. The
// zero value delivers each event once and in order.
type Mode struct {
	// Duplicate delivers everything twice.
	Duplicate bool
	// Reverse holds deliveries back until [Dispatcher.Wait] is called, which
	// sends them newest first.
	Reverse bool
}

// Attempt is one attempt to deliver an event to a webhook.
type Attempt struct {
	Time           time.Time
	SubscriptionID string
	EventID        string
	URL            string
	Attempt        int    // 1 for the first one
	Status         int    // of the receiver's response, 0 without one
	Error          string // empty if the response was 2xx
}

// Dispatcher delivers events. Its fields are guarded by the lock of the server.
type Dispatcher struct {
	cfg      Config
	client   *http.Client
	careless *http.Client    // for subscriptions that do not verify certificates
	ctx      context.Context //nolint:containedctx // ends with the server, not with a call
	cancel   context.CancelFunc
	mode     Mode
	queue    []*delivery
	running  map[string]bool // subscriptions with a delivery in flight
	done     []Attempt
	idle     chan struct{} // closed and replaced when a delivery ends
	timer    *time.Timer
	epoch    int // counts resets; results of an earlier one are dropped
	closed   bool
	released bool // held deliveries may go
	wg       sync.WaitGroup
}

// delivery is an event to be delivered to a subscription.
type delivery struct {
	org, sub string
	event    *store.Event
	attempt  int
	first    time.Time
	due      time.Time
}

// Config is what the dispatcher needs of the emulator.
type Config struct {
	Lock   sync.Locker
	Now    func() time.Time
	State  func() *store.State // with the subscriptions
	Client *http.Client        // nil means a default one
	Logger *slog.Logger        // nil disables logging
	Delay  time.Duration       // of updates and deletes
	// LinkLocal permits deliveries to link-local addresses.
	LinkLocal bool
}

// New returns a dispatcher without deliveries.
func New(cfg Config) *Dispatcher {
	d := &Dispatcher{cfg: cfg, client: cfg.Client, careless: cfg.Client, running: map[string]bool{}, idle: make(chan struct{})}
	if d.client == nil {
		d.client, d.careless = webhookClient(false, cfg.LinkLocal), webhookClient(true, cfg.LinkLocal)
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// webhookClient returns a client that delivers webhooks.
func webhookClient(careless, linkLocal bool) *http.Client {
	c := &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		own := t.Clone()
		own.DisableKeepAlives = true                                    // no connection outlives the server
		own.TLSClientConfig = &tls.Config{InsecureSkipVerify: careless} //nolint:gosec // the subscription asks for it
		if !linkLocal {
			own.DialContext = (&net.Dialer{Timeout: 30 * time.Second, Control: refuseLinkLocal}).DialContext
		}
		c.Transport = own
	}
	return c
}

// Offer queues an event for the subscriptions that match it. The lock is held.
func (d *Dispatcher) Offer(e *store.Event) {
	subscriptions := d.cfg.State().Table("webhooks").All(e.Organization)
	if len(subscriptions) == 0 {
		return
	}
	body := e.Body()
	for _, rec := range subscriptions {
		if rec.Data["status"] != "active" || !wants(rec.Data, body) {
			continue
		}
		due := d.cfg.Now()
		if action := e.Action; action == "updated" || action == "deleted" {
			due = due.Add(max(0, d.cfg.Delay))
		}
		n := 1
		if d.mode.Duplicate {
			n = 2
		}
		for range n {
			d.queue = append(d.queue, &delivery{org: e.Organization, sub: rec.ID, event: e, attempt: 1, first: due, due: due})
		}
	}
}

// Pump starts the deliveries that are due. The lock is held.
func (d *Dispatcher) Pump() {
	if d.closed || len(d.queue) == 0 || d.mode.Reverse && !d.released {
		return
	}
	now := d.cfg.Now()
	next := time.Time{}
	order := slices.Clone(d.queue)
	if d.mode.Reverse {
		slices.Reverse(order)
	}
	for _, del := range order {
		if del.due.After(now) {
			if next.IsZero() || del.due.Before(next) {
				next = del.due
			}
			continue
		}
		if d.running[del.sub] {
			continue
		}
		d.queue = slices.DeleteFunc(d.queue, func(x *delivery) bool { return x == del })
		rec := d.cfg.State().Table("webhooks").ByID[del.sub]
		if rec == nil || rec.Data["status"] != "active" {
			continue
		}
		d.running[del.sub] = true
		d.wg.Add(1)
		go d.deliver(del, addressOf(rec.Data), d.epoch, d.body(del), now)
	}
	d.arm(next, now)
}

// arm sets the timer for the next retry. The lock is held.
func (d *Dispatcher) arm(next, now time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if next.IsZero() || d.closed {
		return
	}
	d.timer = time.AfterFunc(max(next.Sub(now), 10*time.Millisecond), func() {
		d.cfg.Lock.Lock()
		defer d.cfg.Lock.Unlock()
		d.Pump()
	})
}

func (d *Dispatcher) body(del *delivery) []byte {
	return value.Encode(object{"subscription_id": del.sub, "event": del.event.Body()})
}

// sign returns the signature of a delivery: the key is the hex-decoded
// signature key, the message the timestamp followed by the body.
func sign(key, timestamp string, body []byte) string {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(timestamp))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// address is the destination of the deliveries of a subscription.
type address struct {
	url, key string
	careless bool
}

func addressOf(subscription object) address {
	return address{value.String(subscription["url"]), value.String(subscription["signature_key"]), !value.Bool(subscription["verify_ssl"])}
}

// deliver makes one attempt and records its result.
func (d *Dispatcher) deliver(del *delivery, to address, epoch int, body []byte, now time.Time) {
	defer d.wg.Done()
	status, problem := d.post(to, body, now)
	if d.cfg.Logger != nil {
		d.cfg.Logger.LogAttrs(d.ctx, slog.LevelDebug, "webhook", slog.String("subscription", del.sub),
			slog.Int("attempt", del.attempt), slog.Int("status", status), slog.String("error", problem))
	}
	d.cfg.Lock.Lock()
	defer d.cfg.Lock.Unlock()
	if epoch != d.epoch {
		return
	}
	delete(d.running, del.sub)
	result := Attempt{
		Time: now, SubscriptionID: del.sub, EventID: del.event.ID, URL: to.url, Attempt: del.attempt, Status: status, Error: problem,
	}
	if len(d.done) >= keepAttempts {
		d.done = slices.Clone(d.done[keepAttempts/10:])
	}
	d.done = append(d.done, result)
	d.note(result)
	if problem != "" {
		wait := min(firstRetry<<min(del.attempt-1, 10), lastRetry)
		if due := now.Add(wait); due.Sub(del.first) <= retryFor {
			again := *del
			again.attempt, again.due = del.attempt+1, due
			d.queue = append(d.queue, &again)
		}
	}
	close(d.idle)
	d.idle = make(chan struct{})
	d.Pump()
}

// post sends a delivery and returns the status and a description of the error, if any.
func (d *Dispatcher) post(to address, body []byte, now time.Time) (int, string) {
	req, err := http.NewRequestWithContext(d.ctx, http.MethodPost, to.url, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	if !d.cfg.LinkLocal && LinkLocal(req.URL.Hostname()) { // a proxy would make the connection
		return 0, errLinkLocal.Error()
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Close Webhooks 2.0")
	req.Header.Set("Close-Sig-Timestamp", timestamp)
	req.Header.Set("Close-Sig-Hash", sign(to.key, timestamp, body))
	client := d.client
	if to.careless {
		client = d.careless
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // the body does not matter
	_ = res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, "HTTP status " + strconv.Itoa(res.StatusCode)
	}
	return res.StatusCode, ""
}

// note adds an attempt to the history and the counters of its subscription. The
// lock is held.
func (d *Dispatcher) note(result Attempt) {
	rec := d.cfg.State().Table("webhooks").ByID[result.SubscriptionID]
	if rec == nil {
		return
	}
	data := value.Shallow(rec.Data)
	counters, history := value.Shallow(data["counters"].(object)), value.Shallow(data["history"].(object))
	prefix, side := "first_", "successes"
	if result.Attempt > 1 {
		prefix = "retry_"
	}
	name := prefix + "success"
	row := object{
		"attempt_number": int64(result.Attempt), "datetime": value.Stamp(result.Time), "event_id": result.EventID,
		"response_status_code": nil, "error": nil,
	}
	if result.Status != 0 {
		row["response_status_code"] = int64(result.Status)
	}
	if result.Error != "" {
		name, side = prefix+"fail", "errors"
		row["error"] = result.Error
		data["latest_error"], data["health_status"] = result.Error, "failing"
		data["recent_consecutive_fail_buckets_cnt"] = value.Int(data["recent_consecutive_fail_buckets_cnt"]) + 1
	} else {
		data["health_status"], data["recent_consecutive_fail_buckets_cnt"] = "healthy", int64(0)
	}
	counters[name] = value.Int(counters[name]) + 1
	rows := append([]any{row}, value.List(history[side])...)
	history[side] = rows[:min(len(rows), keepHistory)]
	data["counters"], data["history"] = counters, history
	rec.Data = data
}

// Forget drops the deliveries queued for a subscription. The lock is held.
func (d *Dispatcher) Forget(sub string) {
	d.queue = slices.DeleteFunc(d.queue, func(x *delivery) bool { return x.sub == sub })
}

// Drop discards all deliveries. The lock is held.
func (d *Dispatcher) Drop() {
	d.queue, d.done, d.mode, d.released = nil, nil, Mode{}, false
	d.running = map[string]bool{}
	d.epoch++
	close(d.idle)
	d.idle = make(chan struct{})
}

// Close cancels the deliveries in flight and waits until they have ended.
func (d *Dispatcher) Close() {
	d.cfg.Lock.Lock()
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.cancel()
	d.cfg.Lock.Unlock()
	d.wg.Wait()
}

// busy reports whether a delivery is in flight or due. The lock is held.
func (d *Dispatcher) busy() bool {
	now := d.cfg.Now()
	return len(d.running) > 0 || slices.ContainsFunc(d.queue, func(x *delivery) bool { return !x.due.After(now) })
}

// SetMode changes how deliveries are made from now on. The lock is held.
func (d *Dispatcher) SetMode(mode Mode) {
	d.mode, d.released = mode, false
	d.Pump()
}

// Wait waits until every delivery that is due has been attempted, and releases
// the deliveries that the mode holds back.
func (d *Dispatcher) Wait(ctx context.Context) error {
	d.cfg.Lock.Lock()
	d.released = true
	d.Pump()
	for d.busy() && !d.closed {
		idle := d.idle
		d.cfg.Lock.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
		d.cfg.Lock.Lock()
	}
	d.released = false
	d.cfg.Lock.Unlock()
	return nil
}

// Attempts returns the last attempts in the order in which they ended. The lock
// is held.
func (d *Dispatcher) Attempts() []Attempt { return slices.Clone(d.done) }
