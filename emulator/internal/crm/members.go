package crm

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func memberResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "memberships", Model: "Membership", Right: "manage_organization",
		Fields: []rest.Field{
			{Name: "auto_record_calls", Kind: rest.Choice, Choices: []string{"unset", "enabled", "disabled"}, NotNull: true},
			{Name: "track_email_opens", Kind: rest.Flag, NotNull: true},
			{Name: "may_workflows_impersonate", Kind: rest.Flag, NotNull: true},
			{Name: "default_caller_id", Kind: rest.Reference, Table: "phone_numbers"},
			{Name: "hangup_recording_url", Kind: rest.Text},
		},
		Actions: map[string]func(*rest.Call) (any, error){
			"create": createMember, "update": updateMember, "delete": deleteMember, "bulk": updateMembers,
			"pinned_views": pinnedViews, "pin_views": pinViews,
		},
	}}
}

// Join makes a user a member of an organization, with a connected email account. A
// user whose membership was ended gets it back.
func Join(c *rest.Call, u *store.User, role string) *store.Membership {
	if i := slices.IndexFunc(u.Former, func(m store.Membership) bool { return m.Organization == c.Organization }); i >= 0 {
		m := u.Former[i]
		m.Role = role
		u.Former = slices.Delete(u.Former, i, i+1)
		u.Members = append(u.Members, m)
		return &u.Members[len(u.Members)-1]
	}
	ids := c.State.IDs
	u.Members = append(u.Members, store.Membership{
		ID: ids.Long("memb"), Organization: c.Organization, Role: role, Account: ids.Long("emailacct"), Signature: ids.Long("emailsig"),
	})
	m := &u.Members[len(u.Members)-1]
	c.Insert(c.Engine.Resources["connected_accounts"], object{
		"id": m.Account, "_type": "custom_email", "user_id": u.ID, "email": u.Email, "synced_calendars": []any{},
		"identities": []any{object{"email": u.Email, "name": u.Name()}},
		"smtp":       object{"host": "smtp.example.com", "port": int64(587), "use_ssl": true, "username": u.Email}, "imap": nil,
	})
	return m
}

// Leave ends the membership of a user in the organization of the call, and reports
// whether there was one.
func Leave(c *rest.Call, u *store.User) bool {
	i := slices.IndexFunc(u.Members, func(m store.Membership) bool { return m.Organization == c.Organization })
	if i < 0 {
		return false
	}
	m := u.Members[i]
	u.Members = slices.Delete(u.Members, i, i+1)
	u.Former = append(u.Former, m)
	logMember(c, u, m, "deactivated")
	return true
}

func logMember(c *rest.Call, u *store.User, m store.Membership, action string) {
	c.LogAs("membership", &store.Record{ID: m.ID, Organization: c.Organization}, action, nil, membershipObject(c, u, m), nil)
}

// createMember adds a user by an address whose domain a member has already, which
// stands for a domain that the organization proved to own.
func createMember(c *rest.Call) (any, error) {
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	var p rest.Problems
	address, role := value.String(c.Body["email"]), value.String(c.Body["role_id"])
	_, domain, ok := strings.Cut(address, "@")
	colleagues := c.Colleagues()
	switch {
	case address == "":
		p.Add("email", rest.MsgRequired)
	case !ok:
		p.Add("email", "Not a valid email address.")
	case slices.ContainsFunc(colleagues, func(u *store.User) bool { return strings.EqualFold(u.Email, address) }):
		p.Add("email", "This user is a member already.")
	case !slices.ContainsFunc(colleagues, func(u *store.User) bool {
		return strings.EqualFold(u.Email[strings.LastIndexByte(u.Email, '@')+1:], domain)
	}):
		p.Add("email", "The domain of the address is not verified for the organization.")
	}
	if roleOf(c, role) == nil {
		p.Add("role_id", rest.MsgNoObject)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.State.Users, func(u *store.User) bool { return strings.EqualFold(u.Email, address) })
	if i < 0 {
		i = len(c.State.Users)
		c.State.Users = append(c.State.Users, &store.User{ID: c.State.IDs.Long("user"), Email: address, Created: c.Now, Updated: c.Now})
	}
	u := c.State.Users[i]
	m := *Join(c, u, role)
	logMember(c, u, m, "activated")
	return membershipObject(c, u, m), nil
}

// memberOf returns a member of the organization by the id of the membership.
func memberOf(c *rest.Call, id string) (*store.User, *store.Membership, error) {
	for _, u := range c.State.Users {
		for i := range u.Members {
			if m := &u.Members[i]; m.ID == id && m.Organization == c.Organization {
				return u, m, nil
			}
		}
	}
	return nil, nil, rest.Missing(c.Resource.Model)
}

// settings reads a new role and settings from the body.
func settings(c *rest.Call) (role string, set object, err error) {
	var p rest.Problems
	set = c.Accept(c.Resource, c.Body, false, &p)
	if v, ok := c.Body["role_id"]; ok {
		if role = value.String(v); roleOf(c, role) == nil {
			p.Add("role_id", rest.MsgNoObject)
		}
	}
	return role, set, p.Err()
}

func updateMember(c *rest.Call) (any, error) {
	u, m, err := memberOf(c, c.ID)
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	role, set, err := settings(c)
	if err != nil {
		return nil, err
	}
	m.Set(role, set)
	return membershipObject(c, u, *m), nil
}

// updateMembers changes the members that id__in names; without it, it would be all.
func updateMembers(c *rest.Call) (any, error) {
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	role, set, err := settings(c)
	if err != nil {
		return nil, err
	}
	ids, chosen := strings.Split(c.Query.Get("id__in"), ","), c.Query.Has("id__in")
	n := int64(0)
	for _, u := range c.Colleagues() {
		for i := range u.Members {
			m := &u.Members[i]
			if m.Organization != c.Organization || chosen && !slices.Contains(ids, m.ID) {
				continue
			}
			m.Set(role, set)
			n++
		}
	}
	return object{"count": n}, nil
}

func deleteMember(c *rest.Call) (any, error) {
	u, _, err := memberOf(c, c.ID)
	if err != nil {
		return nil, err
	}
	if err := c.Allowed(c.Resource.Right); err != nil {
		return nil, err
	}
	if u.ID == c.User {
		return nil, rest.Refuse(400, "You cannot end your own membership.")
	}
	Leave(c, u)
	return object{}, nil
}

func pinnedViews(c *rest.Call) (any, error) {
	_, m, err := memberOf(c, c.ID)
	if err != nil {
		return nil, err
	}
	return object{"saved_view_ids": append([]any{}, m.Pinned...)}, nil
}

// pinViews replaces the whole list.
func pinViews(c *rest.Call) (any, error) {
	u, m, err := memberOf(c, c.ID)
	if err != nil {
		return nil, err
	}
	if u.ID != c.User {
		if err := c.Allowed(c.Resource.Right); err != nil {
			return nil, err
		}
	}
	views, ok := c.Body["saved_view_ids"].([]any)
	if !ok {
		return nil, rest.FieldError("saved_view_ids", rest.MsgRequired)
	}
	for _, v := range views {
		if _, ok := v.(string); !ok {
			return nil, rest.FieldError("saved_view_ids", rest.MsgType("basestring"))
		}
	}
	m.Pinned = slices.Clone(views)
	return pinnedViews(c)
}
