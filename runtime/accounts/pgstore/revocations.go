package pgstore

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// QueueRevocation implements [accounts.Store].
func (s *Store) QueueRevocation(ctx context.Context, r accounts.Revocation) error {
	_, err := s.exec(ctx, "queue revocation",
		`with ins as (insert into closekit_revocations (tenant, connection, identifier, id, account_id, purpose, generation, sealed, sealed_key)
			values ($1::bytea, $2::bytea, $3::bytea, $4::text, $5::text, $6::text, $7::bigint, $8::bytea, $9::bigint)
			`+replaceRevocation+` returning 1)
		select 1 from ins where`+durable,
		append(sqlrow.Parts(r.Key), r.ID, r.AccountID, r.Purpose, r.Generation, sqlrow.Blob(r.Sealed), keyID(r.Sealed))...)
	return err
}

const replaceRevocation = `on conflict (id) do update set
	(tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created, due) =
	(excluded.tenant, excluded.connection, excluded.identifier, excluded.account_id, excluded.purpose, excluded.generation,
	excluded.sealed, excluded.sealed_key, now(), now())`

// ClaimRevocations implements [accounts.Store].
func (s *Store) ClaimRevocations(ctx context.Context, q accounts.RevocationRequest) ([]accounts.Revocation, error) {
	which, args := `(due <= now() or due > `+in("$3")+`)`, []any{int64(max(q.Limit, 0)), micros(max(q.Lease, 0)), micros(max(q.Lease, accounts.LongestLease))}
	if !q.Key.IsZero() {
		which, args = `tenant = $3::bytea and connection = $4::bytea and identifier = $5::bytea`, append(args[:2], sqlrow.Parts(q.Key)...)
	}
	query := `with ready as (select id, due as since from closekit_revocations where ` + which + ` order by due, id limit $1::bigint for update skip locked),
		upd as (update closekit_revocations r set due = now() + $2::bigint * interval '1 microsecond' from ready where r.id = ready.id returning r.*, ready.since)
		select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key, created, due from upd
		where` + durable + `order by since, id`
	return write(ctx, s, "claim revocations", func(ctx context.Context, c sender) (list []accounts.Revocation, err error) {
		err = rows(ctx, c, query, args, func(row pgx.Row) error {
			var r accounts.Revocation
			var k sqlrow.Names
			var odd error
			err := row.Scan(&r.ID, &k.Tenant, &k.Connection, &k.Identifier, &r.AccountID, &r.Purpose, &r.Generation,
				&r.Sealed.Blob, keyDest{&r.Sealed.KeyID, &odd}, moment{&r.Created}, moment{&r.Due})
			if err == nil {
				r.Key, err = k.Key()
			}
			if err := cmp.Or(err, odd); err != nil {
				s.skipped.Skip("revocation", r.ID, err)
				return nil
			}
			list = append(list, r)
			return err
		})
		return list, err
	})
}

// FinishRevocation implements [accounts.Store].
func (s *Store) FinishRevocation(ctx context.Context, id string) error {
	_, err := s.exec(ctx, "finish revocation",
		`with gone as (delete from closekit_revocations where id = $1::text returning 1) select 1 from gone where`+durable, id)
	return err
}
