package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

const flowColumns = ` id, kind, tenant, connection, identifier, account_id, epoch, out_of_band, return_to, new_identity,
	sealed, sealed_key, expires `

// flows reads flows and the time.
func flows(ctx context.Context, c sender, query string, args ...any) (list []accounts.Flow, err error) {
	err = rows(ctx, c, query, args, func(row pgx.Row) error {
		var f accounts.Flow
		var k sqlrow.Names
		var id []byte
		err := row.Scan(&id, (*string)(&f.Kind), &k.Tenant, &k.Connection, &k.Identifier, &f.AccountID, &f.Epoch, &f.OutOfBand, &f.ReturnTo,
			&f.NewIdentity, &f.Sealed.Blob, &f.Sealed.KeyID, moment{&f.Expires}, moment{&f.Now})
		if err == nil {
			f.Key, err = k.Key()
		}
		copy(f.ID[:], id)
		list = append(list, f)
		return err
	})
	return list, err
}

// only returns the only flow of a list.
func only(list []accounts.Flow, err error) (accounts.Flow, error) {
	switch {
	case err != nil:
		return accounts.Flow{}, err
	case len(list) == 0:
		return accounts.Flow{}, accounts.ErrNotFound
	}
	return list[0], nil
}

// insertFlow adds a flow for each row of from.
func insertFlow(a *arguments, f accounts.Flow, ttl time.Duration, from string) string {
	return `insert into closekit_flows (` + flowColumns + `) select ` + a.add(f.ID[:]) + `::bytea, ` + a.add(string(f.Kind)) + `::text, ` +
		a.add([]byte(f.Key.Tenant())) + `::bytea, ` + a.add([]byte(f.Key.Connection())) + `::bytea, ` + a.add([]byte(f.Key.Identifier())) + `::bytea, ` +
		a.add(f.AccountID) + `::text, ` + a.add(f.Epoch) + `::bigint, ` + a.add(f.OutOfBand) + `::boolean, ` + a.add(f.ReturnTo) + `::text, ` +
		a.add(f.NewIdentity) + `::boolean, ` + a.add(sqlrow.Blob(f.Sealed)) + `::bytea, ` +
		a.add(keyID(f.Sealed)) + `::bigint, ` + in(a.add(micros(max(ttl, 0)))) + from + `
		on conflict (id) do update set (kind, tenant, connection, identifier, account_id, epoch, out_of_band, return_to, new_identity,
			sealed, sealed_key, expires) = (excluded.kind, excluded.tenant, excluded.connection, excluded.identifier, excluded.account_id,
			excluded.epoch, excluded.out_of_band, excluded.return_to, excluded.new_identity, excluded.sealed,
			excluded.sealed_key, excluded.expires) returning 1`
}

// CreateFlow implements [accounts.Store].
func (s *Store) CreateFlow(ctx context.Context, f accounts.Flow, ttl time.Duration) error {
	var a arguments
	_, err := s.exec(ctx, "create flow", `with ins as (`+insertFlow(&a, f, ttl, ``)+`) select 1 from ins where`+durable, a...)
	return err
}

// LoadFlow implements [accounts.Store].
func (s *Store) LoadFlow(ctx context.Context, id accounts.Hash) (accounts.Flow, error) {
	return only(read(ctx, s, "load flow", func(ctx context.Context, c sender) ([]accounts.Flow, error) {
		return flows(ctx, c, `select `+flowColumns+`, now() from closekit_flows where id = $1::bytea and expires > now()`, id[:])
	}))
}

// ConsumeFlow implements [accounts.Store].
func (s *Store) ConsumeFlow(ctx context.Context, kind accounts.FlowKind, id accounts.Hash) (accounts.Flow, error) {
	return only(write(ctx, s, "consume flow", func(ctx context.Context, c sender) ([]accounts.Flow, error) {
		return flows(ctx, c, `with gone as (delete from closekit_flows where id = $1::bytea and kind = $2::text and expires > now() returning *)
			select `+flowColumns+`, now() from gone where`+durable, id[:], string(kind))
	}))
}
