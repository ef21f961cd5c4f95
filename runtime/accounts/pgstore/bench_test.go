package pgstore_test

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
)

var options = flag.String("options", "", "options of the URL for the benchmarks, like default_query_exec_mode=cache_statement")

var million = flag.Bool("million", false, "run the benchmarks with a million accounts too")

func sizes() []int {
	if *million {
		return []int{10_000, 100_000, 1_000_000}
	}
	return []int{10_000, 100_000}
}

// fill makes n active accounts that are due, or never.
func fill(b *testing.B, n int, due string) *pgstore.Store {
	b.Helper()
	url := pgtest.Database(b)
	s := open(b, url+"&pool_max_conns=16&"+*options)
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	_, err = conn.Exec(b.Context(), fmt.Sprintf(`insert into closekit_accounts (id, tenant, connection, identifier, state, generation, consent, tokens, tokens_key, organization_id, user_id, expires, due)
		select 'id' || i, 'tenant', 'close', ('user' || i)::bytea, 'ACTIVE', 1, 'grant', decode(repeat(md5(i::text), 18), 'hex'), 1, 'orga_0123456789', 'user_0123456789',
		now() + interval '1 hour', %s from generate_series(0, %d) i; analyze closekit_accounts`, due, n-1))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(b.Context(), "checkpoint"); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkClaimDue claims 200 accounts of those that are due; what is claimed
// is due again at once, at the end of the queue.
func BenchmarkClaimDue(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint("of=", n), func(b *testing.B) {
			s := fill(b, n, "now() - interval '1 hour' + i * interval '1 microsecond'")
			var claimed atomic.Int64
			b.SetParallelism(2)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					list, err := s.ClaimDue(b.Context(), accounts.DueRequest{Connection: connection, Attempt: "attempt", Owner: "me", Limit: 200})
					if err != nil {
						b.Error(err)
						return
					}
					claimed.Add(int64(len(list)))
				}
			})
			b.ReportMetric(float64(claimed.Load())/b.Elapsed().Seconds(), "claims/s")
		})
	}
}

// BenchmarkCommit stores tokens of one account after the other.
func BenchmarkCommit(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint("of=", n), func(b *testing.B) {
			s := fill(b, n, "null")
			var next atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					i := int(next.Add(1) - 1)
					_, err := s.Commit(b.Context(), accounts.CommitRequest{
						Key: key(b, i*7919%n), Generation: int64(1 + i/n), Attempt: "attempt", Tokens: accounts.Sealed{Blob: make([]byte, 300), KeyID: 1},
						OrganizationID: "orga_0123456789", UserID: "user_0123456789", ExpiresIn: time.Hour, DueIn: 45 * time.Minute,
					})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(next.Load())/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
