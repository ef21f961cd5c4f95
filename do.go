package closekit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Request is one encoded request to Close. Generated functions build their own;
// programs build one for an endpoint without a function.
type Request struct {
	// Operation describes the call to middleware and in errors. If it is nil, an
	// operation without a name is derived from Method and Path.
	Operation *Operation
	// Method is GET, POST, PUT or DELETE. If it is empty, the method of Operation
	// is used.
	Method string
	// Path is the escaped path below /api/v1, such as /lead/lead_x/, with the
	// trailing slash that Close requires. It cannot lead to another host.
	Path string
	// Query is the encoded query, without the question mark; see [url.Values].
	Query string
	// Effect is what the call does, which may be less than what Operation can do. The
	// zero value means the effect of Operation.
	Effect Effect
	// Body is JSON, or nil. It must not be modified, not even after the call has
	// returned: net/http may still be sending it.
	Body []byte
}

// Response is a 2xx response, as passed to the read function of [Client.Do].
type Response struct {
	Status int
	Header http.Header
	// Body is valid only until the function returns. For an update or a
	// destructive operation with an empty response it is {}.
	Body []byte
	// Strict is true if members of an unexpected type must be errors; see
	// [StrictDecoding].
	Strict bool
}

// Do sends a request with the client's credential, and waits and retries like every
// call. It calls read once with a 2xx response; an error of read is returned as a
// [*DecodeError]. If read is nil, the body is ignored. A non-2xx response is
// returned as an [*Error].
//
// Generated functions call Do. Call it yourself for endpoints of Close that have no
// function yet:
//
//	var report struct{ Data []json.RawMessage }
//	err := c.Do(ctx, closekit.Request{Method: "GET", Path: "/report/" + id + "/"}, func(r closekit.Response) error {
//		return json.Unmarshal(r.Body, &report)
//	})
func (c *Client) Do(ctx context.Context, req Request, read func(Response) error, opts ...CallOption) error {
	if c.isZero() {
		return errNilClient
	}
	if req.Operation == nil {
		req.Operation = c.core.unnamed(&req)
	}
	if err := c.core.serves(req.Operation); err != nil {
		return err
	}
	if req.Effect == Read {
		req.Effect = req.Operation.Effect
	}
	if req.Method == "" {
		req.Method = req.Operation.Method
	}
	k := call{req: req, retries: c.core.maxRetries}
	k.req.Path = strings.TrimPrefix(k.req.Path, c.core.api.Prefix)
	// A POST that only reads says that it is idempotent; one without a description does not.
	k.repeatable = k.op().Effect == Read && (k.req.Method == http.MethodGet || k.op().Idempotent)
	for _, o := range opts {
		o(&k)
	}
	if err := k.req.check(c.core.api.Prefix); err != nil {
		return fmt.Errorf("%s: %w", k.op().name(), err)
	}
	for _, g := range c.core.guards {
		if err := g(ctx, k.req); err != nil {
			return err
		}
	}
	return c.core.do(ctx, &k, read)
}

var errNilClient = errors.New("the client is nil; make one with closekit.NewClient")

// unnamed derives the operation of a request that has none.
func (c *client) unnamed(req *Request) *Operation {
	op := &Operation{Method: req.Method, Path: strings.TrimPrefix(req.Path, c.api.Prefix), Effect: Write, API: c.api}
	switch req.Method {
	case http.MethodGet:
		op.Effect, op.Idempotent = Read, true
	case http.MethodPut:
		op.Idempotent = true
	case http.MethodDelete:
		op.Effect, op.Idempotent = Destructive, true
	}
	return op
}

// check rejects a request that might not go to an endpoint of the API.
func (r *Request) check(prefix string) error {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		return fmt.Errorf("the method %q is none of GET, POST, PUT and DELETE", r.Method)
	}
	if r.Query != "" && strings.ContainsAny(r.Query, "#\r\n ") {
		return errors.New("the query is not encoded; use url.Values.Encode")
	}
	if isPlainPath(r.Path) {
		return nil
	}
	var wrong string
	u, err := url.Parse(r.Path)
	switch {
	case err != nil:
		wrong = "is not valid: " + errors.Unwrap(err).Error()
	case !strings.HasPrefix(r.Path, "/"), u.Host != "", u.Scheme != "", strings.ContainsAny(r.Path, "\\\r\n\t "):
		wrong = "must start with one slash and be a path below " + cmp.Or(prefix, "the root")
	case strings.ContainsAny(r.Path, "?#"):
		wrong = "must have no query; it has a field of its own"
	case strings.Contains(u.Path+"/", "/./"), strings.Contains(u.Path+"/", "/../"):
		wrong = "must not have parts that are dots"
	default:
		return nil
	}
	return fmt.Errorf("the path %q %s", r.Path, wrong)
}

// isPlainPath reports whether p is valid without being parsed. The paths of nearly
// all calls are.
func isPlainPath(p string) bool {
	if len(p) < 2 || p[0] != '/' || p[1] == '/' {
		return false
	}
	for i := range len(p) {
		switch c := p[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// do performs a call: it sends, waits, retries and passes the response to read.
func (c *client) do(ctx context.Context, k *call, read func(Response) error) error {
	if err := cmp.Or(c.baseErr, c.plainErr); err != nil {
		return c.transportError(k, err)
	}
	for {
		k.attempt++
		next, wait, err := c.try(ctx, k, read)
		if err == nil || next == stop {
			return err
		}
		if next == retry {
			k.failures++
			if k.failures > k.retries || wait > c.maxWait {
				return err
			}
		}
		if !sleep(ctx, wait) {
			if ctx.Err() == nil {
				return err // the deadline would come before the end of the wait
			}
			return c.transportError(k, context.Cause(ctx))
		}
	}
}

// verdict is what follows an attempt that failed.
type verdict int

const (
	stop   verdict = iota // return the error
	retry                 // try again, if tries are left
	repeat                // send again; it is not a retry
)
