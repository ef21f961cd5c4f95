package closekit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/internal/words"
)

// try makes one attempt: admit, credential, send, read. It reports whether to
// retry, and after which wait.
func (c *client) try(ctx context.Context, k *call, read func(Response) error) (again bool, wait time.Duration, err error) {
	if err := c.admit(ctx, k); err != nil {
		return false, 0, err
	}
	cred, err := c.credential(ctx, k)
	if err != nil {
		return false, 0, err
	}
	k.cred = cred
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	req, err := c.request(ctx, &k.req)
	if err != nil {
		return false, 0, c.transportError(k, err, false)
	}
	start := c.now()
	resp, err := c.send(&Attempt{Operation: k.op(), Number: k.attempt, Request: req, cred: cred})
	if err == nil && resp == nil {
		err = errors.New("middleware returned neither a response nor an error")
	}
	if err != nil {
		c.log(ctx, k, 0, start, err)
		return c.unanswered(ctx, k, err)
	}
	if resp.Body == nil { // middleware may have created the response
		resp.Body = http.NoBody
	}
	defer resp.Body.Close() //nolint:errcheck // the body has been read
	buf := buffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	limit := c.maxBody
	if resp.StatusCode/100 != 2 {
		limit = maxErrorBody
	}
	tooLong, err := readBody(buf, resp, limit)
	c.log(ctx, k, resp.StatusCode, start, err)
	k.note(resp, buf.Bytes())
	switch {
	case resp.StatusCode/100 != 2:
		return c.refused(ctx, k, cred, resp, buf.Bytes())
	case err != nil:
		return k.repeatable && ctx.Err() == nil, c.backoff(k), c.transportError(k, fmt.Errorf("reading the response: %w", plainError(err)), true)
	case tooLong:
		return false, 0, undecoded(k, resp, buf.Bytes(), fmt.Errorf("the body is larger than %d bytes", limit))
	}
	if read == nil {
		return false, 0, nil
	}
	if err := read(Response{Status: resp.StatusCode, Header: resp.Header, Body: orObject(k.op(), buf.Bytes()), Strict: c.strict}); err != nil {
		return false, 0, undecoded(k, resp, buf.Bytes(), err)
	}
	return false, 0, nil
}

// admit waits as long as Close has asked the calls of this credential to wait. It
// fails at once if the wait would exceed MaxWait or the deadline of ctx.
func (c *client) admit(ctx context.Context, k *call) error {
	d := c.gate.wait(c.now())
	if d <= 0 {
		return nil
	}
	hint := "not sent: Close asked this account to wait longer than MaxWait"
	if d <= c.maxWait {
		if sleep(ctx, d) {
			return nil
		}
		if ctx.Err() != nil {
			return c.transportError(k, context.Cause(ctx), false)
		}
		hint = "not sent: Close asked this account to wait beyond the deadline of the context"
	}
	return &Error{
		Status: http.StatusTooManyRequests, Tool: k.op().Tool, Method: k.req.Method, Path: apiPrefix + k.op().Path, RetryAfter: d, Hint: hint,
	}
}

func (c *client) credential(ctx context.Context, k *call) (Credential, error) {
	cred, err := c.source.Credential(ctx)
	if err != nil {
		return cred, c.authError(k, err)
	}
	if cred.IsZero() {
		return cred, &AuthorizationError{Tool: k.op().Tool, Reason: "the source returned no credential"}
	}
	return cred, nil
}

// unanswered handles an attempt without a response.
func (c *client) unanswered(ctx context.Context, k *call, err error) (again bool, wait time.Duration, _ error) {
	unsent := neverSent(err)
	k.maybeDone = k.maybeDone || !unsent
	again = !errors.Is(err, errRedirect) && !errors.Is(err, errUnsent) && ctx.Err() == nil && (unsent || k.repeatable || k.op().overwrites())
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) && k.repeatable {
		again = true // AttemptTimeout; do stops if the caller's deadline has passed
	}
	return again, c.backoff(k), c.transportError(k, err, !unsent)
}

// refused handles a non-2xx response.
func (c *client) refused(ctx context.Context, k *call, cred Credential, resp *http.Response, body []byte) (again bool, wait time.Duration, err error) {
	e := newError(k.op(), apiPrefix+k.op().Path, resp, body, cred)
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		// Close did not act, so even a POST can be sent again.
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
		k.retries++ // the repetition does not count as a retry
		return true, 0, e
	case status == http.StatusRequestTimeout, status >= 500:
		k.maybeDone = true
		again = k.repeatable || k.op().overwrites() && status != http.StatusInternalServerError
		return again, max(c.backoff(k), e.RetryAfter), e
	}
	return false, 0, e
}

// undecoded returns the error for a 2xx response whose body cannot be decoded.
func undecoded(k *call, resp *http.Response, body []byte, err error) error {
	return &DecodeError{
		Tool: k.op().Tool, Status: resp.StatusCode, ContentType: words.Clean(k.cred.redact(resp.Header.Get("Content-Type")), 100), Err: clean(err, k.cred),
		body: bytes.Clone(body[:min(len(body), maxErrorBody)]),
	}
}

// orObject replaces an empty body with an empty object after an update or a
// destructive operation: the status confirms the change. A create or a read needs
// the body.
func orObject(op *Operation, body []byte) []byte {
	if (op.Effect == Destructive || op.Updates()) && len(bytes.TrimSpace(body)) == 0 {
		return []byte("{}")
	}
	return body
}

// backoff returns the wait before the next attempt: it doubles from half a second,
// with jitter.
func (c *client) backoff(k *call) time.Duration {
	d := 500 * time.Millisecond << min(k.attempt-1, 6)
	return time.Duration(float64(d) * (0.75 + 0.5*c.jitter()))
}

// sleep waits for d. It returns false if ctx ends first, or at once if its deadline
// is earlier.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) < d {
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

// neverSent reports whether err certainly occurred before the request was sent.
func neverSent(err error) bool {
	return httpx.NeverSent(err) || errors.Is(err, errRedirect) || errors.Is(err, errUnsent)
}

func (c *client) transportError(k *call, err error, maybeDone bool) error {
	return &TransportError{Tool: k.op().Tool, Method: k.req.Method, Path: apiPrefix + k.op().Path, MaybeDone: maybeDone || k.maybeDone, Err: clean(err, k.cred)}
}

func (c *client) authError(k *call, err error) error {
	var a *AuthorizationError
	if errors.As(err, &a) && a.Tool == "" && err.Error() == a.Error() {
		b := *a
		b.Tool = k.op().Tool
		return &b
	}
	return fmt.Errorf("%s: %w", k.op().name(), err)
}

func (c *client) log(ctx context.Context, k *call, status int, start time.Time, err error) {
	if c.logged != nil {
		c.logged(ctx, AttemptLog{k.op(), apiPrefix + k.op().Path, k.attempt, status, c.now().Sub(start), err})
	}
}

// maxErrorBody is the number of bytes that errors keep of a body.
const maxErrorBody = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is the capacity of the largest buffer that is reused, and the largest
// Content-Length that is trusted.
const keepBuffer = 4 << 20

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// readBody reads at most limit bytes and reports whether the body is longer.
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
