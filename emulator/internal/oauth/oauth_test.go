package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
)

const (
	redirect = "https://app.example/callback"
	user     = "user_1"
	org      = "orga_1"
)

// world is a server with one user in two organizations, and a clock.
type world struct {
	*testing.T
	*Server
	now    time.Time
	client *Client
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{T: t, now: time.Unix(1_800_000_000, 0)}
	state := store.NewState(1)
	state.Organizations = []*store.Organization{{ID: org, Name: "Northwind"}, {ID: "orga_2", Name: "Globex"}}
	state.Users = []*store.User{{
		ID: user, First: "Ada", Last: "Example", Email: "ada@northwind.example",
		Members: []store.Membership{{Organization: org}, {Organization: "orga_2"}},
	}}
	cfg := Config{State: state, Now: func() time.Time { return w.now }, URL: func() string { return "" }}
	if change != nil {
		change(&cfg)
	}
	w.Server = New(cfg)
	w.client = w.AddClient(Client{RedirectURLs: []string{redirect}})
	return w
}

// answer is a response of the token endpoint.
type answer struct {
	status         int
	AccessToken    string `json:"access_token"`
	RefreshToken   string `json:"refresh_token"`
	TokenType      string `json:"token_type"`
	ExpiresIn      int    `json:"expires_in"`
	Scope, Error   string
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"`
}

func form(method, path string, values url.Values) *rest.Request {
	return &rest.Request{
		Method: method, Path: path, Host: "close.example", Body: []byte(values.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
	}
}

// post sends a form with the credentials of the client, unless it has others.
func (w *world) post(path string, values url.Values) answer {
	w.Helper()
	all := url.Values{"client_id": {w.client.ID}, "client_secret": {w.client.Secret}}
	maps.Copy(all, values)
	return w.read(w.Serve(form(http.MethodPost, path, all)))
}

func (w *world) read(r *rest.Response) answer {
	w.Helper()
	a := answer{status: r.Status}
	if err := json.Unmarshal(r.Body, &a); err != nil {
		w.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	if strings.Contains(string(r.Body), "access_token") && r.Header.Get("Cache-Control") != "no-store" {
		w.Error("tokens may be cached")
	}
	return a
}

// wantError checks an error of the token endpoint and that no token came with it.
func (w *world) wantError(a answer, status int, code string) {
	w.Helper()
	if a.status != status || a.Error != code || a.AccessToken != "" || a.RefreshToken != "" {
		w.Errorf("got %+v, want %d %s", a, status, code)
	}
}

// request is a well-formed authorization request.
func (w *world) request(change url.Values) url.Values {
	q := url.Values{"client_id": {w.client.ID}, "response_type": {"code"}, "state": {"s t"}, "redirect_uri": {redirect}}
	for name, v := range change {
		if q[name] = v; v == nil {
			delete(q, name)
		}
	}
	return q
}

func (w *world) open(q url.Values) *rest.Response {
	return w.Serve(&rest.Request{Method: http.MethodGet, Path: "/oauth2/authorize/", Query: q, Header: http.Header{}})
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// decide opens the consent page and sends its form.
func (w *world) decide(q url.Values, decision string) url.Values {
	w.Helper()
	page := w.open(q)
	m := csrfField.FindSubmatch(page.Body)
	if page.Status != http.StatusOK || m == nil {
		w.Fatalf("the consent page is %d %s", page.Status, page.Body)
	}
	return w.location(w.Serve(form(http.MethodPost, "/oauth2/authorize/", url.Values{
		"csrf": {string(m[1])}, "decision": {decision}, "choice": {user + " " + org},
	})))
}

// location is the query with which the browser returns to the application.
func (w *world) location(r *rest.Response) url.Values {
	w.Helper()
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil || r.Status != http.StatusFound || !strings.HasPrefix(to.String(), redirect+"?") || to.Query().Get("state") != "s t" {
		w.Fatalf("got %d to %q: %s", r.Status, to, r.Body)
	}
	return to.Query()
}

func (w *world) code(change url.Values) string {
	w.Helper()
	code := w.decide(w.request(change), "allow").Get("code")
	if len(code) < 32 {
		w.Fatalf("the code is %q", code)
	}
	return code
}

func exchange(code string, more url.Values) url.Values {
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}}
	maps.Copy(v, more)
	return v
}

func refresh(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// connect goes through a consent.
func (w *world) connect() answer {
	w.Helper()
	a := w.post("/oauth2/token/", exchange(w.code(nil), nil))
	if a.status != http.StatusOK || w.Access(a.AccessToken) == nil {
		w.Fatalf("the exchange gives %+v", a)
	}
	return a
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.connect()
	if a.TokenType != "Bearer" || a.ExpiresIn != 3600 || a.Scope != "all.full_access offline_access" || a.UserID != user || a.OrganizationID != org ||
		a.AccessToken == a.RefreshToken || a.RefreshToken == "" {
		t.Errorf("got %+v", a)
	}
	if g := w.Access(a.AccessToken); g.User != user || g.Organization != org || g.Client != w.client.ID {
		t.Errorf("the token belongs to %+v", g)
	}
	if got := w.decide(w.request(nil), "deny"); got.Get("error") != "access_denied" || got.Get("code") != "" {
		t.Errorf("denied: %v", got)
	}
	want := Stats{Consents: 1, Denials: 1, CodeExchanges: 1, GrantsAlive: 1}
	if got := w.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestAuthorizationIsRefused opens the consent page with requests that are wrong:
// what cannot be trusted ends on a page, the rest returns to the application.
func TestAuthorizationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, change := range map[string]url.Values{
		"no client":        {"client_id": nil},
		"unknown client":   {"client_id": {"oa2client_x"}},
		"foreign redirect": {"redirect_uri": {"https://evil.example/callback"}},
		"longer redirect":  {"redirect_uri": {redirect + "/x"}},
		"with a query":     {"redirect_uri": {redirect + "?x=1"}},
	} {
		if r := w.open(w.request(change)); r.Status != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", name, r.Status, r.Header.Get("Location"))
		}
	}
	for name, c := range map[string]struct {
		change url.Values
		code   string
	}{
		"no response type": {url.Values{"response_type": nil}, "unsupported_response_type"},
		"implicit":         {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"plain PKCE":       {url.Values{"code_challenge": {"x"}, "code_challenge_method": {"plain"}}, "invalid_request"},
		"PKCE by default":  {url.Values{"code_challenge": {"x"}}, "invalid_request"},
	} {
		if got := w.location(w.open(w.request(c.change))); got.Get("error") != c.code || got.Get("code") != "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if n := len(w.codes); n != 0 {
		t.Errorf("%d codes were issued", n)
	}
}

// TestConsentForm sends forms that the consent page did not make.
func TestConsentForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	csrf := func() string { return string(csrfField.FindSubmatch(w.open(w.request(nil)).Body)[1]) }
	good := csrf()
	send := func(csrf, decision, choice string) int {
		return w.Serve(form(http.MethodPost, "/oauth2/authorize/", url.Values{"csrf": {csrf}, "decision": {decision}, "choice": {choice}})).Status
	}
	for name, c := range map[string]struct {
		csrf, decision, choice string
		status                 int
	}{
		"no csrf":              {"", "allow", user + " " + org, http.StatusForbidden},
		"made-up csrf":         {"x", "allow", user + " " + org, http.StatusForbidden},
		"no decision":          {good, "", user + " " + org, http.StatusBadRequest},
		"unknown user":         {good, "allow", "user_x " + org, http.StatusBadRequest},
		"unknown organization": {good, "allow", user + " orga_x", http.StatusBadRequest},
	} {
		if got := send(c.csrf, c.decision, c.choice); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
	if got := send(good, "allow", user+" "+org); got != http.StatusFound { // none of them used it up
		t.Errorf("the right form: %d", got)
	}
	if got := send(good, "allow", user+" "+org); got != http.StatusForbidden {
		t.Errorf("the same form again: %d", got)
	}
	late := csrf()
	w.now = w.now.Add(consentLife)
	if got := send(late, "allow", user+" "+org); got != http.StatusForbidden {
		t.Errorf("a form that is too old: %d", got)
	}
	if got := w.Stats().Consents; got != 1 {
		t.Errorf("%d consents", got)
	}
}

func TestPKCE(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("verifier"))
	challenge := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	w := newWorld(t, nil)
	code := w.code(challenge)
	for _, wrong := range []url.Values{nil, {"code_verifier": {""}}, {"code_verifier": {"Verifier"}}, {"code_verifier": {challenge.Get("code_challenge")}}} {
		w.wantError(w.post("/oauth2/token/", exchange(code, wrong)), 400, "invalid_grant")
	}
	if a := w.post("/oauth2/token/", exchange(code, url.Values{"code_verifier": {"verifier"}})); a.status != http.StatusOK {
		t.Errorf("the right verifier: %+v", a)
	}
	public := w.AddClient(Client{Public: true, RedirectURLs: []string{redirect}})
	w.client = public
	w.wantError(w.post("/oauth2/token/", exchange(w.code(nil), nil)), 400, "invalid_grant") // must use PKCE
	verifier := url.Values{"code_verifier": {"verifier"}}
	if a := w.post("/oauth2/token/", exchange(w.code(challenge), verifier)); a.status != http.StatusOK {
		t.Errorf("a public client: %+v", a)
	}
	verifier.Set("client_secret", "guessed")
	w.wantError(w.post("/oauth2/token/", exchange(w.code(challenge), verifier)), 401, "invalid_client")
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, revoke := range []bool{false, true} {
		w := newWorld(t, func(c *Config) { c.RevokeOnReuse = revoke })
		code := w.code(nil)
		w.wantError(w.post("/oauth2/token/", exchange(code, url.Values{"redirect_uri": {redirect + "/x"}})), 400, "invalid_grant")
		other := w.client
		w.client = w.AddClient(Client{RedirectURLs: []string{redirect}})
		w.wantError(w.post("/oauth2/token/", exchange(code, nil)), 400, "invalid_grant") // of another application
		w.client = other
		a := w.post("/oauth2/token/", exchange(code, nil))
		if a.status != http.StatusOK {
			t.Fatalf("got %+v", a)
		}
		w.wantError(w.post("/oauth2/token/", exchange(code, nil)), 400, "invalid_grant")
		if alive := w.Access(a.AccessToken) != nil; alive == revoke || w.Stats().CodeReuses != 1 {
			t.Errorf("with RevokeOnReuse %v, after the second use the token works: %v; %+v", revoke, alive, w.Stats())
		}
	}
	w := newWorld(t, nil)
	code := w.code(nil)
	w.now = w.now.Add(codeLife - 1)
	if a := w.post("/oauth2/token/", exchange(code, nil)); a.status != http.StatusOK {
		t.Errorf("just before it expires: %+v", a)
	}
	last := w.code(nil)
	w.now = w.now.Add(codeLife)
	w.wantError(w.post("/oauth2/token/", exchange(last, nil)), 400, "invalid_grant")

	strict := newWorld(t, func(c *Config) { c.Strict = true })
	without := exchange(strict.code(nil), nil)
	without.Del("redirect_uri")
	strict.wantError(strict.post("/oauth2/token/", without), 400, "invalid_grant")
}

func TestRotation(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		w := newWorld(t, func(c *Config) { c.RefreshEndsAccess = ends })
		first := w.connect()
		second := w.post("/oauth2/token/", refresh(first.RefreshToken))
		if second.status != http.StatusOK || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken ||
			second.UserID != user || second.OrganizationID != org || second.Scope != first.Scope {
			t.Fatalf("got %+v after %+v", second, first)
		}
		if w.Access(second.AccessToken) == nil || (w.Access(first.AccessToken) == nil) != ends {
			t.Errorf("with RefreshEndsAccess %v the old token works: %v", ends, w.Access(first.AccessToken) != nil)
		}
		w.wantError(w.post("/oauth2/token/", refresh(first.RefreshToken)), 400, "invalid_grant")
		if a := w.post("/oauth2/token/", refresh(second.RefreshToken)); a.status != http.StatusOK { // the grant lives on
			t.Errorf("got %+v", a)
		}
		if got := w.Stats(); got.Refreshes != 2 || got.SpentReuses != 1 || got.GrantsAlive != 1 {
			t.Errorf("got %+v", got)
		}
	}
	w := newWorld(t, func(c *Config) { c.RevokeOnReuse = true })
	first := w.connect()
	second := w.post("/oauth2/token/", refresh(first.RefreshToken))
	w.wantError(w.post("/oauth2/token/", refresh(first.RefreshToken)), 400, "invalid_grant")
	w.wantError(w.post("/oauth2/token/", refresh(second.RefreshToken)), 400, "invalid_grant")
	if w.Access(second.AccessToken) != nil {
		t.Error("a spent refresh token was used, and the grant lives on")
	}
	w.wantError(w.post("/oauth2/token/", refresh("refresh.unknown")), 400, "invalid_grant")
	third := w.connect()
	w.client = w.AddClient(Client{})
	w.wantError(w.post("/oauth2/token/", refresh(third.RefreshToken)), 400, "invalid_grant") // of another application
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	a := w.connect()
	w.now = w.now.Add(accessLife - 1)
	if w.Access(a.AccessToken) == nil {
		t.Error("the token ends early")
	}
	w.now = w.now.Add(1)
	if w.Access(a.AccessToken) != nil {
		t.Error("the token works after its end")
	}
	w.now = w.now.Add(1000 * time.Hour) // refresh tokens do not end
	a = w.post("/oauth2/token/", refresh(a.RefreshToken))
	if w.Access(a.AccessToken) == nil {
		t.Errorf("got %+v", a)
	}
	w.ExpireTokens()
	if w.Access(a.AccessToken) != nil {
		t.Error("ExpireTokens left one")
	}
	w.cfg.State.Users[0].Members = w.cfg.State.Users[0].Members[1:]
	w.wantError(w.post("/oauth2/token/", refresh(a.RefreshToken)), 400, "invalid_grant") // no member any more
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	for name, which := range map[string]func(answer) string{
		"access token": func(a answer) string { return a.AccessToken }, "refresh token": func(a answer) string { return a.RefreshToken },
	} {
		w := newWorld(t, nil)
		a, own := w.connect(), w.client
		w.client = w.AddClient(Client{})
		if r := w.post("/oauth2/revoke/", url.Values{"token": {which(a)}}); r.status != http.StatusOK || w.Access(a.AccessToken) == nil {
			t.Errorf("%s, another application: %+v", name, r)
		}
		w.client = own
		for range 2 { // a revoked token is an unknown one, which is no error
			if r := w.post("/oauth2/revoke/", url.Values{"token": {which(a)}}); r.status != http.StatusOK {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if w.Access(a.AccessToken) != nil || w.Stats().Revocations != 1 || w.Stats().GrantsAlive != 0 {
			t.Errorf("%s: %+v", name, w.Stats())
		}
		w.wantError(w.post("/oauth2/token/", refresh(a.RefreshToken)), 400, "invalid_grant")
	}
	w := newWorld(t, nil)
	a := w.connect()
	w.wantError(w.post("/oauth2/revoke/", nil), 400, "invalid_request")
	w.wantError(w.post("/oauth2/revoke/", url.Values{"token": {a.AccessToken}, "client_secret": {"wrong"}}), 401, "invalid_client")
	for _, none := range [][2]string{{"user_x", ""}, {"", "orga_2"}, {user, "orga_2"}} {
		if n := w.RevokeGrants(none[0], none[1]); n != 0 {
			t.Errorf("%v: %d grants were ended", none, n)
		}
	}
	if n := w.RevokeGrants(user, org); n != 1 || w.Access(a.AccessToken) != nil {
		t.Errorf("%d grants were ended", n)
	}
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, c := range map[string]struct {
		values url.Values
		status int
		code   string
	}{
		"no grant type":      {nil, 400, "invalid_request"},
		"unknown grant type": {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"no code":            {url.Values{"grant_type": {"authorization_code"}}, 400, "invalid_request"},
		"unknown code":       {exchange("x", nil), 400, "invalid_grant"},
		"no refresh token":   {url.Values{"grant_type": {"refresh_token"}}, 400, "invalid_request"},
		"wrong secret":       {exchange("x", url.Values{"client_secret": {"x"}}), 401, "invalid_client"},
		"no secret":          {exchange("x", url.Values{"client_secret": nil}), 401, "invalid_client"},
		"unknown client":     {exchange("x", url.Values{"client_id": {"x"}}), 401, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t, Server: w.Server, client: w.client}
			w.wantError(w.post("/oauth2/token/", c.values), c.status, c.code)
		})
	}
	get := w.Serve(form(http.MethodGet, "/oauth2/token/", nil))
	if get.Header.Get("Allow") != http.MethodPost {
		t.Errorf("GET: %+v", get)
	}
	w.wantError(w.read(get), 405, "invalid_request")
	in := form(http.MethodPost, "/oauth2/token/", exchange(w.code(nil), nil))
	in.Header.Set("Content-Type", "application/json")
	w.wantError(w.read(w.Serve(in)), 400, "invalid_request")
	in = form(http.MethodPost, "/oauth2/token/", nil)
	in.Body = []byte("grant_type=%zz")
	w.wantError(w.read(w.Serve(in)), 400, "invalid_request")
	for _, c := range []struct {
		secret string
		status int
	}{{w.client.Secret, http.StatusOK}, {"wrong", http.StatusUnauthorized}} {
		in = form(http.MethodPost, "/oauth2/token/", exchange(w.code(nil), nil))
		in.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(w.client.ID+":"+c.secret)))
		if r := w.Serve(in); r.Status != c.status || c.status != http.StatusOK && r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("Basic: %d %s", r.Status, r.Body)
		}
	}
}
