package sqlitestore

import (
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// Health implements [accounts.Tx].
func (t *tx) Health(connection, fingerprint string) (h accounts.ConnectionHealth, probe time.Time, err error) {
	err = accounts.ErrNotFound
	qerr := t.query(`select state, code, since, probe from health where connection = ? and fingerprint = ?`, func(row scanner) error {
		h.Connection, h.Fingerprint = connection, fingerprint
		err = row.Scan(&h.State, &h.Code, moment{&h.Since}, moment{&probe})
		return err
	}, []byte(connection), fingerprint)
	if qerr != nil {
		err = qerr
	}
	return h, probe, err
}

// PutHealth implements [accounts.Tx].
func (t *tx) PutHealth(h accounts.ConnectionHealth, probe time.Time) error {
	_, err := t.exec(`insert or replace into health (connection, fingerprint, state, code, since, probe) values (?, ?, ?, ?, ?, ?)`,
		[]byte(h.Connection), h.Fingerprint, string(h.State), h.Code, nanos(h.Since), nanos(probe))
	return err
}

// Sentinel implements [accounts.Tx].
func (t *tx) Sentinel() (s accounts.Sealed, err error) {
	err = t.query(`select sealed, sealed_key from sentinel`, func(row scanner) error { return row.Scan(&s.Blob, &s.KeyID) })
	if err == nil && s.IsZero() {
		err = accounts.ErrNotFound
	}
	return s, err
}

// PutSentinel implements [accounts.Tx].
func (t *tx) PutSentinel(s accounts.Sealed) error {
	_, err := t.exec(`insert or replace into sentinel (one, sealed, sealed_key) values (1, ?, ?)`, s.Blob, s.KeyID)
	return err
}
