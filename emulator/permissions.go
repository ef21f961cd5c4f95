package emulator

import (
	"cmp"
	"net/http"
	"slices"
)

// userName returns the name of a user by id, or null if it is unknown.
func (c *call) userName(id any) any {
	if u := c.st.user(str(id)); u != nil {
		return u.name()
	}
	return nil
}

// colleagues returns the members of the caller's organization.
func (c *call) colleagues() []*user {
	var out []*user
	for _, u := range c.st.users {
		if _, ok := u.in(c.org); ok {
			out = append(out, u)
		}
	}
	return out
}

// Permissions by role. Roles that are not listed have those of a user.
var rolePermissions = map[string][]string{
	"admin": {
		"bulk_delete", "bulk_edit", "bulk_email", "delete_leads", "delete_own_activities", "export", "import",
		"manage_customizations", "manage_organization", "manage_others_activities", "merge_leads",
	},
	"superuser": {
		"bulk_edit", "bulk_email", "delete_leads", "delete_own_activities", "export", "import",
		"manage_customizations", "manage_others_activities", "merge_leads",
	},
	"user":           {"bulk_email", "delete_leads", "delete_own_activities", "import", "merge_leads"},
	"restricteduser": {"delete_own_activities"},
}

func permissions(role string) []string {
	if p, ok := rolePermissions[role]; ok {
		return p
	}
	return rolePermissions["user"]
}

// may reports whether the caller has a permission. Every caller has the empty
// one.
func (c *call) may(right string) bool {
	if right == "" {
		return true
	}
	u := c.st.user(c.user)
	if u == nil {
		return false
	}
	m, _ := u.in(c.org)
	return slices.Contains(permissions(m.role), right)
}

func (c *call) allowed(right string) error {
	if c.may(right) {
		return nil
	}
	return c.denied()
}

// denied returns the error for a caller without the permission.
func (c *call) denied() error {
	status := cmp.Or(c.e.opts.permissionDenied, http.StatusForbidden)
	if status == http.StatusUnauthorized {
		return refuse(status, "Unauthorized")
	}
	return refuse(status, "You do not have permission to perform this action.")
}
