package rest

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// UserName returns the name of a user by id, or null if it is unknown.
func (c *Call) UserName(id any) any {
	if u := c.State.User(value.String(id)); u != nil {
		return u.Name()
	}
	return nil
}

// Colleagues returns the members of the caller's organization.
func (c *Call) Colleagues() []*store.User {
	var out []*store.User
	for _, u := range c.State.Users {
		if _, ok := u.In(c.Organization); ok {
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

// Permissions returns the permissions of a role.
func Permissions(role string) []string {
	if p, ok := rolePermissions[role]; ok {
		return p
	}
	return rolePermissions["user"]
}

// PermissionsOf returns the permissions of a role, which may be one that the
// organization made.
func (c *Call) PermissionsOf(role string) []string {
	rec := c.State.Find("roles", c.Organization, role)
	if rec == nil {
		return Permissions(role)
	}
	var granted []string
	for _, p := range value.List(rec.Data["permissions"]) {
		granted = append(granted, value.String(p))
	}
	return granted
}

// May reports whether the caller has a permission. Every caller has the empty
// one.
func (c *Call) May(right string) bool {
	if right == "" {
		return true
	}
	u := c.State.User(c.User)
	if u == nil {
		return false
	}
	m, _ := u.In(c.Organization)
	return slices.Contains(c.PermissionsOf(m.Role), right)
}

// Allowed returns an error if the caller lacks a permission.
func (c *Call) Allowed(right string) error {
	if c.May(right) {
		return nil
	}
	return c.Denied()
}

// Denied returns the error for a caller without the permission.
func (c *Call) Denied() error {
	status := cmp.Or(c.Engine.Options.PermissionDenied, http.StatusForbidden)
	if status == http.StatusUnauthorized {
		return Refuse(status, "Unauthorized")
	}
	return Refuse(status, "You do not have permission to perform this action.")
}
