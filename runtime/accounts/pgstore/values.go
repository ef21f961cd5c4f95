package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// micros returns a duration as it is sent; nil for none.
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

// keyDest reads the id of a key. A number that is none ends no query: it is
// noted as an error of the row.
type keyDest struct {
	at  *uint32
	err *error
}

// ScanInt64 implements [pgtype.Int64Scanner].
func (k keyDest) ScanInt64(v pgtype.Int8) (err error) {
	*k.at, err = sqlrow.KeyID(v.Int64)
	if err != nil {
		*k.err = err
	}
	return nil
}

// byKey finds the account of the key in $1 to $3.
const byKey = ` tenant = $1::bytea and connection = $2::bytea and identifier = $3::bytea `

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

// add returns the placeholder of a value.
func (a *arguments) add(v any) string {
	*a = append(*a, v)
	return fmt.Sprintf("$%d", len(*a))
}
