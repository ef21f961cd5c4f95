package closemcp

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/closekit/closekit/agent"
)

// TestSlowReader never reads what the server writes.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	done := make(chan error)
	server := httptest.NewServer(bounded(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 1<<20)
		for {
			if _, err := w.Write(part); err != nil {
				done <- err
				return
			}
		}
	}), 1<<10, 100*time.Millisecond))
	defer server.Close()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the handler waits for the client forever")
	}
}

// TestLargeRequest tests that a request is not read beyond its bound.
func TestLargeRequest(t *testing.T) {
	t.Parallel()
	read := 0
	body := readerFunc(func(p []byte) (int, error) { read += len(p); return len(p), nil }) // without an end
	w := httptest.NewRecorder()
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request was passed on") })
	bounded(next, 1<<10, time.Second).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body))
	if w.Code != http.StatusRequestEntityTooLarge || read > 1<<12 {
		t.Errorf("%d after %d bytes", w.Code, read)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestRunsAreBounded opens more sessions than are kept.
func TestRunsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRuns(3)
	opened := 0
	get := func(key string) { r.get(key, func() *agent.Session { opened++; return nil }) }
	for _, key := range []string{"a", "b", "c", "a", "d", "a", "b"} {
		get(key)
	}
	if opened != 5 || r.order.Len() != 3 || len(r.byKey) != 3 {
		t.Errorf("%d opened, %d kept", opened, r.order.Len())
	}
}
