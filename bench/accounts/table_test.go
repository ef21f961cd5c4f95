package accounts_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

const connection = "close"

// table is a database full of accounts.
type table struct {
	*testing.T
	n      int
	url    string
	admin  *pgx.Conn
	secret accounts.Secret
	vault  *vault.Vault
}

// times are the due and expiry times of an account, relative to now.
type times struct{ refreshed, used, due, expires time.Duration }

// newTable fills a database with n active accounts, each with tokens that are
// encrypted for it.
func newTable(t *testing.T, srv *pgtest.Server, n int, when func(i int) times) *table {
	t.Helper()
	d := &table{T: t, n: n, url: srv.Database(t)}
	if *options != "" {
		d.url += "&" + *options
	}
	var err error
	d.secret, err = vault.Keygen()
	d.check(err)
	d.vault, err = vault.Open(d.secret)
	d.check(err)
	d.open(1) // creates the tables
	d.admin, err = pgx.Connect(t.Context(), d.url)
	d.check(err)
	t.Cleanup(func() { _ = d.admin.Close(context.Background()) })
	d.exec("create extension if not exists pg_stat_statements schema public")
	var now time.Time
	d.check(d.admin.QueryRow(t.Context(), "select now()").Scan(&now))
	i := -1
	_, err = d.admin.CopyFrom(t.Context(), pgx.Identifier{"closekit_accounts"}, []string{
		"id", "tenant", "connection", "identifier", "state", "generation", "consent", "tokens", "tokens_key",
		"organization_id", "user_id", "created", "changed", "refreshed", "used", "due", "expires",
	}, pgx.CopyFromFunc(func() ([]any, error) {
		if i++; i == n {
			return nil, nil
		}
		s, w, k := d.seal(i, 1), when(i), key(i)
		return []any{
			id(i), []byte(k.Tenant()), []byte(connection), []byte(k.Identifier()), string(accounts.Active), int64(1), id(-i), s.Blob, int64(s.KeyID),
			"orga_" + id(i), "user_" + id(i), now.Add(-1000 * time.Hour), now.Add(-1000 * time.Hour), now.Add(w.refreshed), now.Add(w.used), now.Add(w.due), now.Add(w.expires),
		}, nil
	}))
	d.check(err)
	d.exec("vacuum analyze closekit_accounts")
	d.exec("checkpoint")
	return d
}

func (d *table) check(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *table) exec(query string, args ...any) {
	d.Helper()
	_, err := d.admin.Exec(d.Context(), query, args...)
	d.check(err)
}

func (d *table) number(query string, args ...any) (n int64) {
	d.Helper()
	d.check(d.admin.QueryRow(d.Context(), query, args...).Scan(&n))
	return n
}

// open opens the store with a number of connections.
func (d *table) open(clients int) *pgstore.Store {
	d.Helper()
	s, err := pgstore.Open(d.Context(), fmt.Sprintf("%s&pool_max_conns=%d", d.url, clients))
	d.check(err)
	d.Cleanup(func() { _ = s.Close() })
	return s
}

// cost is the cost of a kind of statement since the last reset.
type cost struct {
	calls, rows, pages, wal int64
	time                    time.Duration
}

func (d *table) reset() {
	d.Helper()
	d.exec("select public.pg_stat_statements_reset()")
}

const (
	claimDue = "with ready as (select id, due as since from closekit_accounts"
	touch    = "with k as (\n\t\t\tselect id from closekit_accounts join unnest"
)

// cost returns the cost of the statements that start with a prefix.
func (d *table) cost(begin string) (c cost) {
	d.Helper()
	var ms float64
	d.check(d.admin.QueryRow(d.Context(), `select coalesce(sum(calls), 0)::bigint, coalesce(sum(rows), 0)::bigint, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint,
			coalesce(sum(wal_bytes), 0)::bigint, coalesce(sum(total_exec_time), 0)::float8
		from public.pg_stat_statements where starts_with(query, $1)`, begin).Scan(&c.calls, &c.rows, &c.pages, &c.wal, &ms))
	c.time = time.Duration(ms * float64(time.Millisecond))
	return c
}

// key returns the key of the i-th account; a tenant has a thousand accounts.
func key(i int) accounts.Key { return principal(i).Key(connection) }

func principal(i int) accounts.Principal {
	p, err := accounts.NewPrincipal(fmt.Sprintf("tenant-%04d", i/1000), fmt.Sprintf("user-%07d", i))
	if err != nil {
		panic(err) // a bug in this test
	}
	return p
}

// id returns an id as long and as random as those of the manager.
func id(i int) string {
	sum := sha256.Sum256(fmt.Append(nil, "id", i))
	return hex.EncodeToString(sum[:16])
}

// seal encrypts tokens of an account in the form of the manager, which is not
// exported; TestManager and the waves would fail if the forms differed.
func (d *table) seal(i int, generation int64) accounts.Sealed {
	d.Helper()
	plain, err1 := json.Marshal(map[string]string{"a": accessToken(i, generation), "r": refreshToken(i, generation)})
	blob, keyID, err2 := d.vault.Seal(plain, accounts.AssociatedData(key(i), id(i), accounts.PurposeTokens, generation))
	if err1 != nil || err2 != nil {
		d.Error("cannot seal", err1, err2)
	}
	return accounts.Sealed{Blob: blob, KeyID: keyID}
}

var filler = strings.Repeat("x", 40)

func accessToken(i int, generation int64) string {
	return fmt.Sprintf("a.%09d.%09d.%s", i, generation, filler)
}

func refreshToken(i int, generation int64) string {
	return fmt.Sprintf("r.%09d.%09d.%s", i, generation, filler)
}

// spread is a permutation of the numbers below n, so that two orders differ.
func spread(i, n int) int { return int(int64(i) * 7919 % int64(n)) }
