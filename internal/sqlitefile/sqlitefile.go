// Package sqlitefile opens SQLite files for the stores, which share a file or have one
// each.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// BusyLimit is how long a change waits for other processes.
const BusyLimit = 15 * time.Second

// Application marks our files (the letters CKit), so that no other program's database
// is taken for one.
const Application = 0x434b6974

// Create makes an empty file that only its owner can read. The file is never
// opened under its own name, because closing it would take away the locks that
// this process may hold on it.
func Create(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory, a file is needed", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("cannot reach the database: %w", err)
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("cannot create the database %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(dir, ".closekit-*") // mode 0600
	if err != nil {
		return fmt.Errorf("cannot create the database %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("cannot create the database %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	// A file system without hard links.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // that is the file asked for
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot create the database %s: %w", path, err)
	}
	return f.Close()
}

// Connect opens the database in a file, with so many connections. Transactions of
// [database/sql] are immediate: one that begins as a read cannot wait for others.
func Connect(path string, conns int, pragmas ...string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	u := url.URL{Path: path}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "mode": {"rw"}}
	db, err := sql.Open("sqlite", "file:"+u.EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Patiently tries again as long as another process is in the way.
func Patiently(ctx context.Context, try func() error) error {
	limit := time.Now().Add(BusyLimit)
	for wait := 200 * time.Microsecond; ; wait = min(2*wait, 8*time.Millisecond) {
		err := try()
		if Code(err) != sqlite3.SQLITE_BUSY || time.Now().After(limit) {
			return err
		}
		timer := time.NewTimer(wait/2 + rand.N(wait)) //nolint:gosec // nothing depends on it
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// Code returns the primary code of an error from SQLite.
func Code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

// Explain says what is wrong with a file.
func Explain(path string, err error) error {
	var what string
	switch Code(err) {
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
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("the file %s %s: %w", path, what, err)
}
