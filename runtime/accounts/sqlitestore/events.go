package sqlitestore

import (
	"fmt"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// Events implements [accounts.Tx].
func (t *tx) Events(q accounts.EventQuery) (list []accounts.StoredEvent, err error) {
	if q.IDs == nil {
		return t.events(q, 0)
	}
	for _, id := range q.IDs { // one statement for any number of ids
		some, err := t.events(q, id)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// events reads the events that q selects; if id is not zero, at most that one.
func (t *tx) events(q accounts.EventQuery, id int64) (list []accounts.StoredEvent, err error) {
	var c conditions
	c.add("id > ?", q.After)
	c.key(q.Tenant, q.Identifier, q.Connection)
	if id != 0 {
		c.add("id = ?", id)
	}
	if q.Pending {
		c.add("acked = 0")
	}
	if !q.ClaimableBy.IsZero() {
		c.by("claimed", q.ClaimableBy, q.Beyond)
	}
	if !q.AckedBy.IsZero() {
		c.add("acked = 1 and at <= ?", nanos(q.AckedBy))
	}
	err = t.query(`select id, at, type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor, acked, claimed
		from events`+c.where()+c.page("id", q.Limit), func(row scanner) error {
		var e accounts.StoredEvent
		var k sqlrow.Names
		err := row.Scan(&e.ID, moment{&e.At}, &e.Type, &k.Tenant, &k.Connection, &k.Identifier, &e.AccountID, &e.From, &e.To,
			&e.Reason, &e.Actor, &e.Acked, moment{&e.Claimed})
		if err == nil {
			e.Key, err = k.Key()
		}
		if err != nil {
			t.s.skipped.Skip("event", fmt.Sprint(e.ID), err)
			return nil
		}
		list = append(list, e)
		return err
	}, c.args...)
	return list, err
}

// PutEvent implements [accounts.Tx].
func (t *tx) PutEvent(e accounts.StoredEvent) (err error) {
	if e.ID != 0 {
		_, err = t.exec(`update events set acked = ?, claimed = ? where id = ?`, e.Acked, nanos(e.Claimed), e.ID)
		return err
	}
	_, err = t.exec(`insert into events (at, type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor, acked, claimed)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, nanos(e.At), string(e.Type), []byte(e.Key.Tenant()), []byte(e.Key.Connection()),
		[]byte(e.Key.Identifier()), e.AccountID, string(e.From), string(e.To), string(e.Reason), e.Actor, e.Acked, nanos(e.Claimed))
	return err
}

// DeleteEvent implements [accounts.Tx].
func (t *tx) DeleteEvent(id int64) error {
	_, err := t.exec(`delete from events where id = ?`, id)
	return err
}
