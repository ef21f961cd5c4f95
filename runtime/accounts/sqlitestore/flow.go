package sqlitestore

import (
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

const flowColumns = `id, kind, tenant, connection, identifier, account_id, epoch, out_of_band, return_to, new_identity,
	state, cookie, sealed, sealed_key, expires`

func scanFlow(row scanner) (f accounts.Flow, err error) {
	var k names
	var id, state, cookie []byte
	err = row.Scan(&id, &f.Kind, &k.tenant, &k.connection, &k.identifier, &f.AccountID, &f.Epoch, &f.OutOfBand, &f.ReturnTo,
		&f.NewIdentity, &state, &cookie, &f.Sealed.Blob, &f.Sealed.KeyID, moment{&f.Expires})
	if err == nil {
		f.Key, err = k.key()
	}
	copy(f.ID[:], id)
	copy(f.State[:], state)
	copy(f.Cookie[:], cookie)
	return f, err
}

// hash is nil for the zero hash, so that nothing ever matches it.
func hash(h accounts.Hash) []byte {
	if h == (accounts.Hash{}) {
		return nil
	}
	return h[:]
}

func (t *tx) addFlow(f accounts.Flow, ttl time.Duration) error {
	_, err := t.exec(`insert or replace into flows (`+flowColumns+`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID[:], string(f.Kind), []byte(f.Key.Tenant()), []byte(f.Key.Connection()), []byte(f.Key.Identifier()), f.AccountID,
		f.Epoch, f.OutOfBand, f.ReturnTo, f.NewIdentity, hash(f.State), hash(f.Cookie), blob(f.Sealed), f.Sealed.KeyID,
		nanos(t.after(max(ttl, 0))))
	return err
}

// CreateFlow implements [accounts.Store].
func (s *Store) CreateFlow(ctx context.Context, f accounts.Flow, ttl time.Duration) error {
	return s.write(ctx, func(t *tx) error { return t.addFlow(f, ttl) })
}

// LoadFlow implements [accounts.Store].
func (s *Store) LoadFlow(ctx context.Context, id accounts.Hash) (f accounts.Flow, err error) {
	found := false
	err = s.read(ctx, `select `+flowColumns+` from flows where id = ?`, func(row scanner) (err error) {
		f, err = scanFlow(row)
		found = true
		return err
	}, id[:])
	f.Now = now()
	switch {
	case err != nil:
		return accounts.Flow{}, err
	case !found, !f.Now.Before(f.Expires):
		return accounts.Flow{}, accounts.ErrNotFound
	}
	return f, nil
}

// BindFlow implements [accounts.Store].
func (s *Store) BindFlow(ctx context.Context, id, state, cookie accounts.Hash, verifier accounts.Sealed) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec(`update flows set state = ?, cookie = ?, sealed = ?, sealed_key = ? where id = ? and kind = ? and expires > ?`,
			hash(state), hash(cookie), blob(verifier), verifier.KeyID, id[:], string(accounts.LinkFlow), nanos(t.now))
		if err == nil && n == 0 {
			err = accounts.ErrNotFound
		}
		return err
	})
}

// ConsumeFlow implements [accounts.Store].
func (s *Store) ConsumeFlow(ctx context.Context, kind accounts.FlowKind, h accounts.Hash) (f accounts.Flow, err error) {
	column := ""
	switch kind {
	case accounts.LinkFlow:
		column = "state"
	case accounts.HeldFlow:
		column = "id"
	}
	if column == "" || h == (accounts.Hash{}) {
		return accounts.Flow{}, accounts.ErrNotFound
	}
	err = s.write(ctx, func(t *tx) error {
		found, err := t.one(`delete from flows where `+column+` = ? and kind = ? and expires > ? returning `+flowColumns, func(row scanner) (err error) {
			f, err = scanFlow(row)
			return err
		}, h[:], string(kind), nanos(t.now))
		if err == nil && !found {
			err = accounts.ErrNotFound
		}
		f.Now = t.now
		return err
	})
	if err != nil {
		return accounts.Flow{}, err
	}
	return f, nil
}

// Hold implements [accounts.Store].
func (s *Store) Hold(ctx context.Context, f accounts.Flow, ttl time.Duration, actor string) error {
	return s.write(ctx, func(t *tx) error {
		r, err := t.account(f.Key)
		if err == nil && (r == nil || r.Epoch != f.Epoch) {
			err = accounts.ErrConflict
		}
		if err != nil {
			return err
		}
		if err := t.addFlow(f, ttl); err != nil {
			return err
		}
		from := r.State
		if from == accounts.Active {
			return nil
		}
		if from != accounts.Verifying {
			r.PreviousState, r.PreviousReason = r.State, r.Reason
		}
		r.VerifyUntil = t.after(max(ttl, 0))
		t.setState(r, accounts.Verifying, "")
		if _, err := t.save(r); err != nil {
			return err
		}
		return t.note(r, from, accounts.Note{Type: accounts.EventVerifying, Actor: actor})
	})
}
