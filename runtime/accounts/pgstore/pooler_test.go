package pgstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

func TestBehindAPooler(t *testing.T) {
	t.Parallel()
	t.Run("conformance", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) accounts.Store {
			t.Helper()
			return open(t, pgtest.Pooler(t, pgtest.Database(t)))
		})
	})
	t.Run("many for few", func(t *testing.T) {
		t.Parallel()
		s := open(t, pgtest.Pooler(t, pgtest.Database(t))+"&pool_max_conns=50")
		var wg sync.WaitGroup
		for _, r := range connect(t, s, 1000) {
			wg.Go(func() {
				r, err := s.Claim(t.Context(), accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: "a", Lease: time.Minute})
				if err == nil {
					_, err = s.Commit(t.Context(), commitOf(r, "a"))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
