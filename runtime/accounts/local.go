package accounts

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// LocalFlow is an authorization at a terminal: the user of this process opens
// a page in a browser, and the response comes back to a port of this machine, or
// is pasted. It lives in this process only and works once, for ten minutes.
type LocalFlow struct {
	m        *Manager
	c        *conn
	flow     Flow
	redirect string
	state    string
	verifier Secret
	consent  string
	began    instant

	mu     sync.Mutex
	used   bool
	server *http.Server
	result chan localResult

	arrivals together[localResult] // of the browser
	closed   chan struct{}
}

type localResult struct {
	info Info
	err  error
}

// ListenLocal begins an authorization whose response comes to this machine: to
// the redirect URL of the connection if that is an http address on the local
// machine with a port, and to a free port otherwise. The application must have a
// redirect URL registered that allows it. Close the flow in the end.
func (m *Manager) ListenLocal(ctx context.Context, p Principal, connection string, opts ...LinkOption) (*LocalFlow, error) {
	c, err := m.conn(connection)
	if err != nil {
		return nil, err
	}
	address, redirect := "127.0.0.1:0", ""
	if u, err := url.Parse(c.RedirectURL); err == nil && u.Scheme == "http" && u.Port() != "" {
		address, redirect = u.Host, c.RedirectURL
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("accounts: cannot listen for the response of the consent page: %w", err)
	}
	if redirect == "" {
		redirect = "http://" + l.Addr().String() + "/callback"
	}
	f, err := m.newLocalFlow(ctx, p, connection, redirect, opts)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	f.server = &http.Server{Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = f.server.Serve(l) }() // ends with Close
	return f, nil
}

// PasteLocal begins an authorization whose response the user pastes: the address
// that the browser ended at, or the code in it. It uses the redirect URL of the
// connection.
func (m *Manager) PasteLocal(ctx context.Context, p Principal, connection string, opts ...LinkOption) (*LocalFlow, error) {
	c, err := m.conn(connection)
	if err != nil {
		return nil, err
	}
	return m.newLocalFlow(ctx, p, connection, c.RedirectURL, opts)
}

func (m *Manager) newLocalFlow(ctx context.Context, p Principal, connection, redirect string, opts []LinkOption) (*LocalFlow, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return nil, err
	}
	rec, err := m.ensure(ctx, key)
	if err != nil {
		return nil, err
	}
	f := &LocalFlow{
		m: m, c: m.conns[connection], redirect: redirect, state: randomToken(), verifier: NewSecret(oauth2.GenerateVerifier()),
		flow:   Flow{Kind: LinkFlow, Key: key, AccountID: rec.ID, Epoch: rec.Epoch},
		result: make(chan localResult, 1), closed: make(chan struct{}), began: m.now(),
	}
	for _, o := range opts {
		o(&f.flow)
	}
	f.consent = f.c.oauth.authorizeURL(redirect, f.state, f.verifier)
	return f, nil
}

// URL is the consent page. It is for the user of this process only.
func (f *LocalFlow) URL() string { return f.consent }

// Format prints whose flow it is, whatever the verb.
func (f *LocalFlow) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "local authorization of %v", f.flow.Key)
}

// Wait waits for the browser to come back, of a flow that listens.
func (f *LocalFlow) Wait(ctx context.Context) (Info, error) {
	timer := time.NewTimer(flowTime)
	defer timer.Stop()
	select {
	case r := <-f.result:
		return r.info, r.err
	case <-timer.C:
		return Info{}, ErrNotFound
	case <-f.closed:
		return Info{}, ErrNotFound
	case <-ctx.Done():
		return Info{}, context.Cause(ctx)
	}
}

// Close ends the flow.
func (f *LocalFlow) Close() error {
	f.mu.Lock()
	f.used = true
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
	f.mu.Unlock()
	if f.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = f.server.Shutdown(ctx) // Close does the rest
	return f.server.Close()
}

// Finish ends the flow with what the user pasted: the whole address of the
// page that the browser ended at, or only the code.
func (f *LocalFlow) Finish(ctx context.Context, pasted string) (Info, error) {
	pasted = strings.TrimSpace(pasted)
	if u, err := url.Parse(pasted); err == nil && u.RawQuery != "" {
		return f.receive(ctx, u.RawQuery)
	}
	if !looksLikeCode(pasted) {
		return Info{}, errors.New("accounts: the pasted text is neither the address where the browser ended nor a code")
	}
	return f.redeem(ctx, pasted)
}

// looksLikeCode keeps words and addresses without a response from being sent as
// a code, which would use up the flow.
func looksLikeCode(s string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`:?&#<>"'\`, r) }
	return len(s) >= 10 && len(s) <= maxCode && !strings.ContainsFunc(s, odd) && !strings.Contains(s, "code=")
}

// receive deals with the query of a callback.
func (f *LocalFlow) receive(ctx context.Context, raw string) (Info, error) {
	query, err := url.ParseQuery(raw)
	q, ok := readCallback(query)
	switch {
	case err != nil, len(raw) > maxQuery, !ok, subtle.ConstantTimeCompare([]byte(q.state), []byte(f.state)) != 1:
		return Info{}, errors.New("accounts: this response does not belong to this authorization")
	case q.refusal != "":
		if err := f.take(); err != nil {
			return Info{}, err
		}
		failed := &FlowFailedError{Key: f.flow.Key}
		if q.refusal == "access_denied" {
			failed.Reason = UserDenied
			f.m.note(ctx, Event{Type: EventDenied, Key: f.flow.Key, Reason: UserDenied, Actor: "user"})
		}
		return Info{}, failed
	}
	return f.redeem(ctx, q.code)
}

// take makes the flow work once.
func (f *LocalFlow) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used || !f.m.now().before(f.began.add(flowTime)) {
		return ErrNotFound
	}
	f.used = true
	return nil
}

func (f *LocalFlow) redeem(ctx context.Context, code string) (Info, error) {
	if err := f.take(); err != nil {
		return Info{}, err
	}
	rec, err := f.m.finish(context.WithoutCancel(ctx), f.c, f.flow, f.redirect, NewSecret(code), f.verifier)
	return infoOf(rec), err
}

// serve is the callback on the loopback interface.
func (f *LocalFlow) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	if u, err := url.Parse(f.redirect); err != nil || r.Method != http.MethodGet || r.URL.Path != cmp.Or(u.Path, "/") {
		page(w, http.StatusNotFound, textNothing, "")
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.state)) != 1 {
		page(w, http.StatusBadRequest, textBroken, "") // of another authorization
		return
	}
	if isPrefetch(r) {
		page(w, http.StatusServiceUnavailable, textAway, "")
		return
	}
	result, ok := f.arrivals.do(r.Context(), f.flow.ID, f.flow, localResult{err: ErrFlowFailed}, func() localResult {
		info, err := f.receive(r.Context(), r.URL.RawQuery)
		return localResult{info, err}
	})
	if !ok {
		return // the browser is gone
	}
	info, err := result.info, result.err
	if errors.Is(err, ErrNotFound) {
		page(w, http.StatusGone, textGone, "")
		return
	}
	if err != nil {
		page(w, http.StatusBadRequest, "The account was not connected. You can close this page.", "")
	} else {
		page(w, http.StatusOK, "The account is connected. You can close this page.", "")
	}
	select {
	case f.result <- localResult{info, err}:
	default: // Wait has one already
	}
}
