package pgstore

import (
	"context"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// Disconnect implements [accounts.Store].
func (s *Store) Disconnect(ctx context.Context, q accounts.DisconnectRequest) (accounts.Record, error) {
	a := arguments(append(sqlrow.Parts(q.Key), string(q.Reason), q.RevocationIDs[0], q.RevocationIDs[1]))
	n := noteAt(&a, q.Note)
	return s.update1(ctx, accounts.ErrNotFound, "disconnect",
		`with old as (select * from closekit_accounts where `+byKey+` for update),
		upd as (update closekit_accounts a set generation = a.generation + 1, epoch = a.epoch + 1, consent = '', tokens = null, tokens_key = 0,
			no_refresh = false, `+dropFallback+`, organization_id = '', user_id = '', expires = null, due = null, attempt = '', owner = '',
			attempt_until = null, doubts = 0, troubled = false, failures = 0, failure = '', verify_until = null, previous_state = '',
			previous_reason = '', `+setState("'DISCONNECTED'", "$4::text")+`
			from old where a.id = old.id and old.state <> 'DISCONNECTED' returning a.*, old.state as former),
		rev as (insert into closekit_revocations (id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key)
			select v.id, o.tenant, o.connection, o.identifier, o.id, v.purpose, v.generation, v.sealed, v.sealed_key
			from old o join upd on upd.id = o.id, lateral (values
				($5::text, '`+accounts.PurposeTokens+`', o.generation, o.tokens, o.tokens_key),
				($6::text, o.fallback_purpose, o.fallback_generation, o.fallback, o.fallback_key)
			) as v (id, purpose, generation, sealed, sealed_key) where v.sealed is not null `+replaceRevocation+`),
		fl as (delete from closekit_flows where `+byKey+` and exists (select from upd)),
		ev as (`+n.insert("upd")+`)
		select `+columns+`, now() from upd where`+durable+`
		union all select `+columns+`, now() from old where state = 'DISCONNECTED'`, a...)
}
