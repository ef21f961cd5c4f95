package sqlitestore

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

var million = flag.Bool("million", false, "run the benchmarks with a million accounts too")

func sizes() []int {
	if *million {
		return []int{10_000, 100_000, 1_000_000}
	}
	return []int{10_000, 100_000}
}

func benchKey(b *testing.B, i int) accounts.Key {
	b.Helper()
	p, err := accounts.NewPrincipal("tenant", fmt.Sprintf("user%07d", i))
	if err != nil {
		b.Fatal(err)
	}
	return p.Key("close")
}

// fill makes n active accounts that are due at once, or never.
func fill(b *testing.B, n int, due bool) *Store {
	b.Helper()
	s, err := Open(filepath.Join(b.TempDir(), "accounts.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	err = s.write(b.Context(), func(t *tx) error {
		for i := range n {
			r := accounts.Record{
				ID: fmt.Sprintf("id%07d", i), Key: benchKey(b, i), State: accounts.Active, Generation: 1, Grant: "grant",
				Tokens: accounts.Sealed{Blob: make([]byte, 300), KeyID: 1}, OrganizationID: "orga_0123456789", UserID: "user_0123456789",
				Expires: t.now.Add(time.Hour), Refreshed: t.now, Created: t.now, Changed: t.now,
			}
			if due {
				r.Due = t.now.Add(-time.Hour).Add(time.Duration(i) * time.Microsecond)
			}
			if err := t.PutAccount(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkClaimDue claims 200 accounts of those that are due.
func BenchmarkClaimDue(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint("of=", n), func(b *testing.B) {
			s := fill(b, n, true)
			claimed := 0
			for b.Loop() {
				list, err := s.ClaimDue(b.Context(), accounts.DueRequest{Connection: "close", Attempt: "attempt", Owner: "me", Lease: 0, Limit: 200})
				if err != nil {
					b.Fatal(err)
				}
				claimed += len(list)
			}
			b.ReportMetric(float64(claimed)/b.Elapsed().Seconds(), "claims/s")
		})
	}
}

// BenchmarkCommit stores tokens of one account after the other.
func BenchmarkCommit(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint("of=", n), func(b *testing.B) {
			s := fill(b, n, false)
			commits := 0
			for b.Loop() {
				i := commits * 7919 % n
				_, err := s.Commit(b.Context(), accounts.CommitRequest{
					Key: benchKey(b, i), Generation: int64(1 + commits/n), Attempt: "attempt", Tokens: accounts.Sealed{Blob: make([]byte, 300), KeyID: 1},
					OrganizationID: "orga_0123456789", UserID: "user_0123456789", ExpiresIn: time.Hour, DueIn: 45 * time.Minute,
				})
				if err != nil {
					b.Fatal(err)
				}
				commits++
			}
			b.ReportMetric(float64(commits)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
