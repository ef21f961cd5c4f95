package sqlitestore

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// column is a column of the table accounts that changes, and where its value is
// in a record.
type column struct {
	name string
	dest func(*accounts.Record) any // for Scan
	arg  func(*accounts.Record) any
	same func(a, b *accounts.Record) bool
}

func text[T ~string](name string, at func(*accounts.Record) *T) column {
	return column{
		name, func(r *accounts.Record) any { return at(r) }, func(r *accounts.Record) any { return string(*at(r)) },
		func(a, b *accounts.Record) bool { return *at(a) == *at(b) },
	}
}

func value[T int | int64 | uint32 | bool](name string, at func(*accounts.Record) *T) column {
	return column{
		name, func(r *accounts.Record) any { return at(r) }, func(r *accounts.Record) any { return *at(r) },
		func(a, b *accounts.Record) bool { return *at(a) == *at(b) },
	}
}

func instant(name string, at func(*accounts.Record) *time.Time) column {
	return column{
		name, func(r *accounts.Record) any { return moment{at(r)} }, func(r *accounts.Record) any { return nanos(*at(r)) },
		func(a, b *accounts.Record) bool { return at(a).Equal(*at(b)) },
	}
}

func blob(name string, at func(*accounts.Record) *accounts.Sealed) column {
	return column{
		name, func(r *accounts.Record) any { return &at(r).Blob }, func(r *accounts.Record) any { return sqlrow.Blob(*at(r)) },
		func(a, b *accounts.Record) bool { return bytes.Equal(at(a).Blob, at(b).Blob) },
	}
}

// columns are those that change.
var columns = []column{
	text("state", func(r *accounts.Record) *accounts.State { return &r.State }),
	text("reason", func(r *accounts.Record) *accounts.Reason { return &r.Reason }),
	value("generation", func(r *accounts.Record) *int64 { return &r.Generation }),
	value("epoch", func(r *accounts.Record) *int64 { return &r.Epoch }),
	text("consent", func(r *accounts.Record) *string { return &r.Grant }),
	blob("tokens", func(r *accounts.Record) *accounts.Sealed { return &r.Tokens }),
	value("tokens_key", func(r *accounts.Record) *uint32 { return &r.Tokens.KeyID }),
	value("no_refresh", func(r *accounts.Record) *bool { return &r.NoRefresh }),
	blob("fallback", func(r *accounts.Record) *accounts.Sealed { return &r.Fallback.Sealed }),
	value("fallback_key", func(r *accounts.Record) *uint32 { return &r.Fallback.Sealed.KeyID }),
	text("fallback_purpose", func(r *accounts.Record) *string { return &r.Fallback.Purpose }),
	value("fallback_generation", func(r *accounts.Record) *int64 { return &r.Fallback.Generation }),
	instant("fallback_until", func(r *accounts.Record) *time.Time { return &r.Fallback.Until }),
	text("organization_id", func(r *accounts.Record) *string { return &r.OrganizationID }),
	text("user_id", func(r *accounts.Record) *string { return &r.UserID }),
	instant("expires", func(r *accounts.Record) *time.Time { return &r.Expires }),
	instant("due", func(r *accounts.Record) *time.Time { return &r.Due }),
	instant("refreshed", func(r *accounts.Record) *time.Time { return &r.Refreshed }),
	instant("used", func(r *accounts.Record) *time.Time { return &r.Used }),
	text("attempt", func(r *accounts.Record) *string { return &r.Attempt }),
	text("owner", func(r *accounts.Record) *string { return &r.Owner }),
	instant("attempt_until", func(r *accounts.Record) *time.Time { return &r.AttemptUntil }),
	text("last_attempt", func(r *accounts.Record) *string { return &r.LastAttempt }),
	value("doubts", func(r *accounts.Record) *int { return &r.Doubts }),
	value("troubled", func(r *accounts.Record) *bool { return &r.Troubled }),
	value("failures", func(r *accounts.Record) *int { return &r.Failures }),
	text("failure", func(r *accounts.Record) *accounts.FailureKind { return &r.Failure }),
	instant("verify_until", func(r *accounts.Record) *time.Time { return &r.VerifyUntil }),
	text("previous_state", func(r *accounts.Record) *accounts.State { return &r.PreviousState }),
	text("previous_reason", func(r *accounts.Record) *accounts.Reason { return &r.PreviousReason }),
	instant("changed", func(r *accounts.Record) *time.Time { return &r.Changed }),
}

// all is the set of all columns; the bit of a column is its index.
var all = uint64(1)<<len(columns) - 1

var (
	// accountColumns are read into what scanAccount expects.
	accountColumns = "id, tenant, connection, identifier, created" + names(all, ", ", "")
	selectAccount  = `select ` + accountColumns + ` from accounts where ` + byKey
	insertAccount  = `insert into accounts (` + accountColumns + `) values (?, ?, ?, ?, ?` + strings.Repeat(", ?", len(columns)) + `)`
)

// names joins the names of a set of columns, each with before and after.
func names(set uint64, before, after string) string {
	var b strings.Builder
	for i, c := range columns {
		if set&(1<<i) != 0 {
			b.WriteString(before + c.name + after)
		}
	}
	return b.String()
}

// accountRow is what a row is scanned into, one after the other.
type accountRow struct {
	record accounts.Record
	names  sqlrow.Names
	dest   []any
}

func newAccountRow() *accountRow {
	a := &accountRow{}
	a.dest = append(make([]any, 0, 5+len(columns)), &a.record.ID, &a.names.Tenant, &a.names.Connection, &a.names.Identifier, moment{&a.record.Created})
	for _, c := range columns {
		a.dest = append(a.dest, c.dest(&a.record))
	}
	return a
}

// scan reads a row. What it returns stays the same with the next row.
func (a *accountRow) scan(row scanner) (*accounts.Record, error) {
	a.record = accounts.Record{}
	err := row.Scan(a.dest...)
	if err == nil {
		a.record.Key, err = a.names.Key()
	}
	r := a.record
	return &r, err
}

const byKey = `tenant = ? and connection = ? and identifier = ?`

// Account implements [accounts.Tx].
func (t *tx) Account(key accounts.Key) (accounts.Record, error) {
	list, _, err := t.accounts(false, selectAccount, sqlrow.Parts(key)...)
	if err == nil && len(list) == 0 {
		err = accounts.ErrNotFound
	}
	if err != nil {
		return accounts.Record{}, err
	}
	return *list[0], nil
}

// accounts reads accounts and remembers them for PutAccount. It may skip what
// cannot be read, and reports how many rows those were.
func (t *tx) accounts(skip bool, query string, args ...any) (list []*accounts.Record, skipped int, err error) {
	a := newAccountRow()
	err = t.query(query, func(row scanner) error {
		r, err := a.scan(row)
		if err != nil && skip {
			t.s.skipped.Skip("account", a.record.ID, err)
			skipped++
			return nil
		}
		list = append(list, r)
		return err
	}, args...)
	if t.writing {
		for _, r := range list {
			t.read[r.ID] = r
		}
	}
	return list, skipped, err
}

// deadline is how accounts are found by an [accounts.Deadline]: by the
// conditions of a partial index, in the order of its last column.
type deadline struct{ where, order string }

var deadlines = map[accounts.Deadline]deadline{
	accounts.RenewalDue:       {renewalDue, "due"},
	accounts.VerificationEnds: {"state = 'VERIFYING' and verify_until > 0 and verify_until <= ?", "verify_until"},
	accounts.FallbackEnds:     {"fallback_until > 0 and fallback_until <= ?", "fallback_until"},
	accounts.RevokedSince:     {"state = 'REVOKED' and tokens is not null and changed <= ?", "changed"},
}

// lapsed is true of an attempt that is not live; the parameter is the time, twice.
var lapsed = fmt.Sprintf("(attempt_until <= ? or attempt_until > ? + %d)", accounts.MaxLease)

var renewalDue = "state in ('ACTIVE', 'EXPIRED') and due > 0 and due <= ? and (attempt = '' or " + lapsed + ")"

// Accounts implements [accounts.Tx].
func (t *tx) Accounts(q accounts.AccountQuery) ([]accounts.Record, error) {
	var list []*accounts.Record
	for more := 0; ; {
		wider := q
		if q.Limit > 0 {
			wider.Limit += more // in the place of what is skipped
		}
		query, args := selectAccounts(wider)
		var skipped int
		var err error
		if list, skipped, err = t.accounts(true, query, args...); err != nil {
			return nil, err
		}
		if q.Limit <= 0 || skipped <= more {
			break
		}
		more = skipped
	}
	slices.SortFunc(list, q.Compare) // where the index leaves it open
	out := make([]accounts.Record, 0, len(list))
	for _, r := range list {
		out = append(out, *r)
	}
	return out, nil
}

func selectAccounts(q accounts.AccountQuery) (string, []any) {
	var c conditions
	c.key(q.Tenant, q.Identifier, q.Connection)
	if q.State != "" {
		c.add("state = ?", string(q.State))
	}
	if q.After != "" {
		c.add("id > ?", q.After)
	}
	if q.Keys != nil {
		args := make([]any, len(q.Keys))
		for i, id := range q.Keys {
			args[i] = id
		}
		c.add("tokens_key in ("+strings.TrimSuffix(strings.Repeat("?,", len(args)), ",")+")", args...)
	}
	order := "id"
	if d, ok := deadlines[q.Deadline]; ok {
		c.add(d.where, slices.Repeat([]any{nanos(q.By)}, strings.Count(d.where, "?"))...)
		order = d.order
	}
	return `select ` + accountColumns + ` from accounts` + c.where() + c.page(order, q.Limit), c.args
}

// conditions make a filter.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms, c.args = append(c.terms, term), append(c.args, args...)
}

func (c *conditions) key(tenant, identifier, connection string) {
	for _, f := range [][2]string{{"tenant = ?", tenant}, {"identifier = ?", identifier}, {"connection = ?", connection}} {
		if f[1] != "" {
			c.add(f[0], []byte(f[1]))
		}
	}
}

// by adds that a time has come, or is later than beyond.
func (c *conditions) by(name string, end, beyond time.Time) {
	if beyond.IsZero() {
		c.add(name+" <= ?", nanos(end))
		return
	}
	c.add("("+name+" <= ? or "+name+" > ?)", nanos(end), nanos(beyond))
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " where " + strings.Join(c.terms, " and ")
}

// page makes an order and a limit; 0 means none.
func (c *conditions) page(order string, limit int) string {
	if limit <= 0 {
		limit = -1
	}
	c.args = append(c.args, limit)
	return " order by " + order + " limit ?"
}

// PutAccount implements [accounts.Tx]. It writes the columns that differ from
// what the transaction read.
func (t *tx) PutAccount(r accounts.Record) error {
	old, found := t.read[r.ID]
	if !found {
		args := append([]any{r.ID}, sqlrow.Parts(r.Key)...)
		args = append(args, nanos(r.Created))
		for _, c := range columns {
			args = append(args, c.arg(&r))
		}
		t.read[r.ID] = &r
		_, err := t.exec(insertAccount, args...)
		return err
	}
	var set uint64
	for i, c := range columns {
		if !c.same(old, &r) {
			set |= 1 << i
		}
	}
	if set == 0 {
		return nil
	}
	update := t.update(&set)
	args := make([]any, 0, bits.OnesCount64(set)+1)
	for i, c := range columns {
		if set&(1<<i) != 0 {
			args = append(args, c.arg(&r))
		}
	}
	t.read[r.ID] = &r
	n, err := t.exec(update, append(args, r.ID)...)
	if err == nil && n != 1 {
		err = fmt.Errorf("sqlitestore: the account %s is gone", r.ID)
	}
	return err
}

// maxUpdates bounds the number of different statements that are kept.
const maxUpdates = 64

// update returns the statement that sets a set of columns. If there are too
// many of them, it makes the set that of all columns.
func (t *tx) update(set *uint64) string {
	if t.s.updates[*set] == "" {
		if len(t.s.updates) >= maxUpdates {
			*set = all
		}
		t.s.updates[*set] = `update accounts set ` + strings.TrimSuffix(names(*set, "", " = ?, "), ", ") + ` where id = ?`
	}
	return t.s.updates[*set]
}
