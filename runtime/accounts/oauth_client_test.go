package accounts

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/secret"
)

// onServer redeems a refresh token at a real server.
func onServer(t *testing.T, h http.HandlerFunc) (tokenResponse, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := testConnection()
	c.TokenURL = s.URL + "/oauth2/token/"
	filled, err := c.fill()
	if err != nil {
		t.Fatal(err)
	}
	tr := newTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return (&oauthClient{filled, tr}).refresh(t.Context(), NewSecret(canary+"-refresh")), s
}

const goodBody = `{"access_token":canary+"-a","refresh_token":canary+"-r","expires_in":3600,"organization_id":"o","user_id":"u"}`

// The traps of x/oauth2, one by one.
func TestTraps(t *testing.T) {
	t.Parallel()
	t.Run("X1 sent once", func(t *testing.T) {
		t.Parallel()
		for name, h := range map[string]http.HandlerFunc{
			"500":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
			"401":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
			"lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		} {
			var n atomic.Int32
			a, _ := onServer(t, func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				if r.PostFormValue("client_id") != "client" || r.PostFormValue("client_secret") != oauthtest.ClientSecret || r.Header.Get("Authorization") != "" ||
					r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("refresh_token") != canary+"-refresh" {
					t.Errorf("%s: the form is not right", name)
				}
				h(w, r)
			})
			if n.Load() != 1 || a.kind == "" {
				t.Errorf("%s: %d requests, outcome %q", name, n.Load(), a.kind)
			}
			if name == "lost" && a.kind != InDoubt {
				t.Errorf("a lost answer is %q", a.kind)
			}
		}
	})
	t.Run("X2 no redirects", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{301, 302, 303, 307, 308} {
			var leaked atomic.Int32
			evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
			for _, to := range []string{evil.URL, "/oauth2/other/"} {
				var n atomic.Int32
				a, _ := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
					n.Add(1)
					w.Header().Set("Location", to)
					w.WriteHeader(status)
				})
				if a.kind != ProviderTrouble || n.Load() != 1 || leaked.Load() != 0 {
					t.Errorf("%d to %s: %q, %d requests, %d elsewhere", status, to, a.kind, n.Load(), leaked.Load())
				}
			}
			evil.Close()
		}
	})
	t.Run("X3 odd successes keep the tokens", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ mime, body string }{
			{"application/json", strings.Replace(goodBody, "3600", "3600.0", 1)},
			{"application/json", strings.Replace(goodBody, "3600", `""`, 1)},
			{"application/json", goodBody + "\n-- trailing"},
			{"text/plain", goodBody},
			{"text/plain", "access_token=" + canary + "-a&refresh_token=" + canary + "-r"},
			{"", goodBody},
		} {
			a, _ := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{c.mime}
				_, _ = io.WriteString(w, c.body)
			})
			if a.kind != "" || secret.Reveal(a.pair.refresh) != canary+"-r" || secret.Reveal(a.pair.access) != canary+"-a" || a.expiresIn != time.Hour {
				t.Errorf("%s %s: outcome %q, %v", c.mime, c.body, a.kind, a.expiresIn)
			}
		}
	})
	t.Run("X4 always an end", func(t *testing.T) {
		t.Parallel()
		for _, life := range []string{"0", "-1", "null", `"x"`} {
			a, _ := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.Replace(goodBody, "3600", life, 1))
			})
			if a.kind != "" || a.expiresIn != time.Hour || len(a.oddities) != 1 {
				t.Errorf("%s: %q, %v, %v", life, a.kind, a.expiresIn, a.oddities)
			}
		}
	})
	t.Run("X5 X6 X7 nothing echoes", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			status int
			body   string
		}{{502, "<p>" + oauthtest.ClientSecret + " " + canary + "-refresh</p>"}, {400, `{"error":"invalid_request","error_description":"` + canary + `-refresh"}`}, {200, goodBody}} {
			a, _ := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			if text := fmt.Sprintf("%v %+v %#v", a, a, a); strings.Contains(text, canary) {
				t.Errorf("%d: %s", c.status, text)
			}
		}
	})
	t.Run("X8 bounded, and free of the caller's context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, err := testConnection().fill()
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			a := (&oauthClient{c, roundTrip(func(r *http.Request) (*http.Response, error) { return oauthtest.Hang(r, nil) })}).refresh(context.Background(), NewSecret("x"))
			if took := time.Since(start); a.kind != InDoubt || took != sendTimeout {
				t.Errorf("outcome %q after %v", a.kind, took)
			}
		})
	})
	t.Run("X9 rotation is seen", func(t *testing.T) {
		t.Parallel()
		a, _ := onServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, goodBody) })
		if secret.Reveal(a.pair.refresh) != canary+"-r" {
			t.Error("the new refresh token is not handed on")
		}
		a, _ = onServer(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":canary+"-a","expires_in":3600}`)
		})
		if secret.Reveal(a.pair.refresh) != canary+"-refresh" {
			t.Error("without a new refresh token the old one is gone")
		}
	})
}

// What cannot have been sent is told from what may have been.
func TestNotSent(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	for name, c := range map[string]struct {
		url  string
		want FailureKind
	}{
		"refused": {"http://" + closed + "/", NotSent},
		"dns":     {"https://does-not-exist.invalid/", NotSent},
	} {
		conn := testConnection()
		conn.TokenURL = c.url
		tr := newTransport()
		tr.Proxy = nil
		a := (&oauthClient{conn, tr}).refresh(t.Context(), NewSecret("x"))
		if a.kind != c.want {
			t.Errorf("%s is %q, want %q", name, a.kind, c.want)
		}
	}
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	conn := testConnection()
	conn.TokenURL = tls.URL + "/"
	if a := (&oauthClient{conn, newTransport()}).refresh(t.Context(), NewSecret("x")); a.kind != NotSent {
		t.Errorf("an untrusted certificate is %q", a.kind)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := (&oauthClient{conn, newTransport()}).refresh(ctx, NewSecret("x")); a.kind != NotSent && a.kind != InDoubt {
		t.Errorf("an ended context is %q", a.kind)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, goodBody)
	f.Add(400, `{"error":"invalid_grant"}`)
	f.Add(200, "access_token=a&refresh_token=b")
	f.Fuzz(func(t *testing.T, status int, body string) {
		a := classify(status, http.Header{}, []byte(body), nil, time.Hour, time.Unix(0, 0))
		if a.kind == "" && (a.pair.access.IsZero() && a.pair.refresh.IsZero() || a.expiresIn < 0 || a.expiresIn > 367*24*time.Hour) {
			t.Errorf("%d %q is a success with a life of %v", status, body, a.expiresIn)
		}
		if a.kind == GrantRefused && !strings.Contains(body, "invalid_grant") && !strings.Contains(body, `\u`) && !strings.Contains(body, "%") {
			t.Errorf("%d %q is a refusal", status, body)
		}
	})
}
