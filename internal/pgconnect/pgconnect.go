// Package pgconnect connects the stores to PostgreSQL, and explains its errors without
// giving away a password.
package pgconnect

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// mode is the option of the URL that says how statements are sent.
const mode = "default_query_exec_mode"

// URLError reports a URL that cannot be used.
type URLError struct{ hint string }

// Error quotes nothing of the URL, which may have a password.
func (e *URLError) Error() string {
	return "the URL of the database is not valid, it is like postgres://user:password@host:5432/database?sslmode=verify-full" + e.hint
}

// Pool makes the connections to a database. Statements are sent in a way that suits
// every pooler, unless the URL says otherwise.
func Pool(ctx context.Context, databaseURL string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// Whatever the parser says may quote the text, and so the password.
		return nil, &URLError{hint(err, databaseURL)}
	}
	if !strings.Contains(databaseURL, mode) {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	config.ConnConfig.DialFunc = dialer.DialContext
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// hint returns the parser's finding, if it certainly quotes nothing.
func hint(err error, databaseURL string) string {
	var parse *url.Error
	cause := errors.Unwrap(err)
	if cause == nil || errors.As(err, &parse) {
		return ""
	}
	text := cause.Error()
	for word := range strings.FieldsFuncSeq(databaseURL, func(r rune) bool { return strings.ContainsRune(":/@?&= '", r) }) {
		if strings.Contains(text, word) {
			return ""
		}
	}
	return " (" + text + ")"
}

// Explain returns the text of an error, and what of it can be wrapped: the errors of
// pgx hold the configuration with its password.
func Explain(err error) (text string, cause error) {
	text = err.Error()
	var server *pgconn.PgError
	switch {
	case errors.As(err, &server):
		c := *server
		c.Detail, c.Where, c.InternalQuery, c.Hint = "", "", "", "" // may quote rows
		text, cause = c.Error(), &c
	case errors.Is(err, context.DeadlineExceeded):
		cause = context.DeadlineExceeded
	}
	if Connecting(err) {
		text = "cannot connect: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	return text, cause
}

// Undone reports whether an error proves that nothing was changed, and that
// trying again makes sense.
func Undone(err error) bool {
	var server *pgconn.PgError
	if Connecting(err) {
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

// Connecting reports whether there never was a connection.
func Connecting(err error) bool {
	var e *pgconn.ConnectError
	return errors.As(err, &e)
}

// Durable is a condition that is always true, at the end of all changes. It
// makes the server wait until the change is on the disk even if it is set up
// not to.
const Durable = ` (select set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on'
	else current_setting('synchronous_commit') end, true)) is not null `
