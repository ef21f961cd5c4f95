package accounts

import (
	"sync"
	"time"
)

const (
	// tripAfter failures in a row make a connection THROTTLED.
	tripAfter = 5
	// The breaker against mass revocation looks at refusals in this window.
	refusalWindow  = 10 * time.Minute
	refusalSlots   = 20
	refusalsToTrip = 20
	refusalShare   = 0.05
)

// breaker watches one connection in this process. It knows whether the provider
// is reachable at all, and whether so many grants are refused at once that the
// reason must be on our side.
type breaker struct {
	mu       sync.Mutex
	failures int           // in a row
	probeAt  time.Duration // when the next request may go out while tripped
	step     time.Duration
	probing  bool

	slots [refusalSlots]struct{ attempts, refusals int }
	slot  int64
}

// allow reports whether a request may go out, and if not, after which wait.
// While tripped it lets one at a time through, the probe. Of each probe an
// outcome is reported, or that it was unused.
func (b *breaker) allow(now time.Duration) (ok, probe bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < tripAfter:
		return true, false, 0
	case b.probing && now < b.probeAt+2*sendTimeout:
		return false, false, max(b.probeAt-now, time.Second)
	case now < b.probeAt:
		return false, false, b.probeAt - now
	}
	b.probing = true
	return true, true, 0
}

// tripped reports whether the provider is considered unreachable.
func (b *breaker) tripped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures >= tripAfter
}

// unused takes a probe back that was not sent.
func (b *breaker) unused() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// answered notes a complete response that was not trouble.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.step, b.probing = 0, 0, false
}

// failed notes trouble.
func (b *breaker) failed(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.probing = false
	if b.failures >= tripAfter {
		b.step = min(max(2*b.step, time.Second), 30*time.Second)
		b.probeAt = now + b.step
	}
}

// roll moves the window on.
func (b *breaker) roll(now time.Duration) *struct{ attempts, refusals int } {
	slot := int64(now / (refusalWindow / refusalSlots))
	if slot-b.slot >= refusalSlots {
		b.slots = [refusalSlots]struct{ attempts, refusals int }{}
		b.slot = slot
	}
	for ; b.slot < slot; b.slot++ {
		b.slots[(b.slot+1)%refusalSlots] = struct{ attempts, refusals int }{}
	}
	return &b.slots[slot%refusalSlots]
}

// granted notes a renewal.
func (b *breaker) granted(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roll(now).attempts++
}

// refused notes a refusal and reports whether there are suspiciously many.
func (b *breaker) refused(now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.roll(now)
	s.attempts++
	s.refusals++
	attempts, refusals := 0, 0
	for _, s := range b.slots {
		attempts += s.attempts
		refusals += s.refusals
	}
	return refusals >= refusalsToTrip && float64(refusals) > refusalShare*float64(attempts)
}

// forget empties the window.
func (b *breaker) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slots = [refusalSlots]struct{ attempts, refusals int }{}
}
