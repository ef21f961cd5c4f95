package pgstore_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

var (
	seed  = flag.Uint64("seed", 1, "seed of the random requests")
	steps = flag.Int("steps", 3000, "number of random requests")
)

// TestSameAsInMemory compares the statements of this package with the rules
// that all other stores share. The server's clock is replaced, by functions
// that are found before its own. It runs while no other test does, because the
// server holds back events as long as an older transaction runs in any database.
func TestSameAsInMemory(t *testing.T) {
	n := *steps
	if testing.Short() {
		n /= 10
	}
	t.Logf("seed %d, %d requests", *seed, n)
	storetest.Compare(t, *seed, n, func() storetest.Pair {
		url := pgtest.Database(t) + "%2Cpg_catalog"
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1_800_000_000, 0)
		_, err = conn.Exec(t.Context(), `create table clock as select to_timestamp(1800000000) as now;
			create function now() returns timestamptz language sql stable as 'select now from clock';
			create function clock_timestamp() returns timestamptz language sql stable as 'select now from clock'`)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgstore.Open(t.Context(), url+"&pool_max_conns=2")
		if err != nil {
			t.Fatal(err)
		}
		return storetest.Pair{
			Want: memstore.New(memstore.WithClock(func() time.Time { return now })),
			Got:  got,
			Pass: func(d time.Duration) {
				now = now.Add(d)
				if _, err := conn.Exec(t.Context(), `update clock set now = now + $1::bigint * interval '1 microsecond'`, d.Microseconds()); err != nil {
					t.Fatal(err)
				}
			},
			Close: func() {
				got.Close()
				conn.Close(context.WithoutCancel(t.Context()))
			},
		}
	})
}
