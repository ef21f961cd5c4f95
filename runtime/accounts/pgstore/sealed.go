package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// Sentinel implements [accounts.Store].
func (s *Store) Sentinel(ctx context.Context, b accounts.Sealed) (accounts.Sealed, error) {
	if !b.IsZero() {
		_, err := s.exec(ctx, "sentinel", `with ins as (insert into closekit_sentinel (sealed, sealed_key) values ($1::bytea, $2::bigint)
			on conflict (one) do nothing returning 1) select 1 from ins where`+durable, b.Blob, keyID(b))
		if err != nil {
			return accounts.Sealed{}, err
		}
	}
	return read(ctx, s, "sentinel", func(ctx context.Context, c sender) (out accounts.Sealed, err error) {
		err = rows(ctx, c, `select sealed, sealed_key from closekit_sentinel`, nil, func(row pgx.Row) error { return row.Scan(&out.Blob, &out.KeyID) })
		return out, err
	})
}

// place is where sealed blobs are: how to list and how to replace them.
type place struct{ prefix, list, replace string }

// places are in the order of their prefixes.
var places = []place{
	{
		"account/", `select id, tenant, connection, identifier, id, '` + accounts.PurposeTokens + `', generation, tokens, tokens_key
			from closekit_accounts where tokens is not null and tokens_key <> $1::bigint and id > $2::text order by id limit $3::bigint`,
		`update closekit_accounts set tokens = $1::bytea, tokens_key = $2::bigint where id = $3::text and generation = $4::bigint and tokens = $5::bytea returning 1`,
	},
	{
		"fallback/", `select id, tenant, connection, identifier, id, fallback_purpose, fallback_generation, fallback, fallback_key
			from closekit_accounts where fallback is not null and fallback_key <> $1::bigint and id > $2::text order by id limit $3::bigint`,
		`update closekit_accounts set fallback = $1::bytea, fallback_key = $2::bigint where id = $3::text and fallback_generation = $4::bigint and fallback = $5::bytea returning 1`,
	},
	{
		"revocation/", `select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key
			from closekit_revocations where sealed is not null and sealed_key <> $1::bigint and id > $2::text order by id limit $3::bigint`,
		`update closekit_revocations set sealed = $1::bytea, sealed_key = $2::bigint where id = $3::text and generation = $4::bigint and sealed = $5::bytea returning 1`,
	},
	{
		"sentinel", `select '', ''::bytea, ''::bytea, ''::bytea, '', '` + accounts.PurposeSentinel + `', 0::bigint, sealed, sealed_key
			from closekit_sentinel where sealed_key <> $1::bigint and '' > $2::text limit $3::bigint`,
		`update closekit_sentinel set sealed = $1::bytea, sealed_key = $2::bigint where '' = $3::text and 0 = $4::bigint and sealed = $5::bytea returning 1`,
	},
}

// SealedBy implements [accounts.Store].
func (s *Store) SealedBy(ctx context.Context, not uint32, after string, limit int) ([]accounts.SealedRow, error) {
	return read(ctx, s, "sealed by", func(ctx context.Context, c sender) (list []accounts.SealedRow, err error) {
		for _, p := range places {
			id, left := sqlrow.After(p.prefix, after)
			if !left {
				continue
			}
			query := p.list
			if id == "" {
				query = strings.Replace(query, " > $2", " >= $2", 1) // from the first
			}
			err = rows(ctx, c, query, []any{int64(not), id, int64(max(limit-len(list), 0))}, func(row pgx.Row) error {
				var r accounts.SealedRow
				var k sqlrow.Names
				var odd error
				err := row.Scan(&r.Ref, &k.Tenant, &k.Connection, &k.Identifier, &r.AccountID, &r.Purpose, &r.Generation, &r.Sealed.Blob, keyDest{&r.Sealed.KeyID, &odd})
				if err == nil {
					r.Key, err = k.Key()
				}
				if err := cmp.Or(err, odd); err != nil {
					s.skipped.Skip(strings.TrimSuffix(p.prefix, "/"), r.Ref, err)
					return nil
				}
				r.Ref = p.prefix + r.Ref
				list = append(list, r)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return list, nil
	})
}

// Reseal implements [accounts.Store].
func (s *Store) Reseal(ctx context.Context, row accounts.SealedRow, b accounts.Sealed) error {
	for _, p := range places {
		id, ok := strings.CutPrefix(row.Ref, p.prefix)
		if !ok || row.Sealed.IsZero() {
			continue
		}
		n, err := s.exec(ctx, "reseal", `with upd as (`+p.replace+`) select 1 from upd where`+durable, sqlrow.Blob(b), keyID(b), id, row.Generation, row.Sealed.Blob)
		if err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("%w: the blob %s is not what it was", accounts.ErrConflict, row.Ref)
}
