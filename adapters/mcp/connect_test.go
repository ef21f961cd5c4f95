package closemcp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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

// allow connects an account: the user of Close agrees.
func (o *office) allow(m *accounts.Manager, p accounts.Principal, user string) {
	o.Helper()
	flow, err := m.PasteLocal(o.Context(), p, "close")
	if err != nil {
		o.Fatal(err)
	}
	page, err := o.close.Allow(flow.URL(), user, "")
	if err != nil {
		o.Fatal(err)
	}
	if _, err := flow.Finish(o.Context(), page); err != nil {
		o.Fatal(err)
	}
}

// TestAccountsOverHTTP has two principals of two tenants with the same name, whose
// accounts are connected, and a token that was issued for another resource: each call
// acts with the account of its token.
func TestAccountsOverHTTP(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			m := o.manager()
			o.two() // makes Bob
			people := map[string]string{"acme": o.close.Users()[0].Email, "other": "bob@example.com"}
			for tenant, email := range people {
				p, err := accounts.NewPrincipal(tenant, "carl")
				if err != nil {
					t.Fatal(err)
				}
				for _, u := range o.close.Users() {
					if u.Email == email {
						o.allow(m, p, u.ID)
					}
				}
			}
			server := httptest.NewUnstartedServer(nil)
			url := "http://" + server.Listener.Addr().String() + "/mcp"
			s := o.server(closemcp.Config{Users: closemcp.Accounts(m, "close", func(_ context.Context, token *auth.TokenInfo) (accounts.Principal, error) {
				return accounts.NewPrincipal(token.Extra["tenant"].(string), token.UserID)
			})})
			h, err := s.Handler(closemcp.HTTP{Resource: url, Verify: func(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
				tenant, audience, _ := strings.Cut(token, "@") // stands for a signed token
				if audience != url || people[tenant] == "" {
					return nil, auth.ErrInvalidToken
				}
				return &auth.TokenInfo{UserID: "carl", Expiration: time.Now().Add(time.Hour), Extra: map[string]any{"tenant": tenant}}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			server.Config.Handler = h
			server.Start()
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			var group sync.WaitGroup
			for tenant, email := range people {
				ses := o.dial(client(nil), url, tenant+"@"+url, version)
				for range 8 {
					group.Go(func() {
						r, err := ses.CallTool(t.Context(), &mcp.CallToolParams{Name: "close_me_get"})
						if err != nil || r.IsError || !strings.Contains(textOf(r), email) {
							t.Errorf("%s: %v %v", tenant, r, err)
						}
					})
				}
			}
			group.Wait()
			for _, token := range []string{"acme@https://other.example.com/mcp", "eve@" + url, "acme"} {
				if status, _, body := post(t, url, token, "", initialize); status != http.StatusUnauthorized {
					t.Errorf("%s: %d %s", token, status, body)
				}
			}
		})
	}
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
				o.allow(m, carl, o.close.Users()[0].ID)
				r, text = call(t, ses, "close_me_get", nil)
				if r.IsError {
					t.Error(text)
				}
				has(t, text, o.close.Users()[0].Email)
			})
		}
	}
}
