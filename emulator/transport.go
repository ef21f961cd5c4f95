package emulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Transport returns a round tripper that serves every request from this server
// without a network, whatever its host. Use it in tests with many requests or
// inside testing/synctest. It is safe for concurrent use.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// errCut is the error of a client whose connection a fault cuts.
var errCut = errors.New("the emulator cut the connection")

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Body != http.NoBody && in.ContentLength <= 0 {
		in.TransferEncoding = []string{"chunked"} // as net/http would send it
	}
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	r, w := io.Pipe()
	out := &pipeWriter{header: http.Header{}, body: w, ready: make(chan struct{})}
	go func() {
		defer in.Body.Close() //nolint:errcheck // nothing was written
		defer func() {
			p := recover()
			switch p {
			case nil:
				out.WriteHeader(http.StatusOK)
				_ = w.Close() // never fails
			case http.ErrAbortHandler:
				out.cut(errCut)
			default:
				out.cut(fmt.Errorf("the emulator panicked: %v", p))
			}
		}()
		t.s.ServeHTTP(out, in)
	}()
	select {
	case <-out.ready:
	case <-req.Context().Done():
		_ = r.Close() // never fails
		return nil, req.Context().Err()
	}
	if out.err != nil {
		return nil, out.err
	}
	length := int64(-1)
	if _, err := fmt.Sscan(out.sent.Get("Content-Length"), &length); err != nil {
		length = -1
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", out.status, http.StatusText(out.status)), StatusCode: out.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: out.sent, Body: r, ContentLength: length, Request: req,
	}, nil
}

// pipeWriter is the handler's http.ResponseWriter.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	ready  chan struct{} // closed when the fields below are set

	status int
	sent   http.Header
	err    error
}

// Header implements http.ResponseWriter.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.ready)
	})
}

// Write implements http.ResponseWriter.
func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil
	}
	return w.body.Write(p)
}

// cut ends the response with an error, before or after it began.
func (w *pipeWriter) cut(err error) {
	_ = w.body.CloseWithError(err) // never fails
	w.once.Do(func() {
		w.err = err
		close(w.ready)
	})
}
