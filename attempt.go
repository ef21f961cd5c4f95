package closekit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// try makes one attempt: admit, credential, send, read. It reports whether, and
// after which wait, another one makes sense.
func (c *client) try(ctx context.Context, k *call, read func(Response) error) (again bool, wait time.Duration, err error) {
	if err := c.admit(ctx, k); err != nil {
		return false, 0, err
	}
	cred, err := c.credential(ctx, k)
	if err != nil {
		return false, 0, err
	}
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
	if resp.Body == nil { // middleware may have made the response
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

// admit waits while Close has asked this credential's calls to wait.
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
		again = true // our own limit for one attempt; the caller's ends the wait
	}
	return again, c.backoff(k), c.transportError(k, err, !unsent)
}

// refused handles a response that is no success.
func (c *client) refused(ctx context.Context, k *call, cred Credential, resp *http.Response, body []byte) (again bool, wait time.Duration, err error) {
	e := newError(k.op(), apiPrefix+k.op().Path, resp, bytes.Clone(body))
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
		again = k.repeatable || k.op().overwrites() && status != http.StatusInternalServerError
		return again, max(c.backoff(k), e.RetryAfter), e
	}
	return false, 0, e
}

// undecoded is the error of a success whose body could not be read.
func undecoded(k *call, resp *http.Response, body []byte, err error) error {
	return &DecodeError{
		Tool: k.op().Tool, Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Err: err,
		body: bytes.Clone(body[:min(len(body), maxErrorBody)]),
	}
}

// orObject makes an object of an empty body, where what it would say is known
// but for details: the change was made. What was created or read must be told.
func orObject(op *Operation, body []byte) []byte {
	if (op.Effect == Destructive || op.Updates()) && len(bytes.TrimSpace(body)) == 0 {
		return []byte("{}")
	}
	return body
}

// backoff doubles from half a second, with jitter.
func (c *client) backoff(k *call) time.Duration {
	d := 500 * time.Millisecond << min(k.attempt-1, 6)
	return time.Duration(float64(d) * (0.75 + 0.5*c.jitter()))
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

// neverSent reports whether an error certainly came before the request left.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, errRedirect) || errors.Is(err, errUnsent)
}

func (c *client) transportError(k *call, err error, maybeDone bool) error {
	return &TransportError{Tool: k.op().Tool, Method: k.req.Method, Path: apiPrefix + k.op().Path, MaybeDone: maybeDone || k.maybeDone, Err: err}
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

// maxErrorBody is how much of a failed response is kept.
const maxErrorBody = 1 << 20

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
