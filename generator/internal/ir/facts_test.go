package ir

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/closekit/closekit/manifest"
)

// TestRoles checks that one declaration says what holds for each use of a
// field, and nothing that does not.
func TestRoles(t *testing.T) {
	least, most := int64(0), int64(100)
	f := &manifest.Field{
		Name: "chance", Type: &manifest.Type{Kind: manifest.Integer}, About: "Chance in percent.", OnCreate: "It can grow.",
		OnUpdate: "It cannot shrink.", Nullable: true, Required: true, OnRequest: true, Min: &least, Max: &most, Default: json.RawMessage("5"),
		Deprecated: "Use luck.",
	}
	for name, c := range map[string]struct {
		role            role
		doc             []string
		models, page    string
		required, nulls bool
	}{
		"result": {
			inResult,
			[]string{"Chance in percent. Comes only when named in _fields.", "Deprecated: Use luck."},
			"Chance in percent. Deprecated: Use luck.",
			"Chance in percent. Comes only when named in _fields. Deprecated: Use luck.", false, true,
		},
		"create": {
			inCreate,
			[]string{"Chance in percent. It can grow. From 0 to 100. Defaults to 5. Required.", "Deprecated: Use luck."},
			"Chance in percent. It can grow. Deprecated: Use luck.",
			"Chance in percent. It can grow. From 0 to 100. Defaults to 5. Deprecated: Use luck.", true, true,
		},
		"update": {
			inUpdate,
			[]string{"Chance in percent. It cannot shrink. From 0 to 100. Defaults to 5. Null clears it. Required.", "Deprecated: Use luck."},
			"Chance in percent. It cannot shrink. Null clears it. Deprecated: Use luck.",
			"Chance in percent. It cannot shrink. From 0 to 100. Defaults to 5. Null clears it. Deprecated: Use luck.", true, true,
		},
		"filter": {
			inFilter,
			[]string{"Chance in percent. From 0 to 100. Defaults to 5. Required.", "Deprecated: Use luck."},
			"Chance in percent. Deprecated: Use luck.",
			"Chance in percent. From 0 to 100. Defaults to 5. Deprecated: Use luck.", true, true,
		},
	} {
		facts := factsOf(f, c.role)
		if got := facts.goDoc(); !slices.Equal(got, c.doc) {
			t.Errorf("%s: Go says %q, want %q", name, got, c.doc)
		}
		if got := facts.forModels(f.Name); got != c.models {
			t.Errorf("%s: the schema says %q, want %q", name, got, c.models)
		}
		if got := facts.onPage(); got != c.page {
			t.Errorf("%s: the page says %q, want %q", name, got, c.page)
		}
		if facts.Required != c.required || facts.Nullable != c.nulls {
			t.Errorf("%s: required %v, nullable %v", name, facts.Required, facts.Nullable)
		}
	}
}

func TestGoText(t *testing.T) {
	field := func(name string) *manifest.Field {
		return &manifest.Field{Name: name, Type: &manifest.Type{Kind: manifest.String}}
	}
	params := []*manifest.Field{field("status_id"), field("status"), field("value"), field("urls"), field("_fields")}
	g := newGoText(&manifest.API{Resources: []*manifest.Resource{{
		Tools: []*manifest.Tool{{Name: "close_leads_list", Params: params}},
		Types: []*manifest.Object{{Fields: []*manifest.Field{field("date_won")}}},
	}}})
	for in, want := range map[string]string{
		"Give status_id or status, not both.":                             "Give StatusID or status, not both.",
		"value is in cents. status, urls and value replace":               "Value is in cents. Status, URLs and Value replace",
		"The value is large. values are not.":                             "The value is large. values are not.",
		"Take it from close_leads_list.":                                  "Take it from [LeadsList].",
		"Take it (close_leads_list) or close_leads_lost.":                 "Take it ([LeadsList]) or close_leads_lost.",
		"Name them in _fields.":                                           "Name them in Fields.",
		`"date_won", -date_won, custom.date_won, a/date_won and date_won`: `"date_won", -date_won, custom.date_won, a/date_won and DateWon`,
		"ids such as status_id… or cf_…":                                  "ids such as status_id… or cf_…",
		"It has has_more and unknown_x.":                                  "It has HasMore and unknown_x.",
		"":                                                                "",
	} {
		if got := g.text(in, params...); got != want {
			t.Errorf("text(%q) = %q, want %q", in, got, want)
		}
	}
}
