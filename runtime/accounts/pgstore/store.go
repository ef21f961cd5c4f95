// Package pgstore keeps connected accounts in PostgreSQL (14 or newer): the
// store for programs that run as several replicas.
//
// It needs nothing of a session: every method is one statement or one batch
// that is a transaction of its own, nothing is prepared on the server, and no
// lock outlives a transaction. A pooler in transaction mode is fine.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/runtime/accounts"
)

const (
	// tries is how often something that certainly did not happen is tried.
	tries = 5
	// deadAfter is how long a connection may leave a change unanswered.
	deadAfter = 5 * time.Minute
	// mode is the option of the URL that says how statements are sent.
	mode = "default_query_exec_mode"
)

// Store is an [accounts.Store] in PostgreSQL. Make it with [Open].
type Store struct{ pool *pgxpool.Pool }

// Open connects to a database and brings its tables, whose names begin with
// closekit_, to the newest version. It refuses databases of a newer version.
// Context bounds the opening only.
//
// The URL (or the key=value form) is that of libpq, with the options of pgx:
// pool_max_conns sets the number of connections; default_query_exec_mode says
// how statements are sent. Its default here is exec, which suits every pooler;
// cache_statement is faster where connections are direct.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	s, err := connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		s.pool.Close()
		return nil, fail("open", err)
	}
	return s, nil
}

// Exists reports whether a database has the tables that [Open] makes. It changes
// nothing.
func Exists(ctx context.Context, databaseURL string) (found bool, err error) {
	s, err := connect(ctx, databaseURL)
	if err != nil {
		return false, err
	}
	defer s.pool.Close()
	err = s.pool.QueryRow(ctx, `select to_regclass('closekit_version') is not null`).Scan(&found)
	return found, fail("open", err)
}

func connect(ctx context.Context, databaseURL string) (*Store, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// Whatever the parser says may quote the text, and so the password.
		return nil, errors.New("pgstore: the URL of the database is not valid, it is like postgres://user:password@host:5432/database?sslmode=verify-full" + hint(err, databaseURL))
	}
	if !strings.Contains(databaseURL, mode) {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	config.ConnConfig.DialFunc = dialer.DialContext
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fail("open", err)
	}
	return &Store{pool}, nil
}

// hint gives what the parser found, if it is certain to quote nothing.
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

// Close closes all connections. It waits for changes that are being made.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// storeError is what the caller sees of an error. The errors of pgx hold the
// configuration with its password, so that only harmless ones are wrapped.
type storeError struct {
	op, text string
	cause    error
	unsure   bool // whether a change happened
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
		return &storeError{op: op, text: "given up by the caller", cause: context.Canceled}
	}
	e := &storeError{op: op, text: err.Error(), unsure: lost(err)}
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

// sender is a connection.
type sender interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// read runs what only reads, so that it can be tried again after any trouble.
func read[T any](ctx context.Context, s *Store, op string, run func(context.Context, sender) (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := run(ctx, s.pool)
		if err == nil {
			return v, nil
		}
		if try == tries || ctx.Err() != nil || !undone(err) && !lost(err) || pause(ctx, try) != nil {
			return *new(T), fail(op, err)
		}
	}
}

// write runs a change. The context bounds the waiting, and never cancels a
// change that was sent: the server would forget it at best, and at worst keep
// it without telling its standby. What certainly did not happen is tried again.
func write[T any](ctx context.Context, s *Store, op string, run func(context.Context, sender) (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := once(ctx, s, run)
		if err == nil {
			return v, nil
		}
		if lost(err) {
			s.pool.Reset() // the other connections are hardly better
		}
		if try == tries || ctx.Err() != nil || !undone(err) || pause(ctx, try) != nil {
			return *new(T), fail(op, err)
		}
	}
}

func once[T any](ctx context.Context, s *Store, run func(context.Context, sender) (T, error)) (T, error) {
	var none T
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		conn.Release()
		return none, err
	}
	type answer struct {
		v   T
		err error
	}
	done := make(chan answer, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadAfter)
		defer cancel()
		v, err := run(ctx, conn)
		conn.Release()
		done <- answer{v, err}
	}()
	select {
	case a := <-done:
		return a.v, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// undone reports whether an error proves that nothing was changed, and that
// trying again makes sense.
func undone(err error) bool {
	var server *pgconn.PgError
	if connecting(err) {
		return false // whoever waits for a server that is down knows better how long
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

// lost reports whether the connection was lost, so that nobody knows whether a
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

// pause waits before the next try, longer each time.
func pause(ctx context.Context, try int) error {
	wait := 10 * time.Millisecond << (2 * (try - 1)) // 10 ms to 2.5 s
	timer := time.NewTimer(wait/2 + rand.N(wait/2))  //nolint:gosec // nothing depends on it
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// durable is a condition that is always true, at the end of all changes. It
// makes the server wait until the change is on the disk even if it is set up
// not to.
const durable = ` (select set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on'
	else current_setting('synchronous_commit') end, true)) is not null `

// rows visits the rows of a query.
func rows(ctx context.Context, c sender, query string, args []any, visit func(pgx.Row) error) error {
	r, err := c.Query(ctx, query, args...)
	return each(r, err, visit)
}

func each(r pgx.Rows, err error, visit func(pgx.Row) error) error {
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := visit(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// exec runs a change whose query gives a row for each changed thing, and
// reports how many there were.
func (s *Store) exec(ctx context.Context, op, query string, args ...any) (int, error) {
	return write(ctx, s, op, func(ctx context.Context, c sender) (n int, err error) {
		err = rows(ctx, c, query, args, func(pgx.Row) error { n++; return nil })
		return n, err
	})
}

// micros is how a duration is sent; nil for none.
func micros(d time.Duration) any {
	if d < 0 {
		return nil
	}
	return d.Microseconds()
}

// moment reads a time.
type moment struct{ t *time.Time }

// ScanTimestamptz implements [pgtype.TimestamptzScanner].
func (m moment) ScanTimestamptz(v pgtype.Timestamptz) error {
	*m.t = time.Time{}
	if v.Valid {
		*m.t = v.Time.UTC()
	}
	return nil
}

// names are the parts of a key as they are read.
type names struct{ tenant, connection, identifier []byte }

func (n names) key() (accounts.Key, error) {
	if len(n.tenant) == 0 && len(n.identifier) == 0 { // an event about a whole connection
		return accounts.Principal{}.Key(string(n.connection)), nil
	}
	p, err := accounts.NewPrincipal(string(n.tenant), string(n.identifier))
	return p.Key(string(n.connection)), err
}

// parts are the values of a key, in the order of the table.
func parts(k accounts.Key) []any {
	return []any{[]byte(k.Tenant()), []byte(k.Connection()), []byte(k.Identifier())}
}

const byKey = ` tenant = $1::bytea and connection = $2::bytea and identifier = $3::bytea `

// blob is nil for nothing, so that it becomes null.
func blob(s accounts.Sealed) []byte {
	if s.IsZero() {
		return nil
	}
	return s.Blob
}

// keyID is sent as a number that fits a bigint.
func keyID(s accounts.Sealed) int64 { return int64(s.KeyID) }

// Now implements [accounts.Store].
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return read(ctx, s, "now", func(ctx context.Context, c sender) (t time.Time, err error) {
		err = rows(ctx, c, `select clock_timestamp()`, nil, func(r pgx.Row) error { return r.Scan(moment{&t}) })
		return t, err
	})
}

// arguments numbers the parameters of a query that is put together.
type arguments []any

// add gives the placeholder of a value.
func (a *arguments) add(v any) string {
	*a = append(*a, v)
	return fmt.Sprintf("$%d", len(*a))
}
