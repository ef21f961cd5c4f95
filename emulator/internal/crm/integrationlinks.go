package crm

import (
	"net/url"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func integrationLinkResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "integration_links", Prefix: "ilink", Short: true, Model: "IntegrationLink", Authors: rest.AuthorPlain, Ascending: true,
		Right: "manage_organization",
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "url", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "type", Kind: rest.Choice, Choices: []string{"lead", "contact", "opportunity"}, Need: true, NotNull: true},
		},
	}}
}

// linksOf returns the integration links of a record, filled in from its fields.
func linksOf(c *rest.Call, kind string, rec *store.Record) []any {
	out := []any{}
	for _, link := range c.State.Table("integration_links").All(c.Organization) {
		if link.Data["type"] != kind {
			continue
		}
		out = append(out, object{"name": link.Data["name"], "url": placesIn(value.String(link.Data["url"]), linkValues(c, kind, rec))})
	}
	return out
}

// linkValues returns what the places of a link stand for, escaped for a URL.
func linkValues(c *rest.Call, kind string, rec *store.Record) map[string]string {
	values := map[string]string{kind + ".id": rec.ID, "lead.id": rec.Lead}
	values["lead.name"] = value.String(leadName(c, rec.Lead))
	values["lead.display_name"] = values["lead.name"]
	if kind == "contact" {
		values["contact.name"] = contactName(rec.Data)
		for _, address := range parts(rec, "emails", "email") {
			values["contact.email"] = value.String(address)
			break
		}
	}
	for k, v := range values {
		values[k] = url.QueryEscape(v)
	}
	return values
}
