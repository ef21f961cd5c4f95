package closekit_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/closekit/closekit"
)

const doubted = "the request may have succeeded; check before you repeat it"

// TestDoubt lists the failures of a call: whether a write may have taken effect, in
// the field, by MaybeDone, and in words. A read never has.
func TestDoubt(t *testing.T) {
	t.Parallel()
	denied := &closekit.AuthorizationError{Reason: "reconnect"}
	for _, c := range []struct {
		name  string
		steps []step
		want  bool
	}{
		{"400", []step{respond(400, `{}`)}, false},
		{"401", []step{respond(401, `{}`)}, false},
		{"402", []step{respond(402, `{}`)}, false},
		{"403", []step{respond(403, `{}`)}, false},
		{"404", []step{respond(404, `{}`)}, false},
		{"405", []step{respond(405, `{}`)}, false},
		{"408", []step{respond(408, ``)}, true},
		{"409", []step{respond(409, `{}`)}, false},
		{"413", []step{respond(413, ``)}, false},
		{"422", []step{respond(422, `{}`)}, false},
		{"429", []step{respond(429, ``)}, false},
		{"500", []step{respond(500, ``)}, true},
		{"502", []step{respond(502, `<html>`, "Content-Type", "text/html")}, true},
		{"503", []step{respond(503, ``)}, true},
		{"504", []step{respond(504, ``)}, true},
		{"520", []step{respond(520, ``)}, true},
		{"301", []step{respond(301, ``, "Location", "/x/")}, true},
		{"302 without a location", []step{respond(302, ``)}, true},
		{"303", []step{respond(303, ``, "Location", "/x/")}, true},
		{"303 to another host", []step{respond(303, ``, "Location", "https://x.example.com/")}, true},
		{"307 to another host", []step{respond(307, ``, "Location", "https://x.example.com/")}, false},
		{"307, then 303", []step{respond(307, ``, "Location", "/x/"), respond(303, ``, "Location", "/y/")}, true},
		{"307, then refused", []step{respond(307, ``, "Location", "/x/"), refused}, false},
		{"refused", []step{refused}, false},
		{"reset", []step{reset}, true},
		{"cut off", []step{fail(io.ErrUnexpectedEOF)}, true},
		{"200 with a page", []step{respond(200, `<html>`, "Content-Type", "text/html")}, true},
		{"200, cut off", []step{respond(200, `{"id":"it`)}, true},
		{"503, then 404", []step{respond(503, ``), respond(404, `{}`)}, true},
		{"429, then 404", []step{respond(429, ``), respond(404, `{}`)}, false},
		{"502, then 429", []step{respond(502, ``), respond(429, ``, "Retry-After", "3600")}, true},
		{"502, then no credential", []step{respond(502, ``), fail(denied)}, true},
	} {
		for method, call := range calls {
			bubble(t, method+" "+c.name, func(t *testing.T) {
				cl, s := client(c.steps...)
				if len(c.steps) == 2 && method != "PUT" && !strings.HasPrefix(c.name, "307") && !strings.HasPrefix(c.name, "429") {
					return // only a PUT is repeated
				}
				if c.name == "502, then no credential" {
					n := 0
					cl = cl.With(sourceFunc(func(context.Context) (closekit.Credential, error) {
						if n++; n == 2 {
							return closekit.Credential{}, denied
						}
						return closekit.BasicCredential(testKey), nil
					}))
				}
				err := call(t.Context(), cl.With(nil, closekit.MaxRetries(1)))
				if method == "GET" && err == nil { // a redirect was followed
					return
				}
				if method == "DELETE" && c.name == "302 without a location" && err == nil {
					t.Error("no error")
				}
				checkDoubt(t, err, c.want && method != "GET")
				if s.count() < len(c.steps)-1 {
					t.Errorf("%d requests", s.count())
				}
			})
		}
	}
	if closekit.MaybeDone(nil) || closekit.MaybeDone(errors.New("x")) {
		t.Error("MaybeDone of other errors")
	}
}

func checkDoubt(t *testing.T, err error, want bool) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := closekit.MaybeDone(err); got != want {
		t.Errorf("MaybeDone is %v: %v", got, err)
	}
	if got := strings.Contains(err.Error(), doubted); got != want {
		t.Errorf("the words say otherwise: %v", err)
	}
}

// TestDoubtOnTheNetwork does the same with real connections.
func TestDoubtOnTheNetwork(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	hangUp := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		requests.Add(1)
		panic(http.ErrAbortHandler)
	})
	plain := httptest.NewServer(hangUp)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(hangUp)
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	var connects atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			t.Errorf("%s reached the proxy", r.Method)
		}
		connects.Add(1)
		http.Error(w, "not from here", http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })

	trusting := secure.Client().Transport.(*http.Transport)
	with := func(change func(*http.Transport)) http.RoundTripper {
		tr := trusting.Clone()
		change(tr)
		t.Cleanup(tr.CloseIdleConnections)
		return tr
	}
	through := func(proxy string) http.RoundTripper {
		return with(func(tr *http.Transport) {
			u, err := url.Parse(proxy)
			if err != nil {
				t.Error(err)
			}
			tr.Proxy = http.ProxyURL(u)
		})
	}
	wrapped := roundTrip(func(r *http.Request) (*http.Response, error) { return through(proxy.URL).RoundTrip(r) })
	for _, c := range []struct {
		name      string
		base      string
		transport http.RoundTripper
		want      bool
		attempts  int
	}{
		{"hung up", plain.URL, trusting, true, 1},
		{"hung up, HTTP/2", secure.URL, with(func(tr *http.Transport) { tr.ForceAttemptHTTP2 = true }), true, 1},
		{"nothing listens", "http://" + closed.Addr().String(), trusting, false, 2},
		{"the certificate is not trusted", secure.URL, with(func(tr *http.Transport) { tr.TLSClientConfig = nil }), false, 1},
		{"the certificate has another name", secure.URL, with(func(tr *http.Transport) { tr.TLSClientConfig.ServerName = "other.invalid" }), false, 1},
		{"the host checks the certificate", secure.URL, with(func(tr *http.Transport) {
			tr.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return errTest }
		}), false, 2},
		{"plain HTTP behind https", "https" + strings.TrimPrefix(plain.URL, "http"), trusting, false, 2},
		{"no proxy", secure.URL, through("http://" + closed.Addr().String()), false, 2},
		{"the proxy refuses", secure.URL, through(proxy.URL), false, 2},
		{"the proxy refuses, behind a wrapper", secure.URL, wrapped, false, 2},
		{"no TLS handshake", "https://" + silent.Addr().String(), with(func(tr *http.Transport) { tr.TLSHandshakeTimeout = 50_000_000 }), false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			cl := closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL(c.base), closekit.HTTPClient(&http.Client{Transport: c.transport}), closekit.MaxRetries(1),
				closekit.Observe(func(context.Context, closekit.AttemptLog) { attempts++ }))
			for _, method := range []string{"POST", "DELETE"} {
				attempts = 0
				err := calls[method](t.Context(), cl)
				checkDoubt(t, err, c.want)
				if attempts != c.attempts {
					t.Errorf("%d attempts: %v", attempts, err)
				}
				if e := as[*closekit.TransportError](t, err); e.MaybeDone != c.want {
					t.Errorf("%+v", e)
				}
			}
		})
	}
	t.Cleanup(func() {
		if requests.Load() != 4 || connects.Load() == 0 {
			t.Errorf("%d requests, %d connections of the proxy", requests.Load(), connects.Load())
		}
	})
}

var quiet = log.New(io.Discard, "", 0)
