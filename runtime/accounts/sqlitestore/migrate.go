package sqlitestore

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/closekit/closekit/internal/migrations"
	"github.com/closekit/closekit/internal/sqlitefile"
)

//go:embed migrations/*.sql
var files embed.FS

// migrate brings the database to the newest version. It writes in any case, so
// that a database that cannot be written is noticed.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations.Steps(files)
	if err != nil {
		return err
	}
	return s.change(ctx, func(t *tx) error {
		var app, version, tables int
		for query, to := range map[string]*int{
			"pragma application_id": &app, "pragma user_version": &version, "select count(*) from sqlite_schema": &tables,
		} {
			if err := t.s.conn.QueryRowContext(t.ctx, query).Scan(to); err != nil {
				return err
			}
		}
		switch {
		case app != sqlitefile.Application && (app != 0 || version != 0 || tables != 0):
			return errors.New("the file holds the database of another program")
		case version > len(steps):
			return fmt.Errorf("the database is of version %d, and this program knows no version above %d: use a newer release of it", version, len(steps))
		}
		for _, step := range steps[version:] {
			if _, err := t.s.conn.ExecContext(t.ctx, step); err != nil {
				return err
			}
		}
		// Values of pragmas cannot be parameters.
		_, err := t.s.conn.ExecContext(t.ctx, fmt.Sprintf("pragma application_id = %d; pragma user_version = %d", sqlitefile.Application, len(steps)))
		return err
	})
}
