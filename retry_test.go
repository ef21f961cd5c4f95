package closekit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// bubble runs a subtest with fake time.
func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { t.Parallel(); synctest.Test(t, f) })
}

// TestRetryPolicy counts how often a call is sent that always fails in the same way,
// with two retries.
func TestRetryPolicy(t *testing.T) {
	t.Parallel()
	eof := fail(io.ErrUnexpectedEOF)
	brokenBody := func(r *http.Request) (*http.Response, error) {
		resp, _ := ok(r)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":`), errReader{}))
		return resp, nil
	}
	for _, c := range []struct {
		name                   string
		step                   step
		get, put, post, delete int
	}{
		{"500", respond(500, ""), 3, 1, 1, 1},
		{"501", respond(501, ""), 1, 1, 1, 1},
		{"502", respond(502, ""), 3, 3, 1, 1},
		{"503", respond(503, ""), 3, 3, 1, 1},
		{"504", respond(504, ""), 3, 3, 1, 1},
		{"408", respond(408, ""), 3, 3, 1, 1},
		{"429", respond(429, "", "Retry-After", "30"), 3, 3, 3, 3}, // as long as MaxWait lasts
		{"400", respond(400, ""), 1, 1, 1, 1},
		{"401", respond(401, ""), 1, 1, 1, 1},
		{"402", respond(402, ""), 1, 1, 1, 1},
		{"403", respond(403, ""), 1, 1, 1, 1},
		{"404", respond(404, ""), 1, 1, 1, 1},
		{"409", respond(409, ""), 1, 1, 1, 1},
		{"415", respond(415, ""), 1, 1, 1, 1},
		{"304", respond(304, ""), 1, 1, 1, 1},
		{"refused", refused, 3, 3, 3, 3},
		{"reset", reset, 3, 3, 1, 1},
		{"cut off", eof, 3, 3, 1, 1},
		{"broken body", brokenBody, 3, 1, 1, 1},
		{"bad JSON", respond(200, "{"), 1, 1, 1, 1},
	} {
		for method, want := range map[string]int{"GET": c.get, "PUT": c.put, "POST": c.post, "DELETE": c.delete} {
			bubble(t, method+" "+c.name, func(t *testing.T) {
				cl, s := client(c.step)
				err := calls[method](t.Context(), cl)
				if err == nil || s.count() != want {
					t.Errorf("sent %d times, want %d: %v", s.count(), want, err)
				}
				for i, b := range s.body {
					if b != s.body[0] || s.seen[i].ContentLength != int64(len(b)) {
						t.Errorf("attempt %d sends %q, the first %q", i+1, b, s.body[0])
					}
				}
				<-time.After(time.Minute) // until the rate limit is forgotten
				before := s.count()
				if calls[method](t.Context(), cl.With(nil, closekit.MaxRetries(0))) == nil || s.count() != before+1 {
					t.Errorf("without retries sent %d times", s.count()-before)
				}
				<-time.After(time.Minute)
				before = s.count()
				if calls[method](t.Context(), cl, closekit.NoRetry()) == nil || s.count() != before+1 {
					t.Errorf("with NoRetry sent %d times", s.count()-before)
				}
				// RetryWrites allows duplicates.
				if method == "POST" {
					before = s.count()
					_ = calls[method](t.Context(), cl.With(closekit.APIKey(testKey)), closekit.RetryWrites())
					if s.count()-before != c.get {
						t.Errorf("with RetryWrites sent %d times, want %d", s.count()-before, c.get)
					}
				}
			})
		}
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, net.ErrClosed }

func TestRetryThenSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := client(respond(503, ""), reset, ok)
		start := time.Now()
		v, err := get(t.Context(), c)
		if err != nil || v.ID != "item_1" || s.count() != 3 {
			t.Fatal(err)
		}
		// Half a second, then a second, each plus or minus a quarter.
		if d := time.Since(start); d < 1125*time.Millisecond || d > 1875*time.Millisecond {
			t.Errorf("waited %v", d)
		}
	})
}

// TestConnectionReset breaks a real connection after the request was read.
func TestConnectionReset(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}))
	t.Cleanup(srv.Close)
	c := closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL(srv.URL), closekit.MaxRetries(1))
	err := calls["POST"](t.Context(), c)
	if e := as[*closekit.TransportError](t, err); !e.MaybeDone || n.Load() != 1 || !strings.HasSuffix(err.Error(), "(the request may have succeeded; check before you repeat it)") || strings.Contains(err.Error(), srv.URL) {
		t.Errorf("%d requests, %v", n.Load(), err)
	}
}

// TestReadsChangeNothing gets no warning for a request that cannot have changed
// data.
func TestReadsChangeNothing(t *testing.T) {
	t.Parallel()
	c, _ := client(reset)
	for method, warned := range map[string]bool{"GET": false, "PUT": true, "POST": true, "DELETE": true} {
		err := calls[method](t.Context(), c, closekit.NoRetry())
		if strings.Contains(err.Error(), "may have succeeded") != warned {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	c := closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL("http://"+l.Addr().String()), closekit.MaxRetries(0))
	err = calls["POST"](t.Context(), c)
	if e := as[*closekit.TransportError](t, err); e.MaybeDone || e.Tool != "close_item_create" || !strings.HasPrefix(err.Error(), "close_item_create: POST /api/v1/item/: dial tcp ") || strings.Contains(err.Error(), "may have succeeded") {
		t.Error(err)
	}
}

// TestSendingPut does not repeat a request that may have sent a message: Close would
// reject the repetition, as if nothing had been sent.
func TestSendingPut(t *testing.T) {
	t.Parallel()
	sends := wire.Operation{Operation: opUpdate.Operation, Params: opUpdate.Params}
	sends.Effect = closekit.Sends
	for _, c := range []struct {
		name  string
		step  step
		count int
	}{
		{"reset", reset, 1},
		{"502", respond(502, ""), 1},
		{"never sent", refused, 3},
		{"429", respond(429, "", "Retry-After", "30"), 3},
	} {
		bubble(t, c.name, func(t *testing.T) {
			cl, s := client(c.step)
			_, err := wire.Call[item](t.Context(), cl, &sends, &itemParams{"item_secretid", closekit.Some("secret name")}, nil)
			if err == nil || s.count() != c.count {
				t.Errorf("sent %d times, want %d: %v", s.count(), c.count, err)
			}
			var lost *closekit.TransportError
			if c.name == "reset" && (!errors.As(err, &lost) || !lost.MaybeDone) {
				t.Errorf("%+v", err)
			}
		})
	}
}

// TestMaybeDone reports that an earlier attempt may have reached Close.
func TestMaybeDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		method string
		steps  []step
		want   bool
	}{
		{"never sent", "PUT", []step{refused}, false},
		{"first broken, then refused", "PUT", []step{reset, refused}, true},
		{"first 502, then refused", "PUT", []step{respond(502, ""), refused}, true},
		{"first 429, then refused", "PUT", []step{respond(429, ""), refused}, false},
		{"redirect", "POST", []step{respond(307, "", "Location", "https://x.example.com/")}, false},
	} {
		bubble(t, c.name, func(t *testing.T) {
			cl, _ := client(c.steps...)
			if e := as[*closekit.TransportError](t, calls[c.method](t.Context(), cl)); e.MaybeDone != c.want {
				t.Errorf("MaybeDone is %v: %v", e.MaybeDone, e)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	bubble(t, "while sending", func(t *testing.T) {
		c, s := client(hang)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := calls["POST"](ctx, c)
		if e := as[*closekit.TransportError](t, err); !errors.Is(err, context.Canceled) || !e.MaybeDone || strings.Contains(err.Error(), "look before") || s.count() != 1 {
			t.Errorf("%+v", err)
		}
	})
	bubble(t, "before", func(t *testing.T) {
		c, _ := client(hang)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := calls["GET"](ctx, c); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	bubble(t, "while waiting after a 429", func(t *testing.T) {
		c, s := client(respond(429, "", "Retry-After", "30"), ok)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := calls["POST"](ctx, c)
		if e := as[*closekit.TransportError](t, err); !errors.Is(err, context.Canceled) || e.MaybeDone || s.count() != 1 || time.Since(start) != time.Second {
			t.Errorf("%+v after %v", err, time.Since(start))
		}
	})
	bubble(t, "while waiting after a 503", func(t *testing.T) {
		c, s := client(respond(503, "", "Retry-After", "30"), ok)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := calls["PUT"](ctx, c)
		if e := as[*closekit.TransportError](t, err); !errors.Is(err, context.Canceled) || !e.MaybeDone || s.count() != 1 {
			t.Errorf("%+v", err)
		}
	})
	bubble(t, "deadline while sending", func(t *testing.T) {
		c, s := client(hang)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := calls["GET"](ctx, c)
		if !errors.Is(err, context.DeadlineExceeded) || s.count() != 1 || time.Since(start) != time.Second {
			t.Errorf("%v after %v, %d requests", err, time.Since(start), s.count())
		}
	})
	bubble(t, "limit of one attempt", func(t *testing.T) {
		c, s := client(hang, ok)
		start := time.Now()
		if err := calls["GET"](t.Context(), c.With(nil, closekit.AttemptTimeout(3*time.Second))); err != nil || s.count() != 2 {
			t.Errorf("%v, %d requests", err, s.count())
		}
		if d := time.Since(start); d < 3*time.Second || d > 4*time.Second {
			t.Error(d)
		}
		c, s = client(hang, ok)
		err := calls["POST"](t.Context(), c.With(nil, closekit.AttemptTimeout(3*time.Second)))
		if e := as[*closekit.TransportError](t, err); !errors.Is(err, context.DeadlineExceeded) || !e.MaybeDone || s.count() != 1 {
			t.Errorf("%v, %d requests", err, s.count())
		}
	})
	bubble(t, "a body that never ends", func(t *testing.T) {
		for _, status := range []int{200, 500} {
			c, s := client(func(r *http.Request) (*http.Response, error) {
				resp, _ := respond(status, "")(r)
				resp.ContentLength = -1
				resp.Body = io.NopCloser(&slowReader{r.Context()})
				return resp, nil
			})
			err := calls["POST"](t.Context(), c.With(nil, closekit.AttemptTimeout(5*time.Second)))
			if err == nil || s.count() != 1 || status == 500 && !errors.Is(err, closekit.ErrServer) || status == 200 && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
}

type slowReader struct{ ctx context.Context }

func (r *slowReader) Read(b []byte) (int, error) {
	select {
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	case <-time.After(time.Second):
		b[0] = ' '
		return 1, nil
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	bubble(t, "waits as asked", func(t *testing.T) {
		c, s := client(respond(429, `{"error":"slow down"}`, "RateLimit", "limit=100, remaining=0, reset=2.5", "Retry-After", "3"), ok)
		start := time.Now()
		if err := calls["POST"](t.Context(), c); err != nil || s.count() != 2 {
			t.Fatal(err)
		}
		if d := time.Since(start); d < 2500*time.Millisecond || d > 2550*time.Millisecond {
			t.Errorf("waited %v", d)
		}
	})
	bubble(t, "waits a second without a header", func(t *testing.T) {
		c, _ := client(respond(429, ""), ok)
		start := time.Now()
		if err := calls["GET"](t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d < time.Second || d > 1050*time.Millisecond {
			t.Errorf("waited %v", d)
		}
	})
	bubble(t, "too long", func(t *testing.T) {
		c, s := client(respond(429, `{"error":"slow down"}`, "Retry-After", "31"), ok)
		c = c.With(nil, closekit.MaxWait(30*time.Second))
		start := time.Now()
		err := calls["GET"](t.Context(), c)
		if e := as[*closekit.Error](t, err); e.RetryAfter != 31*time.Second || !closekit.IsRateLimited(err) || s.count() != 1 || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// The next call is not sent before that time.
		err = calls["POST"](t.Context(), c)
		if e := as[*closekit.Error](t, err); e.RetryAfter != 31*time.Second || e.Status != 429 || !strings.Contains(e.Hint, "MaxWait") || s.count() != 1 || e.Body() != nil || e.MaybeDone {
			t.Errorf("%v", err)
		}
		<-time.After(10 * time.Second)
		start = time.Now()
		if err := calls["POST"](t.Context(), c); err != nil || s.count() != 2 || time.Since(start) != 21*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	bubble(t, "the deadline comes first", func(t *testing.T) {
		c, s := client(respond(429, "", "Retry-After", "30"), ok)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		for range 2 { // the gate fails the second call
			err := calls["GET"](ctx, c)
			if e := as[*closekit.Error](t, err); e.RetryAfter != 30*time.Second || !closekit.IsRateLimited(err) || time.Since(start) != 0 || s.count() != 1 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
	})
	bubble(t, "canceled at the gate", func(t *testing.T) {
		c, s := client(respond(429, "", "Retry-After", "30"), ok)
		_ = calls["GET"](t.Context(), c, closekit.NoRetry())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := calls["POST"](ctx, c)
		if e := as[*closekit.TransportError](t, err); !errors.Is(err, context.Canceled) || e.MaybeDone || time.Since(start) != time.Second || s.count() != 1 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	bubble(t, "one gate for all calls of a client", func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var early int
		c, s := client(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if d := time.Since(start); d < 10*time.Second {
				early++
				return respond(429, "", "RateLimit", "limit=1;remaining=0;reset=10")(r)
			}
			return ok(r)
		})
		if err := calls["GET"](t.Context(), c, closekit.NoRetry()); !closekit.IsRateLimited(err) {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := calls["POST"](t.Context(), c.With(nil, closekit.UserAgent("x")), closekit.NoRetry()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if early != 1 || s.count() != 21 {
			t.Errorf("%d early, %d in all", early, s.count())
		}
		// Another credential has its own limit.
		early = 0
		start = time.Now()
		if err := calls["GET"](t.Context(), c, closekit.NoRetry()); !closekit.IsRateLimited(err) {
			t.Fatal(err)
		}
		if err := calls["GET"](t.Context(), c.With(closekit.APIKey("other")), closekit.NoRetry()); !closekit.IsRateLimited(err) || early != 2 {
			t.Errorf("%v, %d early", err, early)
		}
	})
	bubble(t, "other failures do not wait for the rate limit", func(t *testing.T) {
		c, s := client(respond(503, "", "RateLimit", "limit=100, remaining=99, reset=300", "X-Rate-Limit-Reset", "300"), ok)
		start := time.Now()
		if err := calls["GET"](t.Context(), c); err != nil || s.count() != 2 || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		c, _ = client(respond(404, "", "RateLimit", "limit=100, remaining=99, reset=5"))
		if e := as[*closekit.Error](t, calls["GET"](t.Context(), c)); e.RetryAfter != 0 {
			t.Errorf("asks to wait %v", e.RetryAfter)
		}
		c, s = client(respond(503, "", "Retry-After", "7"), ok)
		start = time.Now()
		if err := calls["GET"](t.Context(), c); err != nil || s.count() != 2 || time.Since(start) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// renewing is a Source that returns another token after Renew.
type renewing struct {
	mu      sync.Mutex
	token   string
	renewed int
	next    func(n int) (closekit.Credential, error)
}

func (r *renewing) Credential(context.Context) (closekit.Credential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return closekit.BearerCredential(r.token), nil
}

func (r *renewing) Renew(_ context.Context, rejected closekit.Credential) (closekit.Credential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.renewed++
	if !rejected.Equal(closekit.BearerCredential(r.token)) {
		return closekit.BearerCredential(r.token), nil
	}
	return r.next(r.renewed)
}

func TestRenew(t *testing.T) {
	t.Parallel()
	accept := func(token string) step {
		return func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") == "Bearer "+token {
				return ok(r)
			}
			return respond(401, `{"error":"Unauthorized"}`)(r)
		}
	}
	source := func(next func(r *renewing) (closekit.Credential, error)) *renewing {
		r := &renewing{token: "old"}
		r.next = func(int) (closekit.Credential, error) { return next(r) }
		return r
	}
	fresh := func(r *renewing) (closekit.Credential, error) {
		r.token = "new"
		return closekit.BearerCredential("new"), nil
	}
	for method, call := range calls {
		for _, opts := range [][]closekit.CallOption{nil, {closekit.NoRetry()}} {
			bubble(t, method+" is repeated", func(t *testing.T) {
				c, s := client(accept("new"))
				r := source(fresh)
				start := time.Now()
				if err := call(t.Context(), c.With(r), opts...); err != nil || s.count() != 2 || r.renewed != 1 || time.Since(start) != 0 {
					t.Errorf("%v, %d requests, renewed %d times, after %v", err, s.count(), r.renewed, time.Since(start))
				}
				if s.body[0] != s.body[1] {
					t.Errorf("%q", s.body)
				}
			})
		}
	}
	bubble(t, "a second 401 surfaces", func(t *testing.T) {
		c, s := client(accept("none"))
		r := source(fresh)
		err := calls["GET"](t.Context(), c.With(r))
		if !closekit.IsUnauthorized(err) || s.count() != 2 || r.renewed != 1 {
			t.Errorf("%v, %d requests, renewed %d times", err, s.count(), r.renewed)
		}
	})
	bubble(t, "nothing new", func(t *testing.T) {
		for _, cred := range []closekit.Credential{{}, closekit.BearerCredential("old")} {
			c, s := client(accept("new"))
			err := calls["GET"](t.Context(), c.With(source(func(*renewing) (closekit.Credential, error) { return cred, nil })))
			if !closekit.IsUnauthorized(err) || s.count() != 1 {
				t.Errorf("%v, %d requests", err, s.count())
			}
		}
	})
	bubble(t, "the user must reconnect", func(t *testing.T) {
		c, s := client(accept("new"))
		err := calls["POST"](t.Context(), c.With(source(func(*renewing) (closekit.Credential, error) {
			return closekit.Credential{}, &closekit.AuthorizationError{Reason: "the connection was revoked"}
		})))
		if e := as[*closekit.AuthorizationError](t, err); e.Tool != "close_item_create" || s.count() != 1 {
			t.Errorf("%v, %d requests", err, s.count())
		}
	})
	bubble(t, "in the middle of retries", func(t *testing.T) {
		c, s := client(respond(503, ""), accept("new"), accept("new"), respond(503, ""), ok)
		r := source(fresh)
		_, err := get(t.Context(), c.With(r, closekit.MaxRetries(1)))
		if err != nil || s.count() != 3 || r.renewed != 1 {
			t.Errorf("%v, %d requests", err, s.count())
		}
	})
	bubble(t, "many calls at once", func(t *testing.T) {
		c, s := client(accept("new"))
		r := source(fresh)
		cl := c.With(r)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if err := calls["POST"](t.Context(), cl); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.count() > 64 {
			t.Errorf("%d requests", s.count())
		}
	})
}

// TestBodyIsNotShared keeps reading a request's body after the call has returned.
func TestBodyIsNotShared(t *testing.T) {
	t.Parallel()
	var kept []io.ReadCloser
	c, _ := client()
	c = c.With(nil, closekit.MaxRetries(0), closekit.WithMiddleware(func(closekit.RoundTrip) closekit.RoundTrip {
		return func(a *closekit.Attempt) (*http.Response, error) {
			body, err := a.Request.GetBody()
			if err != nil {
				return nil, err
			}
			kept = append(kept, body, a.Request.Body)
			return nil, errTest
		}
	}))
	for range 10 {
		if err := calls["POST"](t.Context(), c); !errors.Is(err, errTest) {
			t.Fatal(err)
		}
	}
	_ = opCreate.Validate(&createParams{"###########"})
	for _, r := range kept {
		b, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(b, []byte(`{"name":"secret name"}`)) {
			t.Errorf("%q, %v", b, err)
		}
	}
}

// TestReadingPosts repeats a POST that only reads, and never doubts it.
func TestReadingPosts(t *testing.T) {
	for _, c := range []struct {
		about      string
		op         closekit.Operation
		sent       int
		mayBeDone  bool
		idempotent bool
	}{
		{"a POST that reads", closekit.Operation{Tool: "close_search", Method: "POST", Path: "/data/search/", Idempotent: true}, 3, false, true},
		{"a POST that says nothing", closekit.Operation{Tool: "close_x", Method: "POST", Path: "/x/"}, 1, false, false},
		{"a POST that writes", closekit.Operation{Tool: "close_y", Method: "POST", Path: "/y/", Effect: closekit.Write}, 1, true, false},
	} {
		bubble(t, c.about, func(t *testing.T) {
			cl, s := client(respond(503, ""))
			err := cl.Do(t.Context(), closekit.Request{Operation: &c.op, Path: c.op.Path, Body: []byte("{}")}, nil)
			if e := as[*closekit.Error](t, err); s.count() != c.sent || e.MaybeDone != c.mayBeDone {
				t.Errorf("sent %d times: %v", s.count(), err)
			}
		})
	}
}
