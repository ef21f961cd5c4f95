package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/accounts"
)

// connectPath is where the pages of the consent are mounted.
const connectPath = "/connect"

// config is what an app works with; all of it is needed.
type config struct {
	baseURL  string // as browsers see it, without a slash at the end
	crm      *crm
	store    accounts.Store
	vault    accounts.Vault
	stateDir string // for the journal of renewals
	log      io.Writer
}

// app is the web program without its server.
type app struct {
	manager  *accounts.Manager
	close    *closekit.Client // has no credential; each request has a client made of it
	users    []user
	sessions *sessions
	log      *slog.Logger
}

func newApp(ctx context.Context, cfg config) (*app, error) {
	a := &app{
		close: closekit.NewClient(nil, cfg.crm.options...),
		users: demoUsers(),
		sessions: &sessions{
			secure: strings.HasPrefix(cfg.baseURL, "https:"), now: time.Now, live: map[string]*session{},
		},
		log: slog.New(slog.NewTextHandler(cfg.log, nil)),
	}
	var err error
	a.manager, err = accounts.New(ctx, accounts.Config{
		Store: cfg.store, Vault: cfg.vault, StateDir: cfg.stateDir,
		Connections:     []accounts.Connection{cfg.crm.connection},
		SessionResolver: sessionPrincipal,
		BaseURL:         cfg.baseURL + connectPath,
		ReturnTo:        map[string]string{"home": "/"},
		HomeURL:         "/",
		VerifyURL:       cfg.baseURL + "/verify",
		OnEvent:         a.onEvent,
		// What happens to accounts is logged in onEvent; here is what else
		// an operator must know.
		Logger: slog.New(slog.NewTextHandler(cfg.log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	return a, err
}

// handler is the whole program. Everything is behind the session middleware,
// the pages of the consent too: that is how they know who is there.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(connectPath+"/", a.manager.Handler())
	mux.HandleFunc("GET /login", a.loginPage)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("GET /{$}", a.withSession(a.home))
	mux.HandleFunc("POST /account/connect", a.withSession(a.connect))
	mux.HandleFunc("POST /account/disconnect", a.withSession(a.disconnect))
	mux.HandleFunc("POST /account/link", a.withSession(a.link))
	mux.HandleFunc("GET /verify", a.verifyPage)
	mux.HandleFunc("POST /verify", a.withSession(a.verify))
	mux.HandleFunc("GET /style.css", styleSheet)

	h := a.sessions.middleware(mux)
	h = http.NewCrossOriginProtection().Handler(h) // refuses forms that other sites post
	h = http.MaxBytesHandler(h, 64<<10)
	return a.accessLog(securityHeaders(h))
}

// securityHeaders are for all pages. There is no form-action among them:
// browsers apply it to redirects too, and "connect" is a form that ends at
// Close.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// accessLog leaves query strings out: that of the callback holds a code, and
// those of links are as good as a ticket.
func (a *app) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, s := time.Now(), &statusWriter{w, http.StatusOK}
		next.ServeHTTP(s, r)
		a.log.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", s.status, "took", time.Since(start))
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// onEvent is told about everything that happens to an account, at least once.
// A real program would also tell the user here: that the account must be
// connected again, or that another user opened the link.
func (a *app) onEvent(ctx context.Context, e accounts.Event) error {
	level := slog.LevelInfo
	switch e.Type {
	case accounts.EventLinkMisused, accounts.EventIdentityMismatch, accounts.EventReauthorization, accounts.EventHealth:
		level = slog.LevelWarn
	default:
	}
	a.log.Log(ctx, level, "account event", "event", e)
	return nil
}

// fail answers with a page that says what went wrong in general; the log has
// the error. Errors of package accounts hold no secret.
func (a *app) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	message(w, http.StatusInternalServerError, "Something went wrong. Try again in a minute.")
}
