package crm

import "github.com/closekit/closekit/emulator/internal/rest"

// outcomeResource describes outcomes. Calls and meetings keep one that is deleted.
func outcomeResource() *rest.Resource {
	return &rest.Resource{
		Name: "outcomes", Prefix: "outcome", Short: true, Model: "Outcome", Authors: rest.AuthorPlain, Ascending: true,
		Right: "manage_customizations",
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "description", Kind: rest.Text},
			{Name: "type", Kind: rest.Choice, Choices: []string{"custom", "vm-dropped"}, NotNull: true},
			{Name: "applies_to", Kind: rest.Texts, NotNull: true},
		},
		Prepare: func(_ *rest.Call, o, _ object, _ *rest.Problems) {
			setDefaults(o, object{"description": nil, "type": "custom", "applies_to": []any{"calls", "meetings"}})
		},
	}
}
