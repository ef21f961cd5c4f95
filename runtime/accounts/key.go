package accounts

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"strconv"
)

// Key names one connected account: tenant, connection and identifier. Only
// [Principal.Key] makes one. Keys are comparable, so that maps are keyed by the
// value and never by a joined text. The zero value names nothing.
type Key struct{ tenant, connection, identifier string }

// Tenant returns the tenant.
func (k Key) Tenant() string { return k.tenant }

// Connection returns the name of the connection.
func (k Key) Connection() string { return k.connection }

// Identifier returns the identifier within the tenant.
func (k Key) Identifier() string { return k.identifier }

// Principal returns whom the account belongs to.
func (k Key) Principal() Principal { return Principal{k.tenant, k.identifier} }

// IsZero reports whether the key names nothing.
func (k Key) IsZero() bool { return k == Key{} }

// Canonical is the length-prefixed form, in which ("a", "b:c") and ("a:b",
// "c") never meet. It is what associated data is made of.
func (k Key) Canonical() []byte {
	b := make([]byte, 0, 6+len(k.tenant)+len(k.connection)+len(k.identifier))
	for _, s := range [...]string{k.tenant, k.connection, k.identifier} {
		b = appendField(b, s)
	}
	return b
}

func appendField(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s))) //nolint:gosec // all fields are bounded far below
	return append(b, s...)
}

// String is the printed form: three quoted parts.
func (k Key) String() string {
	return strconv.Quote(k.tenant) + "/" + strconv.Quote(k.connection) + "/" + strconv.Quote(k.identifier)
}

// LogValue logs the parts.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("tenant", k.tenant), slog.String("connection", k.connection), slog.String("identifier", k.identifier))
}

func (k Key) check() error {
	for _, s := range [...]string{k.tenant, k.connection, k.identifier} {
		if s == "" || len(s) > MaxNameBytes {
			return fmt.Errorf("accounts: the account key %v is incomplete", k)
		}
	}
	return nil
}
