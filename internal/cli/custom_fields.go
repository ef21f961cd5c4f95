package cli

import (
	"context"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/organization"
)

// customOwners are the lists whose records have custom fields, and the kind of record by
// which Close calls these. Kinds with types of the organization's own have no schema in
// common; an empty kind has no definitions at all.
var customOwners = map[string]string{
	"leads": organization.OfLead, "contacts": organization.OfContact, "opportunities": organization.OfOpportunity,
	"activities": customActivity, "custom_activities": customActivity, "calls": "",
}

const customActivity = "activity"

// customFields returns the custom fields of the records of a list, shared ones too.
func customFields(ctx context.Context, c *closekit.Client, list string) ([]organization.Field, error) {
	switch owner := customOwners[list]; owner {
	case "":
		return nil, nil
	case customActivity:
		return organization.ActivityFields(ctx, c)
	default: // the list of the definitions of a kind leaves out shared fields, the schema does not
		return organization.Fields(ctx, c, owner)
	}
}
