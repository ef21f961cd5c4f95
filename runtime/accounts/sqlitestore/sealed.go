package sqlitestore

import (
	"context"
	"strings"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// place is where sealed blobs are: how to list them.
type place struct{ prefix, list string }

// places are in the order of their prefixes, which are those that
// accounts.NewStore knows.
var places = []place{
	{
		"account/", `select id, tenant, connection, identifier, id, '` + accounts.PurposeTokens + `', generation, tokens, tokens_key
			from accounts where tokens is not null and tokens_key <> ? and id > ? order by id limit ?`,
	},
	{
		"fallback/", `select id, tenant, connection, identifier, id, fallback_purpose, fallback_generation, fallback, fallback_key
			from accounts where fallback is not null and fallback_key <> ? and id > ? order by id limit ?`,
	},
	{
		"revocation/", `select id, tenant, connection, identifier, account_id, purpose, generation, sealed, sealed_key
			from revocations where sealed is not null and sealed_key <> ? and id > ? order by id limit ?`,
	},
	{
		"sentinel", `select '', x'', x'', x'', '', '` + accounts.PurposeSentinel + `', 0, sealed, sealed_key
			from sentinel where sealed_key <> ? and '' > ? order by 1 limit ?`,
	},
}

// SealedBy implements [accounts.Store].
func (s *Store) SealedBy(ctx context.Context, not uint32, after string, limit int) (out []accounts.SealedRow, err error) {
	for _, p := range places {
		id, left := sqlrow.After(p.prefix, after)
		if !left {
			continue
		}
		query := p.list
		if id == "" {
			query = strings.Replace(query, " > ?", " >= ?", 1) // from the first
		}
		err = s.read(ctx, query, func(row scanner) error {
			var r accounts.SealedRow
			var k sqlrow.Names
			err := row.Scan(&r.Ref, &k.Tenant, &k.Connection, &k.Identifier, &r.AccountID, &r.Purpose, &r.Generation, &r.Sealed.Blob, &r.Sealed.KeyID)
			if err == nil {
				r.Key, err = k.Key()
			}
			if err != nil {
				s.skipped.Skip(strings.TrimSuffix(p.prefix, "/"), r.Ref, err)
				return nil
			}
			r.Ref = p.prefix + r.Ref
			out = append(out, r)
			return err
		}, not, id, max(limit-len(out), 0))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
