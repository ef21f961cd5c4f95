package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closekit/closekit/internal/migrations"
)

//go:embed migrations/*.sql
var files embed.FS

// migrationLock keeps two replicas from migrating at once. It ends with the
// transaction.
const migrationLock = 0x636c6f73656b6974

// version reads the version of the database, 0 for an empty one.
func version(ctx context.Context, q interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
},
) (v int, err error) {
	var there bool
	if err = q.QueryRow(ctx, `select to_regclass('closekit_version') is not null`).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = q.QueryRow(ctx, `select coalesce(max(version), 0) from closekit_version`).Scan(&v)
	return v, err
}

// migrate brings the database to the newest version. Users without the right
// to make tables can open a database that is up to date.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations.Steps(files)
	if err != nil {
		return err
	}
	v, err := version(ctx, s.pool)
	if err == nil && v < len(steps) {
		err = s.advance(ctx, steps)
	}
	if err == nil && v > len(steps) {
		err = newer(v, len(steps))
	}
	return err
}

func newer(v, known int) error {
	return &storeError{op: "open", text: fmt.Sprintf("the database is of version %d, and this program knows no version above %d: use a newer release of it", v, known)}
}

func (s *Store) advance(ctx context.Context, steps []string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1::bigint)`, int64(migrationLock)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `create table if not exists closekit_version (version bigint not null primary key, at timestamptz not null default now())`); err != nil {
			return explain(err)
		}
		v, err := version(ctx, tx) // another replica may have been first
		if err != nil {
			return err
		}
		if v > len(steps) {
			return newer(v, len(steps))
		}
		for i := v; i < len(steps); i++ {
			// Several statements at once need the simple protocol.
			if _, err := tx.Exec(ctx, steps[i], pgx.QueryExecModeSimpleProtocol); err != nil {
				return explain(err)
			}
			if _, err := tx.Exec(ctx, `insert into closekit_version (version) values ($1::bigint)`, int64(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
}

// explain says who may help.
func explain(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "42501" {
		return &storeError{op: "open", text: "the tables are missing or old, and this user may not make them (" + server.Message + "): open the database once as a user who may", cause: nil}
	}
	return err
}
