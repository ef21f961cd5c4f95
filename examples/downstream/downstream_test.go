package downstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"example.com/downstream/closetools"
	"example.com/downstream/closetools/tools"
	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
)

func TestGeneratedTools(t *testing.T) {
	s := emulator.Start(t)
	ctx := context.Background()
	c := closekit.NewClient(closekit.APIKey(s.APIKey()), closekit.BaseURL(s.URL()))

	// A tool of our own, typed and by name.
	status, err := closetools.LeadStatusCreate(ctx, c, closetools.LeadStatusCreateParams{Label: "Nurture"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := tools.Lookup("close_lead_statuses_list")
	if err != nil {
		t.Fatal(err)
	}
	out, err := list.Call(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), `"Nurture"`) {
		t.Errorf("the new status is not in the list: %s", out)
	}

	// A tool of closekit's manifest, generated here.
	lead, err := closetools.LeadCreate(ctx, c, closetools.LeadCreateParams{Name: "Acme", StatusID: closekit.Some(status.ID)})
	if err != nil {
		t.Fatal(err)
	}
	if lead.StatusLabel != "Nurture" {
		t.Errorf("got status %q, want Nurture", lead.StatusLabel)
	}

	// Generated packages compose: the same client serves closekit's own.
	if _, err := closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: closeapi.LeadID(lead.ID)}); err != nil {
		t.Error(err)
	}
}

func TestSubset(t *testing.T) {
	var names []string
	for _, tool := range tools.All() {
		names = append(names, tool.Name)
	}
	if _, err := tools.Lookup("close_contact_create"); err == nil {
		t.Errorf("close_contact_create was not asked for; there are %v", names)
	}
	create, err := tools.Lookup("close_lead_create")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(create.Info().Description, "only after a call") {
		t.Errorf("our description is missing: %s", create.Info().Description)
	}
	var v *closekit.ValidationError
	if err := create.Validate(json.RawMessage(`{"nam": "Acme"}`)); !errors.As(err, &v) || !strings.Contains(err.Error(), `did you mean "name"`) {
		t.Errorf("got %v, want a hint at the name", err)
	}
}
