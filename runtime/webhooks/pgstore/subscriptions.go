package pgstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/runtime/webhooks"
)

const columns = "id, tenant, organization, url, sealed, key"

// SaveSubscription implements [webhooks.Store].
func (s *Store) SaveSubscription(ctx context.Context, r webhooks.Row) error {
	return s.write(ctx, "save", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into closekit_webhook_subscriptions (`+columns+`)
			values ($1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::bigint)
			on conflict (id) do update set tenant = excluded.tenant, organization = excluded.organization, url = excluded.url, sealed = excluded.sealed, key = excluded.key`,
			[]byte(r.ID), []byte(r.Tenant), []byte(r.Organization), []byte(r.URL), append([]byte{}, r.Sealed...), int64(r.KeyID))
		return err
	})
}

// Subscription implements [webhooks.Store].
func (s *Store) Subscription(ctx context.Context, id string) (webhooks.Row, error) {
	r, err := scan(s.pool.QueryRow(ctx, `select `+columns+` from closekit_webhook_subscriptions where id = $1::bytea`, []byte(id)))
	if errors.Is(err, pgx.ErrNoRows) {
		err = webhooks.ErrNotFound
	}
	return r, fail("load", err)
}

// Subscriptions implements [webhooks.Store].
func (s *Store) Subscriptions(ctx context.Context, tenant string) ([]webhooks.Row, error) {
	rows, err := s.pool.Query(ctx, `select `+columns+` from closekit_webhook_subscriptions where tenant = $1::bytea or $1::bytea = '' order by id`, []byte(tenant))
	if err != nil {
		return nil, fail("list", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (webhooks.Row, error) { return scan(row) })
	return list, fail("list", err)
}

func scan(row pgx.Row) (r webhooks.Row, err error) {
	var id, tenant, organization, url []byte
	if err := row.Scan(&id, &tenant, &organization, &url, &r.Sealed, &r.KeyID); err != nil {
		return webhooks.Row{}, err
	}
	r.ID, r.Tenant, r.Organization, r.URL = string(id), string(tenant), string(organization), string(url)
	return r, nil
}

// DeleteSubscription implements [webhooks.Store].
func (s *Store) DeleteSubscription(ctx context.Context, id string) error {
	return s.write(ctx, "delete", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from closekit_webhook_subscriptions where id = $1::bytea`, []byte(id))
		return err
	})
}
