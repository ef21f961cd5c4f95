package sqlitestore

import (
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

func (t *tx) queue(r accounts.Revocation) error {
	_, err := t.exec(`insert or replace into revocations
		(id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created, due)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, []byte(r.Key.Tenant()), []byte(r.Key.Connection()), []byte(r.Key.Identifier()), r.AccountID, r.Purpose,
		r.Generation, blob(r.Sealed), r.Sealed.KeyID, nanos(t.now), nanos(t.now))
	return err
}

// QueueRevocation implements [accounts.Store].
func (s *Store) QueueRevocation(ctx context.Context, r accounts.Revocation) error {
	return s.write(ctx, func(t *tx) error { return t.queue(r) })
}

// ClaimRevocations implements [accounts.Store].
func (s *Store) ClaimRevocations(ctx context.Context, q accounts.RevocationRequest) (out []accounts.Revocation, err error) {
	err = s.write(ctx, func(t *tx) error {
		which, args := "due <= ?", []any{nanos(t.now)}
		if !q.Key.IsZero() {
			which = "tenant = ? and connection = ? and identifier = ?"
			args = []any{[]byte(q.Key.Tenant()), []byte(q.Key.Connection()), []byte(q.Key.Identifier())}
		}
		err := t.query(`select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created
			from revocations where `+which+` order by due, id limit ?`, func(row scanner) error {
			var r accounts.Revocation
			var k names
			err := row.Scan(&r.ID, &k.tenant, &k.connection, &k.identifier, &r.AccountID, &r.Purpose, &r.Generation,
				&r.Sealed.Blob, &r.Sealed.KeyID, moment{&r.Created})
			if err == nil {
				r.Key, err = k.key()
			}
			out = append(out, r)
			return err
		}, append(args, max(q.Limit, 0))...)
		for _, r := range out {
			if err == nil {
				_, err = t.exec(`update revocations set due = ? where id = ?`, nanos(t.after(q.Lease)), r.ID)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// giveUpRevocations removes those that have been tried for too long, and leaves
// an event for each.
func (t *tx) giveUpRevocations(before time.Time, limit int) (int, error) {
	var gone []accounts.Event
	err := t.query(`delete from revocations where id in (select id from revocations where created <= ? limit ?)
		returning tenant, connection, identifier, account_id`, func(row scanner) error {
		var k names
		e := accounts.Event{Type: accounts.EventRevocationFailed, Actor: "system"}
		err := row.Scan(&k.tenant, &k.connection, &k.identifier, &e.AccountID)
		if err == nil {
			e.Key, err = k.key()
		}
		gone = append(gone, e)
		return err
	}, nanos(before), limit)
	if err != nil {
		return 0, err
	}
	for _, e := range gone {
		r, err := t.account(e.Key)
		if err != nil {
			return 0, err
		}
		if r != nil {
			e.From, e.To = r.State, r.State
		}
		if err := t.event(e); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

// FinishRevocation implements [accounts.Store].
func (s *Store) FinishRevocation(ctx context.Context, id string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`delete from revocations where id = ?`, id)
		return err
	})
}
