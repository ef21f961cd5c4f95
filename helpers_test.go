package closekit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// item is the result of a small API. The parameter structs and operations below
// belong to it, as the generator would write them.
type item struct {
	closekit.Object
	ID   string               `json:"id"`
	Name closekit.Opt[string] `json:"name"`
}

func (v item) MarshalJSON() ([]byte, error) { return wire.Marshal(&v) }
func (v *item) UnmarshalJSON(b []byte) error {
	*v = item{}
	return wire.Unmarshal(b, v)
}

type itemParams struct {
	ID   string               `json:"item_id" close:"path,required"`
	Name closekit.Opt[string] `json:"name"`
}

type idParams struct {
	ID string `json:"item_id" close:"path,required"`
}

type createParams struct {
	Name string `json:"name" close:"required"`
}

type listParams struct {
	Query closekit.Opt[string] `json:"query" close:"query"`
	IDs   []string             `json:"id__in" close:"query"`
	Skip  closekit.Opt[int]    `json:"_skip" close:"query,min=0"`
	Limit closekit.Opt[int]    `json:"_limit" close:"query,min=0,max=200"`
}

var (
	opGet    = wire.Operation{Operation: closekit.Operation{Tool: "close_item_get", Method: "GET", Path: "/item/{item_id}/", Effect: closekit.Read, Idempotent: true}, Params: func() any { return new(idParams) }}
	opUpdate = wire.Operation{Operation: closekit.Operation{Tool: "close_item_update", Method: "PUT", Path: "/item/{item_id}/", Effect: closekit.Write}, Params: func() any { return new(itemParams) }}
	opCreate = wire.Operation{Operation: closekit.Operation{Tool: "close_item_create", Method: "POST", Path: "/item/", Effect: closekit.Write}, Params: func() any { return new(createParams) }}
	opDelete = wire.Operation{Operation: closekit.Operation{Tool: "close_item_delete", Method: "DELETE", Path: "/item/{item_id}/", Effect: closekit.Destructive}, Params: func() any { return new(idParams) }}
	opList   = wire.Operation{Operation: closekit.Operation{Tool: "close_items_list", Method: "GET", Path: "/item/", Effect: closekit.Read, Narrow: []string{"query"}}, Params: func() any { return new(listParams) }}
)

func get(ctx context.Context, c *closekit.Client, opts ...closekit.CallOption) (*item, error) {
	return wire.Call[item](ctx, c, &opGet, &idParams{"item_secretid"}, opts)
}

func put(ctx context.Context, c *closekit.Client, opts ...closekit.CallOption) (*item, error) {
	return wire.Call[item](ctx, c, &opUpdate, &itemParams{"item_secretid", closekit.Some("secret name")}, opts)
}

func post(ctx context.Context, c *closekit.Client, opts ...closekit.CallOption) (*item, error) {
	return wire.Call[item](ctx, c, &opCreate, &createParams{"secret name"}, opts)
}

func del(ctx context.Context, c *closekit.Client, opts ...closekit.CallOption) error {
	return wire.CallNone(ctx, c, &opDelete, &idParams{"item_secretid"}, opts)
}

func list(ctx context.Context, c *closekit.Client, p listParams, opts ...closekit.CallOption) (*closekit.Page[item], error) {
	return wire.CallPage[item](ctx, c, &opList, &p, p.Skip, opts)
}

// byName returns the tool of one operation.
func byName(op closekit.Callable) *closekit.Tool {
	c := &closekit.Catalog{Operations: func() []closekit.Callable { return []closekit.Callable{op} }, List: []closekit.Tool{{Name: op.Describe().Tool}}}
	return c.Tools()[0]
}

// calls has one call for each of the four methods.
var calls = map[string]func(context.Context, *closekit.Client, ...closekit.CallOption) error{
	"GET": func(ctx context.Context, c *closekit.Client, o ...closekit.CallOption) error {
		_, err := get(ctx, c, o...)
		return err
	},
	"PUT": func(ctx context.Context, c *closekit.Client, o ...closekit.CallOption) error {
		_, err := put(ctx, c, o...)
		return err
	},
	"POST": func(ctx context.Context, c *closekit.Client, o ...closekit.CallOption) error {
		_, err := post(ctx, c, o...)
		return err
	},
	"DELETE": del,
}

const (
	testKey    = "api_verysecretkey"
	testHeader = "Basic YXBpX3ZlcnlzZWNyZXRrZXk6" // of testKey and a colon
)

// script responds to requests one after the other; the last response is repeated.
type script struct {
	mu    sync.Mutex
	steps []func(*http.Request) (*http.Response, error)
	seen  []*http.Request
	body  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	s.seen, s.body = append(s.seen, r), append(s.body, string(body))
	step := s.steps[min(len(s.seen), len(s.steps))-1]
	return step(r)
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

type step = func(*http.Request) (*http.Response, error)

// respond returns a step with a status, a body, and headers as name and value.
func respond(status int, body string, headers ...string) step {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
	}
}

func fail(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

var (
	ok       = respond(200, `{"id":"item_1","name":"n"}`)
	refused  = fail(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
	reset    = fail(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET})
	notFound = respond(404, `{"error":"Empty query: Lead matching query does not exist."}`)
)

func client(steps ...step) (*closekit.Client, *script) {
	s := &script{steps: steps}
	return closekit.NewClient(closekit.APIKey(testKey), closekit.HTTPClient(&http.Client{Transport: s})), s
}

func as[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("%T, not %T: %v", err, e, err)
	}
	return e
}
