package closekit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/internal/words"
)

// try makes one attempt: admit, credential, send, read. It reports what follows a
// failure, and after which wait.
func (c *client) try(ctx context.Context, k *call, read func(Response) error) (next verdict, wait time.Duration, err error) {
	adm, err := c.admit(ctx, k)
	if err != nil {
		return stop, 0, err
	}
	var header http.Header // of the response
	if adm.probe || c.budget.limited.Load() {
		defer func() { c.budget.settle(adm, header, c.now()) }()
	}
	cred, err := c.credential(ctx, k)
	if err != nil {
		return stop, 0, err
	}
	k.cred = cred
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	var s *sending
	var w *write
	var body *bytes.Reader
	sendCtx := ctx
	if k.op().Effect == Read {
		s = &sending{}
	} else {
		w = &write{ctx: ctx}
		s, body, sendCtx = &w.sending, &w.body, w
	}
	req, err := c.request(sendCtx, &k.req, &s.url, body)
	if err != nil {
		return stop, 0, c.transportError(k, err)
	}
	s.Attempt = Attempt{Operation: k.op(), Number: int(k.attempt), Request: req, cred: cred}
	start := c.now()
	resp, err := c.send(&s.Attempt)
	if err == nil && resp == nil {
		err = errors.New("middleware returned neither a response nor an error")
	}
	if err != nil {
		c.log(ctx, k, 0, start, err)
		return c.unanswered(ctx, k, err, w.neverSent())
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
	if k.noted != nil {
		k.noted(k, resp, buf.Bytes())
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		adm.probe = false // the budget learns it from close
	} else {
		header = resp.Header
	}
	switch {
	case resp.StatusCode/100 != 2:
		return c.refused(ctx, k, cred, resp, buf.Bytes(), start)
	case err != nil:
		k.doubt()
		if k.repeatable && ctx.Err() == nil {
			next = retry
		}
		return next, c.backoff(k), c.transportError(k, fmt.Errorf("reading the response: %w", plainError(err)))
	case tooLong:
		return stop, 0, undecoded(k, resp, buf.Bytes(), fmt.Errorf("the body is larger than %d bytes", limit))
	}
	if read == nil {
		return stop, 0, nil
	}
	if err := read(Response{Status: resp.StatusCode, Header: resp.Header, Body: orObject(k.op(), buf.Bytes()), Strict: c.strict}); err != nil {
		return stop, 0, undecoded(k, resp, buf.Bytes(), err)
	}
	return stop, 0, nil
}

// admit waits for the rate limit. It fails at once if the wait would exceed MaxWait or
// the deadline of ctx.
func (c *client) admit(ctx context.Context, k *call) (admission, error) {
	a := c.budget.enter(ctx, c.maxWait-k.waited, c.now)
	k.waited += a.waited
	switch {
	case a.refused && k.limited != nil:
		return a, k.limited
	case a.refused:
		hint := "not sent: Close limits the rate of this account; the wait is longer than MaxWait"
		if at, ok := ctx.Deadline(); ok && c.now().Add(c.maxWait-k.waited).After(at) {
			hint = "not sent: Close limits the rate of this account; the wait is longer than the deadline of the context"
		}
		return a, &Error{
			Status: http.StatusTooManyRequests, Tool: k.op().Tool, Method: k.req.Method, Path: c.api.Prefix + k.op().Path,
			RetryAfter: a.wait, MaybeDone: k.maybeDone, Hint: hint,
		}
	case a.waited > 0 && ctx.Err() != nil:
		return a, c.transportError(k, context.Cause(ctx))
	}
	return a, nil
}

func (c *client) credential(ctx context.Context, k *call) (Credential, error) {
	cred, err := c.source.Credential(ctx)
	if err != nil {
		return cred, c.authError(k, err)
	}
	denied := AuthorizationError{Tool: k.op().Tool, MaybeDone: k.maybeDone}
	switch {
	case cred.IsZero():
		denied.Reason = "the source returned no credential"
	case k.op().OAuthOnly && cred.isAPIKey():
		denied.Reason, denied.Err = "the credential is an API key, which Close refuses here", ErrNeedsOAuth
	default:
		return cred, nil
	}
	return cred, &denied
}

// CheckCredential returns the error that any call of op would return for the credential
// of the client: there is none, or it is an API key and op needs a token of OAuth
// ([ErrNeedsOAuth]). Calls check it themselves; it is for programs that ask a person
// before a call. Nothing is sent to Close, but the source may renew its token.
func (c *Client) CheckCredential(ctx context.Context, op *Operation) error {
	if c.isZero() {
		return errNilClient
	}
	_, err := c.core.credential(ctx, &call{req: Request{Operation: op}})
	return err
}

// unanswered handles an attempt without a response.
func (c *client) unanswered(ctx context.Context, k *call, err error, unsent bool) (next verdict, wait time.Duration, _ error) {
	again := false
	redirect, refused := httpx.Find[*redirectError](err)
	switch {
	case refused:
		if redirect.maybeDone {
			k.doubt()
		}
	case errors.Is(err, errUnsent), httpx.Untrusted(err):
	case unsent, httpx.NeverSent(err):
		again = ctx.Err() == nil
	default:
		k.doubt()
		again = ctx.Err() == nil && (k.repeatable || k.op().overwrites())
	}
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) && k.repeatable {
		again = true // AttemptTimeout; do stops if the caller's deadline has passed
	}
	if again {
		next = retry
	}
	return next, c.backoff(k), c.transportError(k, err)
}

// refused handles a non-2xx response to a request that was sent at the given time.
func (c *client) refused(ctx context.Context, k *call, cred Credential, resp *http.Response, body []byte, sent time.Time) (next verdict, wait time.Duration, err error) {
	status := resp.StatusCode
	if status == http.StatusRequestTimeout || status >= 500 && status != http.StatusNotImplemented || movedOn(status) {
		k.doubt()
	}
	e := newError(c.api.Prefix, k, resp, body, c.now())
	switch {
	case status == http.StatusTooManyRequests:
		// Close did not act, so even a POST can be sent again.
		pause := c.budget.close(sent, c.now(), e.RetryAfter, resp.Header)
		k.limited = e
		if at, ok := ctx.Deadline(); k.retries == 0 || pause > c.maxWait-k.waited || ok && c.now().Add(pause).After(at) {
			return stop, 0, e
		}
		return repeat, 0, e
	case status == http.StatusUnauthorized && !k.renewed:
		r, ok := c.source.(Renewer)
		if !ok {
			return stop, 0, e
		}
		k.renewed = true
		fresh, err := r.Renew(ctx, cred)
		if err != nil {
			return stop, 0, c.authError(k, err)
		}
		if fresh.IsZero() || fresh.Equal(cred) {
			return stop, 0, e
		}
		return repeat, 0, e
	case status == http.StatusNotImplemented: // trying again does not help
		return stop, 0, e
	case status == http.StatusRequestTimeout, status >= 500:
		if k.repeatable || k.op().overwrites() && status != http.StatusInternalServerError {
			next = retry
		}
		return next, max(c.backoff(k), e.RetryAfter), e
	case status == http.StatusBadRequest && strings.Contains(k.req.Query, "_skip="):
		return stop, 0, skipLimit(k, e)
	}
	return stop, 0, e
}

// undecoded returns the error for a 2xx response whose body cannot be decoded.
func undecoded(k *call, resp *http.Response, body []byte, err error) error {
	return &DecodeError{
		Tool: k.op().Tool, Status: resp.StatusCode, ContentType: words.Clean(k.cred.redact(resp.Header.Get("Content-Type")), 100), Err: clean(err, k.cred),
		MaybeDone: k.op().Effect != Read, body: bytes.Clone(body[:min(len(body), maxErrorBody)]),
	}
}

// orObject replaces an empty body with an empty object after an update or a
// destructive operation: the status confirms the change. A create or a read needs
// the body.
func orObject(op *Operation, body []byte) []byte {
	if (op.Effect.Has(Destructive) || op.Updates()) && len(bytes.TrimSpace(body)) == 0 {
		return []byte("{}")
	}
	return body
}

// backoff returns the wait before the next attempt: it doubles from half a second,
// with jitter.
func (c *client) backoff(k *call) time.Duration {
	d := 500 * time.Millisecond << min(k.failures, 6)
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

// doubt notes that the call may have taken effect.
func (k *call) doubt() { k.maybeDone = k.op().Effect != Read }

func (c *client) transportError(k *call, err error) error {
	return &TransportError{Tool: k.op().Tool, Method: k.req.Method, Path: c.api.Prefix + k.op().Path, MaybeDone: k.maybeDone, Err: clean(err, k.cred)}
}

// authError returns the error for a source that has no credential.
func (c *client) authError(k *call, err error) error {
	if a, ok := httpx.Find[*AuthorizationError](err); ok && a.Tool == "" && err.Error() == a.Error() {
		b := *a
		b.Tool, b.MaybeDone = k.op().Tool, k.maybeDone
		return &b
	}
	if k.maybeDone {
		return c.transportError(k, err)
	}
	return fmt.Errorf("%s: %w", k.op().name(), err)
}

func (c *client) log(ctx context.Context, k *call, status int, start time.Time, err error) {
	if c.logged != nil {
		c.logged(ctx, c, k, status, start, err)
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
