package pgstore_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
)

// TestTouchesDoNotDeadlock touches the same accounts in opposite orders. The
// store would try again, so it is the server that tells.
func TestTouchesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.Database(t)
	s := open(t, url)
	const n = 300
	var keys [2][]accounts.Key
	for i := range n {
		keys[0], keys[1] = append(keys[0], key(t, i)), append(keys[1], key(t, n-1-i))
	}
	query(t, url, `with ins as (insert into closekit_accounts (id, tenant, connection, identifier, state)
		select 'id' || i, 'tenant', 'close', ('user' || i)::bytea, 'ACTIVE' from generate_series(0, $1 - 1) i returning 1) select count(*)::text from ins`, n)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for range 25 {
				if err := s.Touch(t.Context(), keys[g%2]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r, err := s.Load(t.Context(), keys[0][0]); err != nil || r.Used.IsZero() {
		t.Errorf("nothing was touched: %+v, %v", r, err)
	}
	if got := query(t, url, `select pg_stat_clear_snapshot()::text || deadlocks from pg_stat_database where datname = current_database()`); got != "0" {
		t.Errorf("there were %s deadlocks", got)
	}
}

// TestDueUsesItsIndex keeps the work of a claim from growing with what exists.
func TestDueUsesItsIndex(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `insert into closekit_accounts (id, tenant, connection, identifier, state, due)
		select 'id' || i, 't', 'close', ('u' || i)::bytea, 'ACTIVE', now() + (i - 100) * interval '1 second' from generate_series(1, 20000) i;
		analyze closekit_accounts`)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `explain select id from closekit_accounts where connection = 'close'::bytea and due <= now()
		and state in ('ACTIVE', 'EXPIRED') and (attempt = '' or attempt_until <= now() or attempt_until > now() + interval '3 minutes') order by due limit 200 for update skip locked`)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "Index Scan using closekit_accounts_due") || strings.Contains(text, "Sort") {
		t.Errorf("the plan is\n%s", text)
	}
}
