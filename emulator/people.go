package emulator

import (
	"strings"
	"time"
)

// user is a person who may belong to several organizations.
type user struct {
	id, first, last, email string
	created, updated       time.Time
	members                []membership
}

// membership is the membership of a user in an organization.
type membership struct {
	id, org, role string
	account       string // id of the connected email account
}

// organization is a tenant.
type organization struct {
	id, name, currency string
	created, updated   time.Time
}

// apiKey belongs to one user in one organization.
type apiKey struct{ id, user, org string }

func (u *user) name() string { return strings.TrimSpace(u.first + " " + u.last) }

func (u *user) in(org string) (membership, bool) {
	for _, m := range u.members {
		if m.org == org {
			return m, true
		}
	}
	return membership{}, false
}

func (st *state) user(id string) *user {
	for _, u := range st.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

func (st *state) organization(id string) *organization {
	for _, o := range st.orgs {
		if o.id == id {
			return o
		}
	}
	return nil
}

// member reports whether a user belongs to an organization.
func (st *state) member(org, id string) bool {
	u := st.user(id)
	if u == nil {
		return false
	}
	_, ok := u.in(org)
	return ok
}
