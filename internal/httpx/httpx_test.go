package httpx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const date = "Tue, 03 Mar 2026 10:00:00 GMT"
	for _, c := range []struct {
		about string
		h     http.Header
		want  time.Duration
	}{
		{"nothing", header(), 0},
		{"documented", header("RateLimit", "limit=100, remaining=50, reset=5"), 5 * time.Second},
		{"decimal", header("RateLimit", "limit=100, remaining=0, reset=2.75"), 2750 * time.Millisecond},
		{"semicolons", header("ratelimit", "limit=100; remaining=100; reset=1"), time.Second},
		{"spaces and letters", header("RateLimit", " Limit = 1 ;RESET = 3 "), 3 * time.Second},
		{"no spaces", header("RateLimit", "limit=100,remaining=50,reset=0.595956"), 595956 * time.Microsecond},
		{"only a reset", header("RateLimit", "reset=4"), 4 * time.Second},
		{"the header before Retry-After", header("RateLimit", "limit=1, remaining=0, reset=2.5", "Retry-After", "3"), 2500 * time.Millisecond},
		{"no reset in it", header("RateLimit", "limit=1, remaining=0", "Retry-After", "3"), 3 * time.Second},
		{"broken reset", header("RateLimit", "limit=1, remaining=0, reset=soon", "Retry-After", "3"), 3 * time.Second},
		{"empty reset", header("RateLimit", "reset=", "Retry-After", "3"), 3 * time.Second},
		{"negative reset", header("RateLimit", "reset=-5", "Retry-After", "3"), 3 * time.Second},
		{"a clock time", header("RateLimit", "reset=1772532000", "Retry-After", "3"), 3 * time.Second},
		{"not a number", header("RateLimit", "reset=NaN", "Retry-After", "3"), 3 * time.Second},
		{"infinite", header("RateLimit", "reset=Inf", "Retry-After", "3"), 3 * time.Second},
		{"broken header", header("RateLimit", "what, is; this", "Retry-After", "3"), 3 * time.Second},
		{"empty header", header("RateLimit", "", "Retry-After", "3"), 3 * time.Second},
		{"later reset", header("RateLimit", "reset=x, reset=6"), 6 * time.Second},
		{"Retry-After", header("Retry-After", "3"), 3 * time.Second},
		{"decimal Retry-After", header("Retry-After", " 1.5 "), 1500 * time.Millisecond},
		{"Retry-After as a date", header("Retry-After", "Tue, 03 Mar 2026 10:01:30 GMT", "Date", date), 90 * time.Second},
		{"Retry-After in the past", header("Retry-After", "Tue, 03 Mar 2026 09:00:00 GMT", "Date", date), 0},
		{"Retry-After as a date without Date", header("Retry-After", "Tue, 03 Mar 2026 10:01:30 GMT", "RateLimit-Reset", "4"), 4 * time.Second},
		{"Retry-After before RateLimit-Reset", header("Retry-After", "3", "RateLimit-Reset", "4"), 3 * time.Second},
		{"broken Retry-After", header("Retry-After", "soon", "RateLimit-Reset", "4"), 4 * time.Second},
		{"separate headers", header("RateLimit-Limit", "100", "RateLimit-Remaining", "0", "RateLimit-Reset", "1"), time.Second},
		{"separate before legacy", header("RateLimit-Reset", "1", "X-Rate-Limit-Reset", "9"), time.Second},
		{"legacy", header("X-Rate-Limit-Limit", "10", "X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", "0.595956"), 595956 * time.Microsecond},
		{"legacy after a broken one", header("RateLimit-Reset", "x", "X-Rate-Limit-Reset", "9"), 9 * time.Second},
		{"a legacy clock time", header("X-Rate-Limit-Reset", "1772532000"), 0},
		{"a day", header("Retry-After", "86400"), 24 * time.Hour},
		{"more than a day", header("Retry-After", "90000"), 25 * time.Hour},
		{"Retry-After as a clock time", header("Retry-After", "1772532000"), 0},
	} {
		if got := RetryAfter(http.StatusTooManyRequests, c.h, time.Time{}); got != c.want {
			t.Errorf("%s: %v, want %v", c.about, got, c.want)
		}
	}
	if got := RetryAfter(503, header("RateLimit", "reset=5", "Retry-After", "3", "RateLimit-Reset", "7"), time.Time{}); got != 3*time.Second {
		t.Errorf("503: %v", got)
	}
	if got := RetryAfter(503, header("RateLimit", "reset=5", "RateLimit-Reset", "7", "X-Rate-Limit-Reset", "9"), time.Time{}); got != 0 {
		t.Errorf("503: %v", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("limit=100, remaining=50, reset=5", "3", "1", "0.5", "Tue, 03 Mar 2026 10:00:00 GMT")
	f.Add("limit=100; reset=1e9", "Tue, 03 Mar 2026 10:01:30 GMT", "-1", "x", "Tue, 03 Mar 2026 10:00:00 GMT")
	f.Add("reset=0x1p4", "1_0", "inf", "nan", "")
	f.Fuzz(func(t *testing.T, rate, after, reset, legacy, date string) {
		h := header("RateLimit", rate, "Retry-After", after, "RateLimit-Reset", reset, "X-Rate-Limit-Reset", legacy, "Date", date)
		for _, status := range []int{429, 503} {
			d := RetryAfter(status, h, time.Time{})
			if d < 0 {
				t.Fatalf("negative: %v", d)
			}
			// Only a date in Retry-After may be far away.
			if _, err := http.ParseTime(after); err != nil && d > 1e8*time.Second {
				t.Fatalf("%v", d)
			}
		}
	})
}

func TestRetryAfterDateWithoutDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC)
	h := header("Retry-After", "Tue, 03 Mar 2026 10:01:30 GMT")
	if got := RetryAfter(503, h, now); got != 90*time.Second {
		t.Errorf("%v", got)
	}
	if got := RetryAfter(503, h, now.Add(time.Hour)); got != 0 {
		t.Errorf("in the past: %v", got)
	}
	h.Set("Date", "Tue, 03 Mar 2026 10:01:00 GMT")
	if got := RetryAfter(503, h, now); got != 30*time.Second {
		t.Errorf("the server's clock counts: %v", got)
	}
}

// get makes a request and returns the error of the round trip.
func get(t *testing.T, rt http.RoundTripper, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestNeverSent(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	hangup := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangup.Close()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()

	for _, c := range []struct {
		about string
		err   error
		want  bool
	}{
		{"nothing listens", get(t, transport, "http://"+closed.Addr().String()), true},
		{"unknown authority", get(t, transport, secure.URL), true},
		{"not TLS", dialTLS(t, plain.Listener.Addr().String()), true},
		{"hung up after the request", get(t, transport, hangup.URL), false},
		{"the host name is unknown", fmt.Errorf("proxy: %w", &net.DNSError{Err: "no such host", Name: "x.example"}), true},
		{"plain HTTP behind https", overHTTP(t, "https"+strings.TrimPrefix(plain.URL, "http")), true},
		{"the proxy does not listen", get(t, via(t, "http://"+closed.Addr().String()), "http://x.example/"), true},
		{"the proxy does not listen, for TLS", get(t, via(t, "http://"+closed.Addr().String()), "https://x.example/"), true},
		{"a broken record later on", tls.RecordHeaderError{Msg: "received record with version 0"}, false},
		{"the context ended", context.Canceled, false},
		{"cut off", io.ErrUnexpectedEOF, false},
		{"no error", nil, false},
		{"any other", errors.New("something"), false},
	} {
		if c.err == nil && c.about != "no error" {
			t.Errorf("%s: no error", c.about)
		}
		if got := NeverSent(c.err); got != c.want {
			t.Errorf("%s: NeverSent(%v) = %v, want %v", c.about, c.err, got, c.want)
		}
	}
}

// via returns a transport with a proxy.
func via(t *testing.T, proxy string) *http.Transport {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Transport{Proxy: http.ProxyURL(u), DisableKeepAlives: true}
}

// overHTTP makes a request with a client, which rewrites some errors.
func overHTTP(t *testing.T, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestUntrusted(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	pinned := errors.New("the pin is another")
	for _, c := range []struct {
		about string
		err   error
		want  bool
	}{
		{"unknown authority", get(t, &http.Transport{DisableKeepAlives: true}, secure.URL), true},
		{"another name", x509.HostnameError{Certificate: secure.Certificate(), Host: "x.example"}, true},
		{"expired", fmt.Errorf("dial: %w", x509.CertificateInvalidError{Reason: x509.Expired}), true},
		{"a check of the host's own", pinned, false},
		{"no error", nil, false},
	} {
		if got := Untrusted(c.err); got != c.want {
			t.Errorf("%s: Untrusted(%v) = %v", c.about, c.err, got)
		}
	}
}

func TestReadQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about string
		h     http.Header
		want  Quota
		ok    bool
	}{
		{"commas", header("RateLimit", "limit=100, remaining=50, reset=5"), Quota{100, 50, 5 * time.Second}, true},
		{"semicolons", header("ratelimit", "limit=100; remaining=99; reset=0.5"), Quota{100, 99, time.Second / 2}, true},
		{"separate", header("RateLimit-Limit", "100", "RateLimit-Remaining", "0", "RateLimit-Reset", "1"), Quota{100, 0, time.Second}, true},
		{"legacy", header("X-Rate-Limit-Limit", "10", "X-Rate-Limit-Remaining", "3", "X-Rate-Limit-Reset", "0.595956"), Quota{10, 3, 595956 * time.Microsecond}, true},
		{"no limit", header("RateLimit", "remaining=5, reset=1"), Quota{0, 5, time.Second}, true},
		{"nothing", header(), Quota{}, false},
		{"only a reset", header("RateLimit", "reset=5"), Quota{0, 0, 5 * time.Second}, false},
		{"a clock time", header("RateLimit", "limit=1, remaining=1, reset=1772532000"), Quota{1, 1, 0}, false},
		{"negative", header("RateLimit", "limit=1, remaining=-1, reset=1"), Quota{1, 0, time.Second}, false},
		{"broken", header("RateLimit", "what, is=; this"), Quota{}, false},
	} {
		if got, ok := ReadQuota(c.h); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v", c.about, got, ok)
		}
	}
}

// dialTLS speaks TLS to a server that does not.
func dialTLS(t *testing.T, addr string) error {
	t.Helper()
	raw, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	return tls.Client(raw, &tls.Config{ServerName: "x.example"}).HandshakeContext(t.Context())
}

func TestIsLocal(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "example.com": false, "10.0.0.1": false, "localhost.example.com": false,
	} {
		if got := IsLocal(host); got != want {
			t.Errorf("IsLocal(%q) = %v, want %v", host, got, want)
		}
	}
}
