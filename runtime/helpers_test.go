package runtime_test

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
	"unsafe"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/wire"
)

// item is a result, and the parameter structs and operations below are those of
// a small API, as the generator would write them.
type item struct {
	runtime.Object
	ID   string
	Name runtime.Opt[string]
}

func (v item) MarshalJSON() ([]byte, error) { return wire.Marshal(v.Wire(), unsafe.Pointer(&v)) }
func (v *item) UnmarshalJSON(b []byte) error {
	*v = item{}
	return wire.Unmarshal(b, v.Wire(), unsafe.Pointer(v))
}
func (*item) Wire() *wire.Struct { return &structItem }

var structItem = wire.Struct{
	Size: unsafe.Sizeof(item{}),
	Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer {
		return unsafe.Pointer(unsafe.SliceData(append(make([]item, 0, n), unsafe.Slice((*item)(old), k)...)))
	},
	Members: []wire.Member{
		{Name: "id", Bit: 1, As: wire.Str, At: unsafe.Offsetof(item{}.ID)},
		{Name: "name", As: wire.OptStr, At: unsafe.Offsetof(item{}.Name)},
	},
}

type itemParams struct {
	ID   string
	Name runtime.Opt[string]
}

func (v *itemParams) Walk(w *wire.Walker) { wire.Walk(w, v.Wire(), unsafe.Pointer(v)) }
func (*itemParams) Wire() *wire.Struct    { return &structItemParams }

var structItemParams = wire.Struct{
	Members: []wire.Member{
		{In: &wire.Field{Name: "item_id", In: wire.Path, Flags: wire.Required}, As: wire.Str, At: unsafe.Offsetof(itemParams{}.ID)},
		{In: &wire.Field{Name: "name"}, As: wire.OptStr, At: unsafe.Offsetof(itemParams{}.Name)},
	},
}

type idParams struct{ ID string }

func (v *idParams) Walk(w *wire.Walker) { wire.Walk(w, v.Wire(), unsafe.Pointer(v)) }
func (*idParams) Wire() *wire.Struct    { return &structIDParams }

var structIDParams = wire.Struct{
	Members: []wire.Member{
		{In: &wire.Field{Name: "item_id", In: wire.Path, Flags: wire.Required}, As: wire.Str, At: unsafe.Offsetof(idParams{}.ID)},
	},
}

type createParams struct{ Name string }

func (v *createParams) Walk(w *wire.Walker) { wire.Walk(w, v.Wire(), unsafe.Pointer(v)) }
func (*createParams) Wire() *wire.Struct    { return &structCreateParams }

var structCreateParams = wire.Struct{
	Members: []wire.Member{
		{In: &wire.Field{Name: "name", Flags: wire.Required}, As: wire.Str, At: unsafe.Offsetof(createParams{}.Name)},
	},
}

type listParams struct {
	Query runtime.Opt[string]
	IDs   []string
	Skip  runtime.Opt[int]
	Limit runtime.Opt[int]
}

func (v *listParams) Walk(w *wire.Walker) { wire.Walk(w, v.Wire(), unsafe.Pointer(v)) }
func (*listParams) Wire() *wire.Struct    { return &structListParams }

var structListParams = wire.Struct{
	Members: []wire.Member{
		{In: &wire.Field{Name: "query", In: wire.Query}, As: wire.OptStr, At: unsafe.Offsetof(listParams{}.Query)},
		{In: &wire.Field{Name: "id__in", In: wire.Query}, As: wire.Strs, At: unsafe.Offsetof(listParams{}.IDs)},
		{In: &wire.Field{Name: "_skip", In: wire.Query, Flags: wire.MinOnly}, As: wire.OptInt, At: unsafe.Offsetof(listParams{}.Skip)},
		{In: &wire.Field{Name: "_limit", In: wire.Query, Flags: wire.Bounded, Max: 200}, As: wire.OptInt, At: unsafe.Offsetof(listParams{}.Limit)},
	},
}

var (
	opGet    = runtime.Operation{Tool: "close_item_get", Method: "GET", Path: "/item/{item_id}/", Effect: runtime.Read, Idempotent: true, NewParams: func() runtime.Params { return new(idParams) }}
	opUpdate = runtime.Operation{Tool: "close_item_update", Method: "PUT", Path: "/item/{item_id}/", Effect: runtime.Write, NewParams: func() runtime.Params { return new(itemParams) }, Spec: wire.Spec{Update: true}}
	opCreate = runtime.Operation{Tool: "close_item_create", Method: "POST", Path: "/item/", Effect: runtime.Write, NewParams: func() runtime.Params { return new(createParams) }}
	opDelete = runtime.Operation{Tool: "close_item_delete", Method: "DELETE", Path: "/item/{item_id}/", Effect: runtime.Destructive, NewParams: func() runtime.Params { return new(idParams) }}
	opList   = runtime.Operation{Tool: "close_items_list", Method: "GET", Path: "/item/", Effect: runtime.Read, NewParams: func() runtime.Params { return new(listParams) }}
)

func get(ctx context.Context, c *runtime.Client, opts ...runtime.CallOption) (*item, error) {
	v, err := wire.Call(ctx, c, &opGet, &idParams{"item_secretid"}, &structItem, opts)
	return (*item)(v), err
}

func put(ctx context.Context, c *runtime.Client, opts ...runtime.CallOption) (*item, error) {
	v, err := wire.Call(ctx, c, &opUpdate, &itemParams{"item_secretid", runtime.Some("secret name")}, &structItem, opts)
	return (*item)(v), err
}

func post(ctx context.Context, c *runtime.Client, opts ...runtime.CallOption) (*item, error) {
	v, err := wire.Call(ctx, c, &opCreate, &createParams{"secret name"}, &structItem, opts)
	return (*item)(v), err
}

func del(ctx context.Context, c *runtime.Client, opts ...runtime.CallOption) error {
	return runtime.CallNone(ctx, c, &opDelete, &idParams{"item_secretid"}, opts)
}

func list(ctx context.Context, c *runtime.Client, p listParams, opts ...runtime.CallOption) (*runtime.Page[item], error) {
	v, err := wire.CallPage(ctx, c, &opList, &p, p.Skip, &structItem, opts)
	return (*runtime.Page[item])(v), err
}

// calls are the four methods with one result.
var calls = map[string]func(context.Context, *runtime.Client, ...runtime.CallOption) error{
	"GET": func(ctx context.Context, c *runtime.Client, o ...runtime.CallOption) error {
		_, err := get(ctx, c, o...)
		return err
	},
	"PUT": func(ctx context.Context, c *runtime.Client, o ...runtime.CallOption) error {
		_, err := put(ctx, c, o...)
		return err
	},
	"POST": func(ctx context.Context, c *runtime.Client, o ...runtime.CallOption) error {
		_, err := post(ctx, c, o...)
		return err
	},
	"DELETE": del,
}

const (
	testKey    = "api_verysecretkey"
	testHeader = "Basic YXBpX3ZlcnlzZWNyZXRrZXk6" // of testKey and a colon
)

// script answers requests one after the other; the last answer goes on.
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

// answer gives a status, a body and headers as name and value.
func answer(status int, body string, headers ...string) step {
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
	ok       = answer(200, `{"id":"item_1","name":"n"}`)
	refused  = fail(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
	reset    = fail(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET})
	notFound = answer(404, `{"error":"Empty query: Lead matching query does not exist."}`)
)

func client(steps ...step) (*runtime.Client, *script) {
	s := &script{steps: steps}
	return runtime.NewClient(runtime.APIKey(testKey), runtime.HTTPClient(&http.Client{Transport: s})), s
}

func as[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("%T, not %T: %v", err, e, err)
	}
	return e
}
