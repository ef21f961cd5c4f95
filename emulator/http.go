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

	"github.com/closekit/closekit/emulator/internal/crm"
	"github.com/closekit/closekit/emulator/internal/rest"
)

const maxBody = 16 << 20

// ServeHTTP serves the API below /api/v1 and the OAuth server below /oauth2.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	started := time.Now()
	in, err := read(req)
	if err != nil {
		write(w, rest.Failed(err), req.Method)
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
	s.record(in, res.Status)
	if s.opts.Logger != nil {
		s.opts.Logger.LogAttrs(req.Context(), slog.LevelDebug, "request", slog.String("method", in.Method),
			slog.String("path", in.Path), slog.Int("status", res.Status), slog.Duration("took", time.Since(started)))
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
			res.Header[http.CanonicalHeaderKey(k)] = v
		}
	}
	write(w, res, req.Method)
}

// handle responds to a request with the lock held.
func (s *Server) handle(in *rest.Request) *rest.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	crm.RunJobs(s.engine, s.st.State, s.now())
	crm.SendDue(s.engine, s.st.State, s.now())
	res := s.serve(in)
	s.settle()
	return res
}

func (s *Server) serve(in *rest.Request) *rest.Response {
	switch {
	case in.Path == apiRoot || strings.HasPrefix(in.Path, apiRoot+"/"):
		return s.serveAPI(in)
	case strings.HasPrefix(in.Path, "/oauth2/") || strings.HasPrefix(in.Path, "/.well-known/"):
		return s.st.oauth.Serve(in)
	case strings.HasPrefix(in.Path, crm.FilePath) && in.Method == http.MethodGet:
		return s.serveFile(in)
	case strings.HasPrefix(in.Path, crm.StoragePath):
		return crm.ServeStorage(s.st.State, s.now(), in, s.opts.StorageURL != "")
	}
	return rest.Failed(rest.UnknownURL())
}

// serveFile redirects to a file, for those who may see it.
func (s *Server) serveFile(in *rest.Request) *rest.Response {
	c := s.engine.System(s.st.State, "", s.now())
	c.Path = in.Path
	if _, err := s.authenticate(c, in.Header); err != nil {
		return rest.Failed(err)
	}
	return crm.ServeFile(c)
}

func read(req *http.Request) (*rest.Request, error) {
	var body []byte
	var err error
	if req.Body != nil {
		body, err = io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	}
	if err != nil {
		return nil, rest.Refuse(http.StatusBadRequest, "The request body could not be read.")
	}
	if len(body) > maxBody {
		return nil, rest.Refuse(http.StatusRequestEntityTooLarge, "The request body is too large.")
	}
	query, _ := url.ParseQuery(req.URL.RawQuery) // malformed parameters are ignored
	return &rest.Request{
		Method: req.Method, Path: req.URL.EscapedPath(), RawQuery: req.URL.RawQuery, Query: query,
		Header: req.Header, Host: req.Host, Body: body, Chunked: slices.Contains(req.TransferEncoding, "chunked"),
	}, nil
}

func write(w http.ResponseWriter, res *rest.Response, method string) {
	h := w.Header()
	maps.Copy(h, res.Header)
	if len(res.Body) > 0 && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	if res.Status != http.StatusNoContent && res.Status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(res.Body)))
	}
	w.WriteHeader(res.Status)
	if method != http.MethodHead {
		_, _ = w.Write(res.Body) //nolint:gosec // JSON, or a page of html/template; the client may have disconnected
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
