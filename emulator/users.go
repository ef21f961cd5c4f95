package emulator

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
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

// userName returns the name of a user by id, or null if it is unknown.
func (c *call) userName(id any) any {
	if u := c.st.user(str(id)); u != nil {
		return u.name()
	}
	return nil
}

// authenticate identifies the caller.
func (c *call) authenticate(h http.Header) error {
	denied := refuse(http.StatusUnauthorized, "Unauthorized")
	scheme, rest, _ := strings.Cut(h.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			return denied
		}
		key, _, colon := strings.Cut(string(raw), ":")
		k := c.st.keys[key]
		if !colon || k == nil {
			return denied
		}
		c.user, c.org, c.keyID = k.user, k.org, k.id
	case "bearer":
		g := c.st.oauth.access(strings.TrimSpace(rest), c.now)
		if g == nil {
			return denied
		}
		c.user, c.org, c.grant = g.user, g.org, g
	default:
		return denied
	}
	if !c.st.member(c.org, c.user) {
		return denied
	}
	return nil
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
	status := cmp.Or(c.s.opts.PermissionDenied, http.StatusForbidden)
	if status == http.StatusUnauthorized {
		return refuse(status, "Unauthorized")
	}
	return refuse(status, "You do not have permission to perform this action.")
}

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

func (u *user) object() object {
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
	o := u.object()
	members, orgs, accounts := []object{}, []object{}, []object{}
	for _, m := range u.members {
		if c.grant != nil && m.org != c.org {
			continue // a grant covers one organization
		}
		members = append(members, c.membershipObject(u, m))
		if org := c.st.organization(m.org); org != nil {
			orgs = append(orgs, c.organizationObject(org))
		}
		if rec := c.st.find("connected_accounts", m.org, m.account); rec != nil {
			accounts = append(accounts, c.render(c.s.resources["connected_accounts"], rec))
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
		pipelines = append(pipelines, sub.render(c.s.resources["pipelines"], rec))
	}
	return object{
		"id": org.id, "name": org.name, "currency": org.currency, "lead_statuses": leadStatuses,
		"opportunity_statuses": opportunityStatuses, "pipelines": pipelines, "plan_type": "enterprise",
		"created_by": nil, "updated_by": nil, "date_created": stamp(org.created), "date_updated": stamp(org.updated),
	}
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
		data = append(data, sel.pick(u.object(), nil))
	}
	return object{"data": data, "has_more": more}, nil
}

func getUser(c *call) (any, error) {
	u := c.st.user(c.id)
	if u == nil || !c.st.member(c.org, u.id) {
		return nil, missing("User")
	}
	return c.selection().pick(u.object(), nil), nil
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
			row["user"] = u.object()
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
