package pgstore

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
	var server *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, accounts.ErrNotFound), errors.Is(err, accounts.ErrConflict), errors.As(err, &own):
		return err
	case errors.Is(err, context.Canceled):
		return &storeError{op: op, text: "canceled by the caller", cause: context.Canceled}
	}
	e := &storeError{op: op, text: err.Error()}
	switch {
	case errors.As(err, &server):
		c := *server
		c.Detail, c.Where, c.InternalQuery, c.Hint = "", "", "", "" // may quote rows
		e.text, e.cause = c.Error(), &c
	case errors.Is(err, context.DeadlineExceeded):
		e.cause = context.DeadlineExceeded
	}
	if connecting(err) {
		e.text = "cannot connect: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	return e
}

// undone reports whether an error proves that nothing was changed, and that
// trying again makes sense.
func undone(err error) bool {
	var server *pgconn.PgError
	if connecting(err) {
		return false // the caller knows better how long to wait for a server that is down
	}
	if errors.As(err, &server) {
		switch server.Code {
		case "40001", // serialization failure
			"40P01", // deadlock
			"55P03", // lock timeout
			"57014": // statement timeout
			return true
		}
		return false
	}
	return pgconn.SafeToRetry(err)
}

// connecting reports whether there never was a connection.
func connecting(err error) bool {
	var e *pgconn.ConnectError
	return errors.As(err, &e)
}

// lost reports whether the connection was lost, which leaves open whether a
// change happened.
func lost(err error) bool {
	var server *pgconn.PgError
	var own *storeError
	switch {
	case err == nil, errors.Is(err, accounts.ErrNotFound), errors.Is(err, accounts.ErrConflict), errors.As(err, &own),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), connecting(err):
		return false
	case errors.As(err, &server):
		return strings.HasPrefix(server.Code, "57P") || strings.HasPrefix(server.Code, "08") // shut down, or cut off
	}
	var scan pgx.ScanArgError
	return !errors.As(err, &scan) && !errors.Is(err, pgx.ErrNoRows)
}
