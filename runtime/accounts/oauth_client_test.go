package accounts

import (
	"context"
	"crypto/tls"
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
)

// onServer redeems a refresh token at a real server.
func onServer(t *testing.T, h http.HandlerFunc) tokenResponse {
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
	return (&oauthClient{filled, tr}).refresh(t.Context(), NewSecret(canary+"-refresh"))
}

const goodBody = `{"access_token":"` + canary + `-a","refresh_token":"` + canary + `-r","expires_in":3600,"organization_id":"o","user_id":"u"}`

// A refresh token is sent once, with the client's secret in the form.
func TestRefreshIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		respond http.HandlerFunc
		want    FailureKind
	}{
		"500":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ProviderTrouble},
		"401":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, ProviderTrouble},
		"response lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, InDoubt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			r := onServer(t, func(w http.ResponseWriter, r *http.Request) {
				n.Add(1)
				if r.PostFormValue("client_id") != oauthtest.ClientID || r.PostFormValue("client_secret") != oauthtest.ClientSecret || r.Header.Get("Authorization") != "" ||
					r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("refresh_token") != canary+"-refresh" {
					t.Error("the form is not right")
				}
				c.respond(w, r)
			})
			if n.Load() != 1 || r.kind != c.want {
				t.Errorf("%d requests, outcome %q", n.Load(), r.kind)
			}
		})
	}
}

func TestRefreshFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var leaked atomic.Int32
		evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
		for _, to := range []string{evil.URL, "/oauth2/other/"} {
			var n atomic.Int32
			r := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
				n.Add(1)
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			})
			if r.kind != ProviderTrouble || n.Load() != 1 || leaked.Load() != 0 {
				t.Errorf("%d to %s: %q, %d requests, %d elsewhere", status, to, r.kind, n.Load(), leaked.Load())
			}
		}
		evil.Close()
	}
}

func TestOddSuccessesKeepTheTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ mime, body string }{
		"lifetime with a fraction": {"application/json", strings.Replace(goodBody, "3600", "3600.0", 1)},
		"empty lifetime":           {"application/json", strings.Replace(goodBody, "3600", `""`, 1)},
		"text behind the JSON":     {"application/json", goodBody + "\n-- trailing"},
		"JSON as plain text":       {"text/plain", goodBody},
		"form as plain text":       {"text/plain", "access_token=" + canary + "-a&refresh_token=" + canary + "-r"},
		"no content type":          {"", goodBody},
	} {
		r := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{c.mime}
			_, _ = io.WriteString(w, c.body)
		})
		if r.kind != "" || r.pair.refresh.Reveal() != canary+"-r" || r.pair.access.Reveal() != canary+"-a" || r.expiresIn != time.Hour {
			t.Errorf("%s: outcome %q, %v", name, r.kind, r.expiresIn)
		}
	}
}

func TestTokensAlwaysEnd(t *testing.T) {
	t.Parallel()
	for _, life := range []string{"0", "-1", "null", `"x"`} {
		r := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Replace(goodBody, "3600", life, 1))
		})
		if r.kind != "" || r.expiresIn != time.Hour || len(r.oddities) != 1 {
			t.Errorf("%s: %q, %v, %v", life, r.kind, r.expiresIn, r.oddities)
		}
	}
}

func TestTokenResponsePrintsNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
	}{
		{502, "<p>" + oauthtest.ClientSecret + " " + canary + "-refresh</p>"},
		{400, `{"error":"invalid_request","error_description":"` + canary + `-refresh"}`},
		{200, goodBody},
	} {
		r := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		if text := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(text, canary) {
			t.Errorf("%d: %s", c.status, text)
		}
	}
}

func TestRefreshIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := testConnection().fill()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		hang := roundTrip(func(r *http.Request) (*http.Response, error) { return oauthtest.Hang(r, nil) })
		r := (&oauthClient{c, hang}).refresh(context.Background(), NewSecret("x"))
		if took := time.Since(start); r.kind != InDoubt || took != sendTimeout {
			t.Errorf("outcome %q after %v", r.kind, took)
		}
	})
}

func TestRefreshTokenRotates(t *testing.T) {
	t.Parallel()
	r := onServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, goodBody) })
	if r.pair.refresh.Reveal() != canary+"-r" {
		t.Error("the new refresh token is not handed on")
	}
	r = onServer(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"`+canary+`-a","expires_in":3600}`)
	})
	if r.pair.refresh.Reveal() != canary+"-refresh" {
		t.Error("without a new refresh token the old one is gone")
	}
}

// TestRevoke tells what is settled from what has to be tried again.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		behavior oauthtest.Behavior
		settled  bool
	}{
		"200":                        {oauthtest.Respond(200, nil, ""), true},
		"200 with text":              {oauthtest.Respond(200, contentType("text/html"), "<html>"), true},
		"400 unsupported_token_type": {oauthtest.Refuse(400, "unsupported_token_type"), false},
		"400 invalid_request":        {oauthtest.Refuse(400, "invalid_request"), false},
		"400 invalid_token":          {oauthtest.Refuse(400, "invalid_token"), true},
		"400 of a firewall":          {oauthtest.Respond(400, contentType("text/html"), "<html>"), false},
		"400 invalid_client":         {oauthtest.Refuse(400, "invalid_client"), false},
		"401 invalid_client":         {oauthtest.Refuse(401, "invalid_client"), false},
		"400 unauthorized_client":    {oauthtest.Refuse(400, "unauthorized_client"), false},
		"302":                        {oauthtest.Respond(302, http.Header{"Location": {"https://evil.example/"}}, ""), false},
		"429":                        {oauthtest.Respond(429, nil, ""), false},
		"503":                        {oauthtest.Respond(503, nil, ""), false},
		"no response":                {oauthtest.LoseRequest, false},
	} {
		sent := 0
		base := roundTrip(func(r *http.Request) (*http.Response, error) {
			sent++
			if err := r.ParseForm(); err != nil || r.PostForm.Get("token") != canary || r.PostForm.Get("client_id") != oauthtest.ClientID || r.PostForm.Get("client_secret") != oauthtest.ClientSecret {
				t.Errorf("%s: the form is not right: %v", name, err)
			}
			return c.behavior(r, nil)
		})
		if got := (&oauthClient{testConnection(), base}).revoke(t.Context(), NewSecret(canary)); got != c.settled || sent != 1 {
			t.Errorf("%s: settled %v after %d requests", name, got, sent)
		}
	}
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

func FuzzTokenResponse(f *testing.F) {
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

// TestCutFormIsInDoubt cuts a form within the refresh token.
func TestCutFormIsInDoubt(t *testing.T) {
	t.Parallel()
	a := classify(200, nil, []byte("access_token=aaa&expires_in=3600&refresh_token=bbb"), io.ErrUnexpectedEOF, time.Hour, time.Now())
	if a.kind != InDoubt {
		t.Errorf("a form that was cut is %q", a.kind)
	}
}

// TestBrokenTLSIsInDoubt breaks TLS after the request was read.
func TestBrokenTLSIsInDoubt(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS()
	cert := srv.TLS.Certificates
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	srv.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan int, 4)
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				c := tls.Server(raw, &tls.Config{Certificates: cert})
				b := make([]byte, 4096)
				n, _ := c.Read(b)
				got <- n
				_, _ = raw.Write([]byte{0x17, 3, 3, 0xff, 0xff, 1, 2, 3})
				_, _ = io.Copy(io.Discard, raw) // until the client gives up
				raw.Close()
			}()
		}
	}()
	tr := newTransport()
	tr.TLSClientConfig = &tls.Config{RootCAs: pool}
	c := testConnection()
	c.TokenURL = "https://" + l.Addr().String() + "/token/"
	c, err = c.fill()
	if err != nil {
		t.Fatal(err)
	}
	a := (&oauthClient{c, tr}).refresh(t.Context(), NewSecret("r"))
	t.Logf("the server read %d bytes", <-got)
	if a.kind != InDoubt {
		t.Errorf("the request was sent, and counts as %q", a.kind)
	}
}

// TestLostOverHTTP2IsInDoubt loses an answer over HTTP/2.
func TestLostOverHTTP2IsInDoubt(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		_, _ = io.ReadAll(r.Body)
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	tr := newTransport()
	tr.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	c := testConnection()
	c.TokenURL = srv.URL + "/token/"
	c, err := c.fill()
	if err != nil {
		t.Fatal(err)
	}
	a := (&oauthClient{c, tr}).refresh(t.Context(), NewSecret("r"))
	if a.kind != InDoubt || n.Load() != 1 {
		t.Errorf("%q after %d requests", a.kind, n.Load())
	}
}

// A token with control characters is refused at once, and another that came with
// it is kept.
func TestTokensWithControlCharacters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to        string
		access, refresh string
		kind            FailureKind
	}{
		"access token":       {canary + `-a`, `a\r\nX-Evil: 1`, "", canary + "-r", ""},
		"refresh token":      {canary + `-r`, `r\u0000`, canary + "-a", canary + "-refresh", ""}, // the old one is kept
		"deleted":            {canary + `-a`, `a\u007f`, "", canary + "-r", ""},
		"not ASCII":          {canary + `-a`, `a\u0085é`, "", canary + "-r", ""},
		"both":               {canary, "\\n", "", "", BadSuccess},
		"nothing is strange": {"x", "x", canary + "-a", canary + "-r", ""},
	} {
		r := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.ReplaceAll(goodBody, c.from, c.to))
		})
		if r.kind != c.kind || r.pair.access.Reveal() != c.access || r.pair.refresh.Reveal() != c.refresh {
			t.Errorf("%s: outcome %q, %v %v", name, r.kind, r.pair.access.Reveal(), r.pair.refresh.Reveal())
		}
	}
}

// A consent that brings such a token connects nothing.
func TestConsentWithControlCharacters(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		strings.Replace(goodBody, canary+"-a", `a\n`, 1), strings.Replace(goodBody, canary+"-r", `r\n`, 1),
	} {
		inWorld(t, func(w *world) {
			b, callback := backFromConsent(w)
			w.p.Script(oauthtest.Respond(200, nil, body))
			w.wantStatus(b.open(callback), http.StatusBadGateway)
			w.state("ada", Pending, "")
		})
	}
}
