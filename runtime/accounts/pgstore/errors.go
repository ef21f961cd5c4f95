package pgstore

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closekit/closekit/internal/pgconnect"
	"github.com/closekit/closekit/runtime/accounts"
)

// storeError is an error as the caller sees it. The errors of pgx hold the
// configuration with its password, so that only harmless ones are wrapped.
type storeError struct {
	op, text string
	cause    error
}

func (e *storeError) Error() string { return "pgstore: " + e.op + ": " + e.text }
func (e *storeError) Unwrap() error { return e.cause }

// fail makes the error that the caller gets.
func fail(op string, err error) error {
	var own *storeError
	switch {
	case err == nil, errors.Is(err, accounts.ErrNotFound), errors.Is(err, accounts.ErrConflict), errors.As(err, &own):
		return err
	case errors.Is(err, context.Canceled):
		return &storeError{op: op, text: "canceled by the caller", cause: context.Canceled}
	}
	e := &storeError{op: op}
	e.text, e.cause = pgconnect.Explain(err)
	return e
}

// lost reports whether the connection was lost, which leaves open whether a
// change happened.
func lost(err error) bool {
	var server *pgconn.PgError
	var own *storeError
	switch {
	case err == nil, errors.Is(err, accounts.ErrNotFound), errors.Is(err, accounts.ErrConflict), errors.As(err, &own),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), pgconnect.Connecting(err):
		return false
	case errors.As(err, &server):
		return strings.HasPrefix(server.Code, "57P") || strings.HasPrefix(server.Code, "08") // shut down, or cut off
	}
	var scan pgx.ScanArgError
	return !errors.As(err, &scan) && !errors.Is(err, pgx.ErrNoRows)
}
