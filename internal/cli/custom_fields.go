package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/closekit/closekit"
)

// customField is the definition of a custom field.
type customField struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Type         string        `json:"type"`
	Choices      []string      `json:"choices"`
	Multiple     bool          `json:"accepts_multiple_values"`
	Associations []association `json:"associations"` // of a shared field
}

// association is a kind of record that has a shared field.
type association struct {
	ObjectType string `json:"object_type"`
}

// customOwners are the lists whose records have custom fields, and the kind of record by
// which Close calls these. Kinds with types of the organization's own have no schema in
// common; an empty kind has no definitions at all.
var customOwners = map[string]string{
	"leads": "lead", "contacts": "contact", "opportunities": "opportunity",
	"activities": customActivity, "custom_activities": customActivity, "calls": "",
}

const customActivity = "activity"

// customFields returns the custom fields of the records of a list, shared ones too.
func customFields(ctx context.Context, c *closekit.Client, list string) ([]customField, error) {
	switch owner := customOwners[list]; owner {
	case "":
		return nil, nil
	case customActivity:
		return activityFields(ctx, c)
	default: // the list of the definitions of a kind leaves out shared fields, the schema does not
		var schema struct {
			Fields []customField `json:"fields"`
		}
		err := c.Do(ctx, closekit.Request{Method: "GET", Path: "/custom_field_schema/" + owner + "/"}, func(r closekit.Response) error {
			return json.Unmarshal(r.Body, &schema)
		})
		if err != nil {
			return nil, fmt.Errorf("read the custom fields of %s: %w", list, err)
		}
		return schema.Fields, nil
	}
}

// activityFields returns the custom fields of all types of custom activities.
func activityFields(ctx context.Context, c *closekit.Client) ([]customField, error) {
	all, err := definedFields(ctx, c, "activity")
	if err != nil {
		return nil, err
	}
	shared, err := definedFields(ctx, c, "shared")
	if err != nil {
		return nil, err
	}
	for _, f := range shared {
		if slices.Contains(f.Associations, association{"custom_activity_type"}) {
			all = append(all, f)
		}
	}
	return all, nil
}

// definedFields returns all definitions of a kind.
func definedFields(ctx context.Context, c *closekit.Client, kind string) (all []customField, err error) {
	for {
		var page struct {
			Data    []customField `json:"data"`
			HasMore bool          `json:"has_more"`
		}
		query := url.Values{"_limit": {"100"}, "_skip": {strconv.Itoa(len(all))}}
		err := c.Do(ctx, closekit.Request{Method: "GET", Path: "/custom_field/" + kind + "/", Query: query.Encode()}, func(r closekit.Response) error {
			return json.Unmarshal(r.Body, &page)
		})
		if err != nil {
			return nil, fmt.Errorf("read the custom fields: %w", err)
		}
		all = append(all, page.Data...)
		if !page.HasMore || len(page.Data) == 0 {
			return all, nil
		}
	}
}
