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
func (s *Store) ClaimRevocations(ctx context.Context, lease time.Duration, limit int) (out []accounts.Revocation, err error) {
	err = s.write(ctx, func(t *tx) error {
		err := t.query(`select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created
			from revocations where due <= ? order by due, id limit ?`, func(row scanner) error {
			var r accounts.Revocation
			var k names
			err := row.Scan(&r.ID, &k.tenant, &k.connection, &k.identifier, &r.AccountID, &r.Purpose, &r.Generation,
				&r.Sealed.Blob, &r.Sealed.KeyID, moment{&r.Created})
			if err == nil {
				r.Key, err = k.key()
			}
			out = append(out, r)
			return err
		}, nanos(t.now), max(limit, 0))
		for _, r := range out {
			if err == nil {
				_, err = t.exec(`update revocations set due = ? where id = ?`, nanos(t.after(lease)), r.ID)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// FinishRevocation implements [accounts.Store].
func (s *Store) FinishRevocation(ctx context.Context, id string) error {
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`delete from revocations where id = ?`, id)
		return err
	})
}
