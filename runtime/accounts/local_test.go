package accounts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestPasteLocal pastes the address that the browser ended at.
func TestPasteLocal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		f, err := w.m.PasteLocal(w.Context(), user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		callback := w.consent(f.URL(), who("ada"))
		for _, bad := range []string{"", "two words", "https://app.example/?code=x&state=y", "https://app.example/?code=x", "https://app.example/callback", "hello", "code=abcdefghijkl", "abcdefghijkl\x1b"} {
			if _, err := f.Finish(w.Context(), bad); err == nil {
				w.Errorf("%q was taken", bad)
			}
		}
		info, err := f.Finish(w.Context(), " "+callback+"\n")
		if err != nil || info.State != Active {
			w.Errorf("finishing gives %+v, %v", info, err)
		}
		if _, err := f.Finish(w.Context(), callback); !errors.Is(err, ErrNotFound) {
			w.Errorf("finishing again gives %v", err)
		}
		if text := fmt.Sprintf("%v %+v %#v", f, f, f); strings.Contains(text, f.state) {
			w.Errorf("printing a flow gives %q", text)
		}
		g, err := w.m.PasteLocal(w.Context(), user("bob"), conName)
		if err != nil {
			w.Fatal(err)
		}
		u, _ := url.Parse(w.consent(g.URL(), who("bob")))
		if _, err := g.Finish(w.Context(), u.Query().Get("code")); err != nil { // only the code
			w.Errorf("finishing with the code gives %v", err)
		}
	})
}

// TestListenLocal comes back to a free port.
func TestListenLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.ListenLocal(w.Context(), user("ada"), conName)
	if err != nil {
		w.Fatal(err)
	}
	callback := w.consent(f.URL(), who("ada"))
	if !strings.HasPrefix(callback, "http://127.0.0.1:") {
		w.Fatalf("the callback is %s", callback)
	}
	for _, c := range []struct {
		address string
		status  int
	}{{strings.Replace(callback, "state=", "state=x", 1), 400}, {callback, 200}, {callback, 410}} {
		req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, c.address, nil)
		if err != nil {
			w.Fatal(err)
		}
		resp, err := (&http.Client{}).Do(req)
		if err != nil {
			w.Fatal(err)
		}
		_ = resp.Body.Close()
		w.wantStatus(resp, c.status)
	}
	if info, err := f.Wait(w.Context()); err != nil || info.State != Active {
		w.Errorf("waiting gives %+v, %v", info, err)
	}
	if err := f.Close(); err != nil {
		w.Error(err)
	}
	w.end()
}

// TestListenLocalAtTheRedirectURL comes back to the port that is registered.
func TestListenLocalAtTheRedirectURL(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registered := "http://" + l.Addr().String() + "/oauth/back"
	w := newWorld(t, func(cfg *Config) { cfg.Connections[0].RedirectURL = registered })
	if _, err := w.m.ListenLocal(w.Context(), user("ada"), conName); err == nil || !strings.Contains(err.Error(), "address already in use") {
		w.Errorf("on a port that is taken: %v", err)
	}
	_ = l.Close()
	f, err := w.m.ListenLocal(w.Context(), user("ada"), conName)
	if err != nil {
		w.Fatal(err)
	}
	callback := w.consent(f.URL(), who("ada"))
	if !strings.HasPrefix(callback, registered+"?") {
		w.Errorf("the callback is %s", callback)
	}
	state := callback[strings.Index(callback, "state="):]
	for range 3 { // neither code nor error: Wait does not read the second of these
		resp, err := http.Get(registered + "?" + state)
		if err != nil {
			w.Fatal(err)
		}
		_ = resp.Body.Close()
		w.wantStatus(resp, http.StatusBadRequest)
	}
	if _, err := f.Wait(w.Context()); err == nil {
		w.Error("an answer without a code connected the account")
	}
	if err := f.Close(); err != nil {
		w.Error(err)
	}
	w.end()
}

// TestLocalWaitEndsWithClose closes a flow while Wait waits.
func TestLocalWaitEndsWithClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.ListenLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := f.Wait(context.Background()); done <- err }()
	_ = f.Close()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("Wait does not end with Close")
	}
}

// TestLocalCallbackTwice sends an answer twice that cannot be read.
func TestLocalCallbackTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.ListenLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 2 {
		c := http.Client{Timeout: 2 * time.Second}
		resp, err := c.Get(f.redirect + "?state=" + f.state) // no code, no error
		if err != nil {
			t.Fatalf("request %d: %v", i+1, errors.Unwrap(err))
		}
		resp.Body.Close()
	}
}

// TestLocalFlowPrintsNothing prints a flow in all ways.
func TestLocalFlowPrintsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.PasteLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
		if s := fmt.Sprintf(verb, f); strings.Contains(s, f.state) {
			t.Errorf("%s shows the state", verb)
		}
	}
}

// TestLocalWithoutPath comes back to a redirect URL that has no path.
func TestLocalWithoutPath(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String() // a port that is free
	_ = l.Close()
	w := newWorld(t, func(cfg *Config) { cfg.Connections[0].RedirectURL = "http://" + address })
	f, err := w.m.ListenLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.consent(f.URL(), who("ada")), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Errorf("the browser comes back to %s", res.Status)
	}
}
