package closemcp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// bounded reads requests whole, so that a slow client holds nothing but its
// connection, and gives up on clients that do not take what is written.
func bounded(next http.Handler, most int64, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := http.NewResponseController(w)
		// Not every ResponseWriter has deadlines: then the server's own ones hold.
		_ = c.SetReadDeadline(time.Now().Add(patience))
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, most))
		if err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
				return
			}
			http.Error(w, "the request could not be read", http.StatusRequestTimeout)
			return
		}
		_ = c.SetReadDeadline(time.Time{})
		req.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(&patient{w, c, patience}, req)
	})
}

// patient gives a client some time for each part of an answer.
type patient struct {
	http.ResponseWriter
	c    *http.ResponseController
	time time.Duration
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.c.SetWriteDeadline(time.Now().Add(p.time))
	return p.ResponseWriter.Write(b)
}

// Flush implements [http.Flusher], which servers of events ask for.
func (p *patient) Flush() { _ = p.c.Flush() }

// FlushError is Flush with its error.
func (p *patient) FlushError() error { return p.c.Flush() }

// Unwrap lets [http.ResponseController] find the writer below.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
