package emulator

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FaultKind says how an answer goes wrong.
type FaultKind int

// The kinds of faults.
const (
	// FaultAnswer replaces the answer by Status, Header and Body. With a Status
	// of zero and no OAuthError the answer stays as it is, but for Delay and
	// additional values of Header.
	FaultAnswer FaultKind = iota
	// FaultCut closes the connection without an answer.
	FaultCut
	// FaultMalformed answers 200, or Status, with JSON that breaks off.
	FaultMalformed
	// FaultHTML answers 502, or Status, with an HTML page.
	FaultHTML
	// FaultEmpty answers 200, or Status, with no body.
	FaultEmpty
	// FaultEndless answers 200, or Status, with JSON that goes on until the
	// client leaves, at most for 256 MiB.
	FaultEndless
	// FaultShort announces a longer body than it sends, then closes the
	// connection.
	FaultShort
)

// Fault makes matching requests fail. The zero value matches every request and
// does nothing; a fault that only has a Status of 503 makes the next request
// fail with it.
type Fault struct {
	// Kind is what goes wrong.
	Kind FaultKind
	// Method and Path select requests; empty matches all. The method is the one
	// that x-http-method-override makes of it, if any. A path counts from
	// the root, such as "/api/v1/lead/" or "/oauth2/token/". A "*" in it stands
	// for any text.
	Method, Path string
	// Tool selects the operation of a tool by its name.
	Tool string
	// Skip lets that many matching requests through first.
	Skip int
	// Times is how many requests fail; 0 means one, a negative number all until
	// [Server.ClearFaults].
	Times int
	// Status, Header and Body are the answer. Without a Body, an error status
	// has the JSON body {"error": text}. A Status of 429 carries rate headers
	// in the style of Options.RateLimit.
	Status int
	Header http.Header
	Body   string
	// OAuthError answers as the token endpoint does, with
	// {"error": OAuthError}; the status is 400, 401 for "invalid_client",
	// unless Status is set.
	OAuthError string
	// Delay holds the request back, on the wall clock, until it is over or the
	// client leaves; with AfterAction it holds the answer back.
	Delay time.Duration
	// AfterAction does what was asked before the answer goes wrong, which is
	// how a response gets lost.
	AfterAction bool
}

// fault is a Fault with its counters. They are guarded by Server.mu.
type fault struct {
	Fault
	seen, hits int
}

// Fail adds a fault. Several faults may wait; the first one that matches a
// request and is not used up counts.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Header = f.Header.Clone()
	s.st.faults = append(s.st.faults, &fault{Fault: f})
}

// ClearFaults takes all faults away.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.faults = nil
}

// arrive notes that a request came in and returns the fault that it meets, if
// any. The second result must be called when the request was answered.
func (s *Server) arrive(in *incoming) (*fault, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	release := s.noteRedemption(in)
	method, tool := in.effectiveMethod(), ""
	if path, ok := strings.CutPrefix(in.path, apiRoot); ok {
		if n, _ := s.router.find(path); n != nil {
			tool = n.methods[method].tool
		}
	}
	in.tool = tool
	for _, f := range s.st.faults {
		if f.matches(in, method, tool) && f.use() {
			copied := *f
			return &copied, release
		}
	}
	return nil, release
}

func (f *fault) matches(in *incoming, method, tool string) bool {
	return (f.Method == "" || f.Method == method) && (f.Tool == "" || f.Tool == tool) &&
		(f.Path == "" || matchPath(f.Path, in.path))
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

// use counts a match and reports whether the fault strikes.
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

// replaces reports whether the fault changes the answer, and completes it.
func (f *fault) replaces() bool {
	switch f.Kind {
	case FaultAnswer:
		if f.OAuthError != "" {
			status := http.StatusBadRequest
			if f.OAuthError == "invalid_client" {
				status = http.StatusUnauthorized
			}
			f.Status = cmp.Or(f.Status, status)
			f.Body = string(encodeJSON(object{"error": f.OAuthError, "error_description": "This is a fault on demand."}))
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

// wait holds the request back; false means that the client left.
func (f *fault) wait(ctx context.Context, stop <-chan struct{}) bool {
	return sleep(ctx, stop, f.Delay)
}

const endlessCap = 256 << 20

// play writes the broken answer.
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
	case FaultAnswer:
		if body == "" && f.Status >= http.StatusBadRequest {
			body = string(encodeJSON(object{"error": http.StatusText(f.Status)}))
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
		_, _ = w.Write([]byte(body))              //nolint:gosec // the test that asked for it chose the body
		_ = http.NewResponseController(w).Flush() // the cut tells
		cutConnection(w)
	default:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(body)) //nolint:gosec // the test that asked for it chose the body
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

// cutConnection ends the connection at once. A writer that cannot give its
// connection away is aborted in the way that net/http prescribes.
func cutConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = conn.Close() // nothing to do about a failure
}
