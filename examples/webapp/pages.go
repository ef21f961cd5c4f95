package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime/accounts"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

// render writes a page. It is complete before anything is sent.
func render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser is gone otherwise
}

// message writes a page that only says something.
func message(w http.ResponseWriter, status int, text string) { render(w, status, "message", text) }

func styleSheet(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages/style.css")
}

type loginData struct{ Confirm, Problem string }

func (a *app) loginPage(w http.ResponseWriter, _ *http.Request) {
	render(w, http.StatusOK, "login", loginData{})
}

// maxLeads is how many leads the page shows.
const maxLeads = 50

type homeData struct {
	User, Notice, Words, Problem string
	Info                         accounts.Info
	Leads                        []*closeapi.Lead
}

// Connected reports whether there is something to disconnect.
func (d homeData) Connected() bool {
	return d.Info.State == accounts.Active || d.Info.State == accounts.Expired || d.Info.State == accounts.Revoked
}

func (a *app) home(w http.ResponseWriter, r *http.Request, in *session) {
	d := homeData{User: in.user.name}
	client, err := a.client(r.Context(), in)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	// The client can only act as the user of this session. The call comes
	// first, for it may find out that Close has ended the connection.
	d.Leads, err = closekit.Collect(closeapi.LeadsAll(r.Context(), client, closeapi.LeadsListParams{
		Fields: []string{"id", "display_name", "status_label"},
	}, closekit.MaxItems(maxLeads)), maxLeads)
	d.Problem = explain(err)
	if d.Info, err = a.manager.GetOrCreate(r.Context(), in.principal, connectionName); err != nil {
		a.fail(w, r, err)
		return
	}
	d.Words = describe(d.Info)
	d.Notice = returned(r.FormValue("connection_status"), d.Info.State)
	render(w, http.StatusOK, "home", d)
}

// client returns a client that acts as the user of a session. Users of one
// organization share its budget, because Close counts their requests together.
func (a *app) client(ctx context.Context, in *session) (*closekit.Client, error) {
	info, err := in.account.Info(ctx)
	if err != nil && !errors.Is(err, accounts.ErrNotFound) {
		return nil, err
	}
	return a.close.With(in.account, closekit.WithBudget(a.manager.Budget(info.OrganizationID))), nil
}

// connect sends the browser to the consent page, for the first time or again.
func (a *app) connect(w http.ResponseWriter, r *http.Request, in *session) {
	link, err := a.manager.AuthorizationLink(r.Context(), in.principal, connectionName, accounts.ReturnTo("home"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, link.URL, http.StatusSeeOther)
}

func (a *app) disconnect(w http.ResponseWriter, r *http.Request, in *session) {
	_, err := a.manager.Disconnect(r.Context(), in.principal, connectionName, accounts.HostDisconnect)
	if err != nil && !errors.Is(err, accounts.ErrNotFound) {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// link creates a link for a browser without a login, such as the
// one of a phone or a chat.
func (a *app) link(w http.ResponseWriter, r *http.Request, in *session) {
	link, err := a.manager.AuthorizationLink(r.Context(), in.principal, connectionName, accounts.OutOfBand(), accounts.ReturnTo("home"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	render(w, http.StatusOK, "link", link)
}

// verifyURL is where a browser goes on with a confirmation.
func verifyURL(confirm string) string { return "/verify?" + url.Values{"confirm": {confirm}}.Encode() }

// verifyPage is where the browser comes after the consent of such a link. It
// asks before anything happens: a person who read the link could have
// consented with a Close account of his own and sent the address of this page
// to the user.
func (a *app) verifyPage(w http.ResponseWriter, r *http.Request) {
	confirm := r.FormValue("confirm")
	in := sessionOf(r)
	if in == nil {
		render(w, http.StatusOK, "login", loginData{Confirm: confirm})
		return
	}
	render(w, http.StatusOK, "verify", struct{ User, Confirm string }{in.user.name, confirm})
}

func (a *app) verify(w http.ResponseWriter, r *http.Request, in *session) {
	_, err := a.manager.ConfirmUser(r.Context(), r.PostFormValue("confirm"), in.principal)
	var account accounts.AccountError
	switch {
	case err == nil:
		http.Redirect(w, r, "/?connection_status=connected", http.StatusSeeOther)
	case errors.Is(err, accounts.ErrWrongUser):
		message(w, http.StatusForbidden, "This link was made for another user. Nothing was connected.")
	case errors.Is(err, accounts.ErrNotFound):
		message(w, http.StatusGone, "This was confirmed already, or it took too long. Look at your account, or make a new link.")
	case errors.Is(err, accounts.ErrIdentityMismatch):
		http.Redirect(w, r, "/?connection_status=mismatch", http.StatusSeeOther)
	case errors.As(err, &account):
		http.Redirect(w, r, "/?connection_status=failed", http.StatusSeeOther)
	default:
		a.fail(w, r, err)
	}
}
