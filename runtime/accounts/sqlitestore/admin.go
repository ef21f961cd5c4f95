package sqlitestore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// Now implements [accounts.Store].
func (*Store) Now(ctx context.Context) (time.Time, error) { return now(), ctx.Err() }

// Sentinel implements [accounts.Store].
func (s *Store) Sentinel(ctx context.Context, b accounts.Sealed) (out accounts.Sealed, err error) {
	err = s.write(ctx, func(t *tx) error {
		if !b.IsZero() {
			if _, err := t.exec(`insert or ignore into sentinel (one, sealed, sealed_key) values (1, ?, ?)`, b.Blob, b.KeyID); err != nil {
				return err
			}
		}
		return t.query(`select sealed, sealed_key from sentinel`, func(row scanner) error { return row.Scan(&out.Blob, &out.KeyID) })
	})
	if err != nil {
		return accounts.Sealed{}, err
	}
	return out, nil
}

// Stats implements [accounts.Store].
func (s *Store) Stats(ctx context.Context) (accounts.Stats, error) {
	st := accounts.Stats{Accounts: map[string]map[accounts.State]int64{}}
	err := s.read(ctx, `select connection, state, count(*) from accounts group by connection, state`, func(row scanner) error {
		var connection []byte
		var state accounts.State
		var n int64
		err := row.Scan(&connection, &state, &n)
		if st.Accounts[string(connection)] == nil {
			st.Accounts[string(connection)] = map[accounts.State]int64{}
		}
		st.Accounts[string(connection)][state] = n
		return err
	})
	if err != nil {
		return accounts.Stats{}, err
	}
	at := now()
	var oldest time.Time
	err = s.read(ctx, `select count(*), coalesce(min(due), 0) from accounts where `+dueNow+` and (attempt = '' or attempt_until <= ?)`,
		func(row scanner) error { return row.Scan(&st.Due, moment{&oldest}) }, nanos(at), nanos(at))
	if err != nil {
		return accounts.Stats{}, err
	}
	if !oldest.IsZero() {
		st.Lag = at.Sub(oldest)
	}
	err = s.read(ctx, `select (select count(*) from accounts where doubts > 0 or attempt <> '' and attempt_until <= ?),
		(select count(*) from flows), (select count(*) from revocations), (select count(*) from events where acked = 0)`,
		func(row scanner) error { return row.Scan(&st.InDoubt, &st.Flows, &st.Revocations, &st.PendingEvents) }, nanos(at))
	if err != nil {
		return accounts.Stats{}, err
	}
	return st, nil
}

// KeyUse implements [accounts.Store].
func (s *Store) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	use := map[uint32]int64{}
	err := s.read(ctx, `select key, count(*) from (
		select tokens_key as key from accounts where tokens is not null union all
		select fallback_key from accounts where fallback is not null union all
		select sealed_key from flows where sealed is not null union all
		select sealed_key from revocations where sealed is not null union all
		select sealed_key from sentinel) group by key`, func(row scanner) error {
		var key uint32
		var n int64
		err := row.Scan(&key, &n)
		use[key] = n
		return err
	})
	if err != nil {
		return nil, err
	}
	return use, nil
}

// place is where sealed blobs are: how to list and how to replace them.
type place struct{ prefix, list, replace string }

// places are in the order of their prefixes.
var places = []place{
	{
		"account/", `select id, tenant, connection, identifier, id, '` + accounts.PurposeTokens + `', generation, tokens, tokens_key
			from accounts where tokens is not null and tokens_key <> ? and id > ? order by id limit ?`,
		`update accounts set tokens = ?, tokens_key = ? where id = ? and generation = ? and tokens = ?`,
	},
	{
		"fallback/", `select id, tenant, connection, identifier, id, fallback_purpose, fallback_generation, fallback, fallback_key
			from accounts where fallback is not null and fallback_key <> ? and id > ? order by id limit ?`,
		`update accounts set fallback = ?, fallback_key = ? where id = ? and fallback_generation = ? and fallback = ?`,
	},
	{
		"revocation/", `select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key
			from revocations where sealed is not null and sealed_key <> ? and id > ? order by id limit ?`,
		`update revocations set sealed = ?, sealed_key = ? where id = ? and generation = ? and sealed = ?`,
	},
	{
		"sentinel", `select '', x'', x'', x'', '', '` + accounts.PurposeSentinel + `', 0, sealed, sealed_key
			from sentinel where sealed_key <> ? and '' > ? order by 1 limit ?`,
		`update sentinel set sealed = ?, sealed_key = ? where '' = ? and 0 = ? and sealed = ?`,
	},
}

// SealedBy implements [accounts.Store].
func (s *Store) SealedBy(ctx context.Context, not uint32, after string, limit int) (out []accounts.SealedRow, err error) {
	for _, p := range places {
		id, inside := strings.CutPrefix(after, p.prefix)
		switch {
		case inside && p.prefix == "sentinel", !inside && after > p.prefix:
			continue // behind us
		case !inside:
			id = ""
		}
		query := p.list
		if id == "" {
			query = strings.Replace(query, " > ?", " >= ?", 1) // from the first
		}
		err = s.read(ctx, query, func(row scanner) error {
			var r accounts.SealedRow
			var k names
			err := row.Scan(&r.Ref, &k.tenant, &k.connection, &k.identifier, &r.AccountID, &r.Purpose, &r.Generation, &r.Sealed.Blob, &r.Sealed.KeyID)
			if err == nil {
				r.Key, err = k.key()
			}
			r.Ref = p.prefix + r.Ref
			out = append(out, r)
			return err
		}, not, id, max(limit-len(out), 0))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Reseal implements [accounts.Store].
func (s *Store) Reseal(ctx context.Context, row accounts.SealedRow, b accounts.Sealed) error {
	return s.write(ctx, func(t *tx) error {
		for _, p := range places {
			id, ok := strings.CutPrefix(row.Ref, p.prefix)
			if !ok || row.Sealed.IsZero() {
				continue
			}
			n, err := t.exec(p.replace, blob(b), b.KeyID, id, row.Generation, row.Sealed.Blob)
			if err != nil || n == 1 {
				return err
			}
		}
		return fmt.Errorf("%w: the blob %s is not what it was", accounts.ErrConflict, row.Ref)
	})
}

// Sweep implements [accounts.Store].
func (s *Store) Sweep(ctx context.Context, q accounts.SweepRequest) (n int, err error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	err = s.write(ctx, func(t *tx) error {
		n = 0
		var late []accounts.Record
		err := t.query(`select `+columns+` from accounts where state = 'VERIFYING' and verify_until > 0 and verify_until <= ?
			order by verify_until limit ?`, func(row scanner) error {
			r, err := scanAccount(row)
			late = append(late, r)
			return err
		}, nanos(t.now), limit)
		if err != nil {
			return err
		}
		for i := range late {
			if err := t.endVerification(&late[i], accounts.VerificationTimeout, accounts.Note{Type: accounts.EventVerificationFailed, Actor: "system"}); err != nil {
				return err
			}
		}
		n += len(late)
		for _, step := range []struct {
			query string
			age   time.Duration
		}{
			{`delete from flows where id in (select id from flows where expires <= ? limit ?)`, 0},
			{`update accounts set fallback = null, fallback_key = 0, fallback_purpose = '', fallback_generation = 0, fallback_until = 0
				where id in (select id from accounts where fallback_until > 0 and fallback_until <= ? limit ?)`, 0},
			{`update accounts set tokens = null, tokens_key = 0 where id in
				(select id from accounts where state = 'REVOKED' and tokens is not null and changed <= ? limit ?)`, q.RevokedFor},
			{`delete from events where id in (select id from events where acked = 1 and at <= ? limit ?)`, q.EventsFor},
		} {
			changed, err := t.exec(step.query, t.now.Add(-step.age).UnixNano(), limit)
			if err != nil {
				return err
			}
			n += changed
		}
		given, err := t.giveUpRevocations(t.now.Add(-q.RevocationsFor), limit)
		n += given
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

var _ accounts.Store = (*Store)(nil)
