package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// RunReplicas checks that stores opened on the same empty data share the work,
// as the replicas of a program do. Each due account must be claimed once, the
// longest due first, and committed once.
func RunReplicas(t *testing.T, replicas ...accounts.Store) {
	t.Helper()
	const n = 200
	first := &suite{T: t, Store: replicas[0], ctx: t.Context()}
	for i := range n {
		first.connect(first.key(fmt.Sprint("due", i)), 0)
	}
	var (
		mu   sync.Mutex
		seen = map[accounts.Key]int{}
		left atomic.Int64
		wg   sync.WaitGroup
	)
	left.Store(n)
	for i, replica := range replicas {
		for g := range 3 {
			wg.Go(func() {
				for turn := 0; left.Load() > 0 && !t.Failed(); turn++ {
					list, err := replica.ClaimDue(t.Context(), accounts.DueRequest{
						Connection: connection, Attempt: fmt.Sprint(i, "-", g, "-", turn), Owner: fmt.Sprint(i), Lease: held, Limit: 7,
					})
					if err != nil {
						t.Errorf("claim: %v", err)
					}
					left.Add(int64(-len(list)))
					for j, r := range list {
						mu.Lock()
						seen[r.Key]++
						mu.Unlock()
						if j > 0 && r.Due.Before(list[j-1].Due) {
							t.Error("the longest due is not first")
						}
						if _, err := replica.Commit(t.Context(), commitOf(r, r.Attempt, "next")); err != nil {
							t.Errorf("commit: %v", err)
						}
					}
				}
			})
		}
	}
	wg.Wait()
	for k, times := range seen {
		first.want(times == 1, "%v was claimed %d times", k, times)
	}
	first.want(len(seen) == n, "%d of %d were claimed", len(seen), n)
	list, err := first.List(t.Context(), accounts.ListFilter{Limit: 2 * n})
	first.ok(err)
	for _, r := range list {
		first.want(r.Generation == 2 && r.Attempt == "" && r.Due.Sub(r.Now) > time.Minute, "%s is left as %+v", r.ID, r)
	}
}
