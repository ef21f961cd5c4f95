package crm

import (
	"net/http"
	"slices"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func roleResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "roles", Prefix: "role", Short: true, Model: "Role", Authors: rest.AuthorNone, Right: "manage_organization", Ascending: true,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "permissions", Kind: rest.Texts, Need: true, NotNull: true},
			{Name: "visibility_user_lcf_ids", Kind: rest.Texts},
			{Name: "visibility_user_lcf_behavior", Kind: rest.Text},
		},
		Prepare: func(_ *rest.Call, o, _ object, _ *rest.Problems) {
			setDefaults(o, object{"visibility_user_lcf_ids": nil, "visibility_user_lcf_behavior": nil, "editable": true})
			seesAll(o, o)
		},
		Change: func(_ *rest.Call, rec *store.Record, patch, _ object, _ *rest.Problems) {
			if _, ok := patch["permissions"]; !ok {
				patch["permissions"] = rec.Data["permissions"]
			}
			seesAll(patch, patch)
		},
		Release: func(c *rest.Call, rec *store.Record) error {
			for _, u := range c.Colleagues() {
				if m, _ := u.In(c.Organization); m.Role == rec.ID {
					return rest.Refuse(http.StatusBadRequest, "Members have this role. Give them another one first.")
				}
			}
			return nil
		},
		Render:  func(_ *rest.Call, _ *store.Record, o object) { dropDates(o); delete(o, "organization_id") },
		Actions: map[string]func(*rest.Call) (any, error){"list": listRoles, "get": getRole, "update": builtInStays, "delete": builtInStays},
	}}
}

// seesAll empties the rules for the visibility of leads of a role that sees all.
func seesAll(role, into object) {
	if slices.Contains(value.List(role["permissions"]), any("view_all_leads")) {
		into["visibility_user_lcf_ids"], into["visibility_user_lcf_behavior"] = nil, nil
	}
}

// builtInRole returns a role that every organization has, or nil.
func builtInRole(id string) object {
	name, ok := map[string]string{"admin": "Admin", "superuser": "Super User", "user": "User", "restricteduser": "Restricted User"}[id]
	if !ok {
		return nil
	}
	granted := []any{}
	for _, p := range rest.Permissions(id) {
		granted = append(granted, p)
	}
	return object{
		"id": id, "name": name, "permissions": granted, "editable": false,
		"visibility_user_lcf_ids": nil, "visibility_user_lcf_behavior": nil,
	}
}

// roleOf returns a role by id, or nil.
func roleOf(c *rest.Call, id string) object {
	if o := builtInRole(id); o != nil {
		return o
	}
	rec := c.State.Find("roles", c.Organization, id)
	if rec == nil {
		return nil
	}
	return c.Render(c.Engine.Resources["roles"], rec)
}

func listRoles(c *rest.Call) (any, error) {
	data := []object{}
	for _, id := range []string{"admin", "superuser", "user", "restricteduser"} {
		data = append(data, builtInRole(id))
	}
	for _, rec := range c.State.Table("roles").All(c.Organization) {
		data = append(data, c.Render(c.Resource, rec))
	}
	return object{"data": data, "has_more": false}, nil
}

func getRole(c *rest.Call) (any, error) {
	if o := roleOf(c, c.ID); o != nil {
		return o, nil
	}
	return nil, rest.Missing(c.Resource.Model)
}

// builtInStays changes or deletes a role of the organization, and refuses to touch
// a built-in one.
func builtInStays(c *rest.Call) (any, error) {
	if builtInRole(c.ID) != nil {
		return nil, rest.Refuse(http.StatusBadRequest, "Built-in roles cannot be changed.")
	}
	if c.Method == http.MethodDelete {
		return c.Remove()
	}
	return c.Update()
}
