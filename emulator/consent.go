package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authRequest is an authorization request of an application.
type authRequest struct {
	client, redirect, state, scope, challenge string
	sent                                      bool // redirect_uri was in the request
}

// place is a choice on the consent page: a user in an organization.
type place struct{ UserID, OrganizationID, User, Email, Organization string }

var consentPage = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Allow access</title>
<style>
body { font-family: sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
dt { color: #666; font-size: .85rem } dd { margin: 0 0 .8rem; overflow-wrap: anywhere }
select, button { font-size: 1rem; padding: .4rem .8rem } button { margin: 1rem .5rem 0 0 }
</style>
</head>
<body>
<h1>{{.Client}} asks for access</h1>
<p>This is an emulated Close. Nothing here reaches the real service.</p>
<dl>
<dt>Access</dt><dd>{{.Scope}}</dd>
<dt>Then goes to</dt><dd id="redirect_uri">{{.Redirect}}</dd>
<dt>State</dt><dd id="state">{{if .State}}{{.State}}{{else}}(none){{end}}</dd>
</dl>
<form method="post" action="/oauth2/authorize/">
<input type="hidden" name="csrf" value="{{.CSRF}}">
<label for="choice">User and organization</label><br>
<select name="choice" id="choice">
{{range .Places}}<option value="{{.UserID}} {{.OrganizationID}}">{{.User}} &lt;{{.Email}}&gt; in {{.Organization}}</option>
{{end}}</select><br>
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>
</body>
</html>
`))

var problemPage = template.Must(template.New("problem").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Cannot continue</title></head>
<body><h1>Cannot continue</h1><p>{{.}}</p></body>
</html>
`))

// htmlPage renders a page for a browser.
func htmlPage(status int, t *template.Template, data any) *response {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return failed(err)
	}
	res := &response{status: status, header: http.Header{}, body: b.Bytes()}
	res.header.Set("Content-Type", "text/html; charset=utf-8")
	res.header.Set("Cache-Control", "no-store")
	res.header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	return res
}

func (s *Server) authorize(in *incoming) *response {
	switch in.method {
	case http.MethodGet, http.MethodHead:
		return s.askConsent(in.query)
	case http.MethodPost:
		form, err := url.ParseQuery(string(in.body))
		if err != nil {
			return htmlPage(http.StatusBadRequest, problemPage, "The form could not be read.")
		}
		return s.takeConsent(form)
	}
	res := htmlPage(http.StatusMethodNotAllowed, problemPage, "The method is not allowed.")
	res.header.Set("Allow", "GET, POST")
	return res
}

// readAuthRequest checks an authorization request. If the request cannot be
// trusted, the response is a page; for any other error it redirects the browser
// back to the application.
func (s *Server) readAuthRequest(q url.Values) (authRequest, *response) {
	client := s.st.oauth.client(q.Get("client_id"))
	if client == nil {
		return authRequest{}, htmlPage(http.StatusBadRequest, problemPage, "The application is unknown.")
	}
	r := authRequest{
		client: client.ID, redirect: q.Get("redirect_uri"), state: q.Get("state"), scope: fullScope,
		challenge: q.Get("code_challenge"), sent: q.Get("redirect_uri") != "",
	}
	if r.redirect == "" && len(client.RedirectURLs) > 0 {
		r.redirect = client.RedirectURLs[0]
	}
	if !s.redirectAllowed(client, r.redirect) {
		return authRequest{}, htmlPage(http.StatusBadRequest, problemPage, "The redirect URL is not registered.")
	}
	switch {
	case q.Get("response_type") != "code":
		return r, redirectTo(r, url.Values{"error": {"unsupported_response_type"}})
	case r.challenge != "" && q.Get("code_challenge_method") != "S256":
		return r, redirectTo(r, url.Values{"error": {"invalid_request"}, "error_description": {"Only S256 is supported."}})
	}
	return r, nil
}

func (s *Server) redirectAllowed(client *OAuthClient, redirect string) bool {
	if slices.Contains(client.RedirectURLs, redirect) {
		return true
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Host == "" || u.Fragment != "" || s.opts.Strict || len(client.RedirectURLs) > 0 {
		return false
	}
	local := u.Hostname() == "localhost"
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		local = true
	}
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// redirectTo sends the browser back to the application.
func redirectTo(r authRequest, q url.Values) *response {
	if r.state != "" {
		q.Set("state", r.state)
	}
	u, err := url.Parse(r.redirect)
	if err != nil {
		return htmlPage(http.StatusBadRequest, problemPage, "The redirect URL is broken.")
	}
	all := u.Query()
	maps.Copy(all, q)
	u.RawQuery = all.Encode()
	res := &response{status: http.StatusFound, header: http.Header{}}
	res.header.Set("Location", u.String())
	res.header.Set("Cache-Control", "no-store")
	return res
}

// places lists who may consent for which organization.
func (s *Server) places(client *OAuthClient) []place {
	var out []place
	for _, u := range s.st.users {
		for _, m := range u.members {
			org := s.st.organization(m.org)
			if org == nil || client.OrganizationID != "" && client.OrganizationID != m.org {
				continue
			}
			out = append(out, place{UserID: u.id, OrganizationID: m.org, User: u.name(), Email: u.email, Organization: org.name})
		}
	}
	return out
}

func (s *Server) askConsent(q url.Values) *response {
	r, refused := s.readAuthRequest(q)
	if refused != nil {
		return refused
	}
	client := s.st.oauth.client(r.client)
	choices := s.places(client)
	if s.opts.AutoConsent && len(choices) > 0 {
		return s.allow(r, choices[0])
	}
	now := s.now()
	for k, c := range s.st.oauth.consents {
		if !now.Before(c.expires) {
			delete(s.st.oauth.consents, k)
		}
	}
	csrf := s.st.ids.base62(longID)
	s.st.oauth.consents[csrf] = consent{request: r, expires: now.Add(consentLife)}
	return htmlPage(http.StatusOK, consentPage, struct {
		Client, Scope, Redirect, State, CSRF string
		Places                               []place
	}{client.Name, r.scope, r.redirect, r.state, csrf, choices})
}

func (s *Server) takeConsent(form url.Values) *response {
	waiting, ok := s.st.oauth.consents[form.Get("csrf")]
	if !ok || !s.now().Before(waiting.expires) {
		return htmlPage(http.StatusForbidden, problemPage, "This page is too old. Start again from the application.")
	}
	decision := form.Get("decision")
	if decision != "allow" && decision != "deny" {
		return htmlPage(http.StatusBadRequest, problemPage, "Choose Allow or Deny.")
	}
	chosen := place{}
	if decision == "allow" {
		user, org, _ := strings.Cut(form.Get("choice"), " ")
		choices := s.places(s.st.oauth.client(waiting.request.client))
		i := slices.IndexFunc(choices, func(p place) bool { return p.UserID == user && p.OrganizationID == org })
		if i < 0 {
			return htmlPage(http.StatusBadRequest, problemPage, "The chosen user and organization cannot give access.")
		}
		chosen = choices[i]
	}
	delete(s.st.oauth.consents, form.Get("csrf"))
	if decision == "deny" {
		return s.deny(waiting.request)
	}
	return s.allow(waiting.request, chosen)
}

func (s *Server) allow(r authRequest, p place) *response {
	value := s.st.ids.base62(32)
	c := &code{
		client: r.client, user: p.UserID, org: p.OrganizationID, scope: r.scope, challenge: r.challenge,
		expires: s.now().Add(codeLife),
	}
	if r.sent {
		c.redirect = r.redirect
	}
	s.st.oauth.codes[value] = c
	s.st.oauth.stats.Consents++
	return redirectTo(r, url.Values{"code": {value}})
}

func (s *Server) deny(r authRequest) *response {
	s.st.oauth.stats.Denials++
	return redirectTo(r, url.Values{"error": {"access_denied"}})
}

// Allow opens the consent page at a URL, allows the access, and returns the URL
// to which the browser is redirected. Empty ids choose the first user in the
// first organization.
func (s *Server) Allow(authorizeURL, userID, organizationID string) (string, error) {
	return s.decide(authorizeURL, func(r authRequest) (*response, error) {
		for _, p := range s.places(s.st.oauth.client(r.client)) {
			if (userID == "" || p.UserID == userID) && (organizationID == "" || p.OrganizationID == organizationID) {
				return s.allow(r, p), nil
			}
		}
		return nil, errors.New("this user cannot give access to this organization")
	})
}

// Deny opens the consent page at a URL, denies the access, and returns the URL
// to which the browser is redirected.
func (s *Server) Deny(authorizeURL string) (string, error) {
	return s.decide(authorizeURL, func(r authRequest) (*response, error) { return s.deny(r), nil })
}

func (s *Server) decide(authorizeURL string, decision func(authRequest) (*response, error)) (string, error) {
	u, err := url.Parse(authorizeURL)
	if err != nil {
		return "", fmt.Errorf("authorization URL: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, refused := s.readAuthRequest(u.Query())
	if refused != nil {
		if to := refused.header.Get("Location"); to != "" {
			return to, nil
		}
		return "", errors.New("the authorization request was refused: the application or its redirect URL is unknown")
	}
	res, err := decision(r)
	if err != nil {
		return "", err
	}
	return res.header.Get("Location"), nil
}
