package agent

import (
	"context"
	"slices"
	"sync"
)

// Log is a sink that gives its records back, as an undo needs it.
type Log interface {
	Sink
	// Records returns records, the oldest first. Those that were erased are left out.
	Records(ctx context.Context, q RunQuery) ([]Record, error)
}

// RunQuery selects records. Empty fields select all.
type RunQuery struct {
	Run     string
	Account string // its name
	Limit   int    // 0 means no limit; otherwise the newest records are returned
}

// Selects reports whether a record is one that the query asks for, not regarding the
// limit.
func (q RunQuery) Selects(r *Record) bool {
	return (q.Run == "" || q.Run == r.Run) && (q.Account == "" || q.Account == r.Account.Name)
}

// NewMemoryLog returns a log that lives as long as the process. It keeps everything,
// snapshots too, in clear.
func NewMemoryLog() Log { return &memLog{} }

type memLog struct {
	mu      sync.Mutex
	records []Record
}

func (l *memLog) Record(_ context.Context, r Record) error {
	r = cloneRecord(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	return nil
}

// KeepsSnapshots implements [SnapshotSink].
func (l *memLog) KeepsSnapshots() bool { return true }

func (l *memLog) Records(_ context.Context, q RunQuery) ([]Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []Record
	for i := range l.records {
		if q.Selects(&l.records[i]) {
			list = append(list, cloneRecord(l.records[i]))
		}
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[len(list)-q.Limit:]
	}
	return list, nil
}

func cloneRecord(r Record) Record {
	r.Input, r.IDs, r.Before, r.After = slices.Clone(r.Input), slices.Clone(r.IDs), slices.Clone(r.Before), slices.Clone(r.After)
	for i := range r.Before {
		r.Before[i].JSON = slices.Clone(r.Before[i].JSON)
	}
	return r
}
