package store

import (
	"maps"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

// User is a person who may belong to several organizations.
type User struct {
	ID, First, Last, Email string
	Created, Updated       time.Time
	Members                []Membership
	Former                 []Membership // ended ones
}

// Membership is the membership of a user in an organization.
type Membership struct {
	ID, Organization, Role string
	Account                string // id of the connected email account
	Signature              string // id of the email signature
	Settings               object // those that were changed
	Pinned                 []any  // ids of the Smart Views that the user pinned
}

// Set changes the role of a membership, unless it is empty, and its settings.
func (m *Membership) Set(role string, settings object) {
	if role != "" {
		m.Role = role
	}
	changed := value.Shallow(m.Settings)
	if changed == nil {
		changed = object{}
	}
	maps.Copy(changed, settings)
	m.Settings = changed
}

// Organization is a tenant.
type Organization struct {
	ID, Name, Currency string
	Billing            string // id of the billing account
	Created, Updated   time.Time
	RejectAnonymous    bool                             // calls without a number are rejected
	Unpaid             bool                             // renting a number fails
	Unsubscribe        struct{ Enabled, Required bool } // the links in bulk and sequence emails
}

// APIKey belongs to one user in one organization.
type APIKey struct{ ID, User, Organization string }

// Name returns the full name.
func (u *User) Name() string { return strings.TrimSpace(u.First + " " + u.Last) }

// In returns the membership in an organization, and reports whether there is one.
func (u *User) In(org string) (Membership, bool) {
	for _, m := range u.Members {
		if m.Organization == org {
			return m, true
		}
	}
	return Membership{}, false
}

// User returns a user by id, or nil.
func (st *State) User(id string) *User {
	for _, u := range st.Users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

// Organization returns an organization by id, or nil.
func (st *State) Organization(id string) *Organization {
	for _, o := range st.Organizations {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// Member reports whether a user belongs to an organization.
func (st *State) Member(org, id string) bool {
	u := st.User(id)
	if u == nil {
		return false
	}
	_, ok := u.In(org)
	return ok
}
