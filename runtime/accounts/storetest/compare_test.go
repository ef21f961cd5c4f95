package storetest_test

import (
	"flag"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

var seed = flag.Uint64("seed", 1, "seed of the random requests")

// TestSameStores compares the memory store with itself: what the comparison
// leaves to chance must not be taken for a difference.
func TestSameStores(t *testing.T) {
	t.Parallel()
	storetest.Compare(t, *seed, 1000, func() storetest.Pair {
		now := time.Unix(1_800_000_000, 0)
		clock := memstore.WithClock(func() time.Time { return now })
		return storetest.Pair{Want: memstore.New(clock), Got: memstore.New(clock), Pass: func(d time.Duration) { now = now.Add(d) }}
	})
	storetest.Compare(t, *seed, 1000, func() storetest.Pair { return storetest.Pair{Want: memstore.New(), Got: memstore.New()} })
}
