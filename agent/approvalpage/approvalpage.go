// Package approvalpage shows the calls of an agent that wait for a person, and takes
// the decisions: a minimal web page for hosts that have none of their own.
//
// It has no authentication. A host that has one passes an [Approver]; without it, the
// page serves only the person at the same machine, over the loopback interface.
// It works without JavaScript, and nothing on it is decided by pressing Enter.
package approvalpage

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/closekit/closekit/agent"
)

// Config says who decides, and on what. The zero value is an error.
type Config struct {
	// Approver returns the name of the person whom the host has authenticated for the
	// request, and false if there is none.
	Approver func(*http.Request) (name string, ok bool)
	// Local is the name of the person at this machine. It is for hosts without
	// Approver: then only requests over the loopback interface are served. A proxy on this
	// machine that neither says that it is one nor keeps the name that it was called by
	// cannot be told from a browser here: behind a proxy, use Approver.
	Local string
	// May reports whether the person may see an approval and decide on it. Nil means
	// that all may whom Approver knows.
	May func(approver string, p *agent.Approval) bool
	// Prefix is the path below which the handler is mounted, such as /approvals. The
	// handler sees the whole path; there is no need for http.StripPrefix.
	Prefix string
	// Decided is called after every decision, such as to carry out what was approved
	// with [agent.Session.Resume]. It must return quickly.
	Decided func(*http.Request, *agent.Approval)
}

//go:embed page.html
var pages string

// style is the only style of the page; the policy of the page names its hash.
//
//go:embed style.css
var style string

type handler struct {
	Config
	agent *agent.Agent
	page  *template.Template
	key   [32]byte // of the tokens of forms
	csp   string
}

// New returns the handler for the approvals of an agent.
func New(a *agent.Agent, c Config) (http.Handler, error) {
	switch {
	case a == nil:
		return nil, errors.New("approvalpage: the agent is nil")
	case c.Approver == nil && c.Local == "":
		return nil, errors.New("approvalpage: set Approver, or Local to the name of the person at this machine")
	case c.Approver != nil && c.Local != "":
		return nil, errors.New("approvalpage: set Approver or Local, not both")
	}
	c.Prefix = "/" + strings.Trim(c.Prefix, "/")
	if c.Prefix != "/" {
		c.Prefix += "/"
	}
	h := &handler{Config: c, agent: a}
	if _, err := rand.Read(h.key[:]); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(style))
	h.csp = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	var err error
	h.page, err = template.New("page").Funcs(template.FuncMap{"style": func() template.HTML {
		return template.HTML("<style>" + style + "</style>") //nolint:gosec // our own
	}}).Parse(pages)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+c.Prefix+"{$}", h.list)
	mux.HandleFunc("GET "+c.Prefix+"{question}", h.question)
	mux.HandleFunc("POST "+c.Prefix+"{question}", h.decide)
	mux.HandleFunc(c.Prefix, func(w http.ResponseWriter, r *http.Request) {
		h.message(w, http.StatusNotFound, "There is no such page.", "Go back to the list of questions.")
	})
	return h.guarded(mux), nil
}

type approverKey struct{}

func withName(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, approverKey{}, name)
}

// nameOf returns the person whom a request is from.
func nameOf(r *http.Request) string {
	name, _ := r.Context().Value(approverKey{}).(string)
	return name
}

// guarded admits only approvers, and sets the headers of every answer.
func (h *handler) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", h.csp)
		head.Set("Cache-Control", "no-store")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		name, ok := h.approver(r)
		if !ok {
			h.message(w, http.StatusForbidden, "You may not decide here.", h.whyNot())
			return
		}
		next.ServeHTTP(w, r.WithContext(withName(r.Context(), name)))
	})
}

func (h *handler) whyNot() string {
	if h.Approver != nil {
		return "Log in to the program that shows this page, then open it again."
	}
	return "This page is only for the person at the machine that it runs on: open it there, with the address localhost or 127.0.0.1."
}

// approver returns the name of the person. Without the host's word for it, the request
// must come from this machine and name it, so that no page of the Internet reaches it
// by a name that leads here.
func (h *handler) approver(r *http.Request) (string, bool) {
	if h.Approver != nil {
		name, ok := h.Approver(r)
		return name, ok && name != ""
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !loopback(host) || forwarded(r.Header) {
		return "", false
	}
	named := r.Host
	if host, _, err := net.SplitHostPort(named); err == nil {
		named = host
	}
	named = strings.Trim(named, "[]")
	return h.Local, named == "localhost" || loopback(named)
}

// forwarded reports whether a proxy says that the request is not its own.
func forwarded(h http.Header) bool {
	for name := range h {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// asked is what a person is asked together.
type asked struct {
	ID    string
	Calls []*agent.Approval
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	open, err := h.approvals(r, agent.Query{States: []agent.State{agent.Pending, agent.Approved}, Limit: 1000})
	if err != nil {
		h.failed(w)
		return
	}
	var list []*asked
	for _, p := range open {
		if p.State != agent.Pending && p.State != agent.Approved { // it has expired
			continue
		}
		i := slices.IndexFunc(list, func(q *asked) bool { return q.ID == p.Question })
		if i < 0 {
			i = len(list)
			list = append(list, &asked{ID: p.Question})
		}
		list[i].Calls = append(list[i].Calls, p)
	}
	h.write(w, http.StatusOK, "list", map[string]any{"Name": nameOf(r), "Questions": list})
}

// approvals returns those that the person may see.
func (h *handler) approvals(r *http.Request, q agent.Query) ([]*agent.Approval, error) {
	list, err := h.agent.Approvals(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(p *agent.Approval) bool { return h.May != nil && !h.May(nameOf(r), p) }), nil
}

const cookie = "closekit_approvals"

func (h *handler) question(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("question")
	list, err := h.approvals(r, agent.Query{Question: id, Limit: 1000})
	switch {
	case err != nil:
		h.failed(w)
		return
	case len(list) == 0:
		h.message(w, http.StatusNotFound, "There is no such question.", "It may have been deleted, or is not for you. Look at the list of questions, or ask the agent again.")
		return
	}
	slices.SortStableFunc(list, func(a, b *agent.Approval) int { return strings.Compare(a.ID, b.ID) })
	var session string
	if c, err := r.Cookie(cookie); err == nil && len(c.Value) >= 26 {
		session = c.Value
	} else {
		session = rand.Text()
		// Over the loopback interface there is no TLS.
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // see above
			Name: cookie, Value: session, Path: h.Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
		})
	}
	h.write(w, http.StatusOK, "question", map[string]any{"Name": nameOf(r), "ID": id, "Calls": list, "Token": h.token(session, nameOf(r), id)})
}

// token binds a form to the browser, the person and the question.
func (h *handler) token(session, name, question string) string {
	m := hmac.New(sha256.New, h.key[:])
	for _, s := range []string{session, name, question} {
		m.Write([]byte(s))
		m.Write([]byte{0})
	}
	return hex.EncodeToString(m.Sum(nil))
}

func (h *handler) decide(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("question")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	c, err := r.Cookie(cookie)
	if err != nil || r.ParseForm() != nil || !hmac.Equal([]byte(r.PostForm.Get("token")), []byte(h.token(c.Value, nameOf(r), id))) {
		h.message(w, http.StatusForbidden, "Nothing was decided.", "This form is not one that the page has shown to you, or it is too old. Open the question again.")
		return
	}
	p, err := h.agent.Approval(r.Context(), r.PostForm.Get("id"))
	if err != nil && !errors.Is(err, agent.ErrNotFound) {
		h.failed(w)
		return
	}
	if err != nil || p.Question != id || h.May != nil && !h.May(nameOf(r), p) {
		h.message(w, http.StatusNotFound, "There is no such call.", "It may have been deleted. Look at the list of questions, or ask the agent again.")
		return
	}
	shown, err := agent.ParseDigest(r.PostForm.Get("shown"))
	verdict := r.PostForm.Get("verdict")
	if err != nil || verdict != "approve" && verdict != "deny" && verdict != "withdraw" {
		h.message(w, http.StatusBadRequest, "Nothing was decided.", "The form is incomplete. Open the question again.")
		return
	}
	var state *agent.StateError
	if verdict == "withdraw" {
		err = h.agent.Withdraw(r.Context(), p.ID, nameOf(r))
	} else {
		err = h.agent.Decide(r.Context(), p.ID, nameOf(r), verdict == "approve", shown)
	}
	switch {
	case err == nil:
	case errors.As(err, &state):
		h.message(w, http.StatusConflict, "This was not decided now: the call is "+string(state.State)+".", whatNow(state.State))
		return
	case errors.Is(err, agent.ErrNotShown):
		h.message(w, http.StatusConflict, "Nothing was decided: the call is not what you were shown.", "Open the question again and look at it anew.")
		return
	default:
		h.failed(w)
		return
	}
	if h.Decided != nil {
		if p, err = h.agent.Approval(r.Context(), p.ID); err == nil {
			h.Decided(r, p)
		}
	}
	http.Redirect(w, r, h.Prefix+url.PathEscape(id), http.StatusSeeOther)
}

func whatNow(s agent.State) string {
	switch s {
	case agent.Expired, agent.Stale, agent.Failed:
		return "Tell the agent to do it again if you still want it; you are asked anew then."
	case agent.Unclear:
		return "Look in Close whether it happened before you tell the agent to do it again."
	case agent.Pending, agent.Approved, agent.Denied, agent.Executing, agent.Done:
	}
	return "A decision is made once. An approval can be withdrawn until its call is carried out: open the question again. To reverse a call, tell the agent."
}

func (h *handler) failed(w http.ResponseWriter) {
	h.message(w, http.StatusInternalServerError, "The approvals cannot be read or written now.", "Nothing was decided. Try again in a moment; if it stays so, tell the people who run this program.")
}

func (h *handler) message(w http.ResponseWriter, status int, what, next string) {
	h.write(w, status, "message", map[string]any{"What": what, "Next": next, "List": h.Prefix})
}

func (h *handler) write(w http.ResponseWriter, status int, name string, data map[string]any) {
	data["Prefix"] = h.Prefix
	var b bytes.Buffer
	if err := h.page.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
