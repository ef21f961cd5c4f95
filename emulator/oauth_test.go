package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

const callback = "https://app.example/callback"

func withCallback(o *emulator.Options) { o.RedirectURLs = []string{callback} }

// form posts a form to an OAuth endpoint.
func (a *api) form(status int, path string, values url.Values) object {
	a.t.Helper()
	b := a.with("Content-Type", "application/x-www-form-urlencoded")
	b.auth = nil
	return b.want(status, "POST", path, values.Encode())
}

func (a *api) client(more url.Values) url.Values {
	out := url.Values{"client_id": {a.srv.ClientID()}, "client_secret": {a.srv.ClientSecret()}}
	maps.Copy(out, more)
	return out
}

func (a *api) authorizeURL(more url.Values) string {
	q := url.Values{"client_id": {a.srv.ClientID()}, "response_type": {"code"}, "state": {"s t"}}
	maps.Copy(q, more)
	return a.srv.AuthorizeURL() + "?" + q.Encode()
}

func (a *api) code(more url.Values) string {
	a.t.Helper()
	to, err := a.srv.Allow(a.authorizeURL(more), "", "")
	if err != nil {
		a.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		a.t.Fatal(err)
	}
	if !strings.HasPrefix(to, callback) || u.Query().Get("state") != "s t" {
		a.t.Fatalf("got redirect %s", to)
	}
	return u.Query().Get("code")
}

func TestOAuthFlow(t *testing.T) {
	t.Parallel()
	a := start(t, withCallback)
	org, user := a.srv.Organizations()[0].ID, a.srv.Users()[0].ID
	code := a.code(nil)
	token := a.form(200, "/oauth2/token/", a.client(url.Values{"grant_type": {"authorization_code"}, "code": {code}}))
	for name, want := range map[string]string{
		"token_type": "Bearer", "expires_in": "3600", "scope": "all.full_access offline_access", "organization_id": org, "user_id": user,
	} {
		equal(t, token, want, name)
	}
	b := a.bearer(text(token["access_token"]))
	equal(t, b.get("/me/"), user, "id")
	b.lead("Acme")
	event := at(b.get("/event/?object_type=lead&action=created"), "data", 0)
	equal(t, event, a.srv.ClientID(), "oauth_client_id")
	equal(t, event, "null", "api_key_id")
	equal(t, a.form(400, "/oauth2/token/", a.client(url.Values{"grant_type": {"authorization_code"}, "code": {code}})), "invalid_grant", "error")

	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(token["refresh_token"])}}
	next := a.form(200, "/oauth2/token/", a.client(refresh))
	if next["refresh_token"] == token["refresh_token"] || next["access_token"] == token["access_token"] {
		t.Error("the tokens did not rotate")
	}
	equal(t, a.form(400, "/oauth2/token/", a.client(refresh)), "invalid_grant", "error")
	b.get("/me/")
	a.srv.Advance(time.Hour)
	equal(t, b.want(401, "GET", "/me/", nil), "Unauthorized", "error")
	a.bearer(text(next["access_token"])).want(401, "GET", "/me/", nil)
	refresh.Set("refresh_token", text(next["refresh_token"]))
	last := a.form(200, "/oauth2/token/", a.client(refresh))
	a.bearer(text(last["access_token"])).get("/me/")
	stats := a.srv.OAuthStats()
	want := emulator.OAuthStats{Consents: 1, CodeExchanges: 1, Refreshes: 2, SpentReuses: 1, CodeReuses: 1, GrantsAlive: 1}
	if stats != want {
		t.Errorf("got %+v, want %+v", stats, want)
	}
	a.form(200, "/oauth2/revoke/", a.client(url.Values{"token": {text(last["refresh_token"])}}))
	a.form(200, "/oauth2/revoke/", a.client(url.Values{"token": {"unknown"}}))
	a.bearer(text(last["access_token"])).want(401, "GET", "/me/", nil)
	refresh.Set("refresh_token", text(last["refresh_token"]))
	equal(t, a.form(400, "/oauth2/token/", a.client(refresh)), "invalid_grant", "error")
	if got := a.srv.OAuthStats(); got.GrantsAlive != 0 || got.Revocations != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestOAuthPKCEAndBasic(t *testing.T) {
	t.Parallel()
	a := start(t, withCallback)
	sum := sha256.Sum256([]byte("verifier"))
	challenge := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "redirect_uri": {callback}}
	exchange := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {callback}}
	exchange.Set("code", a.code(challenge))
	for _, verifier := range []string{"", "wrong"} {
		exchange.Set("code_verifier", verifier)
		equal(t, a.form(400, "/oauth2/token/", a.client(exchange)), "invalid_grant", "error")
	}
	exchange.Set("code_verifier", "verifier")
	exchange.Set("redirect_uri", callback+"x")
	equal(t, a.form(400, "/oauth2/token/", a.client(exchange)), "invalid_grant", "error")
	exchange.Set("redirect_uri", callback)
	credentials := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(a.srv.ClientID()) + ":" + url.QueryEscape(a.srv.ClientSecret())))
	token := a.with("Authorization", "Basic "+credentials).form(200, "/oauth2/token/", exchange)
	if token["refresh_token"] == nil {
		t.Errorf("got %v", token)
	}
	old := a.code(nil)
	a.srv.Advance(11 * time.Minute)
	equal(t, a.form(400, "/oauth2/token/", a.client(url.Values{"grant_type": {"authorization_code"}, "code": {old}})), "invalid_grant", "error")
}

func TestOAuthErrors(t *testing.T) {
	t.Parallel()
	a := start(t, withCallback)
	other, err := a.srv.AddClient(emulator.OAuthClient{Name: "Other", RedirectURLs: []string{"https://other.example/"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"no client":      {url.Values{"grant_type": {"refresh_token"}}, 401, "invalid_client"},
		"wrong secret":   {a.client(url.Values{"client_secret": {"x"}}), 401, "invalid_client"},
		"no grant type":  {a.client(nil), 400, "invalid_request"},
		"grant type":     {a.client(url.Values{"grant_type": {"password"}}), 400, "unsupported_grant_type"},
		"no code":        {a.client(url.Values{"grant_type": {"authorization_code"}}), 400, "invalid_request"},
		"unknown code":   {a.client(url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}), 400, "invalid_grant"},
		"no refresh":     {a.client(url.Values{"grant_type": {"refresh_token"}}), 400, "invalid_request"},
		"unknown token":  {a.client(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}), 400, "invalid_grant"},
		"foreign client": {url.Values{"client_id": {other.ID}, "client_secret": {other.Secret}, "grant_type": {"authorization_code"}, "code": {a.code(nil)}}, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) { equal(t, a.form(c.status, "/oauth2/token/", c.form), c.want, "error") })
	}
	a.want(405, "GET", "/oauth2/token/", nil)
	a.want(400, "POST", "/oauth2/token/", object{"grant_type": "refresh_token"})
	a.with("Content-Type", "application/x-www-form-urlencoded").want(400, "POST", "/oauth2/token/", "%zz")
	a.form(400, "/oauth2/revoke/", a.client(nil))
	a.form(401, "/oauth2/revoke/", url.Values{"token": {"x"}})
	a.want(404, "GET", "/oauth2/register/", nil)
	a.want(404, "GET", "/oauth2/register", nil)
	a.want(404, "GET", "/.well-known/openid-configuration", nil)
	a.want(405, "POST", "/.well-known/oauth-authorization-server", object{})
	meta := a.want(200, "GET", "/.well-known/oauth-authorization-server", nil)
	equal(t, meta, a.srv.TokenURL(), "token_endpoint")
	equal(t, meta, a.srv.RevokeURL(), "revocation_endpoint")
	equal(t, meta, a.srv.URL(), "issuer")
	equal(t, meta, `["S256"]`, "code_challenge_methods_supported")
	if _, err := a.srv.AddClient(emulator.OAuthClient{ID: other.ID}); err == nil {
		t.Error("a client id was taken twice")
	}
	if res, _ := a.send("POST", "/oauth2/token", "grant_type=x"); res.StatusCode != 308 {
		t.Errorf("token endpoint without slash: got %d", res.StatusCode)
	}
}

func TestOAuthReuseAndRevocation(t *testing.T) {
	t.Parallel()
	a := start(t, withCallback, func(o *emulator.Options) { o.RevokeOnReuse, o.RefreshEndsAccess = true, true })
	u := a.srv.Users()[0]
	grant := func() emulator.Token {
		token, err := a.srv.Grant(u.ID, u.Organizations[0])
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := grant()
	refresh := a.client(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}})
	next := a.form(200, "/oauth2/token/", refresh)
	a.bearer(first.AccessToken).want(401, "GET", "/me/", nil)
	a.bearer(text(next["access_token"])).get("/me/")
	a.form(400, "/oauth2/token/", refresh)
	a.bearer(text(next["access_token"])).want(401, "GET", "/me/", nil)

	second := grant()
	a.srv.ExpireTokens()
	a.bearer(second.AccessToken).want(401, "GET", "/me/", nil)
	refresh.Set("refresh_token", second.RefreshToken)
	renewed := a.form(200, "/oauth2/token/", refresh)
	if n := a.srv.RevokeGrant("user_x", ""); n != 0 {
		t.Errorf("revoked %d grants of an unknown user", n)
	}
	if n := a.srv.RevokeGrant(u.ID, u.Organizations[0]); n != 1 {
		t.Errorf("revoked %d grants, want 1", n)
	}
	a.bearer(text(renewed["access_token"])).want(401, "GET", "/me/", nil)
	refresh.Set("refresh_token", text(renewed["refresh_token"]))
	a.form(400, "/oauth2/token/", refresh)

	third := grant()
	a.form(200, "/oauth2/revoke/", a.client(url.Values{"token": {third.AccessToken}}))
	a.bearer(third.AccessToken).want(401, "GET", "/me/", nil)

	code := a.code(nil)
	exchange := a.client(url.Values{"grant_type": {"authorization_code"}, "code": {code}})
	token := a.form(200, "/oauth2/token/", exchange)
	a.form(400, "/oauth2/token/", exchange)
	a.bearer(text(token["access_token"])).want(401, "GET", "/me/", nil)

	last := grant()
	if !a.srv.RemoveUser(u.ID, u.Organizations[0]) || a.srv.RemoveUser(u.ID, u.Organizations[0]) || a.srv.RemoveUser("user_x", "") {
		t.Error("RemoveUser reports wrongly")
	}
	a.bearer(last.AccessToken).want(401, "GET", "/me/", nil)
	a.want(401, "GET", "/me/", nil)
	refresh.Set("refresh_token", last.RefreshToken)
	a.form(400, "/oauth2/token/", refresh)
	if _, err := a.srv.Grant(u.ID, u.Organizations[0]); err == nil {
		t.Error("a former member got a grant")
	}
}

func TestTokenFaults(t *testing.T) {
	t.Parallel()
	a := start(t)
	u := a.srv.Users()[0]
	token, err := a.srv.Grant(u.ID, u.Organizations[0])
	if err != nil {
		t.Fatal(err)
	}
	refresh := a.client(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}})
	for _, c := range []struct {
		fault  emulator.Fault
		status int
		want   string
	}{
		{emulator.Fault{OAuthError: "invalid_client"}, 401, "invalid_client"},
		{emulator.Fault{OAuthError: "invalid_grant"}, 400, "invalid_grant"},
		{emulator.Fault{OAuthError: "temporarily_unavailable", Status: 503}, 503, "temporarily_unavailable"},
		{emulator.Fault{Status: 429}, 429, "Too Many Requests"},
	} {
		c.fault.Path = "/oauth2/token/"
		a.srv.Fail(c.fault)
		equal(t, a.form(c.status, "/oauth2/token/", refresh), c.want, "error")
	}
	if got := a.srv.OAuthStats().Refreshes; got != 0 {
		t.Fatalf("faults before the work let %d refreshes happen", got)
	}
	a.srv.Fail(emulator.Fault{Path: "/oauth2/token/", Kind: emulator.FaultCut, AfterAction: true})
	if _, err := http.PostForm(a.srv.TokenURL(), refresh); err == nil {
		t.Error("the lost response arrived")
	}
	equal(t, a.form(400, "/oauth2/token/", refresh), "invalid_grant", "error")
	if got := a.srv.OAuthStats(); got.Refreshes != 1 || got.SpentReuses != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestConcurrentRedemption(t *testing.T) {
	t.Parallel()
	a := start(t)
	u := a.srv.Users()[0]
	token, err := a.srv.Grant(u.ID, u.Organizations[0])
	if err != nil {
		t.Fatal(err)
	}
	a.srv.Fail(emulator.Fault{Path: "/oauth2/token/", Times: -1, Delay: 300 * time.Millisecond})
	var wg sync.WaitGroup
	codes := make([]int, 3)
	for i := range codes {
		wg.Go(func() {
			res, err := http.PostForm(a.srv.TokenURL(), a.client(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}}))
			if err == nil {
				codes[i] = res.StatusCode
				_ = res.Body.Close()
			}
		})
	}
	wg.Wait()
	if sum := codes[0] + codes[1] + codes[2]; sum != 200+400+400 {
		t.Errorf("got statuses %v", codes)
	}
	if got := a.srv.OAuthStats(); got.ConcurrentRedemptions != 2 || got.Refreshes != 1 {
		t.Errorf("got %+v", got)
	}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func TestConsentPage(t *testing.T) {
	t.Parallel()
	a := start(t)
	org, err := a.srv.AddOrganization(emulator.Organization{Name: "Second <Org>"})
	if err != nil {
		t.Fatal(err)
	}
	ada := a.srv.Users()[0]
	if _, err := a.srv.AddUser(emulator.User{ID: ada.ID, Organizations: []string{org.ID}}); err != nil {
		t.Fatal(err)
	}
	local := "http://localhost:9999/cb?x=1"
	page := func(more url.Values) (string, string) {
		t.Helper()
		res, body := a.send("GET", "/oauth2/authorize/?"+strings.SplitN(a.authorizeURL(more), "?", 2)[1], nil)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("got %d %s", res.StatusCode, body)
		}
		return string(body), csrfField.FindStringSubmatch(string(body))[1]
	}
	answer := func(status int, values url.Values) *http.Response {
		t.Helper()
		res, err := noRedirect.PostForm(a.srv.AuthorizeURL(), values)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status {
			t.Fatalf("got %d, want %d", res.StatusCode, status)
		}
		return res
	}
	html, csrf := page(url.Values{"redirect_uri": {local}, "state": {"<b>"}})
	for _, want := range []string{"Allow</button>", "Deny</button>", "&lt;b&gt;", local, "Second &lt;Org&gt;", ada.ID + " " + org.ID, "Ben Sample"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	answer(403, url.Values{"csrf": {"x"}, "decision": {"allow"}})
	answer(400, url.Values{"csrf": {csrf}, "decision": {"maybe"}})
	answer(400, url.Values{"csrf": {csrf}, "decision": {"allow"}, "choice": {"user_x " + org.ID}})
	res := answer(302, url.Values{"csrf": {csrf}, "decision": {"allow"}, "choice": {ada.ID + " " + org.ID}})
	to, _ := url.Parse(res.Header.Get("Location"))
	if q := to.Query(); q.Get("x") != "1" || q.Get("state") != "<b>" || q.Get("code") == "" {
		t.Errorf("got redirect %s", to)
	}
	answer(403, url.Values{"csrf": {csrf}, "decision": {"allow"}, "choice": {ada.ID + " " + org.ID}})
	token := a.form(200, "/oauth2/token/", a.client(url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {local}}))
	equal(t, token, org.ID, "organization_id")
	me := a.bearer(text(token["access_token"])).get("/me/")
	equal(t, me, org.ID, "organizations", 0, "id")
	equal(t, me, "null", "organizations", 1)
	equal(t, a.get("/me/"), org.ID, "organizations", 1, "id")

	_, csrf = page(url.Values{"redirect_uri": {local}})
	res = answer(302, url.Values{"csrf": {csrf}, "decision": {"deny"}})
	if to := res.Header.Get("Location"); !strings.Contains(to, "error=access_denied") || !strings.Contains(to, "state=s+t") {
		t.Errorf("got redirect %s", to)
	}
	_, csrf = page(url.Values{"redirect_uri": {local}})
	a.srv.Advance(time.Hour)
	answer(403, url.Values{"csrf": {csrf}, "decision": {"deny"}})
	page(url.Values{"redirect_uri": {local}})
	answer(403, nil)

	for name, q := range map[string]url.Values{
		"client":       {"client_id": {"x"}},
		"no redirect":  nil,
		"redirect":     {"redirect_uri": {"http://example.com/"}},
		"fragment":     {"redirect_uri": {"https://example.com/#x"}},
		"not absolute": {"redirect_uri": {"/x"}},
	} {
		if res, body := a.send("GET", "/oauth2/authorize/?"+strings.SplitN(a.authorizeURL(q), "?", 2)[1], nil); res.StatusCode != 400 {
			t.Errorf("%s: got %d %s", name, res.StatusCode, body)
		}
	}
	for want, q := range map[string]url.Values{
		"unsupported_response_type": {"redirect_uri": {local}, "response_type": {"token"}},
		"invalid_request":           {"redirect_uri": {local}, "code_challenge": {"x"}, "code_challenge_method": {"plain"}},
	} {
		if to, err := a.srv.Allow(a.authorizeURL(q), "", ""); err != nil || !strings.Contains(to, "error="+want) {
			t.Errorf("got %s, %v, want %s", to, err, want)
		}
	}
	if res, _ := a.send("PUT", "/oauth2/authorize/", nil); res.StatusCode != 405 {
		t.Errorf("PUT: got %d", res.StatusCode)
	}
	a.with("Content-Type", "application/x-www-form-urlencoded").send("POST", "/oauth2/authorize/", "%zz")
	to2, err := a.srv.Deny(a.authorizeURL(url.Values{"redirect_uri": {local}}))
	if err != nil || !strings.Contains(to2, "access_denied") {
		t.Errorf("Deny: got %s, %v", to2, err)
	}
	for _, bad := range []string{"%zz", a.srv.AuthorizeURL()} {
		if _, err := a.srv.Allow(bad, "", ""); err == nil {
			t.Errorf("Allow(%q) worked", bad)
		}
	}
	if _, err := a.srv.Allow(a.authorizeURL(url.Values{"redirect_uri": {local}}), "user_x", ""); err == nil {
		t.Error("a stranger gave access")
	}
}

func TestAutoConsentAndPrivateClient(t *testing.T) {
	t.Parallel()
	a := start(t, withCallback, func(o *emulator.Options) { o.AutoConsent, o.Strict = true, true })
	res, _ := a.send("GET", "/oauth2/authorize/?client_id="+a.srv.ClientID()+"&response_type=code&redirect_uri="+url.QueryEscape(callback), nil)
	to, _ := url.Parse(res.Header.Get("Location"))
	if res.StatusCode != 302 || to.Query().Get("code") == "" {
		t.Fatalf("got %d %s", res.StatusCode, to)
	}
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}}
	equal(t, a.form(400, "/oauth2/token/", a.client(exchange)), "invalid_grant", "error")
	if _, err := a.srv.Allow(a.authorizeURL(url.Values{"redirect_uri": {"https://elsewhere.example/"}}), "", ""); err == nil {
		t.Error("an unregistered redirect URL was accepted")
	}
	a.srv.AddRedirectURL("https://elsewhere.example/")
	if _, err := a.srv.Allow(a.authorizeURL(url.Values{"redirect_uri": {"https://elsewhere.example/"}}), "", ""); err != nil {
		t.Error(err)
	}
	if got := a.srv.RedirectURLs(); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	private, err := a.srv.AddClient(emulator.OAuthClient{ID: "mine", Secret: "s", OrganizationID: "orga_other", RedirectURLs: []string{callback}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.srv.Allow(a.authorizeURL(url.Values{"client_id": {private.ID}}), "", ""); err == nil {
		t.Error("a private application was allowed for another organization")
	}
	public, err := a.srv.AddClient(emulator.OAuthClient{Public: true, RedirectURLs: []string{callback}})
	if err != nil || public.Secret != "" {
		t.Fatal(public, err)
	}
	sum := sha256.Sum256([]byte("verifier"))
	for challenge, want := range map[string]int{"": 400, base64.RawURLEncoding.EncodeToString(sum[:]): 200} {
		q := url.Values{"client_id": {public.ID}, "redirect_uri": {callback}}
		if challenge != "" {
			q.Set("code_challenge", challenge)
			q.Set("code_challenge_method", "S256")
		}
		form := url.Values{"grant_type": {"authorization_code"}, "client_id": {public.ID}, "code": {a.code(q)}, "code_verifier": {"verifier"}, "redirect_uri": {callback}}
		a.form(want, "/oauth2/token/", form)
		form.Set("client_secret", "x")
		a.form(401, "/oauth2/token/", form)
	}
	if res, _ := a.send("GET", "/oauth2/authorize?x=1", nil); res.StatusCode != 404 {
		t.Errorf("strict mode without slash: got %d", res.StatusCode)
	}
}

func TestRecordingHidesSecrets(t *testing.T) {
	t.Parallel()
	a := start(t, withCallback)
	code := a.code(nil)
	token := a.form(200, "/oauth2/token/", a.client(url.Values{"grant_type": {"authorization_code"}, "code": {code}}))
	a.bearer(text(token["access_token"])).get("/me/")
	a.get("/me/")
	a.post("/lead/", `{"name": "x", "access_token": "hidden"}`)
	recorded, err := json.Marshal(a.srv.Requests())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{code, text(token["access_token"]), text(token["refresh_token"]), a.srv.ClientSecret(), a.srv.APIKey()} {
		if strings.Contains(string(recorded), secret) {
			t.Errorf("the recording holds the secret %s", secret)
		}
	}
	for _, r := range a.srv.Requests() {
		if strings.Contains(string(r.Body), "hidden") || strings.Contains(string(r.Body), a.srv.ClientSecret()) {
			t.Errorf("got body %s", r.Body)
		}
	}
	last := a.srv.Requests()[3]
	if last.Tool != "close_lead_create" || last.Status != 200 || last.UserID == "" || last.Method != "POST" || !last.Time.Equal(noon) {
		t.Errorf("got %+v", last)
	}
}
