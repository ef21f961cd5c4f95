package sqlitestore

import (
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

const revocationColumns = `id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created, due`

// Revocations implements [accounts.Tx].
func (t *tx) Revocations(q accounts.RevocationQuery) (list []accounts.Revocation, err error) {
	var c conditions
	if q.ID != "" {
		c.add("id = ?", q.ID)
	}
	if !q.Key.IsZero() {
		c.add(byKey, sqlrow.Parts(q.Key)...)
	}
	if !q.DueBy.IsZero() {
		c.by("due", q.DueBy, q.Beyond)
	}
	if !q.CreatedBy.IsZero() {
		c.add("created <= ?", nanos(q.CreatedBy))
	}
	err = t.query(`select `+revocationColumns+` from revocations`+c.where()+c.page("due, id", q.Limit), func(row scanner) error {
		var r accounts.Revocation
		var k sqlrow.Names
		err := row.Scan(&r.ID, &k.Tenant, &k.Connection, &k.Identifier, &r.AccountID, &r.Purpose, &r.Generation,
			&r.Sealed.Blob, &r.Sealed.KeyID, moment{&r.Created}, moment{&r.Due})
		if err == nil {
			r.Key, err = k.Key()
		}
		if err != nil {
			t.s.skipped.Skip("revocation", r.ID, err)
			return nil
		}
		list = append(list, r)
		return err
	}, c.args...)
	return list, err
}

// PutRevocation implements [accounts.Tx].
func (t *tx) PutRevocation(r accounts.Revocation) error {
	_, err := t.exec(`insert or replace into revocations (`+revocationColumns+`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, []byte(r.Key.Tenant()), []byte(r.Key.Connection()), []byte(r.Key.Identifier()), r.AccountID, r.Purpose,
		r.Generation, sqlrow.Blob(r.Sealed), r.Sealed.KeyID, nanos(r.Created), nanos(r.Due))
	return err
}

// DeleteRevocation implements [accounts.Tx].
func (t *tx) DeleteRevocation(id string) error {
	_, err := t.exec(`delete from revocations where id = ?`, id)
	return err
}
