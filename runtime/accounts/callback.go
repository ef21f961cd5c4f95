package accounts

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of what a callback may bring.
const (
	maxQuery = 8 << 10
	maxState = 128
	maxCode  = 4 << 10
	maxError = 256
)

// Handler serves the pages of the consent, below wherever it is mounted:
//
//	{connection}/start     where a link leads
//	{connection}/callback  what is registered with Close as the redirect URL
//
// Mount it behind the host's session middleware. It responds with redirects and
// small pages of its own, never with anything that came in a request. Keep
// the query strings of these paths out of access logs.
func (m *Manager) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		if len(parts) < 2 || m.conns[parts[len(parts)-2]] == nil {
			m.page(w, http.StatusNotFound, textNothing)
			return
		}
		if r.Method != http.MethodGet {
			h.Set("Allow", http.MethodGet)
			m.page(w, http.StatusMethodNotAllowed, "Method not allowed: open this page in a browser.")
			return
		}
		if isPrefetch(r) {
			m.page(w, http.StatusServiceUnavailable, textAway) // the browser asks again when the user opens the page
			return
		}
		c := m.conns[parts[len(parts)-2]]
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || len(r.URL.RawQuery) > maxQuery {
			m.page(w, http.StatusBadRequest, "The address of this page is incomplete.")
			return
		}
		switch parts[len(parts)-1] {
		case "start":
			m.start(w, r, c, query)
		case "callback":
			m.callback(w, r, c, query)
		default:
			m.page(w, http.StatusNotFound, textNothing)
		}
	})
}

// isPrefetch reports whether a browser only loads a page in case its user opens
// it. A prefetched page must have no effect.
func isPrefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, v := range r.Header.Values(name) {
			v = strings.ToLower(v)
			if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
				return true
			}
		}
	}
	return false
}

// page writes a small page without anything active in it, with a link to
// [Config.HomeURL].
func (m *Manager) page(w http.ResponseWriter, status int, text string) {
	page(w, status, text, m.cfg.HomeURL)
}

func page(w http.ResponseWriter, status int, text, home string) {
	body := "<p>" + html.EscapeString(text) + "</p>"
	if home != "" {
		body += `<p><a href="` + html.EscapeString(home) + `">Continue</a></p>`
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Close account</title>`+body+"</html>\n") // the browser is gone otherwise
}

// one returns a parameter that may be there at most once and is not too long.
func one(q url.Values, name string, most int) (value string, ok bool) {
	list := q[name]
	if len(list) == 0 {
		return "", true
	}
	return list[0], len(list) == 1 && len(list[0]) <= most && list[0] != ""
}

const (
	textNothing = "Page not found."
	textGone    = "This link is no longer valid. Ask for a new one."
	textSignIn  = "Sign in first, then open the link again."
	// The flow is still there, so that these work.
	textSignInHere = "You are signed out. Sign in in another tab, then reload this page."
	textElsewhere  = "This page was opened in another browser than the link. Go back to that browser, or open the link again in this one."

	textUsed    = "This link has been used, or it has lapsed. Look at your account, or ask for a new link."
	textForeign = "This link was made for another user."
	textBroken  = "The response from Close does not belong to this browser. Start again."
	textAway    = "This does not work right now. Try again in a minute."
)

// checkSession asks the host whose session it is, and responds with a page if it
// is not that of the flow. SignIn is what it says without a session.
func (m *Manager) checkSession(w http.ResponseWriter, r *http.Request, f Flow, signIn string) bool {
	p, err := m.resolve(r)
	switch {
	case err != nil || p.IsZero():
		m.page(w, http.StatusUnauthorized, signIn)
		return false
	case p != f.Key.Principal():
		m.note(r.Context(), Event{Type: EventLinkMisused, Key: f.Key, Actor: "user"})
		m.page(w, http.StatusForbidden, textForeign)
		return false
	}
	return true
}

func (m *Manager) resolve(r *http.Request) (Principal, error) {
	if m.cfg.SessionResolver == nil {
		return Principal{}, errors.New("accounts: SessionResolver is not set")
	}
	return m.cfg.SessionResolver(r)
}

// start sends a browser to the consent page. It has no effect but the cookie, so a
// link may be opened any number of times, by programs that look at links too.
func (m *Manager) start(w http.ResponseWriter, r *http.Request, c *conn, query url.Values) {
	id, ok := one(query, "f", tokenLength)
	if !ok || len(id) != tokenLength {
		m.page(w, http.StatusBadRequest, textGone)
		return
	}
	ctx := r.Context()
	f, err := m.store.LoadFlow(ctx, hashOf(id))
	switch {
	case errors.Is(err, ErrNotFound), err == nil && (f.Kind != LinkFlow || f.Key.connection != c.Name):
		m.page(w, http.StatusGone, textGone)
		return
	case err != nil:
		m.page(w, http.StatusServiceUnavailable, textAway)
		return
	}
	if !f.OutOfBand && !m.checkSession(w, r, f, textSignIn) {
		return
	}
	nonce := randomToken()
	if cookie, err := r.Cookie(c.cookie(f.ID, "", 0).Name); err == nil && len(cookie.Value) == tokenLength {
		nonce = cookie.Value // of a tab that was opened before, which goes on working
	}
	b, err := m.bind(f, nonce)
	if err != nil {
		m.page(w, http.StatusServiceUnavailable, textAway)
		return
	}
	http.SetCookie(w, c.cookie(f.ID, nonce, int(flowTime/time.Second)))
	http.Redirect(w, r, c.oauth.authorizeURL(c.RedirectURL, b.state, b.verifier), http.StatusSeeOther)
}

const cookiePrefix = "cflow-"

// cookie ties a flow to a browser. Where the redirect URL is plain http, which
// is only allowed on the local machine, a browser would not send a secure cookie
// back.
func (c *conn) cookie(flow Hash, nonce string, age int) *http.Cookie {
	secure := strings.HasPrefix(c.RedirectURL, "https:")
	name := cookiePrefix + hex.EncodeToString(flow[:8])
	if secure {
		name = "__Host-" + name
	}
	return &http.Cookie{ //nolint:gosec // Secure is only left out on the local machine
		Name: name, Value: nonce, Path: "/", MaxAge: age, Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// callbackQuery is what the consent page sends back.
type callbackQuery struct{ state, code, refusal, issuer string }

// readCallback reads the query of a callback and reports whether it is
// well-formed: a state, and either a code or a refusal.
func readCallback(query url.Values) (q callbackQuery, ok bool) {
	for _, p := range []struct {
		value *string
		name  string
		most  int
	}{{&q.state, "state", maxState}, {&q.code, "code", maxCode}, {&q.refusal, "error", maxError}, {&q.issuer, "iss", maxURLBytes}} {
		if *p.value, ok = one(query, p.name, p.most); !ok {
			return callbackQuery{}, false
		}
	}
	return q, q.state != "" && (q.code == "") != (q.refusal == "")
}

// callback completes an authorization. Until it is certain that the right browser
// and the right user are back, nothing changes: a page that was opened elsewhere,
// by a scanner for instance, does not use the consent up.
func (m *Manager) callback(w http.ResponseWriter, r *http.Request, c *conn, query url.Values) {
	ctx := r.Context()
	q, ok := readCallback(query)
	if !ok {
		m.page(w, http.StatusBadRequest, textBroken)
		return
	}
	state, id := hashOf(q.state), flowOfState(q.state)
	f, ok := m.callbacks.flow(state)
	if !ok {
		var err error
		f, err = m.store.LoadFlow(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound), err == nil && f.Kind != LinkFlow:
			m.repeatedCallback(w, r, c, id)
			return
		case err != nil:
			m.page(w, http.StatusServiceUnavailable, textAway)
			return
		}
	}
	verifier, ok := m.checkBrowser(w, r, c, f, q)
	if !ok || !f.OutOfBand && !m.checkSession(w, r, f, textSignInHere) {
		return
	}
	end, ok := m.callbacks.do(ctx, state, f, failedEnd, func() ending {
		return m.complete(context.WithoutCancel(ctx), c, f, q, verifier)
	})
	switch {
	case !ok: // the browser is gone
	case end.gone:
		m.repeatedCallback(w, r, c, id)
	case end.away:
		m.page(w, http.StatusServiceUnavailable, textAway)
	default:
		http.SetCookie(w, c.cookie(id, "", -1))
		if end.to != "" {
			http.Redirect(w, r, end.to, http.StatusSeeOther)
			return
		}
		m.redirectBack(w, r, f, end.status, end.code, end.text)
	}
}

// checkBrowser compares a callback with its flow, and responds with a page if
// they do not belong together. Without a cookie it is only the wrong browser, or
// no browser at all, unless another user is signed in. It returns the PKCE verifier
// of the browser.
func (m *Manager) checkBrowser(w http.ResponseWriter, r *http.Request, c *conn, f Flow, q callbackQuery) (verifier Secret, ok bool) {
	cookie, err := r.Cookie(c.cookie(f.ID, "", 0).Name)
	if err != nil {
		if p, err := m.resolve(r); !f.OutOfBand && err == nil && !p.IsZero() && p != f.Key.Principal() {
			m.note(r.Context(), Event{Type: EventLinkMisused, Key: f.Key, Actor: "user"})
		}
		m.page(w, http.StatusBadRequest, textElsewhere)
		return Secret{}, false
	}
	b, err := m.bind(f, cookie.Value)
	if err != nil {
		m.page(w, http.StatusServiceUnavailable, textAway)
		return Secret{}, false
	}
	if subtle.ConstantTimeCompare([]byte(b.state), []byte(q.state)) != 1 || f.Key.connection != c.Name || q.issuer != "" && q.issuer != c.Issuer {
		m.note(r.Context(), Event{Type: EventLinkMisused, Key: f.Key, Actor: "user"})
		m.page(w, http.StatusBadRequest, textBroken)
		return Secret{}, false
	}
	return b.verifier, true
}

// ending is what a callback came to.
type ending struct {
	gone   bool   // another request has used the flow
	away   bool   // nothing was done; the same request may work later
	to     string // where the browser goes on, if not to where the link says
	status string // what the host is told
	code   int    // of the page, if the link does not say where to go
	text   string
}

var failedEnd = ending{
	status: "failed", code: http.StatusBadGateway,
	text: "The connection could not be completed. Nothing was changed. Start again.",
}

// complete uses a flow up and does what its callback asks for.
func (m *Manager) complete(ctx context.Context, c *conn, f Flow, q callbackQuery, verifier Secret) ending {
	if q.refusal == "" && !m.vaultWorks() {
		return ending{away: true}
	}
	short, cancel := detached(ctx)
	f, err := m.store.ConsumeFlow(short, LinkFlow, f.ID)
	cancel()
	switch {
	case errors.Is(err, ErrNotFound):
		return ending{gone: true}
	case err != nil:
		return ending{away: true}
	case q.refusal == "access_denied":
		m.note(ctx, Event{Type: EventDenied, Key: f.Key, Reason: UserDenied, Actor: "user"})
		return ending{status: "denied", code: http.StatusOK, text: "You denied the connection. Nothing was changed."}
	case q.refusal != "":
		return ending{status: "failed", code: http.StatusBadGateway, text: "Close could not complete the authorization. Nothing was changed."}
	case f.OutOfBand:
		id, err := m.holdCode(ctx, f, q.code, verifier)
		if err != nil {
			return failedEnd
		}
		return ending{to: addQuery(m.cfg.VerifyURL, "confirm", id)}
	}
	rec, err := m.finish(ctx, c, f, c.RedirectURL, NewSecret(q.code), verifier)
	var mismatch *IdentityMismatchError
	switch {
	case err == nil:
		return ending{status: "connected", code: http.StatusOK, text: fmt.Sprintf("Connected as Close user %s in organization %s.", rec.UserID, rec.OrganizationID)}
	case errors.As(err, &mismatch):
		return ending{status: "mismatch", code: http.StatusConflict, text: "You signed in to Close as a different user or organization than the one that is connected. Nothing was changed."}
	}
	return failedEnd
}

// exchangeTime is how long a callback waits whose flow another replica has just
// used.
const exchangeTime = 10 * time.Second

// repeatedCallback responds to a callback whose flow is gone: pressed twice,
// reloaded, completed in another browser, lapsed or forged. As long as the browser
// holds the cookie of the flow, another replica may be about to complete it.
func (m *Manager) repeatedCallback(w http.ResponseWriter, r *http.Request, c *conn, flow Hash) {
	ctx := r.Context()
	_, err := r.Cookie(c.cookie(flow, "", 0).Name)
	holds := err == nil
	p, err := m.resolve(r)
	for end := m.now().add(exchangeTime); err == nil && !p.IsZero(); {
		rec, err := m.load(ctx, p.Key(c.Name))
		if err == nil && rec.State == Active && rec.Now.Sub(rec.Refreshed) < flowTime {
			m.page(w, http.StatusOK, "This account is already connected.")
			return
		}
		if !holds || !m.now().before(end) || !m.pause(ctx, exchangeTime/40) {
			break
		}
	}
	if holds {
		m.page(w, http.StatusGone, textUsed)
		return
	}
	m.page(w, http.StatusBadRequest, textBroken)
}

// redirectBack sends the browser to where the link says, or shows a page.
func (m *Manager) redirectBack(w http.ResponseWriter, r *http.Request, f Flow, status string, code int, text string) {
	if to, ok := m.cfg.ReturnTo[f.ReturnTo]; ok {
		http.Redirect(w, r, addQuery(to, "connection_status", status), http.StatusSeeOther)
		return
	}
	m.page(w, code, text)
}
