package oauthtest

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Behavior responds to one request to the token endpoint, whose form is in
// PostForm. Calling process does what is asked and returns the honest response.
type Behavior func(req *http.Request, process func() *http.Response) (*http.Response, error)

// Honest processes a request and responds.
func Honest(_ *http.Request, process func() *http.Response) (*http.Response, error) {
	return process(), nil
}

// Respond responds without processing.
func Respond(status int, header http.Header, body string) Behavior {
	return func(*http.Request, func() *http.Response) (*http.Response, error) {
		return Response(status, header, body), nil
	}
}

// Refuse responds with an error of RFC 6749, without processing.
func Refuse(status int, code string) Behavior {
	return func(*http.Request, func() *http.Response) (*http.Response, error) { return Error(status, code), nil }
}

// Fail does not respond.
func Fail(err error) Behavior {
	return func(*http.Request, func() *http.Response) (*http.Response, error) { return nil, err }
}

// LoseRequest loses the request before it is processed.
func LoseRequest(*http.Request, func() *http.Response) (*http.Response, error) {
	return nil, io.ErrUnexpectedEOF
}

// LoseResponse processes a request and loses the response.
func LoseResponse(_ *http.Request, process func() *http.Response) (*http.Response, error) {
	process()
	return nil, ErrLost
}

// ProcessThenRespond processes a request and responds with an error.
func ProcessThenRespond(status int) Behavior {
	return func(_ *http.Request, process func() *http.Response) (*http.Response, error) {
		process()
		return Response(status, nil, "oops"), nil
	}
}

// Hang never responds, and processes nothing.
func Hang(req *http.Request, _ func() *http.Response) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// Slow processes a request and responds after d.
func Slow(d time.Duration) Behavior {
	return func(req *http.Request, process func() *http.Response) (*http.Response, error) {
		resp := process()
		select {
		case <-time.After(d):
			return resp, nil
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

// Panic panics with v, as a transport of the host may.
func Panic(v any) Behavior {
	return func(*http.Request, func() *http.Response) (*http.Response, error) { panic(v) }
}

// Mangle processes a request and changes the body of the response. Without a
// header it stays JSON. With an error the body ends with it.
func Mangle(header http.Header, change func(body string) (string, error)) Behavior {
	return func(_ *http.Request, process func() *http.Response) (*http.Response, error) {
		resp := process()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		text, cut := change(string(body))
		out := Response(resp.StatusCode, header, text)
		if cut != nil {
			out.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), failingReader{cut}))
			out.ContentLength = -1
		}
		return out, nil
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
