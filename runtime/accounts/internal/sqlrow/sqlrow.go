// Package sqlrow converts between the values of package accounts and the
// columns that the SQL stores have in common.
package sqlrow

import (
	"strings"

	"github.com/closekit/closekit/runtime/accounts"
)

// Names are the parts of a key as they are scanned.
type Names struct{ Tenant, Connection, Identifier []byte }

// Key returns the key that the names make.
func (n Names) Key() (accounts.Key, error) {
	if len(n.Tenant) == 0 && len(n.Identifier) == 0 { // an event about a whole connection
		return accounts.Principal{}.Key(string(n.Connection)), nil
	}
	p, err := accounts.NewPrincipal(string(n.Tenant), string(n.Identifier))
	return p.Key(string(n.Connection)), err
}

// Parts returns the values of the columns tenant, connection and identifier.
func Parts(k accounts.Key) []any {
	return []any{[]byte(k.Tenant()), []byte(k.Connection()), []byte(k.Identifier())}
}

// Blob returns the value of a column for a blob: nil, which becomes null, for
// none.
func Blob(s accounts.Sealed) []byte {
	if s.IsZero() {
		return nil
	}
	return s.Blob
}

// After returns the id after which a table is to be listed, whose rows are
// named prefix plus id, when all rows up to the name last were listed. It
// reports false if none of the table's rows are left.
func After(prefix, last string) (id string, left bool) {
	id, inside := strings.CutPrefix(last, prefix)
	if inside {
		return id, strings.HasSuffix(prefix, "/")
	}
	return "", last < prefix
}
