package sqlitestore

import (
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

const eventColumns = `id, at, type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor`

func scanEvent(row scanner) (e accounts.Event, err error) {
	var k names
	err = row.Scan(&e.ID, moment{&e.At}, &e.Type, &k.tenant, &k.connection, &k.identifier, &e.AccountID, &e.From, &e.To, &e.Reason, &e.Actor)
	if err == nil {
		e.Key, err = k.key()
	}
	return e, err
}

func (t *tx) event(e accounts.Event) error {
	_, err := t.exec(`insert into events (at, type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, nanos(t.now), string(e.Type), []byte(e.Key.Tenant()), []byte(e.Key.Connection()),
		[]byte(e.Key.Identifier()), e.AccountID, string(e.From), string(e.To), string(e.Reason), e.Actor)
	return err
}

// AppendEvent implements [accounts.Store].
func (s *Store) AppendEvent(ctx context.Context, e accounts.Event) error {
	return s.write(ctx, func(t *tx) error {
		r, err := t.account(e.Key)
		if err != nil {
			return err
		}
		if r != nil {
			e.AccountID, e.From, e.To = r.ID, r.State, r.State
		}
		return t.event(e)
	})
}

// ClaimEvents implements [accounts.Store].
func (s *Store) ClaimEvents(ctx context.Context, lease time.Duration, limit int) (out []accounts.Event, err error) {
	err = s.write(ctx, func(t *tx) error {
		err := t.query(`select `+eventColumns+` from events where acked = 0 and claimed <= ? order by id limit ?`, func(row scanner) error {
			e, err := scanEvent(row)
			out = append(out, e)
			return err
		}, nanos(t.now), max(limit, 0))
		for _, e := range out {
			if err == nil {
				_, err = t.exec(`update events set claimed = ? where id = ?`, nanos(t.after(lease)), e.ID)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// AckEvents implements [accounts.Store].
func (s *Store) AckEvents(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec(`update events set acked = 1 where id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// ListEvents implements [accounts.Store].
func (s *Store) ListEvents(ctx context.Context, f accounts.EventFilter) (out []accounts.Event, err error) {
	var c conditions
	c.add("id > ?", f.After)
	c.key(f.Tenant, f.Identifier, f.Connection)
	err = s.read(ctx, `select `+eventColumns+` from events where `+c.page("id", f.Limit), func(row scanner) error {
		e, err := scanEvent(row)
		out = append(out, e)
		return err
	}, c.args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}
