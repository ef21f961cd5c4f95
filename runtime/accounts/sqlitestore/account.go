package sqlitestore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// columns is what a record is read from, in the order of scanAccount.
const columns = `id, tenant, connection, identifier, state, reason, generation, epoch, consent, tokens, tokens_key,
	no_refresh, fallback, fallback_key, fallback_purpose, fallback_generation, fallback_until, organization_id, user_id,
	expires, due, refreshed, used, attempt, owner, attempt_until, last_attempt, doubts, troubled, failures, failure,
	verify_until, previous_state, previous_reason, created, changed`

// dueNow begins what the index of due accounts is made for.
const dueNow = `state in ('ACTIVE', 'EXPIRED') and due > 0 and due <= ?`

func scanAccount(row scanner) (r accounts.Record, err error) {
	var k names
	err = row.Scan(&r.ID, &k.tenant, &k.connection, &k.identifier, &r.State, &r.Reason, &r.Generation, &r.Epoch, &r.Grant,
		&r.Tokens.Blob, &r.Tokens.KeyID, &r.NoRefresh, &r.Fallback.Sealed.Blob, &r.Fallback.Sealed.KeyID,
		&r.Fallback.Purpose, &r.Fallback.Generation, moment{&r.Fallback.Until}, &r.OrganizationID, &r.UserID,
		moment{&r.Expires}, moment{&r.Due}, moment{&r.Refreshed}, moment{&r.Used}, &r.Attempt, &r.Owner,
		moment{&r.AttemptUntil}, &r.LastAttempt, &r.Doubts, &r.Troubled, &r.Failures, &r.Failure,
		moment{&r.VerifyUntil}, &r.PreviousState, &r.PreviousReason, moment{&r.Created}, moment{&r.Changed})
	if err == nil {
		r.Key, err = k.key()
	}
	return r, err
}

// values are those of columns.
func values(r *accounts.Record) []any {
	return []any{
		r.ID, []byte(r.Key.Tenant()), []byte(r.Key.Connection()), []byte(r.Key.Identifier()), string(r.State), string(r.Reason),
		r.Generation, r.Epoch, r.Grant, blob(r.Tokens), r.Tokens.KeyID, r.NoRefresh, blob(r.Fallback.Sealed),
		r.Fallback.Sealed.KeyID, r.Fallback.Purpose, r.Fallback.Generation, nanos(r.Fallback.Until), r.OrganizationID, r.UserID,
		nanos(r.Expires), nanos(r.Due), nanos(r.Refreshed), nanos(r.Used), r.Attempt, r.Owner, nanos(r.AttemptUntil),
		r.LastAttempt, r.Doubts, r.Troubled, r.Failures, string(r.Failure), nanos(r.VerifyUntil), string(r.PreviousState),
		string(r.PreviousReason), nanos(r.Created), nanos(r.Changed),
	}
}

// blob is nil for nothing, so that it becomes null.
func blob(s accounts.Sealed) []byte {
	if s.IsZero() {
		return nil
	}
	return s.Blob
}

// names are the parts of a key as they are read.
type names struct{ tenant, connection, identifier []byte }

func (n names) key() (accounts.Key, error) {
	if len(n.tenant) == 0 && len(n.identifier) == 0 { // an event about a whole connection
		return accounts.Principal{}.Key(string(n.connection)), nil
	}
	p, err := accounts.NewPrincipal(string(n.tenant), string(n.identifier))
	return p.Key(string(n.connection)), err
}

// parts are the values of a key in the order of the table.
func parts(k accounts.Key) []any {
	return []any{[]byte(k.Tenant()), []byte(k.Connection()), []byte(k.Identifier())}
}

const byKey = `tenant = ? and connection = ? and identifier = ?`

// account reads an account, or nil.
func (t *tx) account(key accounts.Key) (r *accounts.Record, err error) {
	_, err = t.one(`select `+columns+` from accounts where `+byKey, func(row scanner) error {
		a, err := scanAccount(row)
		r = &a
		return err
	}, parts(key)...)
	return r, err
}

var (
	insertAccount = `insert into accounts (` + columns + `) values (?` + strings.Repeat(", ?", strings.Count(columns, ",")) + `)`
	// What never changes is left out.
	updateAccount = `update accounts set ` + strings.Join(strings.Split(columns, ",")[4:], " = ?,") + ` = ? where id = ?`
)

// save writes an account back and gives it to the caller.
func (t *tx) save(r *accounts.Record) (accounts.Record, error) {
	_, err := t.exec(updateAccount, append(values(r)[4:], r.ID)...)
	c := *r
	c.Now = now()
	return c, err
}

func (t *tx) setState(r *accounts.Record, state accounts.State, reason accounts.Reason) {
	if r.State != state {
		r.Changed = t.now
	}
	r.State, r.Reason = state, reason
}

// note appends an event if the state changed or the note says so.
func (t *tx) note(r *accounts.Record, from accounts.State, n accounts.Note) error {
	if n.Type == "" || from == r.State && !n.Always {
		return nil
	}
	return t.event(accounts.Event{Type: n.Type, Key: r.Key, AccountID: r.ID, From: from, To: r.State, Reason: r.Reason, Actor: n.Actor})
}

// Ensure implements [accounts.Store].
func (s *Store) Ensure(ctx context.Context, id string, key accounts.Key, actor string) (r accounts.Record, made bool, err error) {
	if r, err := s.Load(ctx, key); err == nil { // the usual case needs no turn
		return r, false, nil
	}
	err = s.write(ctx, func(t *tx) error {
		old, err := t.account(key)
		if err != nil {
			return err
		}
		if made = old == nil; !made {
			r = *old
			r.Now = t.now
			return nil
		}
		r = accounts.Record{ID: id, Key: key, State: accounts.Pending, Created: t.now, Changed: t.now, Now: t.now}
		if _, err := t.exec(insertAccount, values(&r)...); err != nil {
			return err
		}
		return t.note(&r, "", accounts.Note{Type: accounts.EventCreated, Actor: actor})
	})
	if err != nil {
		return accounts.Record{}, false, err
	}
	return r, made, nil
}

// Load implements [accounts.Store].
func (s *Store) Load(ctx context.Context, key accounts.Key) (accounts.Record, error) {
	list, err := s.records(ctx, `select `+columns+` from accounts where `+byKey, parts(key)...)
	switch {
	case err != nil:
		return accounts.Record{}, err
	case len(list) == 0:
		return accounts.Record{}, accounts.ErrNotFound
	}
	return list[0], nil
}

// records reads accounts and the time.
func (s *Store) records(ctx context.Context, query string, args ...any) (list []accounts.Record, err error) {
	err = s.read(ctx, query, func(row scanner) error {
		r, err := scanAccount(row)
		list = append(list, r)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	at := now()
	for i := range list {
		list[i].Now = at
	}
	return list, nil
}

// List implements [accounts.Store].
func (s *Store) List(ctx context.Context, f accounts.ListFilter) ([]accounts.Record, error) {
	var c conditions
	c.add("id > ?", f.After)
	c.key(f.Tenant, f.Identifier, f.Connection)
	if f.State != "" {
		c.add("state = ?", string(f.State))
	}
	return s.records(ctx, `select `+columns+` from accounts where `+c.page("id", f.Limit), c.args...)
}

// conditions make a filter.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, arg any) {
	c.terms, c.args = append(c.terms, term), append(c.args, arg)
}

func (c *conditions) key(tenant, identifier, connection string) {
	for _, f := range [][2]string{{"tenant = ?", tenant}, {"identifier = ?", identifier}, {"connection = ?", connection}} {
		if f[1] != "" {
			c.add(f[0], []byte(f[1]))
		}
	}
}

func (c *conditions) page(order string, limit int) string {
	if limit <= 0 {
		limit = 100
	}
	c.args = append(c.args, limit)
	return strings.Join(c.terms, " and ") + " order by " + order + " limit ?"
}

// Touch implements [accounts.Store].
func (s *Store) Touch(ctx context.Context, keys []accounts.Key) error {
	if len(keys) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, func(t *tx) error {
		for _, k := range keys {
			if _, err := t.exec(`update accounts set used = ? where `+byKey, append([]any{nanos(t.now)}, parts(k)...)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// claim begins an attempt on a record whose guard holds.
func (t *tx) claim(r *accounts.Record, attempt, owner string, lease time.Duration) (accounts.Record, error) {
	if r.Attempt != "" {
		r.Doubts++
	}
	until := t.after(lease)
	r.Attempt, r.Owner, r.AttemptUntil, r.Due = attempt, owner, until, until
	_, err := t.exec(`update accounts set attempt = ?, owner = ?, attempt_until = ?, due = ?, doubts = ? where id = ?`,
		attempt, owner, nanos(until), nanos(until), r.Doubts, r.ID)
	c := *r
	c.Now = now()
	return c, err
}

func (t *tx) claimable(r *accounts.Record) bool {
	return (r.State == accounts.Active || r.State == accounts.Expired) && (r.Attempt == "" || !t.now.Before(r.AttemptUntil))
}

// change1 changes one account.
func (s *Store) change1(ctx context.Context, change func(t *tx) (accounts.Record, error)) (r accounts.Record, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		r, err = change(t)
		return err
	})
	if err != nil {
		return accounts.Record{}, err
	}
	return r, nil
}

// Claim implements [accounts.Store].
func (s *Store) Claim(ctx context.Context, q accounts.ClaimRequest) (accounts.Record, error) {
	return s.change1(ctx, func(t *tx) (accounts.Record, error) {
		r, err := t.account(q.Key)
		switch {
		case err != nil:
			return accounts.Record{}, err
		case r == nil:
			return accounts.Record{}, accounts.ErrNotFound
		case r.Generation != q.Generation, !t.claimable(r):
			return accounts.Record{}, accounts.ErrConflict
		}
		return t.claim(r, q.Attempt, q.Owner, q.Lease)
	})
}

const selectDue = `select ` + columns + ` from accounts where connection = ? and ` + dueNow + `
	and (attempt = '' or attempt_until <= ?) order by due limit ?`

// ClaimDue implements [accounts.Store].
func (s *Store) ClaimDue(ctx context.Context, q accounts.DueRequest) (out []accounts.Record, err error) {
	err = s.write(ctx, func(t *tx) error {
		var due []accounts.Record
		err := t.query(selectDue, func(row scanner) error {
			r, err := scanAccount(row)
			due = append(due, r)
			return err
		}, []byte(q.Connection), nanos(t.now), nanos(t.now), max(q.Limit, 0))
		slices.SortFunc(due, func(a, b accounts.Record) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
		for i := range due {
			r, cerr := t.claim(&due[i], q.Attempt, q.Owner, q.Lease)
			if err == nil {
				err = cerr
			}
			out = append(out, r)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// holding reads the account of an attempt.
func (t *tx) holding(key accounts.Key, generation int64, attempt string) (*accounts.Record, error) {
	r, err := t.account(key)
	if err == nil && (r == nil || r.Generation != generation || attempt == "" || r.Attempt != attempt) {
		err = accounts.ErrConflict
	}
	return r, err
}

// Extend implements [accounts.Store].
func (s *Store) Extend(ctx context.Context, q accounts.ExtendRequest) (accounts.Record, error) {
	return s.change1(ctx, func(t *tx) (accounts.Record, error) {
		r, err := t.holding(q.Key, q.Generation, q.Attempt)
		if err != nil {
			return accounts.Record{}, err
		}
		until := t.after(q.Lease)
		r.AttemptUntil, r.Due, r.Doubts = until, until, q.Doubts
		if q.DropFallback {
			r.Fallback = accounts.Stash{}
		}
		return t.save(r)
	})
}

// Commit implements [accounts.Store].
func (s *Store) Commit(ctx context.Context, q accounts.CommitRequest) (accounts.Record, error) {
	return s.change1(ctx, func(t *tx) (accounts.Record, error) {
		r, err := t.account(q.Key)
		if err == nil && (r == nil || r.Generation != q.Generation || r.Epoch != q.Epoch) {
			err = accounts.ErrConflict
		}
		if err != nil {
			return accounts.Record{}, err
		}
		from := r.State
		r.Generation++
		r.Tokens, r.NoRefresh, r.OrganizationID, r.UserID = q.Tokens, q.NoRefresh, q.OrganizationID, q.UserID
		r.Expires, r.Due, r.Refreshed = t.after(q.ExpiresIn), t.after(q.DueIn), t.now
		r.Attempt, r.Owner, r.AttemptUntil, r.LastAttempt = "", "", time.Time{}, q.Attempt
		r.Doubts, r.Troubled, r.Failures, r.Failure, r.Fallback = 0, false, 0, "", accounts.Stash{}
		r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
		if q.Grant != "" {
			r.Grant = q.Grant
		}
		t.setState(r, accounts.Active, "")
		if err := t.note(r, from, q.Note); err != nil {
			return accounts.Record{}, err
		}
		return t.save(r)
	})
}

// Release implements [accounts.Store].
func (s *Store) Release(ctx context.Context, q accounts.ReleaseRequest) (accounts.Record, error) {
	return s.change1(ctx, func(t *tx) (accounts.Record, error) {
		r, err := t.holding(q.Key, q.Generation, q.Attempt)
		if err != nil {
			return accounts.Record{}, err
		}
		from := r.State
		r.Attempt, r.Owner, r.AttemptUntil = "", "", time.Time{}
		r.Due, r.Failures, r.Failure, r.Doubts, r.Troubled = t.after(q.DueIn), q.Failures, q.Failure, q.Doubts, q.Troubled
		if q.Stash != nil {
			r.Fallback = t.stash(*q.Stash)
		}
		if from == accounts.Verifying {
			r.PreviousState, r.PreviousReason = q.State, q.Reason
		} else {
			t.setState(r, q.State, q.Reason)
		}
		if err := t.note(r, from, q.Note); err != nil {
			return accounts.Record{}, err
		}
		return t.save(r)
	})
}

// stash is a pair as it is kept.
func (t *tx) stash(s accounts.Stash) accounts.Stash {
	s.Until, s.TTL = t.after(s.TTL), 0
	return s
}

// Stash implements [accounts.Store].
func (s *Store) Stash(ctx context.Context, key accounts.Key, grant string, st accounts.Stash) error {
	return s.write(ctx, func(t *tx) error {
		r, err := t.account(key)
		if err == nil && (r == nil || grant == "" || r.Grant != grant) {
			err = accounts.ErrConflict
		}
		if err != nil {
			return err
		}
		r.Fallback = t.stash(st)
		_, err = t.save(r)
		return err
	})
}

// Disconnect implements [accounts.Store].
func (s *Store) Disconnect(ctx context.Context, q accounts.DisconnectRequest) (accounts.Record, error) {
	return s.change1(ctx, func(t *tx) (accounts.Record, error) {
		r, err := t.account(q.Key)
		switch {
		case err != nil:
			return accounts.Record{}, err
		case r == nil:
			return accounts.Record{}, accounts.ErrNotFound
		case r.State == accounts.Disconnected:
			r.Now = t.now
			return *r, nil
		}
		for i, v := range []accounts.Revocation{
			{Purpose: accounts.PurposeTokens, Generation: r.Generation, Sealed: r.Tokens},
			{Purpose: r.Fallback.Purpose, Generation: r.Fallback.Generation, Sealed: r.Fallback.Sealed},
		} {
			if v.Sealed.IsZero() {
				continue
			}
			v.ID, v.Key, v.AccountID = q.RevocationIDs[i], r.Key, r.ID
			if err := t.queue(v); err != nil {
				return accounts.Record{}, err
			}
		}
		if _, err := t.exec(`delete from flows where `+byKey, parts(q.Key)...); err != nil {
			return accounts.Record{}, err
		}
		from := r.State
		*r = accounts.Record{
			ID: r.ID, Key: r.Key, State: r.State, Generation: r.Generation + 1, Epoch: r.Epoch + 1,
			Refreshed: r.Refreshed, Used: r.Used, LastAttempt: r.LastAttempt, Created: r.Created, Changed: r.Changed,
		}
		t.setState(r, accounts.Disconnected, q.Reason)
		if err := t.note(r, from, q.Note); err != nil {
			return accounts.Record{}, err
		}
		return t.save(r)
	})
}

// EndVerification implements [accounts.Store].
func (s *Store) EndVerification(ctx context.Context, key accounts.Key, reason accounts.Reason, n accounts.Note) error {
	return s.write(ctx, func(t *tx) error {
		r, err := t.account(key)
		if err != nil {
			return err
		}
		if r == nil {
			return accounts.ErrNotFound
		}
		return t.endVerification(r, reason, n)
	})
}

func (t *tx) endVerification(r *accounts.Record, reason accounts.Reason, n accounts.Note) error {
	from := r.State
	if from == accounts.Verifying {
		t.setState(r, r.PreviousState, r.PreviousReason)
		r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
		if _, err := t.save(r); err != nil {
			return err
		}
	}
	if n.Type == "" {
		return nil
	}
	return t.event(accounts.Event{Type: n.Type, Key: r.Key, AccountID: r.ID, From: from, To: r.State, Reason: reason, Actor: n.Actor})
}
