package pgstore

import (
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// EndVerification implements [accounts.Store].
func (s *Store) EndVerification(ctx context.Context, key accounts.Key, reason accounts.Reason, n accounts.Note) error {
	changed, err := s.exec(ctx, "end verification",
		`with old as (select id, tenant, connection, identifier, state as former from closekit_accounts where `+byKey+` for update),
		upd as (update closekit_accounts a set `+endVerification+` from old where a.id = old.id and old.former = 'VERIFYING' returning a.id, a.state),
		ev as (`+insertEvent+`select $4::text, tenant, connection, identifier, old.id, former, coalesce(upd.state, former), $5::text, $6::text
			from old left join upd on upd.id = old.id where $4::text <> '')
		select 1 from old where`+durable, append(sqlrow.Parts(key), string(n.Type), string(reason), n.Actor)...)
	if err == nil && changed == 0 {
		err = accounts.ErrNotFound
	}
	return err
}

// endVerification returns to the state before.
const endVerification = `changed = now(), state = a.previous_state, reason = a.previous_reason, verify_until = null, previous_state = '', previous_reason = ''`

// Hold implements [accounts.Store].
func (s *Store) Hold(ctx context.Context, f accounts.Flow, ttl time.Duration, actor string) error {
	a := arguments(append(sqlrow.Parts(f.Key), f.Epoch, micros(max(ttl, 0))))
	n := noteAt(&a, accounts.Note{Type: accounts.EventVerifying, Actor: actor})
	held, err := s.exec(ctx, "hold", `with old as (select id, state as former from closekit_accounts where `+byKey+` and epoch = $4::bigint for update),
		fl as (`+insertFlow(&a, f, ttl, ` from old`)+`),
		upd as (update closekit_accounts a set verify_until = `+in("$5")+`,
			previous_state = case when a.state = 'VERIFYING' then a.previous_state else a.state end,
			previous_reason = case when a.state = 'VERIFYING' then a.previous_reason else a.reason end, `+setState("'VERIFYING'", "''")+`
			from old where a.id = old.id and old.former <> 'ACTIVE' returning a.*, old.former),
		ev as (`+n.insert("upd")+`)
		select 1 from old where`+durable, a...)
	if err == nil && held == 0 {
		err = accounts.ErrConflict
	}
	return err
}
