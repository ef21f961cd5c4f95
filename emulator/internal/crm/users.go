package crm

import (
	"cmp"
	"html"
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func userResources() []*rest.Resource {
	return []*rest.Resource{
		{
			Name: "users", Model: "User",
			Actions: map[string]func(*rest.Call) (any, error){"me": me, "list": listUsers, "get": getUser, "availability": availability},
		},
		{
			Name: "organizations", Model: "Organization",
			Actions: map[string]func(*rest.Call) (any, error){"get": getOrganization, "update": updateOrganization},
		},
		{Name: "connected_accounts", Prefix: "emailacct", Model: "ConnectedAccount", Authors: rest.AuthorNone, Ascending: true, Filters: map[string]rest.Kind{"user_id": rest.Text, "_type": rest.Text}, Render: func(_ *rest.Call, _ *store.Record, o object) { dropDates(o) }},
	}
}

// UserObject returns a user as the API shows it.
func UserObject(u *store.User) value.Object {
	orgs := []any{}
	for _, m := range u.Members {
		orgs = append(orgs, m.Organization)
	}
	return object{
		"id": u.ID, "first_name": u.First, "last_name": u.Last, "email": u.Email, "image": nil,
		"google_profile_image_url": nil, "email_verified_at": value.Stamp(u.Created), "last_used_timezone": "UTC", "organizations": orgs,
		"date_created": value.Stamp(u.Created), "date_updated": value.Stamp(u.Updated),
	}
}

func me(c *rest.Call) (any, error) {
	u := c.State.User(c.User)
	o := UserObject(u)
	members, orgs, accounts, signatures := []object{}, []object{}, []object{}, []object{}
	for _, m := range u.Members {
		if c.Client != "" && m.Organization != c.Organization {
			continue // a grant covers one organization
		}
		members = append(members, membershipObject(c, u, m))
		signatures = append(signatures, object{"id": m.Signature, "membership_id": m.ID, "value": "--<br>" + html.EscapeString(u.Name())})
		if org := c.State.Organization(m.Organization); org != nil {
			orgs = append(orgs, organizationObject(c, org))
		}
		if rec := c.State.Find("connected_accounts", m.Organization, m.Account); rec != nil {
			accounts = append(accounts, c.Render(c.Engine.Resources["connected_accounts"], rec))
		}
	}
	o["memberships"], o["organizations"] = members, orgs
	o["email_accounts"], o["connected_accounts"] = accounts, accounts
	o["phone_numbers"], o["all_group_numbers"], o["email_signatures"] = []any{}, []any{}, signatures
	o["phone"], o["country"], o["outbound_carrier"], o["preferred_twilio_edge"] = nil, "US", "twilio", nil
	o["is_passwordless"], o["totp_auth_state"] = false, "disabled"
	return c.Selection().Pick(o, nil), nil
}

func membershipObject(c *rest.Call, u *store.User, m store.Membership) object {
	sub := *c
	sub.Organization = m.Organization
	granted := []any{}
	for _, p := range sub.PermissionsOf(m.Role) {
		granted = append(granted, p)
	}
	o := object{
		"id": m.ID, "user_id": u.ID, "organization_id": m.Organization, "role_id": m.Role, "role": m.Role,
		"permissions_granted": granted, "auto_record_calls": "unset", "track_email_opens": true, "is_free": false,
		"default_caller_id": nil, "primary_personal_number": nil, "hangup_recording_url": nil,
		"may_workflows_impersonate": false, "onboarding_status": "done",
	}
	maps.Copy(o, m.Settings)
	return o
}

func organizationObject(c *rest.Call, org *store.Organization) object {
	sub := *c
	sub.Organization = org.ID
	leadStatuses, opportunityStatuses, pipelines := []object{}, []object{}, []object{}
	for _, rec := range statusesOf(&sub, "lead_statuses", "") {
		leadStatuses = append(leadStatuses, object{"id": rec.ID, "label": rec.Data["label"]})
	}
	for _, rec := range statusesOf(&sub, "opportunity_statuses", "") {
		opportunityStatuses = append(opportunityStatuses, object{"id": rec.ID, "label": rec.Data["label"], "type": rec.Data["type"]})
	}
	for _, rec := range pipelinesOf(&sub) {
		pipelines = append(pipelines, sub.Render(c.Engine.Resources["pipelines"], rec))
	}
	fields := []object{}
	for _, rec := range c.State.Table(CustomTable("lead")).All(org.ID) {
		fields = append(fields, sub.Render(c.Engine.Resources[CustomTable("lead")], rec))
	}
	return object{
		"id": org.ID, "name": org.Name, "currency": org.Currency, "currency_symbol": currencySymbol(org.Currency), "lead_statuses": leadStatuses,
		"opportunity_statuses": opportunityStatuses, "pipelines": pipelines, "lead_custom_fields": fields, "features": []any{},
		"plan_id": "scale", "plan_type": "scale", "plan_version": int64(5), "status": "active", "billing_account_id": org.Billing,
		"leads_email": "emulated-" + strings.ToLower(org.ID[len(org.ID)-min(8, len(org.ID)):]) + "@leads.close.com",
		"limit_of_connected_accounts_per_membership": int64(10), "abandonment_message_url": "", "predictive_dialer_status": "disabled",
		"enable_unsubscribe_link": org.Unsubscribe.Enabled, "require_unsubscribe_link": org.Unsubscribe.Required, "transcript_enabled": true,
		"created_by": nil, "updated_by": nil, "date_created": value.Stamp(org.Created), "date_updated": value.Stamp(org.Updated),
	}
}

func listUsers(c *rest.Call) (any, error) {
	p, err := c.Page(rest.MaxLimit)
	if err != nil {
		return nil, err
	}
	rows := c.Colleagues()
	byLast := func(a, b *store.User) int { return cmp.Compare(a.Last, b.Last) }
	byFirst := func(a, b *store.User) int { return cmp.Compare(a.First, b.First) }
	switch c.Query.Get("_order_by") {
	case "last_name,first_name":
		slices.SortStableFunc(rows, byFirst)
		slices.SortStableFunc(rows, byLast)
	case "first_name,last_name":
		slices.SortStableFunc(rows, byLast)
		slices.SortStableFunc(rows, byFirst)
	}
	part, more := rest.Cut(rows, p)
	data, sel := []object{}, c.Selection()
	for _, u := range part {
		data = append(data, sel.Pick(UserObject(u), nil))
	}
	return object{"data": data, "has_more": more}, nil
}

// availability says which users are in a call: all others are offline, because the
// emulator has no telephones.
func availability(c *rest.Call) (any, error) {
	if id := c.Query.Get("organization_id"); id != "" && id != c.Organization {
		return nil, rest.Missing("Organization")
	}
	data := []object{}
	for _, u := range c.Colleagues() {
		active := []object{}
		for _, rec := range c.State.Table("activities").All(c.Organization) {
			if rec.Data["_type"] == "Call" && rec.Data["user_id"] == u.ID && rec.Data["status"] == "in-progress" {
				active = append(active, object{
					"id": rec.ID, "method": rec.Data["call_method"],
					"lead": object{"id": rec.Lead, "display_name": leadName(c, rec.Lead)},
				})
			}
		}
		status := "offline"
		if len(active) > 0 {
			status = "busy"
		}
		data = append(data, object{"user_id": u.ID, "availability": []any{object{"type": "native", "status": status, "active_calls": active}}})
	}
	return object{"data": data}, nil
}

func getUser(c *rest.Call) (any, error) {
	u := c.State.User(c.ID)
	if u == nil || !c.State.Member(c.Organization, u.ID) {
		return nil, rest.Missing("User")
	}
	return c.Selection().Pick(UserObject(u), nil), nil
}

func getOrganization(c *rest.Call) (any, error) {
	if c.ID != c.Organization {
		return nil, rest.Missing("Organization")
	}
	o := organizationObject(c, c.State.Organization(c.Organization))
	members, former := []object{}, []object{}
	for _, u := range c.State.Users {
		if m, ok := u.In(c.Organization); ok {
			members = append(members, memberRow(c, u, m, "memberships__user"))
		}
		for _, m := range u.Former {
			if m.Organization == c.Organization {
				former = append(former, memberRow(c, u, m, "inactive_memberships__user"))
			}
		}
	}
	o["memberships"], o["inactive_memberships"] = members, former
	return c.Selection().Pick(o, nil), nil
}

// memberRow returns a member as the organization lists it. expand is the word of
// _expand with which the user comes along.
func memberRow(c *rest.Call, u *store.User, m store.Membership, expand string) object {
	row := membershipObject(c, u, m)
	row["user_email"], row["user_first_name"], row["user_last_name"] = u.Email, u.First, u.Last
	row["user_full_name"], row["user_phone"] = u.Name(), nil
	if slices.Contains(strings.Split(c.Query.Get("_expand"), ","), expand) {
		row["user"] = UserObject(u)
	}
	return row
}

func updateOrganization(c *rest.Call) (any, error) {
	if c.ID != c.Organization {
		return nil, rest.Missing("Organization")
	}
	if err := c.Allowed("manage_organization"); err != nil {
		return nil, err
	}
	org := c.State.Organization(c.Organization)
	var p rest.Problems
	name, currency := org.Name, org.Currency
	if v, ok := c.Body["name"]; ok {
		if name, ok = v.(string); !ok || name == "" {
			p.Add("name", rest.MsgType("basestring"))
		}
	}
	if v, ok := c.Body["currency"]; ok {
		if currency, ok = v.(string); !ok || len(currency) != 3 {
			p.Add("currency", rest.MsgNotChoice)
		}
	}
	links := org.Unsubscribe
	for name, to := range map[string]*bool{"enable_unsubscribe_link": &links.Enabled, "require_unsubscribe_link": &links.Required} {
		if v, ok := c.Body[name]; ok {
			if *to, ok = v.(bool); !ok {
				p.Add(name, rest.MsgType("bool"))
			}
		}
	}
	order, hasOrder := c.Body["lead_statuses"].([]any)
	for _, e := range order {
		if o, _ := e.(object); c.State.Find("lead_statuses", c.Organization, value.String(o["id"])) == nil {
			p.Add("lead_statuses", rest.MsgNoObject)
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	org.Name, org.Currency, org.Unsubscribe, org.Updated = name, currency, links, c.Now
	if hasOrder {
		reorderStatuses(c, "lead_statuses", "", order)
	}
	return getOrganization(c)
}
