package accounts

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit"
)

const (
	floorTime   = time.Minute      // least validity of a token that is handed out
	checkEvery  = 5 * time.Second  // how long a published token is trusted before the store is asked again
	checkBudget = 2 * time.Second  // how long asking again may take
	trustTime   = 15 * time.Minute // how long a published token is trusted while the store does not respond
	idleTime    = 5 * time.Minute  // how long an unused token stays in memory
	useEvery    = int64(time.Minute)
)

// token is a published access token.
type token struct {
	access     Secret
	cred       closekit.Credential // the same, as clients take it
	generation int64
	attempt    string  // that brought it; a database restored from a backup may use a generation twice
	deadline   instant // not handed out after
	end        instant // not valid after
	life       time.Duration
	check      atomic.Int64 // monotonic time after which the store is asked again
	trusted    int64        // monotonic time until which it is handed out without the store's word
	checking   atomic.Bool
}

// lasts reports whether the token is valid for as long as a handle wants.
func (t *token) lasts(now instant, want time.Duration) bool {
	return want == 0 || now.until(t.end) >= min(want, t.life-t.life/10)
}

// floorOf is the least validity of a token that is handed out: a minute, less
// for tokens that live for minutes only.
func floorOf(life time.Duration) time.Duration { return min(floorTime, max(life, 0)/5) }

// entry is what this process knows of one account.
type entry struct {
	key    Key
	token  atomic.Pointer[token]
	used   atomic.Int64 // wall time of the last use that was noted
	dirty  atomic.Bool  // the store does not know of it
	newest atomic.Int64 // newest generation that was seen

	unsentUntil atomic.Int64 // monotonic time until which a renewal backs off that never left this process

	mu        sync.Mutex
	fence     int64 // generation that was seen last; what was read before is not published
	fenceAt   int64 // monotonic time from when on that was so
	inFlight  *inFlight
	forced    int64   // generation that a rejection led to
	forcedAt  instant // when
	forgotten bool    // no longer in the manager's map
}

func (m *Manager) entry(key Key) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		e = &entry{key: key}
		m.entries[key] = e
	}
	return e
}

// unexpired returns the token if it may be handed out now, else nil.
func (e *entry) unexpired(now instant) *token {
	if t := e.token.Load(); t != nil && now.before(t.deadline) && now.mono < t.trusted {
		return t
	}
	return nil
}

// advance moves the fence to a generation that was read, and reports false if
// the reading began before a newer one was seen. A reading that began after
// that and is older still means that the database was restored from a backup.
func (e *entry) advance(generation int64, read, now instant) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if generation < e.fence && read.mono <= e.fenceAt {
		return false
	}
	if generation != e.fence {
		e.fence, e.fenceAt = generation, now.mono
	}
	if generation > e.newest.Load() {
		e.newest.Store(generation)
	}
	return true
}

// unsent reports whether a renewal backs off that never left this process.
func (e *entry) unsent(now instant) bool { return now.mono < e.unsentUntil.Load() }

// use notes that the account is in use, once a minute.
func (e *entry) use(now instant) {
	if now.wall-e.used.Load() > useEvery {
		e.used.Store(now.wall)
		e.dirty.Store(true)
	}
}

// forgetIdle takes what is not used out of memory: the tokens of accounts, and
// budgets.
func (m *Manager) forgetIdle() {
	now := m.now()
	m.budgets.forgetIdle(now)
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, e := range m.entries {
		if now.wall-e.used.Load() < int64(idleTime+time.Minute) || e.dirty.Load() {
			continue
		}
		e.mu.Lock()
		if e.inFlight == nil {
			e.token.Store(nil)
			e.forgotten = true
			delete(m.entries, k)
		}
		e.mu.Unlock()
	}
}
