package sqlitestore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/closekit/closekit/runtime/webhooks"
)

const columns = "id, tenant, organization, url, sealed, key"

// SaveSubscription implements [webhooks.Store].
func (s *Store) SaveSubscription(ctx context.Context, r webhooks.Row) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `insert or replace into closekit_webhook_subscriptions (`+columns+`) values (?, ?, ?, ?, ?, ?)`,
			[]byte(r.ID), []byte(r.Tenant), []byte(r.Organization), []byte(r.URL), append([]byte{}, r.Sealed...), int64(r.KeyID))
		return err
	})
}

// Subscription implements [webhooks.Store].
func (s *Store) Subscription(ctx context.Context, id string) (webhooks.Row, error) {
	r, err := scan(s.reader.QueryRowContext(ctx, `select `+columns+` from closekit_webhook_subscriptions where id = ?`, []byte(id)))
	if errors.Is(err, sql.ErrNoRows) {
		err = webhooks.ErrNotFound
	}
	return r, s.fail(err)
}

// Subscriptions implements [webhooks.Store].
func (s *Store) Subscriptions(ctx context.Context, tenant string) ([]webhooks.Row, error) {
	rows, err := s.reader.QueryContext(ctx, `select `+columns+` from closekit_webhook_subscriptions where tenant = ?1 or ?1 = x'' order by id`, []byte(tenant))
	if err != nil {
		return nil, s.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err has it
	var list []webhooks.Row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, s.fail(err)
		}
		list = append(list, r)
	}
	return list, s.fail(rows.Err())
}

func scan(row interface{ Scan(dest ...any) error }) (r webhooks.Row, err error) {
	var id, tenant, organization, url []byte
	if err := row.Scan(&id, &tenant, &organization, &url, &r.Sealed, &r.KeyID); err != nil {
		return webhooks.Row{}, err
	}
	r.ID, r.Tenant, r.Organization, r.URL = string(id), string(tenant), string(organization), string(url)
	return r, nil
}

// DeleteSubscription implements [webhooks.Store].
func (s *Store) DeleteSubscription(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "delete from closekit_webhook_subscriptions where id = ?", []byte(id))
		return err
	})
}
