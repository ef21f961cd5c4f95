package emulator

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

// FaultKind selects how a response fails.
type FaultKind int

// The kinds of faults.
const (
	// FaultResponse replaces the response with Status, Header and Body. If Status
	// is zero and OAuthError empty, the response is unchanged, except for Delay
	// and the additional values of Header.
	FaultResponse FaultKind = iota
	// FaultCut closes the connection without a response.
	FaultCut
	// FaultMalformed responds with 200, or Status, and truncated JSON.
	FaultMalformed
	// FaultHTML responds with 502, or Status, and an HTML page.
	FaultHTML
	// FaultEmpty responds with 200, or Status, and no body.
	FaultEmpty
	// FaultEndless responds with 200, or Status, and JSON that continues until
	// the client disconnects, up to 256 MiB.
	FaultEndless
	// FaultShort announces a longer body than it sends, then closes the
	// connection.
	FaultShort
)

// Fault makes matching requests fail. The zero value matches every request and
// changes nothing; Fault{Status: 503} makes the next request fail with that
// status.
type Fault struct {
	// Kind selects what goes wrong.
	Kind FaultKind
	// Method and Path select requests; empty matches all. The method is the
	// effective one, after x-http-method-override. The path starts at the root,
	// such as "/api/v1/lead/" or "/oauth2/token/"; "*" matches any text.
	Method, Path string
	// Tool selects the operation of a tool by its name.
	Tool string
	// Skip is the number of matching requests that succeed first.
	Skip int
	// Times is the number of requests that fail; 0 means one, a negative number
	// means all until [Server.ClearFaults].
	Times int
	// Status, Header and Body are the response. Without a Body, an error status
	// has the JSON body {"error": text}. A Status of 429 has rate headers in the
	// style of Options.RateLimit.
	Status int
	Header http.Header
	Body   string
	// OAuthError makes the body an error of the token endpoint,
	// {"error": OAuthError}. If Status is 0, the status is 400, or 401 for
	// "invalid_client".
	OAuthError string
	// Delay holds the request back on the wall clock, or until the client
	// disconnects; with AfterAction it holds the response back.
	Delay time.Duration
	// AfterAction performs the request before the response fails, as when a
	// response is lost.
	AfterAction bool
}

// fault is a Fault with its counters. They are guarded by Server.mu.
type fault struct {
	Fault
	seen, hits int
}

// Fail adds a fault. If there are several, the first one that matches a request
// and is not used up takes effect.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Header = f.Header.Clone()
	s.st.faults = append(s.st.faults, &fault{Fault: f})
}

// Tools returns the names that [Fault].Tool and [Request].Tool can have, sorted: the
// tools of Close, and those of [Options].Routes, which replace them on the same
// route.
func (s *Server) Tools() []string {
	list := s.router.root.tools(nil)
	slices.Sort(list)
	return slices.Compact(list)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.faults = nil
}

// arrive records that a request came in and returns the fault that applies to
// it, if any. The second result must be called after the response.
func (s *Server) arrive(in *rest.Request) (*fault, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := s.st.oauth.NoteRedemption(in)
	release := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		done()
	}
	method, tool := in.EffectiveMethod(), ""
	if path, ok := strings.CutPrefix(in.Path, apiRoot); ok {
		if n, _ := s.router.find(path); n != nil {
			tool = n.methods[method].tool
		}
	}
	in.Tool = tool
	for _, f := range s.st.faults {
		if f.matches(in, method, tool) && f.use() {
			copied := *f
			return &copied, release
		}
	}
	return nil, release
}

func (f *fault) matches(in *rest.Request, method, tool string) bool {
	return (f.Method == "" || f.Method == method) && (f.Tool == "" || f.Tool == tool) &&
		(f.Path == "" || matchPath(f.Path, in.Path))
}

// matchPath compares a path with a pattern in which "*" is any text.
func matchPath(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == path
	}
	rest, ok := strings.CutPrefix(path, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// use counts a match and reports whether the fault takes effect.
func (f *fault) use() bool {
	f.seen++
	if f.seen <= f.Skip {
		return false
	}
	if f.Times >= 0 && f.hits >= max(1, f.Times) {
		return false
	}
	f.hits++
	return true
}

// replaces reports whether the fault replaces the response, and completes it.
func (f *fault) replaces() bool {
	switch f.Kind {
	case FaultResponse:
		if f.OAuthError != "" {
			status := http.StatusBadRequest
			if f.OAuthError == "invalid_client" {
				status = http.StatusUnauthorized
			}
			f.Status = cmp.Or(f.Status, status)
			f.Body = string(value.Encode(object{"error": f.OAuthError, "error_description": "This is a fault on demand."}))
		}
	case FaultHTML:
		f.Status = cmp.Or(f.Status, http.StatusBadGateway)
	case FaultCut:
		return true
	default:
		f.Status = cmp.Or(f.Status, http.StatusOK)
	}
	return f.Status != 0
}

// wait holds the request back; false means that the client disconnected.
func (f *fault) wait(ctx context.Context, stop <-chan struct{}) bool {
	return sleep(ctx, stop, f.Delay)
}

const endlessCap = 256 << 20

// play writes the broken response.
func (f *fault) play(ctx context.Context, stop <-chan struct{}, w http.ResponseWriter, rate http.Header) {
	if f.Kind == FaultCut {
		cutConnection(w)
		return
	}
	h := w.Header()
	maps.Copy(h, rate)
	for k, v := range f.Header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	kind, body := "application/json", f.Body
	switch f.Kind {
	case FaultResponse:
		if body == "" && f.Status >= http.StatusBadRequest {
			body = string(value.Encode(object{"error": http.StatusText(f.Status)}))
		}
	case FaultMalformed:
		body = cmp.Or(body, `{"data": [{"id": "lead_`)
	case FaultHTML:
		kind, body = "text/html; charset=utf-8", cmp.Or(body, "<html><body><h1>"+strconv.Itoa(f.Status)+"</h1></body></html>")
	case FaultEmpty:
		body = ""
	}
	if h.Get("Content-Type") == "" && (body != "" || f.Kind == FaultEndless) {
		h.Set("Content-Type", kind)
	}
	switch f.Kind {
	case FaultEndless:
		w.WriteHeader(f.Status)
		endless(ctx, stop, w)
	case FaultShort:
		h.Set("Content-Length", strconv.Itoa(len(body)+1000))
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(body))
		_ = http.NewResponseController(w).Flush() // the connection is cut anyway
		cutConnection(w)
	default:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(body))
	}
}

func endless(ctx context.Context, stop <-chan struct{}, w http.ResponseWriter) {
	chunk := []byte(strings.Repeat(`{"id": "lead_without_end"}, `, 1024))
	_, err := w.Write([]byte(`{"data": [`))
	for sent := 0; err == nil && sent < endlessCap; sent += len(chunk) {
		select {
		case <-ctx.Done():
			return
		case <-stop:
			return
		default:
		}
		_, err = w.Write(chunk)
	}
}

// cutConnection ends the connection at once. If the writer cannot be hijacked,
// the handler aborts with http.ErrAbortHandler.
func cutConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = conn.Close() // nothing to do about a failure
}
