package accounts_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts"
)

const latency = 50 * time.Millisecond

// manager starts a manager on a table, with a provider for it.
func (d *table) manager(rate float64) (*accounts.Manager, *provider) {
	d.Helper()
	p := newProvider(d.T, d.n, latency)
	c := connectionTo(p.URL)
	c.Rate = rate
	m, err := accounts.New(d.Context(), accounts.Config{Store: d.open(16), Vault: d.vault, Connections: []accounts.Connection{c}, StateDir: d.TempDir()})
	d.check(err)
	ctx, stop := context.WithCancel(d.Context())
	var wg sync.WaitGroup
	p.begin = time.Now()
	wg.Go(func() { _ = m.Run(ctx) })
	d.Cleanup(func() {
		stop()
		wg.Wait()
		if err := m.Close(context.Background()); err != nil {
			d.Errorf("close: %v", err)
		}
	})
	return m, p
}

// verdict reports a requirement that a busy machine may miss.
func verdict(met bool) string {
	if met {
		return "met"
	}
	return "not met"
}

// callers requests credentials and records how long that took.
type callers struct {
	mu     sync.Mutex
	took   []time.Duration
	errors []error
	wg     sync.WaitGroup
}

func (c *callers) call(ctx context.Context, m *accounts.Manager, i int) {
	a, err := m.Account(principal(i), connection)
	begin := time.Now()
	if err == nil {
		_, err = a.Credential(ctx)
	}
	end := time.Since(begin)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, end)
	if err != nil {
		c.errors = append(c.errors, err)
	}
}

// over makes n calls that start at random moments within d, and waits for them.
func (c *callers) over(ctx context.Context, m *accounts.Manager, n int, d time.Duration, account func(k int) int) {
	begin := time.Now()
	at := make([]time.Duration, n)
	for k := range at {
		at[k] = rand.N(d)
	}
	slices.Sort(at)
	for k := range n {
		<-time.After(time.Until(begin.Add(at[k])))
		c.wg.Go(func() { c.call(ctx, m, account(k)) })
	}
	<-time.After(time.Until(begin.Add(d)))
	c.wg.Wait()
}

// TestBacklog drains the accounts that became due in a downtime of two hours,
// while users make calls.
func TestBacklog(t *testing.T) {
	srv, sc := start(t), measured()
	const rate, downtime = 400, 2 * time.Hour
	n := sc.backlog
	rank := func(i int) int { return spread(i, n) } // in the order of being due
	d := newTable(t, srv, n, func(i int) times {
		due := -downtime + downtime*time.Duration(rank(i))/time.Duration(n)
		return times{refreshed: due - 45*time.Minute, used: -3 * time.Hour, due: due, expires: due + 15*time.Minute}
	})
	// Users whose token has expired, and whose accounts would not be renewed
	// within the measurement.
	inverse := make([]int, n)
	for i := range n {
		inverse[rank(i)] = i
	}
	first := n * 4 / 5
	last := first
	user := func(int) int { last--; return inverse[last] }
	m, p := d.manager(rate)

	var rows [][]string
	phase := func(name string, users int, long time.Duration, demand bool) {
		before, _ := p.seen()
		var c callers
		if long > 0 {
			c.over(t.Context(), m, users, long, user)
		} else {
			for k := range users {
				i := user(k)
				c.wg.Go(func() { c.call(t.Context(), m, i) })
			}
			begin := time.Now()
			c.wg.Wait()
			long = time.Since(begin)
		}
		after, spent := p.seen()
		p50, p99 := quantile(c.took, 0.5), quantile(c.took, 0.99)
		most := oauthtest.MostPerSecond(after[len(before):])
		waited := "-"
		if demand {
			waited = verdict(p99 < latency+250*time.Millisecond)
		}
		rows = append(rows, []string{
			name, number(long.Seconds()), fmt.Sprint(users), fmt.Sprint(len(c.errors)), millis(p50), millis(p99), millis(c.took[len(c.took)-1]), waited,
			number(float64(len(after)-len(before)) / long.Seconds()), fmt.Sprint(most), verdict(float64(most) <= rate*1.1),
		})
		if len(c.errors) > 0 {
			t.Errorf("%s: %d of %d calls failed: %v", name, len(c.errors), users, c.errors[0])
		}
		if spent > 0 {
			t.Errorf("%s: %d spent tokens were sent", name, spent)
		}
	}
	phase("all users at the same moment, just after the start", sc.users, 0, false)
	phase("while the rate grows", sc.users, sc.ramp, true)
	phase("at full rate", sc.users, sc.run, true)
	phase("all users at the same moment, at full rate", sc.users, 0, false)

	// The distance of each request from its place in the order of due times.
	requests, _ := p.seen()
	var order []int
	for _, r := range requests {
		i, _, err := parseToken(r.RefreshToken)
		if at := rank(i); err == nil && (at < last || at >= first) {
			order = append(order, at)
		}
	}
	farthest, behind := 0, 0
	for at, r := range order {
		if d := max(r-at, at-r); d > 0 {
			behind++
			farthest = max(farthest, d)
		}
	}
	report(t, fmt.Sprintf("%s accounts due after %v, limiter %v/s, provider responds in %v; the token of each user has expired", count(n), downtime, rate, latency), []string{
		"phase", "s", "users", "errors", "p50 ms", "p99 ms", "worst ms", fmt.Sprintf("p99 < %v", latency+250*time.Millisecond), "requests/s", "most in any second", "at most 440",
	}, rows)
	report(t, "The order in which the backlog drains, measured at the provider", []string{"requests of the scheduler", "out of place", "largest distance"}, [][]string{
		{fmt.Sprint(len(order)), fmt.Sprint(behind), fmt.Sprint(farthest)},
	})
	if farthest > 400 {
		t.Errorf("a request was %d places off", farthest)
	}
}

// TestWave renews accounts that all expire, and are all due, in the same second,
// while users make calls.
func TestWave(t *testing.T) {
	srv, sc := start(t), measured()
	const (
		rate   = 200
		margin = 4 * time.Minute // of 12 to 18 for tokens of an hour
	)
	n := sc.wave
	begin := time.Now()
	d := newTable(t, srv, n, func(int) times {
		return times{refreshed: margin - time.Hour, used: -time.Minute, due: 0, expires: margin}
	})
	m, p := d.manager(rate)
	var c callers
	ctx, stop := context.WithCancel(t.Context())
	users := make(chan struct{})
	go func() {
		defer close(users)
		for ctx.Err() == nil {
			c.over(context.WithoutCancel(ctx), m, 50, 500*time.Millisecond, func(int) int { return rand.IntN(n) })
		}
	}()
	for {
		requests, _ := p.seen()
		if len(requests) >= n || time.Since(begin) > margin {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	left := func() int64 { return d.number("select count(*) from closekit_accounts where generation < 2") }
	for deadline := time.Now().Add(5 * time.Second); left() > 0 && time.Now().Before(deadline); {
		<-time.After(100 * time.Millisecond)
	}
	stop()
	<-users
	requests, spent := p.seen()
	late := d.number("select count(*) from closekit_accounts where generation <> 2 or state <> 'ACTIVE'")
	took, most := requests[len(requests)-1].At.Sub(p.begin), oauthtest.MostPerSecond(requests)
	report(t, fmt.Sprintf("%s accounts that expire in the same second, %v from now, and are all due now; limiter %v/s from a cold start", count(n), margin, rate), []string{
		"renewals", "not renewed once", "s until the last", "most in any second", "at most 220", "calls meanwhile", "errors", "p50 ms", "p99 ms",
	}, [][]string{{
		fmt.Sprint(len(requests)), fmt.Sprint(late), number(took.Seconds()), fmt.Sprint(most), verdict(most <= rate*11/10), fmt.Sprint(len(c.took)), fmt.Sprint(len(c.errors)),
		millis(quantile(c.took, 0.5)), millis(quantile(c.took, 0.99)),
	}})
	if len(c.errors) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(c.errors), len(c.took), c.errors[0])
	}
	if late > 0 || spent > 0 || len(requests) != n {
		t.Errorf("%d accounts were not renewed once, %d spent tokens, %d requests", late, spent, len(requests))
	}
}
