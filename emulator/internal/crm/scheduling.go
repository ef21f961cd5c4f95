package crm

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func schedulingResources() []*rest.Resource {
	text := []rest.Field{
		{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
		{Name: "description", Kind: rest.Text},
	}
	return []*rest.Resource{
		{
			Name: "scheduling_links", Prefix: "schlnk", Short: true, Model: "SchedulingLink", Authors: rest.AuthorNone, Ascending: true,
			Fields: append(text[:2:2],
				rest.Field{Name: "url", Kind: rest.Text, Need: true, NotNull: true},
				rest.Field{Name: "duration_in_minutes", Kind: rest.Whole, Bounded: true},
			),
			Prepare: prepareLink, Change: changeLink, Release: ownLink, Cascade: unmapLink,
			Narrow: func(c *rest.Call) (func(*store.Record) bool, error) {
				return func(rec *store.Record) bool { return rec.Data["user_id"] == c.User }, nil
			},
			Render:  func(_ *rest.Call, _ *store.Record, o object) { dropDates(o) },
			Actions: map[string]func(*rest.Call) (any, error){"set_integration": setIntegration, "delete_integration": deleteIntegration},
		},
		{
			Name: "shared_scheduling_links", Prefix: "schlnk", Short: true, Model: "SharedSchedulingLink", Authors: rest.AuthorNone, Ascending: true,
			Right: "manage_customizations", Fields: text,
			Prepare: func(_ *rest.Call, o, _ object, _ *rest.Problems) {
				setDefaults(o, object{
					"description": nil, "url": nil, "duration_in_minutes": nil, "source": "MANUAL", "source_id": nil, "source_type": nil,
					"type": "shared", "user_id": nil, "template_tag": strings.Join(strings.Fields(strings.ToLower(value.String(o["name"]))), "_"),
				})
			},
			Cascade: unmapLink,
			Render:  func(_ *rest.Call, _ *store.Record, o object) { dropDates(o) },
			Actions: map[string]func(*rest.Call) (any, error){"map": mapLink, "unmap": unmap},
		},
	}
}

func prepareLink(c *rest.Call, o, _ object, p *rest.Problems) {
	if c.Client == "" || o["source_id"] == nil {
		setDefaults(o, object{"source": "MANUAL", "source_id": nil, "source_type": nil, "oauth_client_id": nil})
	}
	setDefaults(o, object{"description": nil, "duration_in_minutes": nil, "template_tag": nil, "type": "user", "user_id": c.User})
	checkLink(o, p)
}

func checkLink(o object, p *rest.Problems) {
	text, ok := o["url"].(string)
	if u, err := url.Parse(text); ok && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		p.Add("url", "Not a valid URL.")
	}
}

func changeLink(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
	if err := ownLink(c, rec); err != nil {
		c.Failure = err
	}
	if rec.Data["source"] != "MANUAL" {
		p.Add("source", "An integration maintains this link.")
	}
	checkLink(patch, p)
}

func ownLink(c *rest.Call, rec *store.Record) error {
	if rec.Data["user_id"] != c.User {
		return c.Denied()
	}
	return nil
}

// integrationLink returns the link that the app of the caller gave an id, or nil.
func integrationLink(c *rest.Call, source any) *store.Record {
	for _, rec := range c.State.Table("scheduling_links").All(c.Organization) {
		if rec.Data["source_id"] == source && rec.Data["oauth_client_id"] == c.Client && rec.Data["user_id"] == c.User {
			return rec
		}
	}
	return nil
}

// setIntegration creates the link with a source_id of the app, or changes it.
func setIntegration(c *rest.Call) (any, error) {
	if err := oauthOnly(c); err != nil {
		return nil, err
	}
	source, ok := c.Body["source_id"].(string)
	if !ok || source == "" {
		return nil, rest.FieldError("source_id", rest.MsgRequired)
	}
	rec := integrationLink(c, source)
	var p rest.Problems
	o := c.Accept(c.Resource, c.Body, rec == nil, &p)
	checkLink(o, &p)
	if v, ok := c.Body["source_type"]; ok {
		o["source_type"] = v
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if rec != nil {
		c.Apply(c.Resource, rec, o)
		return c.Result(rec), nil
	}
	setDefaults(o, object{"source": "THIRD_PARTY", "source_id": source, "source_type": nil, "oauth_client_id": c.Client})
	prepareLink(c, o, nil, &p)
	return c.Result(c.Insert(c.Resource, o)), nil
}

func deleteIntegration(c *rest.Call) (any, error) {
	if err := oauthOnly(c); err != nil {
		return nil, err
	}
	rec := integrationLink(c, c.ID)
	if rec == nil {
		return nil, rest.Missing(c.Resource.Model)
	}
	c.Drop(c.Resource, rec)
	return object{}, nil
}

// mappings are the records that say what a shared link is for one user.
const mappings = "shared_scheduling_link_associations"

func mappingOf(c *rest.Call, shared, user any) *store.Record {
	for _, rec := range c.State.Table(mappings).All(c.Organization) {
		if rec.Data["shared_scheduling_link_id"] == shared && rec.Data["user_id"] == user {
			return rec
		}
	}
	return nil
}

// mappingTarget reads the shared link and the user of a mapping from the body. Only
// an administrator maps for others.
func mappingTarget(c *rest.Call) (shared, user any, err error) {
	var p rest.Problems
	shared, user = c.Body["shared_scheduling_link_id"], c.Body["user_id"]
	if user == nil {
		user = c.User
	}
	if c.State.Find("shared_scheduling_links", c.Organization, value.String(shared)) == nil {
		p.Add("shared_scheduling_link_id", rest.MsgNoObject)
	}
	if !c.State.Member(c.Organization, value.String(user)) {
		p.Add("user_id", rest.MsgNoObject)
	}
	if org := c.Body["organization_id"]; org != nil && org != c.Organization {
		p.Add("organization_id", rest.MsgNoObject)
	}
	if err := p.Err(); err != nil {
		return nil, nil, err
	}
	if user != c.User {
		err = c.Allowed(c.Resource.Right)
	}
	return shared, user, err
}

func mapLink(c *rest.Call) (any, error) {
	shared, user, err := mappingTarget(c)
	if err != nil {
		return nil, err
	}
	own, page := c.Body["user_scheduling_link_id"], c.Body["url"]
	if (own == nil) == (page == nil) {
		return nil, rest.WrongList("Give either user_scheduling_link_id or url.")
	}
	var p rest.Problems
	if own != nil {
		link := c.State.Find("scheduling_links", c.Organization, value.String(own))
		if link == nil || link.Data["user_id"] != user {
			p.Add("user_scheduling_link_id", rest.MsgNoObject)
		}
	}
	checkLink(object{"url": page}, &p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if rec := mappingOf(c, shared, user); rec != nil {
		c.State.Table(mappings).Remove(rec)
	}
	o := object{"shared_scheduling_link_id": shared, "user_id": user, "user_scheduling_link_id": own, "url": page}
	c.Store(&rest.Resource{Name: mappings, Prefix: "schlnkassoc", Short: true, Authors: rest.AuthorNone}, o)
	out := value.Shallow(o)
	delete(out, "id")
	dropDates(out)
	return out, nil
}

func unmap(c *rest.Call) (any, error) {
	shared, user, err := mappingTarget(c)
	if err != nil {
		return nil, err
	}
	rec := mappingOf(c, shared, user)
	if rec == nil {
		return nil, rest.Refuse(http.StatusNotFound, "Nothing is set for this user.")
	}
	c.State.Table(mappings).Remove(rec)
	return object{}, nil
}

// unmapLink removes what refers to a link that is deleted.
func unmapLink(c *rest.Call, rec *store.Record) {
	for _, m := range c.State.Table(mappings).All(c.Organization) {
		if m.Data["shared_scheduling_link_id"] == rec.ID || m.Data["user_scheduling_link_id"] == rec.ID {
			c.State.Table(mappings).Remove(m)
		}
	}
}
