package webhooks_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime/webhooks"
)

func TestParseKind(t *testing.T) {
	t.Parallel()
	for text, k := range map[string]webhooks.Kind{
		"lead.created": {ObjectType: "lead", Action: "created"}, "activity.note.updated": {ObjectType: "activity.note", Action: "updated"},
		"note.updated": {ObjectType: "note", Action: "updated"}, "membership.activated": {ObjectType: "membership", Action: "activated"},
		"import.reverted": {ObjectType: "import", Action: "reverted"}, "lead_merge.created": {ObjectType: "lead_merge", Action: "created"},
	} {
		got, err := webhooks.ParseKind(text)
		if err != nil || got.ObjectType != k.ObjectType || got.Action != k.Action || got.String() != text {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for text, near := range map[string]string{
		"": "", "lead": "lead.created lead.updated lead.deleted lead.merged", ".created": "", "lead.": "lead.created lead.updated lead.deleted lead.merged",
		"lead created.x": "lead.created", "a&b.c": "", "zzz.qqq": "",
		"lead.craeted":          "lead.created",
		"lead.create":           "lead.created",
		"leads.created":         "lead.created",
		"Lead.Created":          "lead.created",
		"contact.merged":        "contact.created contact.updated contact.deleted",
		"membership.delted":     "membership.activated membership.deactivated",
		"activity.cal.answered": "activity.call.answered",
		"note.sent":             "note.created note.updated note.deleted",
		"note":                  "note.created note.updated note.deleted",
		"export.completed":      "export.lead.completed export.opportunity.completed",
		"status.created":        "status.lead.created status.opportunity.created",
	} {
		k, err := webhooks.ParseKind(text)
		var unknown *webhooks.UnknownKindError
		if !errors.As(err, &unknown) {
			t.Errorf("%q: got %+v, %v", text, k, err)
			continue
		}
		got := slices.Clone(unknown.Near)
		want := strings.Fields(near)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q: near are %q, want %q", text, got, want)
		}
		for _, n := range unknown.Near {
			if _, err := webhooks.ParseKind(n); err != nil {
				t.Errorf("%q: a suggestion: %v", text, err)
			}
			if !strings.Contains(err.Error(), n) && len(unknown.Near) <= 8 {
				t.Errorf("%v does not name %s", err, n)
			}
		}
	}
}

// TestKinds has the kinds that Close documents, and no others, of the types and actions that
// the manifest has.
func TestKinds(t *testing.T) {
	t.Parallel()
	used, actions := map[string]bool{}, map[string]int{}
	kinds, _ := documented(t)
	for _, k := range kinds {
		if got, err := webhooks.ParseKind(k.String()); err != nil || got.String() != k.String() || got.ObjectType != k.ObjectType {
			t.Errorf("%s: got %+v, %v", k, got, err)
		}
		used[k.Action] = true
		actions[k.ObjectType]++
	}
	for _, objectType := range closeapi.WebhookObjectType("").Values() {
		if n := webhooks.ActionsOf(objectType); n == 0 || n != actions[objectType] {
			t.Errorf("%s: %d actions, %d are documented", objectType, n, actions[objectType])
		}
		delete(actions, objectType)
	}
	if len(actions) > 0 {
		t.Errorf("types are documented that the manifest does not have: %v", actions)
	}
	if got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(slices.Values(closeapi.WebhookAction("").Values())); !slices.Equal(got, want) {
		t.Errorf("types have the actions %q, the manifest has %q", got, want)
	}
	if got := len(closeapi.WebhookObjectType("").Values()) - webhooks.ObjectTypes(); got != 1 { // lead_merge is written in two ways
		t.Errorf("%d types of the manifest are missing", got)
	}
	for _, task := range closeapi.TaskType("").Values() {
		if _, err := webhooks.ParseKind("task." + task + ".completed"); err != nil {
			t.Error(err)
		}
	}
}
