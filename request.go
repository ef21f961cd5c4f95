package closekit

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/codec"
)

// maxURL is the length of a URL above which a GET is sent as a POST with Close's
// method override; Close documents about 2000 characters.
const maxURL = 2000

// request builds the HTTP request of one attempt. The length of the body is always
// known, because Close rejects chunked requests. It may use the URL, and the reader for
// the body; without a reader it makes one.
func (c *client) request(ctx context.Context, r *Request, to *url.URL, reader *bytes.Reader) (*http.Request, error) {
	method, query, body := r.Method, r.Query, r.Body
	override := method == http.MethodGet && query != "" && len(c.base)+len(c.api.Prefix)+len(r.Path)+len(query) > maxURL && c.api.isClose()
	if override {
		var err error
		if body, err = overrideParams(query); err != nil {
			return nil, err
		}
		method, query = http.MethodPost, ""
	}
	u, err := c.url(r.Path, query, to)
	if err != nil {
		return nil, err
	}
	h := make(http.Header, 6)
	h["Accept"] = acceptJSON
	h["User-Agent"] = c.agent
	if c.zone != nil { // now, because the offset changes with daylight saving
		_, seconds := c.now().In(c.zone).Zone()
		h["X-Tz-Offset"] = []string{strconv.FormatFloat(float64(seconds)/3600, 'f', -1, 64)}
	}
	req := blank.WithContext(ctx)
	req.Method, req.URL, req.Host, req.Header = method, u, u.Host, h
	if body != nil {
		h["Content-Type"] = contentJSON
		if override {
			h["X-Http-Method-Override"] = overrideGet
		}
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		if reader == nil {
			reader = new(bytes.Reader)
		}
		reader.Reset(body)
		req.Body = io.NopCloser(reader)
	}
	return req, nil
}

// Constant header values; net/http only reads them.
var (
	acceptJSON  = []string{"application/json"}
	contentJSON = []string{"application/json"}
	overrideGet = []string{"GET"}
)

var blank = http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

// url appends a path to the base URL without parsing the base URL again. It may return
// u.
func (c *client) url(path, query string, u *url.URL) (*url.URL, error) {
	path = c.api.Prefix + path
	if c.root == nil || strings.Contains(path, "%") || c.root.Path != "" {
		if query != "" {
			query = "?" + query
		}
		return url.Parse(c.base + path + query)
	}
	*u = *c.root
	u.Path, u.RawQuery = path, query
	return u, nil
}

// overrideParams returns the query as a JSON object of strings, for the method
// override of long queries.
func overrideParams(query string) ([]byte, error) {
	values := map[string]string{} // not url.ParseQuery, which a small program would link for it alone
	for query != "" {
		var param string
		param, query, _ = strings.Cut(query, "&")
		if param == "" {
			continue
		}
		name, value, _ := strings.Cut(param, "=")
		if list, ok := values[name]; ok {
			value = list + "%2C" + value
		}
		values[name] = value
	}
	b := []byte(`{"_params":{`)
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			b = append(b, ',')
		}
		for j, text := range [...]string{name, values[name]} {
			text, err := url.QueryUnescape(text)
			if err != nil {
				return nil, err
			}
			b = append(codec.AppendString(b, text), ":"[j:]...)
		}
	}
	return append(b, "}}"...), nil
}
