package sqlitestore

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/closekit/closekit/runtime/accounts"
)

// code returns the primary code of an error from SQLite.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

// fail explains an error.
func (s *Store) fail(err error) error {
	if err == nil || errors.Is(err, accounts.ErrNotFound) || errors.Is(err, accounts.ErrConflict) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var what string
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		what = "is held by another process"
	case sqlite3.SQLITE_FULL:
		what = "cannot grow, the disk is full"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		what = "cannot be written; file and folder must be writable"
	case sqlite3.SQLITE_CANTOPEN:
		what = "cannot be opened; file and folder must be readable and writable"
	case sqlite3.SQLITE_NOTADB:
		what = "is not a database"
	case sqlite3.SQLITE_CORRUPT:
		what = "is damaged"
	case sqlite3.SQLITE_IOERR:
		what = "cannot be read or written"
	default:
		return fmt.Errorf("sqlitestore: %s: %w", s.path, err)
	}
	return fmt.Errorf("sqlitestore: the file %s %s: %w", s.path, what, err)
}
