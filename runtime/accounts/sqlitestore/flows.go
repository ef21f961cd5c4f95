package sqlitestore

import (
	"encoding/hex"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

const flowColumns = `id, kind, tenant, connection, identifier, account_id, epoch, out_of_band, return_to, new_identity,
	sealed, sealed_key, expires`

// Flows implements [accounts.Tx].
func (t *tx) Flows(q accounts.FlowQuery) (list []accounts.Flow, err error) {
	var c conditions
	if q.ID != (accounts.Hash{}) {
		c.add("id = ?", q.ID[:])
	}
	if !q.Key.IsZero() {
		c.add(byKey, sqlrow.Parts(q.Key)...)
	}
	if !q.ExpiredBy.IsZero() {
		c.add("expires <= ?", nanos(q.ExpiredBy))
	}
	err = t.query(`select `+flowColumns+` from flows`+c.where()+c.page("expires", q.Limit), func(row scanner) error {
		var f accounts.Flow
		var k sqlrow.Names
		var id []byte
		err := row.Scan(&id, &f.Kind, &k.Tenant, &k.Connection, &k.Identifier, &f.AccountID, &f.Epoch, &f.OutOfBand, &f.ReturnTo,
			&f.NewIdentity, &f.Sealed.Blob, &f.Sealed.KeyID, moment{&f.Expires})
		if err == nil {
			f.Key, err = k.Key()
		}
		copy(f.ID[:], id)
		if err != nil {
			t.s.skipped.Skip("flow", hex.EncodeToString(f.ID[:]), err)
			return nil
		}
		list = append(list, f)
		return err
	}, c.args...)
	return list, err
}

// PutFlow implements [accounts.Tx].
func (t *tx) PutFlow(f accounts.Flow) error {
	_, err := t.exec(`insert or replace into flows (`+flowColumns+`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID[:], string(f.Kind), []byte(f.Key.Tenant()), []byte(f.Key.Connection()), []byte(f.Key.Identifier()), f.AccountID,
		f.Epoch, f.OutOfBand, f.ReturnTo, f.NewIdentity, sqlrow.Blob(f.Sealed), f.Sealed.KeyID,
		nanos(f.Expires))
	return err
}

// DeleteFlow implements [accounts.Tx].
func (t *tx) DeleteFlow(id accounts.Hash) error {
	_, err := t.exec(`delete from flows where id = ?`, id[:])
	return err
}
