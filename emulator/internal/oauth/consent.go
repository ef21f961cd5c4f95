package oauth

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

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
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
func htmlPage(status int, t *template.Template, data any) *rest.Response {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return rest.Failed(err)
	}
	res := &rest.Response{Status: status, Header: http.Header{}, Body: b.Bytes()}
	res.Header.Set("Content-Type", "text/html; charset=utf-8")
	res.Header.Set("Cache-Control", "no-store")
	res.Header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	return res
}

func (o *Server) authorize(in *rest.Request) *rest.Response {
	switch in.Method {
	case http.MethodGet, http.MethodHead:
		return o.askConsent(in.Query)
	case http.MethodPost:
		form, err := url.ParseQuery(string(in.Body))
		if err != nil {
			return htmlPage(http.StatusBadRequest, problemPage, "The form could not be read.")
		}
		return o.takeConsent(form)
	}
	res := htmlPage(http.StatusMethodNotAllowed, problemPage, "The method is not allowed.")
	res.Header.Set("Allow", "GET, POST")
	return res
}

// readAuthRequest checks an authorization request. If the request cannot be
// trusted, the response is a page; for any other error it redirects the browser
// back to the application.
func (o *Server) readAuthRequest(q url.Values) (authRequest, *rest.Response) {
	client := o.Client(q.Get("client_id"))
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
	if !o.redirectAllowed(client, r.redirect) {
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

func (o *Server) redirectAllowed(client *Client, redirect string) bool {
	if slices.Contains(client.RedirectURLs, redirect) {
		return true
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Host == "" || u.Fragment != "" || o.cfg.Strict || len(client.RedirectURLs) > 0 {
		return false
	}
	local := u.Hostname() == "localhost"
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		local = true
	}
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// redirectTo sends the browser back to the application.
func redirectTo(r authRequest, q url.Values) *rest.Response {
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
	res := &rest.Response{Status: http.StatusFound, Header: http.Header{}}
	res.Header.Set("Location", u.String())
	res.Header.Set("Cache-Control", "no-store")
	return res
}

// places lists who may consent for which organization.
func (o *Server) places(client *Client) []place {
	var out []place
	for _, u := range o.cfg.State.Users {
		for _, m := range u.Members {
			org := o.cfg.State.Organization(m.Organization)
			if org == nil || client.OrganizationID != "" && client.OrganizationID != m.Organization {
				continue
			}
			out = append(out, place{UserID: u.ID, OrganizationID: m.Organization, User: u.Name(), Email: u.Email, Organization: org.Name})
		}
	}
	return out
}

func (o *Server) askConsent(q url.Values) *rest.Response {
	r, refused := o.readAuthRequest(q)
	if refused != nil {
		return refused
	}
	client := o.Client(r.client)
	choices := o.places(client)
	if o.cfg.AutoConsent && len(choices) > 0 {
		return o.allow(r, choices[0])
	}
	now := o.cfg.Now()
	for k, c := range o.consents {
		if !now.Before(c.expires) || len(o.consents) >= maxConsents {
			delete(o.consents, k)
		}
	}
	csrf := o.cfg.State.IDs.Base62(store.LongID)
	o.consents[csrf] = consent{request: r, expires: now.Add(consentLife)}
	return htmlPage(http.StatusOK, consentPage, struct {
		Client, Scope, Redirect, State, CSRF string
		Places                               []place
	}{client.Name, r.scope, r.redirect, r.state, csrf, choices})
}

func (o *Server) takeConsent(form url.Values) *rest.Response {
	waiting, ok := o.consents[form.Get("csrf")]
	if !ok || !o.cfg.Now().Before(waiting.expires) {
		return htmlPage(http.StatusForbidden, problemPage, "This page is too old. Start again from the application.")
	}
	decision := form.Get("decision")
	if decision != "allow" && decision != "deny" {
		return htmlPage(http.StatusBadRequest, problemPage, "Choose Allow or Deny.")
	}
	chosen := place{}
	if decision == "allow" {
		user, org, _ := strings.Cut(form.Get("choice"), " ")
		choices := o.places(o.Client(waiting.request.client))
		i := slices.IndexFunc(choices, func(p place) bool { return p.UserID == user && p.OrganizationID == org })
		if i < 0 {
			return htmlPage(http.StatusBadRequest, problemPage, "The chosen user and organization cannot give access.")
		}
		chosen = choices[i]
	}
	delete(o.consents, form.Get("csrf"))
	if decision == "deny" {
		return o.deny(waiting.request)
	}
	return o.allow(waiting.request, chosen)
}

func (o *Server) allow(r authRequest, p place) *rest.Response {
	value := o.cfg.State.IDs.Base62(32)
	c := &code{
		client: r.client, user: p.UserID, org: p.OrganizationID, scope: r.scope, challenge: r.challenge,
		expires: o.cfg.Now().Add(codeLife),
	}
	if r.sent {
		c.redirect = r.redirect
	}
	o.codes[value] = c
	o.stats.Consents++
	return redirectTo(r, url.Values{"code": {value}})
}

func (o *Server) deny(r authRequest) *rest.Response {
	o.stats.Denials++
	return redirectTo(r, url.Values{"error": {"access_denied"}})
}

// Allow opens the consent page at a URL, allows the access, and returns the URL
// to which the browser is redirected.
func (o *Server) Allow(authorizeURL, userID, organizationID string) (string, error) {
	return o.decide(authorizeURL, func(r authRequest) (*rest.Response, error) {
		for _, p := range o.places(o.Client(r.client)) {
			if (userID == "" || p.UserID == userID) && (organizationID == "" || p.OrganizationID == organizationID) {
				return o.allow(r, p), nil
			}
		}
		return nil, errors.New("this user cannot give access to this organization")
	})
}

// Deny is like allowAt, but denies the access.
func (o *Server) Deny(authorizeURL string) (string, error) {
	return o.decide(authorizeURL, func(r authRequest) (*rest.Response, error) { return o.deny(r), nil })
}

func (o *Server) decide(authorizeURL string, decision func(authRequest) (*rest.Response, error)) (string, error) {
	u, err := url.Parse(authorizeURL)
	if err != nil {
		return "", fmt.Errorf("authorization URL: %w", err)
	}
	r, refused := o.readAuthRequest(u.Query())
	if refused != nil {
		if to := refused.Header.Get("Location"); to != "" {
			return to, nil
		}
		return "", errors.New("the authorization request was refused: the application or its redirect URL is unknown")
	}
	res, err := decision(r)
	if err != nil {
		return "", err
	}
	return res.Header.Get("Location"), nil
}
