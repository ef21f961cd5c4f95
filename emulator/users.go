package emulator

import (
	"cmp"
	"slices"
	"strings"
)

func userResources() []*resource {
	return []*resource{
		{
			name: "users", model: "User",
			actions: map[string]func(*call) (any, error){"me": me, "list": listUsers, "get": getUser},
		},
		{
			name: "organizations", model: "Organization",
			actions: map[string]func(*call) (any, error){"get": getOrganization, "update": updateOrganization},
		},
		{name: "connected_accounts", prefix: "emailacct", model: "ConnectedAccount", authors: authorNone, ascending: true, filters: map[string]kind{"user_id": text, "_type": text}, render: func(_ *call, _ *record, o object) { dropDates(o) }},
	}
}

// userObject returns a user as the API shows it.
func userObject(u *user) object {
	orgs := []any{}
	for _, m := range u.members {
		orgs = append(orgs, m.org)
	}
	return object{
		"id": u.id, "first_name": u.first, "last_name": u.last, "email": u.email, "image": nil,
		"last_used_timezone": "UTC", "organizations": orgs,
		"date_created": stamp(u.created), "date_updated": stamp(u.updated),
	}
}

func me(c *call) (any, error) {
	u := c.st.user(c.user)
	o := userObject(u)
	members, orgs, accounts := []object{}, []object{}, []object{}
	for _, m := range u.members {
		if c.client != "" && m.org != c.org {
			continue // a grant covers one organization
		}
		members = append(members, c.membershipObject(u, m))
		if org := c.st.organization(m.org); org != nil {
			orgs = append(orgs, c.organizationObject(org))
		}
		if rec := c.st.find("connected_accounts", m.org, m.account); rec != nil {
			accounts = append(accounts, c.render(c.e.resources["connected_accounts"], rec))
		}
	}
	o["memberships"], o["organizations"] = members, orgs
	o["email_accounts"], o["connected_accounts"] = accounts, accounts
	o["phone_numbers"], o["all_group_numbers"], o["email_signatures"] = []any{}, []any{}, []any{}
	o["email_verified_at"], o["phone"] = stamp(u.created), nil
	return c.selection().pick(o, nil), nil
}

func (c *call) membershipObject(u *user, m membership) object {
	granted := []any{}
	for _, p := range permissions(m.role) {
		granted = append(granted, p)
	}
	return object{
		"id": m.id, "user_id": u.id, "organization_id": m.org, "role_id": m.role, "role": m.role,
		"permissions_granted": granted, "auto_record_calls": "unset", "track_email_opens": true, "is_free": false,
	}
}

func (c *call) organizationObject(org *organization) object {
	sub := *c
	sub.org = org.id
	leadStatuses, opportunityStatuses, pipelines := []object{}, []object{}, []object{}
	for _, rec := range sub.statuses("lead_statuses", "") {
		leadStatuses = append(leadStatuses, object{"id": rec.id, "label": rec.data["label"]})
	}
	for _, rec := range sub.statuses("opportunity_statuses", "") {
		opportunityStatuses = append(opportunityStatuses, object{
			"id": rec.id, "label": rec.data["label"], "type": rec.data["type"], "pipeline_id": rec.data["pipeline_id"],
		})
	}
	for _, rec := range sub.pipelines() {
		pipelines = append(pipelines, sub.render(c.e.resources["pipelines"], rec))
	}
	return object{
		"id": org.id, "name": org.name, "currency": org.currency, "lead_statuses": leadStatuses,
		"opportunity_statuses": opportunityStatuses, "pipelines": pipelines, "plan_type": "enterprise",
		"created_by": nil, "updated_by": nil, "date_created": stamp(org.created), "date_updated": stamp(org.updated),
	}
}

func listUsers(c *call) (any, error) {
	p, err := c.page(maxLimit)
	if err != nil {
		return nil, err
	}
	rows := c.colleagues()
	byLast := func(a, b *user) int { return cmp.Compare(a.last, b.last) }
	byFirst := func(a, b *user) int { return cmp.Compare(a.first, b.first) }
	switch c.query.Get("_order_by") {
	case "last_name,first_name":
		slices.SortStableFunc(rows, byFirst)
		slices.SortStableFunc(rows, byLast)
	case "first_name,last_name":
		slices.SortStableFunc(rows, byLast)
		slices.SortStableFunc(rows, byFirst)
	}
	part, more := cut(rows, p)
	data, sel := []object{}, c.selection()
	for _, u := range part {
		data = append(data, sel.pick(userObject(u), nil))
	}
	return object{"data": data, "has_more": more}, nil
}

func getUser(c *call) (any, error) {
	u := c.st.user(c.id)
	if u == nil || !c.st.member(c.org, u.id) {
		return nil, missing("User")
	}
	return c.selection().pick(userObject(u), nil), nil
}

func getOrganization(c *call) (any, error) {
	if c.id != c.org {
		return nil, missing("Organization")
	}
	o := c.organizationObject(c.st.organization(c.org))
	members := []object{}
	for _, u := range c.colleagues() {
		m, _ := u.in(c.org)
		row := c.membershipObject(u, m)
		row["user_email"], row["user_first_name"], row["user_last_name"] = u.email, u.first, u.last
		row["user_full_name"], row["user_phone"] = u.name(), nil
		if strings.Contains(c.query.Get("_expand"), "memberships__user") {
			row["user"] = userObject(u)
		}
		members = append(members, row)
	}
	o["memberships"], o["inactive_memberships"] = members, []any{}
	return c.selection().pick(o, nil), nil
}

func updateOrganization(c *call) (any, error) {
	if c.id != c.org {
		return nil, missing("Organization")
	}
	if err := c.allowed("manage_organization"); err != nil {
		return nil, err
	}
	org := c.st.organization(c.org)
	var p problems
	name, currency := org.name, org.currency
	if v, ok := c.body["name"]; ok {
		if name, ok = v.(string); !ok || name == "" {
			p.add("name", errType("basestring"))
		}
	}
	if v, ok := c.body["currency"]; ok {
		if currency, ok = v.(string); !ok || len(currency) != 3 {
			p.add("currency", errNotChoice)
		}
	}
	order, hasOrder := c.body["lead_statuses"].([]any)
	for _, e := range order {
		if o, _ := e.(object); c.st.find("lead_statuses", c.org, str(o["id"])) == nil {
			p.add("lead_statuses", errNoObject)
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	org.name, org.currency, org.updated = name, currency, c.now
	if hasOrder {
		c.reorder("lead_statuses", "", order)
	}
	return getOrganization(c)
}
