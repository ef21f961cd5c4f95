package closemcp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// manager keeps connected accounts of the emulated Close.
func (o *office) manager() *accounts.Manager {
	o.Helper()
	key, err := vault.Keygen()
	if err != nil {
		o.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		o.Fatal(err)
	}
	resolve := func(*http.Request) (accounts.Principal, error) { return accounts.NewPrincipal("acme", "carl") }
	m, err := accounts.New(o.Context(), accounts.Config{
		Store: memstore.New(), Vault: v, Transport: o.close.Transport(), StateDir: o.TempDir(),
		BaseURL: "https://app.example.com/connect", SessionResolver: resolve,
		Connections: []accounts.Connection{{
			Name: "close", ClientID: o.close.ClientID(), ClientSecret: accounts.NewSecret(o.close.ClientSecret()), RedirectURL: "https://app.example.com/connect/callback",
		}},
		OnEvent: func(context.Context, accounts.Event) error { return nil },
	})
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

// TestUnconnectedUser has a user without an account: the link goes to the person, and
// never into a text for the model; after the consent the same call works.
func TestUnconnectedUser(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		for _, pages := range []bool{true, false} {
			t.Run(revision, func(t *testing.T) {
				t.Parallel()
				o := open(t)
				m := o.manager()
				carl, err := accounts.NewPrincipal("acme", "carl")
				if err != nil {
					t.Fatal(err)
				}
				users := closemcp.Accounts(m, "close", func(context.Context, *auth.TokenInfo) (accounts.Principal, error) { return carl, nil })
				s := o.server(closemcp.Config{Users: func(ctx context.Context, _ *auth.TokenInfo) (closemcp.User, error) {
					return users(ctx, &auth.TokenInfo{UserID: "carl"})
				}})
				link := ""
				c := client(nil)
				if pages {
					p := &person{answer: func(e *mcp.ElicitParams) *mcp.ElicitResult {
						link = e.URL
						return &mcp.ElicitResult{Action: "accept"}
					}}
					c = p.client()
				}
				ses := o.connect(s, c, version)
				r, text := call(t, ses, "close_me_get", nil)
				if !r.IsError || strings.Contains(text, "http") {
					t.Errorf("%+v %s", r, text)
				}
				has(t, text, "connect", "user")
				if pages != strings.HasPrefix(link, "https://app.example.com/connect/") {
					t.Errorf("the link is %q", link)
				}
				flow, err := m.PasteLocal(t.Context(), carl, "close")
				if err != nil {
					t.Fatal(err)
				}
				page, err := o.close.Allow(flow.URL(), o.close.Users()[0].ID, "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := flow.Finish(t.Context(), page); err != nil {
					t.Fatal(err)
				}
				r, text = call(t, ses, "close_me_get", nil)
				if r.IsError {
					t.Error(text)
				}
				has(t, text, o.close.Users()[0].Email)
			})
		}
	}
}
