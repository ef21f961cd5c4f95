package emulator

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxBody = 16 << 20

// ServeHTTP serves the API below /api/v1 and the OAuth server below /oauth2.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	started := time.Now()
	in, err := read(req)
	if err != nil {
		write(w, failed(err), req.Method)
		return
	}
	f, release := s.arrive(in)
	defer release()
	if f != nil && !f.AfterAction && !f.wait(req.Context(), s.serving.stop) {
		s.record(in, 0)
		return
	}
	if f != nil && f.replaces() && !f.AfterAction {
		s.record(in, f.Status)
		f.play(req.Context(), s.serving.stop, w, s.rateHeader(f))
		return
	}
	res := s.handle(in)
	s.record(in, res.status)
	if s.opts.Logger != nil {
		s.opts.Logger.LogAttrs(req.Context(), slog.LevelDebug, "request", slog.String("method", in.method),
			slog.String("path", in.path), slog.Int("status", res.status), slog.Duration("took", time.Since(started)))
	}
	if f != nil && f.AfterAction && !f.wait(req.Context(), s.serving.stop) {
		return
	}
	if f != nil && f.replaces() {
		f.play(req.Context(), s.serving.stop, w, s.rateHeader(f))
		return
	}
	if f != nil {
		for k, v := range f.Header {
			res.header[http.CanonicalHeaderKey(k)] = v
		}
	}
	write(w, res, req.Method)
}

// handle responds to a request with the lock held.
func (s *Server) handle(in *incoming) *response {
	s.mu.Lock()
	defer s.mu.Unlock()
	sendDue(s.engine, s.st.state, s.now())
	res := s.serve(in)
	s.settle()
	return res
}

func (s *Server) serve(in *incoming) *response {
	switch {
	case in.path == apiRoot || strings.HasPrefix(in.path, apiRoot+"/"):
		return s.serveAPI(in)
	case strings.HasPrefix(in.path, "/oauth2/") || strings.HasPrefix(in.path, "/.well-known/"):
		return s.st.oauth.serve(in)
	}
	return failed(unknownURL())
}

func read(req *http.Request) (*incoming, error) {
	var body []byte
	var err error
	if req.Body != nil {
		body, err = io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The request body could not be read.")
	}
	if len(body) > maxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "The request body is too large.")
	}
	query, _ := url.ParseQuery(req.URL.RawQuery) // malformed parameters are ignored
	return &incoming{
		method: req.Method, path: req.URL.EscapedPath(), rawQuery: req.URL.RawQuery, query: query,
		header: req.Header, host: req.Host, body: body, chunked: slices.Contains(req.TransferEncoding, "chunked"),
	}, nil
}

func write(w http.ResponseWriter, res *response, method string) {
	h := w.Header()
	maps.Copy(h, res.header)
	if len(res.body) > 0 && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	if res.status != http.StatusNoContent && res.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(res.body)))
	}
	w.WriteHeader(res.status)
	if method != http.MethodHead {
		_, _ = w.Write(res.body) // the client may have disconnected
	}
}

// sleep waits for d, or until ctx or stop ends, and reports whether d has passed.
func sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-stop:
	}
	return false
}
