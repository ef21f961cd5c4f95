package otelaccounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/closekit/closekit/runtime/accounts"
)

// healthTime bounds one reading of the health.
const healthTime = 30 * time.Second

// healthStates are the states of a connection that are always reported.
var healthStates = []accounts.HealthState{accounts.HealthOK, accounts.HealthConfigError, accounts.HealthThrottled, accounts.HealthSuspect}

// gauges are the instruments that [Telemetry.Gauges] observes.
type gauges struct {
	accounts, due, inDoubt, flows, events, revocations, blobs, status metric.Int64ObservableGauge
	lag, rate, pause                                                  metric.Float64ObservableGauge
}

// Gauges has the health of a manager reported whenever metrics are collected,
// until unregister is called. The health is read at most once per interval (see
// [WithHealthInterval]); in between, what was read last is reported. When it
// cannot be read, nothing is reported until the next reading, and the error
// goes to the error handler of OpenTelemetry. With two managers of one
// Telemetry, the connections must have different names.
func (t *Telemetry) Gauges(m *accounts.Manager) (unregister func() error, err error) {
	g, all, err := t.gauges()
	if err != nil {
		return nil, fmt.Errorf("otelaccounts: the meter refuses an instrument: %w", err)
	}
	r := reading{ask: m.Health, every: t.every}
	reg, err := t.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		h, err := r.health(ctx)
		if err != nil {
			return fmt.Errorf("otelaccounts: the health of the accounts cannot be read: %w", err)
		}
		g.observe(o, h)
		return nil
	}, all...)
	if err != nil {
		return nil, fmt.Errorf("otelaccounts: the gauges cannot be registered: %w", err)
	}
	return reg.Unregister, nil
}

func (t *Telemetry) gauges() (g gauges, all []metric.Observable, err error) {
	var errs []error
	count := func(name, unit, text string) metric.Int64ObservableGauge {
		v, err := t.meter.Int64ObservableGauge("closekit.accounts."+name, metric.WithUnit(unit), metric.WithDescription(text))
		all, errs = append(all, v), append(errs, err)
		return v
	}
	measure := func(name, unit, text string) metric.Float64ObservableGauge {
		v, err := t.meter.Float64ObservableGauge("closekit.accounts."+name, metric.WithUnit(unit), metric.WithDescription(text))
		all, errs = append(all, v), append(errs, err)
		return v
	}
	g = gauges{
		accounts:    count("count", "{account}", "Accounts in the store."),
		due:         count("due", "{account}", "Accounts whose renewal is due and not claimed."),
		inDoubt:     count("attempts.in_doubt", "{attempt}", "Attempts to renew whose outcome is unknown."),
		flows:       count("flows.open", "{flow}", "Authorizations that are on their way."),
		events:      count("events.pending", "{event}", "Events that are not acknowledged."),
		revocations: count("revocations.queued", "{revocation}", "Grants that wait to be revoked at the provider."),
		blobs:       count("blobs", "{blob}", "Sealed blobs in the store."),
		status:      count("connection.status", "1", "1 for the health that a connection has, 0 for the others."),
		lag:         measure("schedule.lag", "s", "How long the oldest account has been due."),
		rate:        measure("limiter.rate", "{attempt}/s", "Renewals that the limiter allows now."),
		pause:       measure("limiter.pause", "s", "How much longer the provider asked to wait."),
	}
	return g, all, errors.Join(errs...)
}

func (g gauges) observe(o metric.Observer, h accounts.Health) {
	counts := map[string]map[accounts.State]int64{}
	for _, c := range h.Connections {
		counts[c.Name] = nil // so that none is missing before its first account
		conn := metric.WithAttributes(connectionKey.String(c.Name))
		o.ObserveFloat64(g.rate, c.Rate, conn)
		o.ObserveFloat64(g.pause, c.Pause.Seconds(), conn)
		states := healthStates
		if !slices.Contains(states, c.State) {
			states = append(slices.Clone(states), c.State)
		}
		for _, s := range states {
			is := int64(0)
			if s == c.State {
				is = 1
			}
			o.ObserveInt64(g.status, is, conn, metric.WithAttributes(healthKey.String(string(s))))
		}
	}
	maps.Copy(counts, h.Stats.Accounts)
	for name, byState := range counts {
		for _, s := range accounts.States() {
			o.ObserveInt64(g.accounts, byState[s], metric.WithAttributes(connectionKey.String(name), stateKey.String(string(s))))
		}
	}
	o.ObserveInt64(g.due, h.Stats.Due)
	o.ObserveFloat64(g.lag, h.Stats.Lag.Seconds())
	o.ObserveInt64(g.inDoubt, h.Stats.InDoubt)
	o.ObserveInt64(g.flows, h.Stats.Flows)
	o.ObserveInt64(g.events, h.Stats.PendingEvents)
	o.ObserveInt64(g.revocations, h.Stats.Revocations)
	for id, n := range h.KeyUse {
		o.ObserveInt64(g.blobs, n, metric.WithAttributes(keyIDKey.String(fmt.Sprintf("%08x", id)), primaryKey.Bool(id == h.PrimaryKey)))
	}
}

// reading keeps the last health. Several readers of metrics share it.
type reading struct {
	ask   func(context.Context) (accounts.Health, error)
	every time.Duration

	mu   sync.Mutex
	at   time.Time // when it was asked for; zero means never
	last accounts.Health
	err  error
}

func (r *reading) health(ctx context.Context) (accounts.Health, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// A collection that comes once per interval may come a moment early.
	early := min(r.every/20, time.Second)
	if now := time.Now(); r.at.IsZero() || now.Sub(r.at) >= r.every-early {
		// A reader that gives up takes nothing from the others.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTime)
		defer cancel()
		r.at = now
		r.last, r.err = r.ask(ctx)
	}
	return r.last, r.err
}
