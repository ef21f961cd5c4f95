package accounts

import (
	"errors"
	"log/slog"
)

// MaxNameBytes bounds tenants, identifiers and connection names.
const MaxNameBytes = 256

// Principal identifies whom a connected account belongs to: one user of the host
// program, within a tenant. Make it in one place, where the host has
// authenticated its user, and pass it on as a value; everything in this package
// that touches an account takes one. The zero value stands for no user and is
// refused everywhere. Principals are comparable and immutable.
type Principal struct{ tenant, identifier string }

// NewPrincipal makes a principal. Tenant and identifier are opaque bytes that
// are neither trimmed nor folded; neither may be empty or longer than
// [MaxNameBytes].
func NewPrincipal(tenant, identifier string) (Principal, error) {
	switch {
	case tenant == "":
		return Principal{}, errors.New("accounts: the tenant of a principal is empty")
	case identifier == "":
		return Principal{}, errors.New("accounts: the identifier of a principal is empty")
	case len(tenant) > MaxNameBytes, len(identifier) > MaxNameBytes:
		return Principal{}, errors.New("accounts: the tenant or identifier of a principal is longer than 256 bytes")
	}
	return Principal{tenant, identifier}, nil
}

// Tenant returns the tenant.
func (p Principal) Tenant() string { return p.tenant }

// Identifier returns the identifier within the tenant.
func (p Principal) Identifier() string { return p.identifier }

// IsZero reports whether the principal is the zero value.
func (p Principal) IsZero() bool { return p == Principal{} }

// Key names the principal's account at a connection. It is a name and grants no
// access.
func (p Principal) Key(connection string) Key { return Key{p.tenant, connection, p.identifier} }

// LogValue logs the parts.
func (p Principal) LogValue() slog.Value {
	return slog.GroupValue(slog.String("tenant", p.tenant), slog.String("identifier", p.identifier))
}
