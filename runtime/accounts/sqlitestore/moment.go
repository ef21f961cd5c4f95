package sqlitestore

import (
	"fmt"
	"math"
	"time"
)

// lastTime is the last one that can be stored.
var lastTime = time.Unix(0, math.MaxInt64)

// nanos is how a time is stored.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.After(lastTime):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// moment reads a time.
type moment struct{ t *time.Time }

// Scan implements [sql.Scanner].
func (m moment) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.Unix(0, n).UTC()
	}
	return nil
}
