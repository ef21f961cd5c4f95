package closekit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Request is one request to Close, checked and encoded. Generated functions make
// theirs; programs make one for an endpoint that has no function.
type Request struct {
	// Operation is what hooks and errors say of the call. Nil stands for an
	// operation without a name that has the request's method and path.
	Operation *Operation
	// Method is GET, POST, PUT or DELETE. Empty is that of Operation.
	Method string
	// Path is the escaped path below /api/v1, such as /lead/lead_x/, with a slash
	// at the end as Close wants it. It never leaves the host of the client.
	Path string
	// Query is the encoded query, without the question mark; see [url.Values].
	Query string
	// Body is JSON, or nil. It must not be changed afterwards, not even when the
	// call has returned: net/http may still be sending it.
	Body []byte
}

// Response is a successful response, as the function given to [Client.Do] sees
// it.
type Response struct {
	Status int
	Header http.Header
	// Body is valid only until the function returns. The empty body of an update
	// or a deletion that succeeded is {}.
	Body []byte
	// Strict says that the client wants members of an unexpected type to be
	// errors; see [StrictDecoding].
	Strict bool
}

// Do sends a request with the client's credential, and waits and retries as for
// every call. read is called once with a successful response; its error becomes
// a [*DecodeError]. A nil read ignores the body. What is not a success is an
// [*Error].
//
// Generated functions end here. Call it yourself for endpoints of Close that
// have no function yet:
//
//	var report struct{ Data []json.RawMessage }
//	err := c.Do(ctx, closekit.Request{Method: "GET", Path: "/report/" + id + "/"}, func(r closekit.Response) error {
//		return json.Unmarshal(r.Body, &report)
//	})
func (c *Client) Do(ctx context.Context, req Request, read func(Response) error, opts ...CallOption) error {
	if c == nil || c.core == nil {
		return errors.New("the client is nil; make one with closekit.NewClient")
	}
	if req.Operation == nil {
		req.Operation = unnamed(&req)
	}
	if req.Method == "" {
		req.Method = req.Operation.Method
	}
	k := call{req: req, retries: c.core.maxRetries}
	k.req.Path = strings.TrimPrefix(k.req.Path, apiPrefix)
	k.repeatable = k.op().Effect == Read && k.req.Method == http.MethodGet
	for _, o := range opts {
		o(&k)
	}
	if err := k.req.check(); err != nil {
		return fmt.Errorf("%s: %w", k.op().name(), err)
	}
	return c.core.do(ctx, &k, read)
}

// unnamed describes a request that no generated function made.
func unnamed(req *Request) *Operation {
	op := &Operation{Method: req.Method, Path: strings.TrimPrefix(req.Path, apiPrefix), Effect: Write}
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

// check refuses what could go anywhere but to an endpoint of the API.
func (r *Request) check() error {
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
	u, err := url.Parse(r.Path)
	switch {
	case err != nil:
		return fmt.Errorf("the path %q is not valid: %w", r.Path, errors.Unwrap(err))
	case !strings.HasPrefix(r.Path, "/"), u.Host != "", u.Scheme != "", strings.ContainsAny(r.Path, "\\\r\n\t "):
		return fmt.Errorf("the path %q must start with one slash and be a path below %s", r.Path, apiPrefix)
	case u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(r.Path, "?#"):
		return fmt.Errorf("the path %q must have no query; it has a field of its own", r.Path)
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == "." || part == ".." {
			return fmt.Errorf("the path %q must not have parts that are dots", r.Path)
		}
	}
	return nil
}

// isPlainPath reports whether a path is one without a closer look, as those of
// nearly all calls are.
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

// do carries out a call: send, wait, retry, hand the response to read.
func (c *client) do(ctx context.Context, k *call, read func(Response) error) error {
	if c.baseErr != nil {
		return c.transportError(k, c.baseErr, false)
	}
	for {
		k.attempt++
		again, wait, err := c.try(ctx, k, read)
		if err == nil {
			return nil
		}
		if !again || k.attempt > k.retries || wait > c.maxWait {
			return err
		}
		if !sleep(ctx, wait) {
			if ctx.Err() == nil {
				return err // the deadline would come before the end of the wait
			}
			return c.transportError(k, context.Cause(ctx), false)
		}
	}
}
