package accounts

import "time"

// instant is a moment on both clocks of the machine. The monotonic clock stops
// while it sleeps, the wall clock jumps; of two deadlines the earlier counts.
type instant struct{ wall, mono int64 } // nanoseconds

// clock reads both.
type clock func() instant

// newClock returns the clock of the machine.
func newClock() clock {
	start := time.Now()
	return func() instant {
		now := time.Now()
		return instant{now.UnixNano(), int64(now.Sub(start))}
	}
}

func (i instant) add(d time.Duration) instant {
	return instant{i.wall + int64(d), i.mono + int64(d)}
}

// before reports whether neither clock has reached the deadline.
func (i instant) before(deadline instant) bool {
	return i.wall < deadline.wall && i.mono < deadline.mono
}

// elapsed is the monotonic time as a duration, as limiter and breaker count it.
func (i instant) elapsed() time.Duration { return time.Duration(i.mono) }

// since is the time that passed on the monotonic clock.
func (i instant) since(o instant) time.Duration { return time.Duration(i.mono - o.mono) }

// atMost is the time that may have passed: by whichever clock says more.
func (i instant) atMost(o instant) time.Duration {
	return time.Duration(max(i.mono-o.mono, i.wall-o.wall))
}

// until is the time to a deadline: by whichever clock has less left.
func (i instant) until(deadline instant) time.Duration {
	return time.Duration(min(deadline.wall-i.wall, deadline.mono-i.mono))
}
