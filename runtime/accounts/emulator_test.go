package accounts_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// TestWithEmulator takes two reps in two organizations through everything,
// over HTTP and with the real client.
func TestWithEmulator(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t, func(o *emulator.Options) { o.Strict = true; o.RevokeOnReuse = true })
	other, err := srv.AddOrganization(emulator.Organization{Name: "Globex"})
	if err != nil {
		t.Fatal(err)
	}
	bob, err := srv.AddUser(emulator.User{FirstName: "Bob", Email: "bob@globex.example", Organizations: []string{other.ID}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(app.Close)
	redirect := app.URL + "/connect/close/callback"
	srv.AddRedirectURL(redirect)
	m, err := accounts.New(t.Context(), accounts.Config{
		Store: memstore.New(), Vault: v, BaseURL: app.URL + "/connect",
		Connections: []accounts.Connection{{
			Name: "close", ClientID: srv.ClientID(), ClientSecret: accounts.NewSecret(srv.ClientSecret()), RedirectURL: redirect,
			AuthorizeURL: srv.AuthorizeURL(), TokenURL: srv.TokenURL(), RevokeURL: srv.RevokeURL(),
		}},
		SessionResolver: func(r *http.Request) (accounts.Principal, error) {
			c, err := r.Cookie("session")
			if err != nil {
				return accounts.Principal{}, err
			}
			return accounts.NewPrincipal("host", c.Value)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = m.Handler()
	t.Cleanup(func() { _ = m.Close(context.Background()) })

	noFollow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(address, session string, cookies []*http.Cookie) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: "session", Value: session})
		for _, c := range cookies {
			req.AddCookie(c)
		}
		resp, err := noFollow.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	principal := func(name string) accounts.Principal {
		p, err := accounts.NewPrincipal("host", name)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	connect := func(name, userID, organizationID string) *closekit.Client {
		t.Helper()
		link, err := m.AuthorizationLink(t.Context(), principal(name), "close")
		if err != nil {
			t.Fatal(err)
		}
		start := get(link.URL, name, nil)
		back, err := srv.Allow(start.Header.Get("Location"), userID, organizationID)
		if err != nil {
			t.Fatalf("allow: %v", err)
		}
		if u, err := url.Parse(back); err != nil || u.Query().Get("code") == "" {
			t.Fatalf("the consent leads to %s", back)
		}
		if done := get(back, name, start.Cookies()); done.StatusCode != http.StatusOK {
			t.Fatalf("the callback of %s gives %d", name, done.StatusCode)
		}
		a, err := m.Account(principal(name), "close")
		if err != nil {
			t.Fatal(err)
		}
		return closekit.NewClient(a, closekit.BaseURL(srv.URL()))
	}
	me := func(c *closekit.Client) (string, error) {
		v, err := closeapi.MeGet(t.Context(), c, closeapi.MeGetParams{})
		if err != nil {
			return "", err
		}
		return string(v.ID), nil
	}
	first := srv.Users()[0]
	org := srv.Organizations()[0]
	ada, rep := connect("ada", first.ID, org.ID), connect("bob", bob.ID, other.ID)
	want := func(c *closekit.Client, id string) {
		t.Helper()
		if got, err := me(c); err != nil || got != id {
			t.Errorf("me is %q, %v, want %q", got, err, id)
		}
	}
	want(ada, first.ID)
	want(rep, bob.ID)
	srv.ExpireTokens() // the client sees 401, and renews once
	want(ada, first.ID)
	if st := srv.OAuthStats(); st.Refreshes != 1 || st.SpentReuses != 0 || st.ConcurrentRedemptions != 0 {
		t.Errorf("stats are %+v", st)
	}
	// A lost answer after the rotation: the replay is refused, and said so.
	srv.Fail(emulator.Fault{Kind: emulator.FaultCut, Path: "/oauth2/token/", AfterAction: true})
	if _, err := me(rep); !errors.Is(err, accounts.ErrAuthorizationRequired) {
		t.Errorf("after a lost rotation: %v", err)
	}
	if info, err := m.Get(t.Context(), principal("bob"), "close"); err != nil || info.State != accounts.Revoked || info.Reason != accounts.RotationLost {
		t.Errorf("bob is %+v, %v", info, err)
	}
	want(connect("bob", bob.ID, other.ID), bob.ID)
	want(rep, bob.ID) // the old handle works again
	want(ada, first.ID)
	// The user takes the application away.
	srv.RevokeGrant(first.ID, org.ID)
	if _, err := m.Refresh(t.Context(), principal("ada"), "close"); !errors.Is(err, accounts.ErrAuthorizationRequired) {
		t.Errorf("after the revocation: %v", err)
	}
	if _, err := me(ada); !errors.Is(err, accounts.ErrAuthorizationRequired) {
		t.Errorf("after the revocation a call gives %v", err)
	}
	want(connect("ada", first.ID, org.ID), first.ID)
	alive := srv.OAuthStats().GrantsAlive
	if _, err := m.Disconnect(t.Context(), principal("ada"), "close", accounts.HostDisconnect); err != nil {
		t.Fatal(err)
	}
	if st := srv.OAuthStats(); st.GrantsAlive != alive-1 {
		t.Errorf("%d grants are alive, want %d", st.GrantsAlive, alive-1)
	}
	if n, err := m.RunDue(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("due: %d, %v", n, err)
	}
	if list, err := m.List(t.Context(), accounts.ListFilter{Tenant: "host"}); err != nil || len(list) != 2 || time.Since(list[0].Created) > time.Minute {
		t.Errorf("the list is %+v, %v", list, err)
	}
}
