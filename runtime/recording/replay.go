package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/recordfile"
)

// Exchange is one attempt of a request with its response, redacted. Body and Response
// are JSON; what is no JSON is in BodyText and Text.
type Exchange struct {
	Time     time.Time         `json:"time"`
	Tool     string            `json:"tool,omitempty"` // empty for an endpoint without one
	Method   string            `json:"method"`
	Path     string            `json:"path"` // escaped, with the prefix of the API
	Query    string            `json:"query,omitempty"`
	Attempt  int               `json:"attempt"` // of the call, from 1
	Body     json.RawMessage   `json:"body,omitempty"`
	BodyText string            `json:"body_text,omitempty"`
	Status   int               `json:"status,omitempty"` // 0 without a response
	Header   map[string]string `json:"header,omitempty"` // some of the response
	Response json.RawMessage   `json:"response,omitempty"`
	Text     string            `json:"response_text,omitempty"`
	Error    string            `json:"error,omitempty"`
	Millis   int64             `json:"milliseconds"`
	Cut      bool              `json:"cut,omitempty"` // a body was too long, or not read
}

// Read reads a recording. dropped is how many exchanges the recorder could not keep. A
// last line that was cut off, as by a killed process, is left out.
func Read(r io.Reader) (list []Exchange, dropped int64, err error) {
	all, dropped, err := recordfile.Read(r)
	if err != nil {
		return nil, 0, fmt.Errorf("recording: %w", err)
	}
	for _, e := range all {
		list = append(list, Exchange(e))
	}
	return list, dropped, nil
}

// Replay is an [http.RoundTripper] that answers from a recording and sends nothing. For
// each method and path, requests must come in the order of the recording, with the same
// query and body; what was redacted matches anything in its place. Requests of different
// paths may come in any order. It is safe for concurrent use.
type Replay struct {
	mu     sync.Mutex
	routes map[string][]Exchange
}

// NewReplay reads a recording for replaying.
func NewReplay(r io.Reader) (*Replay, error) {
	list, _, err := Read(r)
	if err != nil {
		return nil, err
	}
	p := &Replay{routes: map[string][]Exchange{}}
	for _, e := range list {
		key := e.Method + " " + e.Path
		p.routes[key] = append(p.routes[key], e)
	}
	return p, nil
}

// Left returns the requests of the recording that were not made, in order; a test that
// has replayed everything sees none.
func (p *Replay) Left() (left []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(p.routes)) {
		for range p.routes[key] {
			left = append(left, key)
		}
	}
	return left
}

// RoundTrip answers a request from the recording.
func (p *Replay) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		_ = req.Body.Close() // read to its end
		if err != nil {
			return nil, fmt.Errorf("replay: read the body: %w", err)
		}
		body = data
	}
	e, err := p.next(req.Method, req.URL.EscapedPath(), req.URL.RawQuery, body)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if e.Status == 0 {
		return nil, errors.New("replay: " + e.Error)
	}
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), StatusCode: e.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: req,
	}
	for name, v := range e.Header {
		resp.Header.Set(name, v)
	}
	data := []byte(e.Text)
	if e.Response != nil {
		data = e.Response
	}
	resp.ContentLength, resp.Body = int64(len(data)), io.NopCloser(bytes.NewReader(data))
	return resp, nil
}

// next takes the next exchange of a route, if it is the one that is asked for.
func (p *Replay) next(method, path, query string, body []byte) (Exchange, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := method + " " + path
	if _, ok := p.routes[key]; !ok {
		for _, other := range slices.Sorted(maps.Keys(p.routes)) {
			if like(unescaped(other), unescaped(key)) {
				key = other
				break
			}
		}
	}
	list, ok := p.routes[key]
	switch {
	case !ok:
		return Exchange{}, fmt.Errorf("the recording has no %s %s", method, path)
	case len(list) == 0:
		return Exchange{}, fmt.Errorf("all exchanges of %s %s were replayed", method, path)
	}
	e := list[0]
	switch {
	case !likeQuery(e.Query, query):
		return Exchange{}, fmt.Errorf("the query of %s %s is %q, but %q comes next in the recording", method, path, query, e.Query)
	case e.Cut && e.Response == nil && e.Text == "" && e.Status != 0:
		return Exchange{}, fmt.Errorf("the recording left out a body of %s %s, because it was too long", method, path)
	case e.Body != nil && !likeJSON(e.Body, body), e.Body == nil && e.BodyText == "" && !e.Cut && len(body) > 0, e.BodyText != "" && !like(e.BodyText, string(body)):
		return Exchange{}, fmt.Errorf("the body of %s %s is not %s, which comes next in the recording", method, path, e.Body)
	}
	p.routes[key] = list[1:]
	return e, nil
}

func unescaped(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}

// replaced matches the replacements of redacted values.
var replaced = regexp.MustCompile(secretMark + `[0-9a-f]{12}|person-[0-9a-f]{12}@redacted\.example|\+?1\d{3}555\d{4}`)

// like reports whether a text may be the one of which a recorded text was made.
func like(recorded, got string) bool {
	if recorded == got {
		return true
	}
	parts := replaced.Split(recorded, -1)
	if len(parts) == 1 {
		return false
	}
	for i, part := range parts {
		switch {
		case i == 0:
			if !strings.HasPrefix(got, part) {
				return false
			}
			got = got[len(part):]
		case i == len(parts)-1:
			return strings.HasSuffix(got, part)
		default:
			at := strings.Index(got, part)
			if at < 0 {
				return false
			}
			got = got[at+len(part):]
		}
	}
	return true
}

func likeQuery(recorded, got string) bool {
	a, err := url.ParseQuery(recorded)
	b, err2 := url.ParseQuery(got)
	if err != nil || err2 != nil || len(a) != len(b) {
		return recorded == got
	}
	for name, list := range a {
		if !slices.EqualFunc(list, b[name], like) {
			return false
		}
	}
	return true
}

func likeJSON(recorded, got []byte) bool {
	a, ok := decode(recorded)
	b, ok2 := decode(got)
	return ok && ok2 && likeValue(a, b)
}

func decode(data []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return v, dec.Decode(&v) == nil
}

func likeValue(a, b any) bool {
	switch a := a.(type) {
	case string:
		s, ok := b.(string)
		return ok && like(a, s)
	case []any:
		list, ok := b.([]any)
		return ok && slices.EqualFunc(a, list, likeValue)
	case map[string]any:
		o, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, o, likeValue)
	}
	return reflect.DeepEqual(a, b)
}
