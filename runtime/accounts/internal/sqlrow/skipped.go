package sqlrow

import (
	"fmt"
	"math"
	"sync"
)

// maxSkipped bounds how many rows are remembered.
const maxSkipped = 1000

// Skipped remembers rows that cannot be read, which a store leaves out where it
// reads many. Its zero value is ready for use.
type Skipped struct {
	mu     sync.Mutex
	seen   map[string]error
	report []func(row string, err error)
}

// OnUnreadable calls f once for each row that was left out, or will be.
func (s *Skipped) OnUnreadable(f func(row string, err error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report = append(s.report, f)
	for row, err := range s.seen {
		f(row, err)
	}
}

// Skip notes that a row cannot be read.
func (s *Skipped) Skip(table, id string, err error) {
	row := table + "/" + id
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[row] != nil || len(s.seen) >= maxSkipped {
		return
	}
	if s.seen == nil {
		s.seen = map[string]error{}
	}
	s.seen[row] = err
	for _, f := range s.report {
		f(row, err)
	}
}

// KeyID returns the id of a key from a column, which may hold any number.
func KeyID(v int64) (uint32, error) {
	if v < 0 || v > math.MaxUint32 {
		return 0, fmt.Errorf("%d is not the id of a key", v)
	}
	return uint32(v), nil
}
