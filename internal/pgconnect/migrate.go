package pgconnect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/migrations"
)

// Tables are those of a store.
type Tables struct {
	Files   fs.FS  // with migrations/*.sql
	Version string // the table of their versions
	Lock    int64  // keeps two replicas from migrating at once; it ends with the transaction
	Are     string // the subject of errors, such as "the tables of agents are"
}

// Migrate brings tables to the newest version. Users without the right to make tables can
// open a database that is up to date.
func (t *Tables) Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	steps, err := migrations.Steps(t.Files)
	if err != nil {
		return err
	}
	v, err := t.version(ctx, pool)
	if err == nil && v > len(steps) {
		err = t.newer(v, len(steps))
	}
	if err != nil || v == len(steps) {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1::bigint)`, t.Lock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `create table if not exists `+t.Version+` (version bigint not null primary key, at timestamptz not null default now())`); err != nil {
			return permission(err)
		}
		v, err := t.version(ctx, tx) // another replica may have been first
		if err != nil {
			return err
		}
		if v > len(steps) {
			return t.newer(v, len(steps))
		}
		for i := v; i < len(steps); i++ {
			// Several statements at once need the simple protocol.
			if _, err := tx.Exec(ctx, steps[i], pgx.QueryExecModeSimpleProtocol); err != nil {
				return permission(err)
			}
			if _, err := tx.Exec(ctx, `insert into `+t.Version+` (version) values ($1::bigint)`, int64(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Tables) newer(v, known int) error {
	return fmt.Errorf("%s of version %d, and this program knows no version above %d: use a newer release of it", t.Are, v, known)
}

// version reads the version of the tables, 0 if there are none.
func (t *Tables) version(ctx context.Context, q interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
},
) (v int, err error) {
	var there bool
	if err = q.QueryRow(ctx, `select to_regclass($1::text) is not null`, t.Version).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = q.QueryRow(ctx, `select coalesce(max(version), 0) from `+t.Version).Scan(&v)
	return v, err
}

// permission says who may help.
func permission(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "42501" {
		return errors.New("the tables are missing or old, and this user may not make them (" + server.Message + "): open the database once as a user who may")
	}
	return err
}
