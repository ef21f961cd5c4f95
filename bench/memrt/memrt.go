// Package memrt is an http.RoundTripper that serves the three benchmarked calls
// from memory, so that only the client path is timed.
package memrt

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/closekit/closekit/bench/fixture"
)

// Transport serves GET /lead/, POST /opportunity/ and GET /me/.
type Transport struct {
	Page, Opportunity, Me []byte

	// LastAuth and LastBody let a test check what the client sent.
	Record   bool
	LastAuth string
	LastBody []byte
	LastURL  string
}

// New returns a transport whose page holds n leads.
func New(n int) *Transport {
	return &Transport{
		Page:        fixture.LeadPage(1, n),
		Opportunity: fixture.Opportunity(1),
		Me:          fixture.Me(1),
	}
}

// Client wraps the transport.
func (t *Transport) Client() *http.Client { return &http.Client{Transport: t} }

// body is a response body: a reader without WriteTo, like the network's.
type body struct{ r bytes.Reader }

func (b *body) Read(p []byte) (int, error) { return b.r.Read(p) }
func (b *body) Close() error               { return nil }

// RoundTrip returns the response that belongs to the path.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if t.Record {
			t.LastBody, _ = io.ReadAll(r.Body)
		} else {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		_ = r.Body.Close()
	}
	if t.Record {
		t.LastAuth = r.Header.Get("Authorization")
		t.LastURL = r.URL.String()
	}
	var data []byte
	code := 200
	switch p := r.URL.Path; {
	case strings.HasSuffix(p, "/lead/"):
		data = t.Page
	case strings.HasSuffix(p, "/opportunity/"):
		data = t.Opportunity
	case strings.HasSuffix(p, "/me/"):
		data = t.Me
	default:
		code, data = 404, []byte(`{"error":"not found"}`)
	}
	b := &body{}
	b.r.Reset(data)
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          b,
		ContentLength: int64(len(data)),
		Request:       r,
	}, nil
}
