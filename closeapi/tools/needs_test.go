package tools_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// TestNeeds tests that operations know what their tools need.
func TestNeeds(t *testing.T) {
	t.Parallel()
	of := map[string]int{}
	for _, tool := range tools.All() {
		op, needs := tool.Operation(), tool.Info().Needs
		of[needs]++
		if op.OAuthOnly != (needs == "oauth") || (op.Right != "") != (needs == "admin" || needs == "customize") || !strings.Contains(tool.Info().Description, op.Right) {
			t.Errorf("%s needs %q, and its operation says %t and %q", tool.Name, needs, op.OAuthOnly, op.Right)
		}
	}
	if of["oauth"] < 3 || of["admin"] < 10 || of["customize"] < 10 {
		t.Errorf("tools by what they need: %v", of)
	}
}

// TestNeedsOAuth calls what Close refuses to API keys: with a key nothing arrives, with
// a token it works.
func TestNeedsOAuth(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	keyed := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	const link = `{"name":"Intro","url":"https://meet.example/ann","source_id":"12"}`
	params := closeapi.SchedulingLinkIntegrationSetParams{Name: "Intro", URL: "https://meet.example/ann", SourceID: "12"}
	byName, err := tools.Lookup("close_scheduling_link_integration_set")
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.All() {
		if tool.Info().Needs != "oauth" {
			continue
		}
		if _, err := tool.Call(t.Context(), keyed, tool.Info().Examples[0].Input); !errors.Is(err, closekit.ErrNeedsOAuth) {
			t.Errorf("%s by name: %v", tool.Name, err)
		}
	}
	if _, err := closeapi.SchedulingLinkIntegrationSet(t.Context(), keyed, params); !errors.Is(err, closekit.ErrNeedsOAuth) {
		t.Errorf("typed: %v", err)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests arrived, want none", n)
	}
	token, err := srv.Grant(srv.Users()[0].ID, srv.Organizations()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	app := keyed.With(closekit.Bearer(token.AccessToken))
	if _, err := byName.Call(t.Context(), app, []byte(link)); err != nil {
		t.Errorf("by name with a token: %v", err)
	}
	if _, err := closeapi.SchedulingLinkIntegrationSet(t.Context(), app, params); err != nil {
		t.Errorf("typed with a token: %v", err)
	}
}

// TestRight calls as a user without the right.
func TestRight(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	ben := closekit.NewClient(closekit.APIKey(srv.APIKeyOf(srv.Users()[1].ID, srv.Organizations()[0].ID)), closekit.BaseURL(srv.URL()))
	_, err := closeapi.GroupCreate(t.Context(), ben, closeapi.GroupCreateParams{Name: "Sales"})
	if !errors.Is(err, closekit.ErrForbidden) || !strings.Contains(err.Error(), "the user lacks the right to administer the organization") {
		t.Error(err)
	}
}
