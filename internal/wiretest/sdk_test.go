package wiretest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// player serves the response of a pair and records the request.
type player struct {
	p    *pair
	reqs []*http.Request
	body []byte
}

// count is the response to the brake of a bulk action.
const count = `{"data":[],"cursor":null,"count":{"total":1}}`

func (pl *player) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/data/search/") && pl.p.tool != "close_search" {
		h := http.Header{"Content-Type": {"application/json"}}
		return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(count)), ContentLength: int64(len(count)), Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
	}
	pl.reqs = append(pl.reqs, req)
	pl.body = nil
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		pl.body = b
	}
	return &http.Response{
		StatusCode: pl.p.status, Header: pl.p.header.Clone(), Body: io.NopCloser(strings.NewReader(pl.p.answer)),
		ContentLength: int64(len(pl.p.answer)), Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// check compares the recorded request with the pair.
func (pl *player) check(t *testing.T) {
	t.Helper()
	if len(pl.reqs) != 1 {
		t.Fatalf("%d requests were sent, want 1", len(pl.reqs))
	}
	req, p := pl.reqs[0], pl.p
	if req.Method != p.method || req.URL.EscapedPath() != p.path {
		t.Errorf("sent %s %s, want %s %s", req.Method, req.URL.EscapedPath(), p.method, p.path)
	}
	if got, want := req.URL.Query().Encode(), p.query.Encode(); got != want {
		t.Errorf("sent the query %s, want %s", got, want)
	}
	want := "Basic YXBpX2tleTo="
	if p.emulator == oauthOnly {
		want = bearer + "token"
	}
	if req.Header.Get("Authorization") != want {
		t.Errorf("sent Authorization %q", req.Header.Get("Authorization"))
	}
	if !strings.Contains(req.Header.Get("Accept"), "application/json") {
		t.Errorf("sent Accept %q", req.Header.Get("Accept"))
	}
	if p.body == "" {
		if len(pl.body) > 0 {
			t.Errorf("sent the body %s, want none", pl.body)
		}
		return
	}
	if mime := req.Header.Get("Content-Type"); mime != "application/json" {
		t.Errorf("sent Content-Type %q", mime)
	}
	if req.ContentLength != int64(len(pl.body)) {
		t.Errorf("sent Content-Length %d for %d bytes", req.ContentLength, len(pl.body))
	}
	for _, d := range differences("body", decode(t, []byte(p.body)), decode(t, pl.body)) {
		t.Error(d)
	}
}

func (pl *player) client() *closekit.Client {
	source := closekit.APIKey("api_key")
	if pl.p.emulator == oauthOnly {
		source = closekit.Bearer("token")
	}
	return closekit.NewClient(source, closekit.HTTPClient(&http.Client{Transport: pl}), closekit.MaxRetries(0))
}

// TestEveryToolHasAPair keeps the files and the catalog together.
func TestEveryToolHasAPair(t *testing.T) {
	t.Parallel()
	good := map[string]int{}
	for _, p := range load(t) {
		if p.tool != "" && p.refusal == nil && !strings.HasPrefix(p.emulator, "skip") {
			good[p.tool]++
		}
	}
	for _, tool := range tools.All() {
		if good[tool.Name] == 0 {
			t.Errorf("%s has no pair that both sides replay", tool.Name)
		}
	}
}

// TestSDKByName replays the pairs against the tools.
func TestSDKByName(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		if p.tool == "" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tool, err := tools.Lookup(p.tool)
			if err != nil {
				t.Fatal(err)
			}
			pl := &player{p: p}
			got, err := tool.Call(t.Context(), pl.client(), []byte(p.input), closekit.UndoTo(io.Discard))
			pl.check(t)
			if p.refusal != nil {
				p.checkError(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := p.answer
			if want == "" {
				want = "{}"
			}
			if string(got) != want {
				t.Errorf("the answer was changed:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestSDKTyped replays the pairs against the typed functions.
func TestSDKTyped(t *testing.T) {
	t.Parallel()
	for _, p := range load(t) {
		if p.tool == "" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tool, err := tools.Lookup(p.tool)
			if err != nil {
				t.Fatal(err)
			}
			params, err := tool.Parse([]byte(p.input))
			if err != nil {
				t.Fatal(err)
			}
			pl := &player{p: p}
			var raw []byte
			var meta closekit.ResponseInfo
			got, err := function(t, p.tool)(t.Context(), pl.client(), params, closekit.RawResponse(&raw), closekit.WithResponseInfo(&meta))
			pl.check(t)
			if string(raw) != p.answer || meta.Status != p.status || meta.Attempts != 1 {
				t.Errorf("RawResponse and Meta say %d, %d attempts, %.100q", meta.Status, meta.Attempts, raw)
			}
			if p.refusal != nil {
				p.checkError(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got == nil {
				return
			}
			want := decode(t, []byte(p.answer))
			for _, d := range differences("", want, decode(t, got)) {
				t.Error(d)
			}
		})
	}
}

var sentinels = []error{
	closekit.ErrBadRequest, closekit.ErrUnauthorized, closekit.ErrPaymentRequired, closekit.ErrForbidden, closekit.ErrNotFound,
	closekit.ErrConflict, closekit.ErrRateLimited, closekit.ErrServer,
}

func (p *pair) checkError(t *testing.T, err error) {
	t.Helper()
	var e *closekit.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *closekit.Error", err)
	}
	if e.Status != p.status || e.Tool != p.tool || e.Method != p.method {
		t.Errorf("the error says %d, %s, %s", e.Status, e.Tool, e.Method)
	}
	if e.Message != p.refusal.Message {
		t.Errorf("message %q, want %q", e.Message, p.refusal.Message)
	}
	fields := map[string]string{}
	for _, f := range e.FieldErrors {
		if old, ok := fields[f.Field]; ok {
			f.Message = old + "\n" + f.Message
		}
		fields[f.Field] = f.Message
	}
	for k, v := range p.refusal.Fields {
		if fields[k] != v {
			t.Errorf("field error %s: %q, want %q", k, fields[k], v)
		}
		delete(fields, k)
	}
	if len(fields) > 0 {
		t.Errorf("unexpected field errors: %v", fields)
	}
	for _, s := range sentinels {
		if want := s.Error() == p.refusal.Is; errors.Is(err, s) != want {
			t.Errorf("errors.Is(err, %q) is %v", s, !want)
		}
	}
	if p.refusal.Is != "" && !slices.ContainsFunc(sentinels, func(s error) bool { return s.Error() == p.refusal.Is }) {
		t.Errorf("the pair names the unknown sentinel %q", p.refusal.Is)
	}
	if p.refusal.RetryAfter != "" && e.RetryAfter.String() != p.refusal.RetryAfter {
		t.Errorf("RetryAfter %s, want %s", e.RetryAfter, p.refusal.RetryAfter)
	}
	if !strings.Contains(e.Hint, p.refusal.Hint) {
		t.Errorf("hint %q, want %q in it", e.Hint, p.refusal.Hint)
	}
	if !bytes.Equal(e.Body(), []byte(p.answer)) {
		t.Errorf("Body gives %.100q, want %.100q", e.Body(), p.answer)
	}
	if text := err.Error(); strings.Contains(text, "api_key") || strings.Contains(text, "YXBpX2tleTo") || strings.Contains(text, "<html") {
		t.Errorf("the text of the error shows what it must not: %s", text)
	}
}
