package rest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/closekit/closekit/emulator/internal/value"
)

// Request is a request after its body was read.
type Request struct {
	Method   string
	Path     string
	RawQuery string
	Query    url.Values
	Header   http.Header
	Host     string
	Body     []byte
	Chunked  bool

	// Set while the request is handled, for the recording.
	Tool, User, Organization string
}

// EffectiveMethod returns the method of the request, which a POST may override
// in a header.
func (in *Request) EffectiveMethod() string {
	other := strings.ToUpper(in.Header.Get("X-Http-Method-Override"))
	if in.Method != http.MethodPost || other == "" {
		return in.Method
	}
	return other
}

// Response is a complete HTTP response.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Failed turns an error into a response.
func Failed(err error) *Response {
	res := &Response{Status: http.StatusInternalServerError, Header: http.Header{}}
	var e *Error
	if errors.As(err, &e) {
		res.Status = e.Status
		res.Body = value.Encode(e.Body)
		return res
	}
	res.Body = value.Encode(object{"error": err.Error()})
	return res
}

// RedirectToSlash redirects a client to the path with its slash, with a status
// that keeps method and body.
func RedirectToSlash(in *Request) *Response {
	to := in.Path + "/"
	if in.RawQuery != "" {
		to += "?" + in.RawQuery
	}
	res := &Response{Status: http.StatusPermanentRedirect, Header: http.Header{}}
	res.Header.Set("Location", to)
	return res
}
