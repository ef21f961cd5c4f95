package crm

import (
	"net/http"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

func enrichmentResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "field_enrichment", Model: "FieldEnrichment",
		Actions: map[string]func(*rest.Call) (any, error){"enrich": enrich},
	}}
}

// enrich answers with a value that the field accepts, in place of an AI, and writes it.
func enrich(c *rest.Call) (any, error) {
	var p rest.Problems
	for _, name := range []string{"organization_id", "object_type", "object_id", "field_id"} {
		if value.String(c.Body[name]) == "" {
			p.Add(name, rest.MsgRequired)
		}
	}
	owner := value.String(c.Body["object_type"])
	if len(p) == 0 && owner != "lead" && owner != "contact" {
		p.Add("object_type", rest.MsgNotChoice)
	}
	if len(p) == 0 && c.Body["organization_id"] != c.Organization {
		p.Add("organization_id", rest.MsgNoObject)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	table := owner + "s"
	rec := c.State.Find(table, c.Organization, value.String(c.Body["object_id"]))
	def := c.State.Find(CustomTable(owner), c.Organization, value.String(c.Body["field_id"]))
	if rec == nil {
		return nil, rest.FieldError("object_id", rest.MsgNoObject)
	}
	if def == nil {
		return nil, rest.FieldError("field_id", rest.MsgNoObject)
	}
	var found any = "Found by the emulator"
	switch def.Data["type"] {
	case "number":
		found = int64(42)
	case "date":
		found = c.Now.In(c.Zone).Format(value.DayLayout)
	case "datetime":
		found = value.Stamp(c.Now)
	case "choices":
		if found = nil; len(value.List(def.Data["choices"])) > 0 {
			found = value.List(def.Data["choices"])[0]
		}
	case "user":
		found = value.OrNull(c.User)
	case "contact", "custom_object":
		found = nil
	}
	key := "custom." + def.ID
	write := c.Body["set_new_value"] == nil || value.Bool(c.Body["set_new_value"])
	if write && found != nil && (rec.Data[key] == nil || value.Bool(c.Body["overwrite_existing_value"])) {
		if c.Failure = nil; c.Modify(c.Engine.Resources[table], rec, object{key: found}) != nil {
			return nil, rest.Refuse(http.StatusBadRequest, "The value could not be written.")
		}
	}
	return object{
		"value": found, "confidence": "high", "reasoning": "The emulator makes up a value that the field accepts.", "field_id": def.ID,
		"object_id": rec.ID, "object_type": owner, "organization_id": c.Organization,
	}, nil
}
