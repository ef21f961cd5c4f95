package sqlitestore

import (
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

const selectHealth = `select state, code, since, probe from health where connection = ? and fingerprint = ?`

func scanHealth(row scanner, h *accounts.ConnectionHealth, probe *time.Time) error {
	return row.Scan(&h.State, &h.Code, moment{&h.Since}, moment{probe})
}

// LoadHealth implements [accounts.Store].
func (s *Store) LoadHealth(ctx context.Context, connection, fingerprint string) (accounts.ConnectionHealth, error) {
	h := accounts.ConnectionHealth{Connection: connection, Fingerprint: fingerprint, State: accounts.HealthOK}
	err := s.read(ctx, selectHealth, func(row scanner) error { return scanHealth(row, &h, new(time.Time)) }, []byte(connection), fingerprint)
	if err != nil {
		return accounts.ConnectionHealth{}, err
	}
	return h, nil
}

// SetHealth implements [accounts.Store].
func (s *Store) SetHealth(ctx context.Context, h accounts.ConnectionHealth, probe time.Duration) error {
	return s.write(ctx, func(t *tx) error {
		old := accounts.ConnectionHealth{State: accounts.HealthOK}
		found, err := t.one(selectHealth, func(row scanner) error { return scanHealth(row, &old, new(time.Time)) }, []byte(h.Connection), h.Fingerprint)
		if err != nil {
			return err
		}
		if old.State == h.State {
			if found {
				_, err = t.exec(`update health set code = ? where connection = ? and fingerprint = ?`, h.Code, []byte(h.Connection), h.Fingerprint)
			}
			return err
		}
		_, err = t.exec(`insert or replace into health (connection, fingerprint, state, code, since, probe) values (?, ?, ?, ?, ?, ?)`,
			[]byte(h.Connection), h.Fingerprint, string(h.State), h.Code, nanos(t.now), nanos(t.after(max(probe, 0))))
		if err != nil {
			return err
		}
		return t.event(accounts.Event{
			Type: accounts.EventHealth, Key: accounts.Principal{}.Key(h.Connection), From: accounts.State(old.State),
			To: accounts.State(h.State), Reason: accounts.Reason(h.Code), Actor: "system",
		})
	})
}

// ClaimProbe implements [accounts.Store].
func (s *Store) ClaimProbe(ctx context.Context, connection, fingerprint string, every time.Duration) (may bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		var h accounts.ConnectionHealth
		var probe time.Time
		found, err := t.one(selectHealth, func(row scanner) error { return scanHealth(row, &h, &probe) }, []byte(connection), fingerprint)
		may = !found || !probe.After(t.now) // without a row, it was never anything but OK
		if err == nil && found && may {
			_, err = t.exec(`update health set probe = ? where connection = ? and fingerprint = ?`,
				nanos(t.after(max(every, 0))), []byte(connection), fingerprint)
		}
		return err
	})
	return may && err == nil, err
}
