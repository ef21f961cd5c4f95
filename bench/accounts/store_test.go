package accounts_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

const batch = 200

// far is a lease that outlasts the measurement.
const far = 24 * time.Hour

// TestStore measures the store with tables of growing size.
func TestStore(t *testing.T) {
	srv, sc := start(t), measured()
	var rates, passes, counts, space [][]string
	for _, n := range sc.sizes {
		d := newTable(t, srv, n, func(i int) times {
			// All due, in an order that differs from that of the table, and valid.
			return times{refreshed: -time.Minute, used: -time.Hour, due: -time.Hour + time.Duration(spread(i, n))*time.Microsecond, expires: far}
		})
		fresh := d.size()
		one, four := d.claimAll(1, n/2), d.claimAll(4, n-n/2)
		if left := d.number("select count(*) from closekit_accounts where due <= now()"); left != 0 {
			t.Errorf("%d of %d accounts are still due", left, n)
		}
		if twice := d.number("select count(*) from closekit_accounts where doubts > 0 or attempt = ''"); twice != 0 {
			t.Errorf("%d of %d accounts were not claimed exactly once", twice, n)
		}
		d.exec("vacuum analyze closekit_accounts")
		churned := d.size()

		passes = append(passes, d.passes(sc)...)

		stats, use, sweep := d.admins()
		counts = append(counts, []string{count(n), millis(stats), millis(use), millis(sweep)})

		row := []string{count(n), number(one.rate), number(four.rate), fmt.Sprintf("%s / %s", millis(one.first), millis(one.last))}
		var commits cost
		for _, clients := range []int{1, 4, 16} {
			var rate float64
			rate, commits = d.commits(clients, sc.rate)
			row = append(row, number(rate))
		}
		rates = append(rates, row)

		perClaim, perCommit := float64(four.cost.wal)/float64(four.cost.rows), float64(commits.wal)/float64(commits.calls)
		space = append(space, []string{
			count(n), number(float64(fresh.table) / float64(n)), number(float64(fresh.indexes) / float64(n)),
			number(float64(churned.table) / float64(n)), number(float64(churned.indexes) / float64(n)),
			number(perClaim), number(perCommit),
			number(float64(n) / keepAlive.Seconds()), number(float64(n) / keepAlive.Seconds() * (perClaim + perCommit) / 1024),
		})
	}
	report(t, fmt.Sprintf("Claims (`ClaimDue` of %d, all accounts due, every one claimed exactly once) and commits", batch), []string{
		"accounts", "claims/s, 1 client", "4 clients", "ms of the first and last tenth of the passes, 1 client", "commits/s, 1 client", "4 clients", "16 clients",
	}, rates)
	report(t, fmt.Sprintf("One pass (`ClaimDue` of %d), by the number of accounts that are due and that exist", batch), []string{
		"accounts", "due", "passes", "median ms", "ms in the server", "pages per pass", "rows per pass",
	}, passes)
	report(t, "Statements that read the whole table, median ms", []string{"accounts", "Stats", "KeyUse", "Sweep with nothing to do"}, counts)
	report(t, "Bytes per account, and the load of idle accounts (renewed every 22.8 h on average)", []string{
		"accounts", "table, fresh", "indexes, fresh", "table, after an update of each row", "indexes, after it", "WAL per claim", "WAL per commit, after a checkpoint",
		"renewals/s", "WAL kB/s",
	}, space)
}

// keepAlive is the mean time between renewals of an idle account: a day, less up
// to a tenth.
const keepAlive = 24*time.Hour - 24*time.Hour/20

type claims struct {
	rate        float64
	first, last time.Duration // of a pass
	cost        cost
}

// claimAll claims total accounts with a number of clients, and checks that none is
// claimed twice.
func (d *table) claimAll(clients, total int) (c claims) {
	d.Helper()
	d.reset()
	s := d.open(clients)
	var mu sync.Mutex
	seen := make(map[string]bool, total)
	var took []time.Duration
	var wg sync.WaitGroup
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			for {
				mu.Lock()
				limit := min(batch, total-len(seen))
				mu.Unlock()
				if limit == 0 {
					return
				}
				start := time.Now()
				list, err := s.ClaimDue(d.Context(), accounts.DueRequest{Connection: connection, Attempt: "attempt", Owner: "me", Lease: far, Limit: limit})
				end := time.Since(start)
				if err != nil {
					d.Error(err)
					return
				}
				mu.Lock()
				took = append(took, end)
				for _, r := range list {
					if seen[r.ID] {
						d.Errorf("%v was claimed twice", r.Key)
					}
					seen[r.ID] = true
				}
				none := len(list) == 0
				mu.Unlock()
				if none {
					return
				}
			}
		})
	}
	wg.Wait()
	c.rate = float64(len(seen)) / time.Since(begin).Seconds()
	if len(seen) < total {
		d.Errorf("%d of %d accounts were claimed", len(seen), total)
	}
	tenth := max(len(took)/10, 1)
	c.first, c.last = quantile(slices.Clone(took[:tenth]), 0.5), quantile(slices.Clone(took[len(took)-tenth:]), 0.5)
	c.cost = d.cost(claimDue)
	return c
}

// passes measures a pass with nothing due, with few due, and with nothing due
// just after that.
func (d *table) passes(sc scale) (rows [][]string) {
	d.Helper()
	s := d.open(1)
	measure := func(due string, limit int) {
		d.Helper()
		d.reset()
		var took []time.Duration
		claimed := 0
		for range limit {
			start := time.Now()
			list, err := s.ClaimDue(d.Context(), accounts.DueRequest{Connection: connection, Attempt: "attempt", Owner: "me", Lease: far, Limit: batch})
			d.check(err)
			took = append(took, time.Since(start))
			claimed += len(list)
		}
		c := d.cost(claimDue)
		if c.calls != int64(limit) {
			d.Errorf("the server counts %d passes, want %d", c.calls, limit)
		}
		rows = append(rows, []string{
			count(d.n), due, fmt.Sprint(limit), millis(quantile(took, 0.5)), millis(c.time / time.Duration(limit)),
			number(float64(c.pages) / float64(limit)), number(float64(c.rows) / float64(limit)),
		})
		if want := min(sc.due, limit*batch); due == count(sc.due) && claimed != want {
			d.Errorf("%d accounts were claimed, want %d", claimed, want)
		}
	}
	measure("0", sc.passes)
	d.exec(`update closekit_accounts set due = now() - interval '1 minute', attempt = '', owner = '', attempt_until = null
		where id in (select id from closekit_accounts order by md5(id) limit $1)`, sc.due)
	d.exec("vacuum analyze closekit_accounts")
	measure(count(sc.due), sc.due/batch)
	measure("0, just after", sc.passes)
	return rows
}

// admins measures the statements that read the whole table.
func (d *table) admins() (stats, use, sweep time.Duration) {
	d.Helper()
	s := d.open(1)
	median := func(f func() error) time.Duration {
		var took []time.Duration
		for range 3 {
			start := time.Now()
			d.check(f())
			took = append(took, time.Since(start))
		}
		return quantile(took, 0.5)
	}
	stats = median(func() error { _, err := s.Stats(d.Context()); return err })
	use = median(func() error { _, err := s.KeyUse(d.Context()); return err })
	sweep = median(func() error {
		_, err := s.Sweep(d.Context(), accounts.SweepRequest{Limit: 1000, RevokedFor: far, RevocationsFor: far, EventsFor: 90 * far})
		return err
	})
	return stats, use, sweep
}

// commits stores new tokens of one account after the other for a while. The time
// includes encrypting the blobs for their accounts.
func (d *table) commits(clients int, long time.Duration) (float64, cost) {
	d.Helper()
	s := d.open(clients)
	generations := make([]int64, d.n)
	rows, err := d.admin.Query(d.Context(), "select identifier, generation from closekit_accounts")
	d.check(err)
	for rows.Next() {
		var name []byte
		var generation int64
		d.check(rows.Scan(&name, &generation))
		var i int
		_, err := fmt.Sscanf(string(name), "user-%d", &i)
		d.check(err)
		generations[i] = generation
	}
	d.check(rows.Err())
	d.exec("checkpoint") // so that earlier writes do not count
	d.reset()
	var next, done atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			for time.Since(begin) < long {
				n := int(next.Add(1) - 1)
				i := spread(n%d.n, d.n)
				generation := generations[i] + int64(n/d.n)
				_, err := s.Commit(d.Context(), accounts.CommitRequest{
					Key: key(i), Generation: generation, Attempt: "attempt", Tokens: d.seal(i, generation+1),
					OrganizationID: "orga_" + id(i), UserID: "user_" + id(i), ExpiresIn: far, DueIn: 45 * time.Minute,
					Note: accounts.Note{Type: accounts.EventConnected, Actor: "system"},
				})
				if err != nil {
					d.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds(), d.cost("update closekit_accounts a set generation")
}

type size struct{ table, indexes int64 }

func (d *table) size() size {
	d.Helper()
	return size{
		table:   d.number("select pg_table_size('closekit_accounts')"),
		indexes: d.number("select pg_indexes_size('closekit_accounts')"),
	}
}
