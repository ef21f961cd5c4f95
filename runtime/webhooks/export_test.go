package webhooks

import "time"

// WithGather returns the log with a bound on the events in memory.
func (l Log) WithGather(n int) Log {
	l.gather = n
	return l
}

// NewMemoryAt is NewMemory with a clock.
var NewMemoryAt = newMemory

// SetNow sets the clock of keys.
func (k *Keys) SetNow(now func() time.Time) { k.now = now }

// ActionsOf returns how many actions a type has.
func ActionsOf(objectType string) int { return len(actionsOf(objectType)) }

// ObjectTypes returns how many types there are.
func ObjectTypes() int { return len(actions) }
