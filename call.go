package closekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/codec"
)

// Call checks p, carries out op and hands the answer, which is a JSON object, to
// decode. It is what generated functions call, through package wire. It is not
// generic, because type parameters would keep the methods of every result in
// programs that use reflection.
func Call(ctx context.Context, c *Client, op *Operation, p Params, opts []CallOption, decode func(*codec.Decoder)) error {
	return c.in().do(ctx, op, p, opts, func(body []byte) error {
		body = op.orObject(body)
		d := codec.NewDecoder(body, c.in().strict)
		if d.Peek() != '{' {
			_ = d.End() // what matters is that it is no object
			return errNoObject(body)
		}
		decode(d)
		return d.End()
	})
}

// orObject makes an object of an empty body, where what it would say is known
// but for details: the change was made. What was created or read must be told.
func (op *Operation) orObject(body []byte) []byte {
	if (op.Effect == Destructive || op.Spec.Update) && len(bytes.TrimSpace(body)) == 0 {
		return []byte("{}")
	}
	return body
}

// overwrites reports whether the operation may be repeated when it is not known
// whether it was carried out. Not so one that sends: its message has left then,
// and the repetition would be refused for that.
func (op *Operation) overwrites() bool { return op.Method == http.MethodPut && !op.Sends }

var errEmptyBody = errors.New("the body is empty")

func errNoObject(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errEmptyBody
	}
	if err := codec.Valid(body); err != nil {
		return err
	}
	return errors.New("the body is not a JSON object")
}

// CallNone is Call for operations that answer with nothing of interest.
func CallNone(ctx context.Context, c *Client, op *Operation, p Params, opts []CallOption) error {
	return c.in().do(ctx, op, p, opts, func(body []byte) error {
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
		return codec.Valid(body) // a web page is no success
	})
}

// CallRaw carries out op with a tool's JSON input and gives Close's JSON as it
// is. The input is decoded strictly: what is unknown or of another type is a
// [*ValidationError]. An operation without an answer gives {}.
func CallRaw(ctx context.Context, c *Client, op *Operation, input json.RawMessage, opts ...CallOption) (json.RawMessage, error) {
	p, err := ParseParams(op, input)
	if err != nil {
		return nil, err
	}
	var out json.RawMessage
	err = c.in().do(ctx, op, p, opts, func(body []byte) error {
		if body = op.orObject(body); len(bytes.TrimSpace(body)) == 0 {
			return errEmptyBody
		}
		if err := codec.Valid(body); err != nil {
			return err
		}
		out = bytes.Clone(bytes.TrimSpace(body))
		return nil
	})
	return out, err
}

// ParseParams decodes a tool's JSON input into the operation's parameters,
// strictly, and checks them. The result can be changed and given to the typed
// function.
func ParseParams(op *Operation, input json.RawMessage) (Params, error) {
	p := op.NewParams()
	w := codec.NewWalker(&op.Spec)
	w.Decode(input, p)
	problems := w.Problems
	w.Free()
	if len(problems) == 0 {
		return p, Validate(op, p)
	}
	// Decoding found something. What the values themselves break is worth
	// saying in the same breath, but not that a parameter is missing whose
	// value could not be read.
	if v := (*ValidationError)(nil); errors.As(Validate(op, p), &v) {
		decoding := problems
		seen := func(path string) bool {
			return slices.ContainsFunc(decoding, func(q Problem) bool {
				rest, ok := strings.CutPrefix(path, q.Path)
				return ok && (rest == "" || q.Path == "" || rest[0] == '.' || rest[0] == '[')
			})
		}
		for _, q := range v.Problems {
			if !seen(q.Path) {
				problems = append(problems, q)
			}
		}
	}
	return nil, &ValidationError{op.Tool, problems}
}

// do carries out one call: check, send, wait, retry, hand the body to handle.
func (c *client) do(ctx context.Context, op *Operation, p Params, opts []CallOption, handle func([]byte) error) error {
	k := call{op: op, retries: c.maxRetries, repeatable: op.Method == http.MethodGet}
	for _, o := range opts {
		o(&k)
	}
	w := codec.NewWalker(&op.Spec)
	defer w.Free()
	w.Send(p)
	if len(w.Problems) > 0 {
		return &ValidationError{op.Tool, w.Problems}
	}
	if c.baseErr != nil {
		return c.transportError(&k, c.baseErr, false)
	}
	for {
		k.attempt++
		again, wait, err := c.try(ctx, &k, w, handle)
		if err == nil {
			return nil
		}
		if !again || k.attempt > k.retries {
			return err
		}
		if wait > c.maxWait {
			return err
		}
		if !sleep(ctx, wait) {
			if ctx.Err() == nil {
				return err // the deadline would come before the end of the wait
			}
			return c.transportError(&k, context.Cause(ctx), false)
		}
	}
}

// sleep waits, or reports false when the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) < d {
		// Waiting would only end in the deadline; say so now.
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try makes one attempt. It reports whether, and after which wait, another one
// makes sense.
func (c *client) try(ctx context.Context, k *call, w *codec.Walker, handle func([]byte) error) (again bool, wait time.Duration, err error) {
	op := k.op
	if d := c.gate.wait(c.now()); d > 0 {
		hint := "not sent: Close asked this account to wait longer than MaxWait"
		if d <= c.maxWait {
			if sleep(ctx, d) {
				hint = ""
			} else if ctx.Err() != nil {
				return false, 0, c.transportError(k, context.Cause(ctx), false)
			} else {
				hint = "not sent: Close asked this account to wait beyond the deadline of the context"
			}
		}
		if hint != "" {
			return false, 0, &Error{
				Status: http.StatusTooManyRequests, Tool: op.Tool, Method: op.Method, Path: apiPrefix + op.Path, RetryAfter: d, Hint: hint,
			}
		}
	}
	cred, err := c.source.Credential(ctx)
	if err != nil {
		return false, 0, c.authError(k, err)
	}
	if cred.IsZero() {
		return false, 0, &AuthorizationError{Tool: op.Tool, Reason: "the source gave no credential"}
	}
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	req, err := c.request(ctx, op, w)
	if err != nil {
		return false, 0, c.transportError(k, err, false)
	}
	start := c.now()
	resp, err := c.send(&Attempt{Operation: op, Number: k.attempt, Request: req, cred: cred})
	if err == nil && resp == nil {
		err = errors.New("middleware gave neither an answer nor an error")
	}
	if err != nil {
		c.log(ctx, k, 0, start, err)
		unsent := neverSent(err)
		k.maybeDone = k.maybeDone || !unsent
		again = !errors.Is(err, errRedirect) && !errors.Is(err, errUnsent) && ctx.Err() == nil && (unsent || k.repeatable || op.overwrites())
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) && k.repeatable {
			again = true // our own limit for one attempt; the caller's ends the wait
		}
		return again, c.backoff(k), c.transportError(k, err, !unsent)
	}
	if resp.Body == nil { // middleware may have made the answer
		resp.Body = http.NoBody
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to do about it
	buf := buffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	limit := c.maxBody
	if resp.StatusCode/100 != 2 {
		limit = maxErrorBody
	}
	tooLong, err := readBody(buf, resp, limit)
	c.log(ctx, k, resp.StatusCode, start, err)
	if k.meta != nil {
		*k.meta = ResponseMeta{resp.StatusCode, resp.Header, k.attempt}
	}
	if k.raw != nil {
		*k.raw = append((*k.raw)[:0], buf.Bytes()...)
	}
	if resp.StatusCode/100 != 2 {
		return c.refused(ctx, k, cred, resp, buf.Bytes())
	}
	switch {
	case err != nil:
		return k.repeatable && ctx.Err() == nil, c.backoff(k), c.transportError(k, fmt.Errorf("reading the answer: %w", plainError(err)), true)
	case tooLong:
		err = fmt.Errorf("the body is larger than %d bytes", limit)
	default:
		err = handle(buf.Bytes())
	}
	if err != nil {
		body := buf.Bytes()
		return false, 0, &DecodeError{
			Tool: op.Tool, Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Err: err,
			body: bytes.Clone(body[:min(len(body), maxErrorBody)]),
		}
	}
	return false, 0, nil
}

// maxErrorBody is how much of a failed answer is kept.
const maxErrorBody = 1 << 20

// refused handles an answer that is no success.
func (c *client) refused(ctx context.Context, k *call, cred Credential, resp *http.Response, body []byte) (again bool, wait time.Duration, err error) {
	e := newError(k.op, apiPrefix+k.op.Path, resp, bytes.Clone(body))
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		// Close did not act, so that even a POST can be sent again.
		wait = e.RetryAfter
		if wait == 0 {
			wait = 2 * time.Second
		}
		c.gate.close(c.now().Add(wait))
		return true, wait + time.Duration(c.jitter()*float64(50*time.Millisecond)), e
	case status == http.StatusUnauthorized && !k.renewed:
		r, ok := c.source.(Renewer)
		if !ok {
			return false, 0, e
		}
		k.renewed = true
		fresh, err := r.Renew(ctx, cred)
		if err != nil {
			return false, 0, c.authError(k, err)
		}
		if fresh.IsZero() || fresh.Equal(cred) {
			return false, 0, e
		}
		k.retries++ // the repetition is not a retry of a failure
		return true, 0, e
	case status == http.StatusRequestTimeout, status >= 500:
		k.maybeDone = true
		again = k.repeatable || k.op.overwrites() && status != http.StatusInternalServerError
		return again, max(c.backoff(k), e.RetryAfter), e
	}
	return false, 0, e
}

// backoff doubles from half a second, with jitter.
func (c *client) backoff(k *call) time.Duration {
	d := 500 * time.Millisecond << min(k.attempt-1, 6)
	return time.Duration(float64(d) * (0.75 + 0.5*c.jitter()))
}

// neverSent reports whether an error certainly came before the request left.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, errRedirect) || errors.Is(err, errUnsent)
}

func (c *client) transportError(k *call, err error, maybeDone bool) error {
	return &TransportError{Tool: k.op.Tool, Method: k.op.Method, Path: apiPrefix + k.op.Path, MaybeDone: maybeDone || k.maybeDone, Err: err}
}

func (c *client) authError(k *call, err error) error {
	var a *AuthorizationError
	if errors.As(err, &a) && a.Tool == "" && err.Error() == a.Error() {
		b := *a
		b.Tool = k.op.Tool
		return &b
	}
	return fmt.Errorf("%s: %w", k.op.Tool, err)
}

func (c *client) log(ctx context.Context, k *call, status int, start time.Time, err error) {
	if c.logged != nil {
		c.logged(ctx, AttemptLog{k.op, apiPrefix + k.op.Path, k.attempt, status, c.now().Sub(start), err})
	}
}

// maxURL is how long a URL may be before a GET is sent as a POST with Close's
// method override; the documentation names about 2000 characters.
const maxURL = 2000

// request builds one attempt's request. The body is always of known length,
// because Close refuses chunked ones.
func (c *client) request(ctx context.Context, op *Operation, w *codec.Walker) (*http.Request, error) {
	b := make([]byte, 0, 256)
	b = append(b, c.base...)
	b = append(b, apiPrefix...)
	b = w.AppendPath(b, op.Path)
	method, body := op.Method, []byte(nil)
	override := false
	if q := w.Query(); len(q) > 0 {
		if override = method == http.MethodGet && len(b)+len(q) > maxURL; override {
			var err error
			if body, err = codec.QueryParams(string(q)); err != nil {
				return nil, err
			}
			method = http.MethodPost
		} else {
			b = append(b, '?')
			b = append(b, q...)
		}
	}
	if method == http.MethodPost && !override || method == http.MethodPut {
		// The walker's memory is used again after the call, while net/http may
		// still be writing an abandoned request.
		body = bytes.Clone(w.Body())
	}
	u, err := c.parse(string(b))
	if err != nil {
		return nil, err
	}
	h := make(http.Header, 6)
	h["Accept"] = acceptJSON
	h["User-Agent"] = c.agent
	if c.tzOffset != "" {
		h["X-Tz-Offset"] = []string{c.tzOffset}
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
		req.Body, _ = req.GetBody() // cannot fail
	}
	return req, nil
}

// Header values that never vary; net/http only reads them.
var (
	acceptJSON  = []string{"application/json"}
	contentJSON = []string{"application/json"}
	overrideGet = []string{"GET"}
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is how large a buffer may be to be used again, and how much of a
// Content-Length is believed.
const keepBuffer = 4 << 20

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// readBody reads at most limit bytes and reports whether there was more.
func readBody(buf *bytes.Buffer, resp *http.Response, limit int64) (tooLong bool, err error) {
	if n := resp.ContentLength; n > 0 {
		buf.Grow(int(min(n, limit, keepBuffer)) + bytes.MinRead)
	}
	_, err = buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if int64(buf.Len()) > limit {
		buf.Truncate(int(limit))
		return true, nil
	}
	return false, err
}

var blank = http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

// parse reads a URL below the base without reading the base again.
func (c *client) parse(s string) (*url.URL, error) {
	path, query, _ := strings.Cut(s[len(c.base):], "?")
	if c.root == nil || strings.ContainsAny(path, "%#") || c.root.Path != "" {
		return url.Parse(s)
	}
	u := *c.root
	u.Path, u.RawQuery = path, query
	return &u, nil
}
