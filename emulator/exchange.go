package emulator

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// incoming is a request after its body was read.
type incoming struct {
	method   string
	path     string
	rawQuery string
	query    url.Values
	header   http.Header
	host     string
	body     []byte
	chunked  bool

	// Set while the request is handled, for the recording.
	tool, user, org string
}

// effectiveMethod returns the method of the request, which a POST may override
// in a header.
func (in *incoming) effectiveMethod() string {
	other := strings.ToUpper(in.header.Get("X-Http-Method-Override"))
	if in.method != http.MethodPost || other == "" {
		return in.method
	}
	return other
}

// response is a complete HTTP response.
type response struct {
	status int
	header http.Header
	body   []byte
}

// failed turns an error into a response.
func failed(err error) *response {
	res := &response{status: http.StatusInternalServerError, header: http.Header{}}
	var e *apiError
	if errors.As(err, &e) {
		res.status = e.status
		res.body = encodeJSON(e.body)
		return res
	}
	res.body = encodeJSON(object{"error": err.Error()})
	return res
}

// redirectToSlash redirects a client to the path with its slash, with a status
// that keeps method and body.
func redirectToSlash(in *incoming) *response {
	to := in.path + "/"
	if in.rawQuery != "" {
		to += "?" + in.rawQuery
	}
	res := &response{status: http.StatusPermanentRedirect, header: http.Header{}}
	res.header.Set("Location", to)
	return res
}
