package oauth

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Lifetimes of codes, consents and tokens.
const (
	accessLife  = time.Hour
	codeLife    = 10 * time.Minute
	consentLife = 10 * time.Minute
	maxConsents = 10_000 // pages without a decision
	fullScope   = "all.full_access offline_access"

	// pruneTokens is the number of access tokens above which expired ones are
	// deleted.
	pruneTokens = 10_000
)

type object = value.Object

// Client is an application that is registered at the OAuth server.
type Client struct {
	// ID and Secret are the credentials; [Server.AddClient] generates those
	// that are empty.
	ID, Secret string
	// Name is shown on the consent page.
	Name string
	// RedirectURLs are the registered redirect URLs, see emulator.Options.
	RedirectURLs []string
	// Public is true for an application without a secret. It must use PKCE.
	Public bool
	// OrganizationID makes the application private to an organization: only
	// its members may consent, and only for it. Empty means public.
	OrganizationID string
}

// Token is a response of the token endpoint.
type Token struct {
	AccessToken    string
	RefreshToken   string
	ExpiresAt      time.Time
	Scope          string
	UserID         string
	OrganizationID string
}

// Stats counts the requests to the OAuth server.
type Stats struct {
	// Consents and Denials count the decisions of users.
	Consents, Denials int
	// CodeExchanges and Refreshes count successful requests to the token endpoint.
	CodeExchanges, Refreshes int
	// SpentReuses counts attempts to use a refresh token that was rotated away;
	// CodeReuses those to use a code again.
	SpentReuses, CodeReuses int
	// ConcurrentRedemptions counts requests with a refresh token that arrived
	// while another request with the same token was in progress.
	ConcurrentRedemptions int
	// Revocations counts grants that an application or a user revoked.
	Revocations int
	// GrantsAlive is the number of grants that can still be used.
	GrantsAlive int
}

// Grant is the access that a user gave to an application, in one organization.
type Grant struct {
	ID, Client, User, Organization, Scope string
	refresh                               string // the current refresh token, empty without offline access
	dead                                  bool
}

// accessToken belongs to a grant.
type accessToken struct {
	grant   *Grant
	expires time.Time
}

// code is an authorization code.
type code struct {
	client, user, org, scope, redirect string
	challenge                          string
	expires                            time.Time
	grant                              *Grant // after the exchange
}

// consent is a consent page without a decision yet.
type consent struct {
	request authRequest
	expires time.Time
}

// Config is what the OAuth server needs of the emulator.
type Config struct {
	State *store.State // users, organizations and ids
	Now   func() time.Time
	URL   func() string // root of the server, may be empty

	Strict, AutoConsent, RevokeOnReuse, RefreshEndsAccess bool // see emulator.Options
}

// Server is an OAuth server with its state. Its methods are called with the
// lock of the emulator held.
type Server struct {
	cfg      Config
	clients  []*Client
	codes    map[string]*code
	tokens   map[string]accessToken
	current  map[string]*Grant // by refresh token, current or spent
	grants   []*Grant
	consents map[string]consent
	inFlight map[string]int
	stats    Stats
}

// New returns a server without clients.
func New(cfg Config) *Server {
	return &Server{
		cfg: cfg, codes: map[string]*code{}, tokens: map[string]accessToken{}, current: map[string]*Grant{},
		consents: map[string]consent{}, inFlight: map[string]int{},
	}
}

// AddClient registers a client. It generates the id and secret that are empty.
func (o *Server) AddClient(c Client) *Client {
	c.ID = cmp.Or(c.ID, o.cfg.State.IDs.Short("oa2client"))
	if c.Secret = cmp.Or(c.Secret, o.cfg.State.IDs.Base62(40)); c.Public {
		c.Secret = ""
	}
	c.Name = cmp.Or(c.Name, c.ID)
	c.RedirectURLs = slices.Clone(c.RedirectURLs)
	o.clients = append(o.clients, &c)
	return &c
}

// BuiltIn returns the first client.
func (o *Server) BuiltIn() *Client { return o.clients[0] }

// GrantTo issues tokens of the built-in client without a consent.
func (o *Server) GrantTo(user, org string) Token {
	return o.issue(o.newGrant(o.BuiltIn().ID, user, org, fullScope))
}

// RevokeGrants ends the grants of a user in an organization and returns their
// number. An empty id matches all.
func (o *Server) RevokeGrants(user, org string) int {
	n := 0
	for _, g := range o.grants {
		if !g.dead && (user == "" || g.User == user) && (org == "" || g.Organization == org) {
			o.end(g)
			n++
		}
	}
	o.stats.Revocations += n
	return n
}

// ExpireTokens ends all access tokens.
func (o *Server) ExpireTokens() { clear(o.tokens) }

// Stats returns the counters.
func (o *Server) Stats() Stats {
	stats := o.stats
	for _, g := range o.grants {
		if !g.dead && o.cfg.State.Member(g.Organization, g.User) {
			stats.GrantsAlive++
		}
	}
	return stats
}

// Client returns a client by id, or nil.
func (o *Server) Client(id string) *Client {
	for _, c := range o.clients {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Access returns the grant behind a valid access token, or nil.
func (o *Server) Access(token string) *Grant {
	t, ok := o.tokens[token]
	if !ok || t.grant.dead || !o.cfg.Now().Before(t.expires) {
		return nil
	}
	return t.grant
}

// end revokes a grant.
func (o *Server) end(g *Grant) {
	if g.dead {
		return
	}
	g.dead = true
	o.endAccess(g)
}

func (o *Server) endAccess(g *Grant) {
	for token, t := range o.tokens {
		if t.grant == g {
			delete(o.tokens, token)
		}
	}
}

// Serve responds to a request outside the API. The lock is held.
func (o *Server) Serve(in *rest.Request) *rest.Response {
	if !strings.HasPrefix(in.Path, "/.well-known/") && !strings.HasSuffix(in.Path, "/") {
		if o.cfg.Strict || !slices.Contains([]string{"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke"}, in.Path) {
			return rest.Failed(rest.UnknownURL())
		}
		return rest.RedirectToSlash(in)
	}
	switch in.Path {
	case "/.well-known/oauth-authorization-server":
		return o.metadata(in)
	case "/oauth2/authorize/":
		return o.authorize(in)
	case "/oauth2/token/":
		return o.postOnly(in, o.token)
	case "/oauth2/revoke/":
		return o.postOnly(in, o.revoke)
	}
	return rest.Failed(rest.UnknownURL())
}

func (o *Server) postOnly(in *rest.Request, f func(*rest.Request, url.Values) *rest.Response) *rest.Response {
	if in.Method != http.MethodPost {
		res := oauthError(http.StatusMethodNotAllowed, "invalid_request", "Use POST.")
		res.Header.Set("Allow", http.MethodPost)
		return res
	}
	mime, _, _ := strings.Cut(in.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mime), "application/x-www-form-urlencoded") {
		return oauthError(http.StatusBadRequest, "invalid_request", "The body must be a form.")
	}
	form, err := url.ParseQuery(string(in.Body))
	if err != nil {
		return oauthError(http.StatusBadRequest, "invalid_request", "The form could not be read.")
	}
	return f(in, form)
}

func (o *Server) root(in *rest.Request) string {
	if u := o.cfg.URL(); u != "" {
		return u
	}
	return "http://" + in.Host
}

func (o *Server) metadata(in *rest.Request) *rest.Response {
	if in.Method != http.MethodGet && in.Method != http.MethodHead {
		return rest.Failed(rest.Refuse(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL."))
	}
	root := o.root(in)
	return jsonResponse(http.StatusOK, object{
		"issuer":                                root,
		"authorization_endpoint":                root + "/oauth2/authorize/",
		"token_endpoint":                        root + "/oauth2/token/",
		"revocation_endpoint":                   root + "/oauth2/revoke/",
		"response_types_supported":              []any{"code"},
		"grant_types_supported":                 []any{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported": []any{"none", "client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []any{"S256"},
		"scopes_supported":                      []any{"all.full_access", "offline_access"},
	})
}

func jsonResponse(status int, v any) *rest.Response {
	return &rest.Response{Status: status, Header: http.Header{}, Body: value.Encode(v)}
}

func oauthError(status int, code, description string) *rest.Response {
	res := jsonResponse(status, object{"error": code, "error_description": description})
	res.Header.Set("Cache-Control", "no-store")
	return res
}

// clientOf checks the credentials of an application, in the form or as Basic.
func (o *Server) clientOf(in *rest.Request, form url.Values) (*Client, *rest.Response) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if scheme, rest, _ := strings.Cut(in.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "basic") {
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)) // an undecodable header is an unknown client
		user, password, _ := strings.Cut(string(raw), ":")
		id, secret = unescape(user), unescape(password)
	}
	c := o.Client(id)
	if c != nil && c.Public && secret == "" {
		return c, nil
	}
	if c == nil || c.Public || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		res := oauthError(http.StatusUnauthorized, "invalid_client", "The client credentials are wrong.")
		res.Header.Set("WWW-Authenticate", `Basic realm="oauth2"`)
		return nil, res
	}
	return c, nil
}

// unescape decodes the form encoding that RFC 6749 requires in Basic
// credentials and that some clients omit.
func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func (o *Server) token(in *rest.Request, form url.Values) *rest.Response {
	client, refused := o.clientOf(in, form)
	if refused != nil {
		return refused
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		return o.exchange(client, form)
	case "refresh_token":
		return o.refresh(client, form)
	case "":
		return oauthError(http.StatusBadRequest, "invalid_request", "grant_type is missing.")
	}
	return oauthError(http.StatusBadRequest, "unsupported_grant_type", "This grant type is not supported.")
}

func invalidGrant(description string) *rest.Response {
	return oauthError(http.StatusBadRequest, "invalid_grant", description)
}

func (o *Server) exchange(client *Client, form url.Values) *rest.Response {
	if form.Get("code") == "" {
		return oauthError(http.StatusBadRequest, "invalid_request", "code is missing.")
	}
	c := o.codes[form.Get("code")]
	if c == nil || c.client != client.ID {
		return invalidGrant("The code is unknown.")
	}
	if c.grant != nil {
		o.stats.CodeReuses++
		if o.cfg.RevokeOnReuse {
			o.end(c.grant)
		}
		return invalidGrant("The code was used already.")
	}
	if !o.cfg.Now().Before(c.expires) {
		return invalidGrant("The code has expired.")
	}
	given, sent := form["redirect_uri"]
	switch {
	case sent && c.redirect != "" && given[0] != c.redirect:
		return invalidGrant("redirect_uri differs from the one of the authorization request.")
	case !sent && c.redirect != "" && o.cfg.Strict:
		return invalidGrant("redirect_uri is missing.")
	}
	if c.challenge == "" && client.Public {
		return invalidGrant("A public client must use PKCE.")
	}
	if c.challenge != "" {
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge {
			return invalidGrant("code_verifier does not fit the challenge.")
		}
	}
	c.grant = o.newGrant(c.client, c.user, c.org, c.scope)
	o.stats.CodeExchanges++
	return o.tokenResponse(o.issue(c.grant))
}

func (o *Server) refresh(client *Client, form url.Values) *rest.Response {
	token := form.Get("refresh_token")
	if token == "" {
		return oauthError(http.StatusBadRequest, "invalid_request", "refresh_token is missing.")
	}
	g := o.current[token]
	switch {
	case g == nil || g.Client != client.ID:
		return invalidGrant("The refresh token is unknown.")
	case g.refresh != token:
		o.stats.SpentReuses++
		if o.cfg.RevokeOnReuse {
			o.end(g)
		}
		return invalidGrant("The refresh token was used already.")
	case g.dead || !o.cfg.State.Member(g.Organization, g.User):
		return invalidGrant("The grant was revoked.")
	}
	if o.cfg.RefreshEndsAccess {
		o.endAccess(g)
	}
	o.stats.Refreshes++
	return o.tokenResponse(o.issue(g))
}

func (o *Server) newGrant(client, user, org, scope string) *Grant {
	g := &Grant{ID: o.cfg.State.IDs.Short("grant"), Client: client, User: user, Organization: org, Scope: scope}
	o.grants = append(o.grants, g)
	return g
}

// issue creates an access token, and a refresh token that replaces the old one.
func (o *Server) issue(g *Grant) Token {
	t := Token{
		AccessToken: "access." + o.cfg.State.IDs.Base62(40), ExpiresAt: o.cfg.Now().Add(accessLife),
		Scope: g.Scope, UserID: g.User, OrganizationID: g.Organization,
	}
	if len(o.tokens) > pruneTokens {
		for token, old := range o.tokens {
			if !o.cfg.Now().Before(old.expires) {
				delete(o.tokens, token)
			}
		}
	}
	o.tokens[t.AccessToken] = accessToken{grant: g, expires: t.ExpiresAt}
	if slices.Contains(strings.Fields(g.Scope), "offline_access") {
		t.RefreshToken = "refresh." + o.cfg.State.IDs.Base62(40)
		g.refresh = t.RefreshToken
		o.current[t.RefreshToken] = g
	}
	return t
}

func (o *Server) tokenResponse(t Token) *rest.Response {
	body := object{
		"token_type": "Bearer", "access_token": t.AccessToken, "expires_in": int64(accessLife / time.Second),
		"scope": t.Scope, "organization_id": t.OrganizationID, "user_id": t.UserID,
	}
	if t.RefreshToken != "" {
		body["refresh_token"] = t.RefreshToken
	}
	res := jsonResponse(http.StatusOK, body)
	res.Header.Set("Cache-Control", "no-store")
	return res
}

// revoke ends the grant behind a refresh or access token. An unknown token is
// not an error.
func (o *Server) revoke(in *rest.Request, form url.Values) *rest.Response {
	client, refused := o.clientOf(in, form)
	if refused != nil {
		return refused
	}
	token := form.Get("token")
	if token == "" {
		return oauthError(http.StatusBadRequest, "invalid_request", "token is missing.")
	}
	g := o.current[token]
	if t, ok := o.tokens[token]; ok {
		g = t.grant
	}
	if g != nil && g.Client == client.ID && !g.dead {
		o.end(g)
		o.stats.Revocations++
	}
	return jsonResponse(http.StatusOK, object{})
}

// Knows reports whether a request to the OAuth server names a registered client.
func (o *Server) Knows(in *rest.Request) bool {
	form, err := url.ParseQuery(string(in.Body))
	if err != nil {
		return false
	}
	id, _, _ := (&http.Request{Header: in.Header}).BasicAuth()
	_, consenting := o.consents[form.Get("csrf")]
	return consenting || o.Client(form.Get("client_id")) != nil || o.Client(id) != nil
}

// NoteRedemption counts refresh tokens that are redeemed twice at the same
// time. The result must be called after the response.
func (o *Server) NoteRedemption(in *rest.Request) func() {
	if in.Path != "/oauth2/token/" || in.Method != http.MethodPost {
		return func() {}
	}
	form, err := url.ParseQuery(string(in.Body))
	token := form.Get("refresh_token")
	if err != nil || token == "" {
		return func() {}
	}
	o.inFlight[token]++
	if o.inFlight[token] > 1 {
		o.stats.ConcurrentRedemptions++
	}
	return func() {
		if o.inFlight[token]--; o.inFlight[token] <= 0 {
			delete(o.inFlight, token)
		}
	}
}
