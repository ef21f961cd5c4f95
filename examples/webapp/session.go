package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// user is a person who can log in. A real program has its own.
type user struct {
	company, name, password string
}

// demoUsers makes two users of two customers, with new passwords.
func demoUsers() []user {
	return []user{{"northwind", "ada", rand.Text()}, {"globex", "bob", rand.Text()}}
}

// principal says whose accounts a user may use. This is the only place where a
// [accounts.Principal] is made, and it only takes a user who has logged in.
func (u user) principal() (accounts.Principal, error) {
	return accounts.NewPrincipal(u.company, u.name)
}

// session is a logged-in user. What a handler may do follows from it, never
// from parameters of a request.
type session struct {
	user      user
	principal accounts.Principal
	account   *accounts.Account // acts as the user at Close
	expires   time.Time
}

const sessionTime = 8 * time.Hour

// sessions are kept in memory by a random id, which the browser has in a
// cookie.
type sessions struct {
	secure bool // whether browsers come over https
	now    func() time.Time
	mu     sync.Mutex
	live   map[string]*session
}

// cookie is the one of the session. Lax lets it come along when the browser
// returns from Close; Strict would not.
func (s *sessions) cookie(id string, age time.Duration) *http.Cookie {
	name := "session"
	if s.secure {
		name = "__Host-session" // no other host can set it
	}
	return &http.Cookie{ //nolint:gosec // Secure is only left out on the local machine
		Name: name, Value: id, Path: "/", MaxAge: int(age / time.Second), Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// begin starts a session under a new id.
func (s *sessions) begin(w http.ResponseWriter, in *session) {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.live {
		if !s.now().Before(old.expires) {
			delete(s.live, id)
		}
	}
	in.expires = s.now().Add(sessionTime)
	s.live[id] = in
	http.SetCookie(w, s.cookie(id, sessionTime))
}

// end ends the session of a request, whatever the browser does with its cookie.
func (s *sessions) end(r *http.Request) {
	if c, err := r.Cookie(s.cookie("", 0).Name); err == nil {
		s.mu.Lock()
		delete(s.live, c.Value)
		s.mu.Unlock()
	}
}

type sessionKey struct{}

// middleware finds the session of a request, if there is one.
func (s *sessions) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(s.cookie("", 0).Name); err == nil {
			s.mu.Lock()
			in := s.live[c.Value]
			s.mu.Unlock()
			if in != nil && s.now().Before(in.expires) {
				r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, in))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// sessionOf returns the session of a request behind the middleware, or nil.
func sessionOf(r *http.Request) *session {
	in, _ := r.Context().Value(sessionKey{}).(*session)
	return in
}

// sessionPrincipal is the accounts.Config.SessionResolver.
func sessionPrincipal(r *http.Request) (accounts.Principal, error) {
	if in := sessionOf(r); in != nil {
		return in.principal, nil
	}
	return accounts.Principal{}, errors.New("no user is logged in")
}

// withSession redirects requests without a login to the login page.
func (a *app) withSession(next func(http.ResponseWriter, *http.Request, *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if in := sessionOf(r); in != nil {
			next(w, r, in)
			return
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}
}

// authenticate finds the user with a password.
func (a *app) authenticate(name, password string) (user, bool) {
	given := sha256.Sum256([]byte(password))
	for _, u := range a.users {
		want := sha256.Sum256([]byte(u.password))
		if u.name == name && subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
			return u, true
		}
	}
	return user{}, false
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	confirm := r.PostFormValue("confirm")
	u, ok := a.authenticate(r.PostFormValue("name"), r.PostFormValue("password"))
	if !ok {
		render(w, http.StatusUnauthorized, "login", loginData{Confirm: confirm, Problem: "Name or password is wrong."})
		return
	}
	p, err := u.principal()
	if err != nil {
		a.fail(w, r, err)
		return
	}
	account, err := a.manager.Account(p, connectionName)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.sessions.end(r)
	a.sessions.begin(w, &session{user: u, principal: p, account: account})
	if confirm != "" {
		http.Redirect(w, r, verifyURL(confirm), http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	a.sessions.end(r)
	http.SetCookie(w, a.sessions.cookie("", -time.Second))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
