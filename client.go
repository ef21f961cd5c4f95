package closekit

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/internal/httpx"
)

// Version is the version of closekit in the User-Agent header.
const Version = "0.1.0"

// DefaultBaseURL is the root of Close's API.
const DefaultBaseURL = "https://api.close.com"

const (
	defaultTimeout = 60 * time.Second
	defaultMaxWait = 60 * time.Second
	defaultMaxBody = 64 << 20
)

// Client calls Close with the credentials of one Source. It is safe for
// concurrent use, starts no goroutine, and is cheap: create one per account with
// [Client.With], which shares connections.
//
// A nil or zero Client makes no calls; [Client.Do] returns an error.
type Client struct{ core *client }

func (c *Client) isZero() bool { return c == nil || c.core == nil }

// client is the state of a Client.
type client struct {
	source Source
	facts  *facts
	config
}

type config struct {
	api        *API
	budget     *Budget
	base       string // scheme, host and path, without a trailing slash
	baseErr    error  // of BaseURL
	plainErr   error  // the host may not be called without TLS
	plainHosts []string
	http       *http.Client
	userAgent  string
	agent      []string
	root       *url.URL
	zone       *time.Location
	maxRetries int32
	maxWait    time.Duration
	maxBody    int64
	timeout    time.Duration
	strict     bool
	logged     func(ctx context.Context, c *client, k *call, status int, start time.Time, err error) // nil without Observe
	middleware []Middleware
	guards     []Guard
	send       RoundTrip
	now        func() time.Time
	jitter     func() float64
}

// Option configures a Client. The zero value has no effect.
type Option struct{ apply func(*config) }

func option(f func(*config)) Option {
	return Option{f}
}

func (c *config) use(opts []Option) {
	for _, o := range opts {
		if o.apply != nil {
			o.apply(c)
		}
	}
}

// NewClient returns a client that uses the credentials of source. If source is nil,
// every call returns an [*AuthorizationError].
func NewClient(source Source, opts ...Option) *Client {
	if source == nil {
		source = &static{reason: "the client has no source"}
	}
	c := &client{source: source, facts: newFacts(), config: config{
		api:        &closeAPI,
		budget:     &Budget{},
		base:       DefaultBaseURL,
		userAgent:  "closekit/" + Version,
		maxRetries: 2,
		maxWait:    defaultMaxWait,
		maxBody:    defaultMaxBody,
		timeout:    defaultTimeout,
		now:        time.Now,
		jitter:     randomFloat,
		http:       &http.Client{CheckRedirect: checkRedirect},
	}}
	c.use(opts)
	c.build()
	return &Client{c}
}

// With returns a copy of c with another source and further options. Both share
// connections, unless [HTTPClient] is one of the options. If source is nil, the
// new client shares c's source and [Budget]. If c is nil or zero, so is the new
// client: it makes no calls.
func (c *Client) With(source Source, opts ...Option) *Client {
	if c.isZero() {
		return &Client{}
	}
	d := *c.core
	if source != nil {
		d.source, d.budget, d.facts = source, &Budget{}, newFacts()
	}
	d.middleware, d.plainHosts = slices.Clip(d.middleware), slices.Clip(d.plainHosts)
	d.use(opts)
	if source == nil && *d.api != *c.core.api {
		d.source = &static{reason: "the client changed its API and needs a source for it"}
	}
	d.build()
	return &Client{&d}
}

// build composes the middleware; the first one is the outermost.
func (c *client) build() {
	c.send = c.transport
	c.root, _ = url.Parse(c.base)
	c.plainErr = nil
	if c.root != nil && c.root.Scheme == "http" && !httpx.IsLocal(c.root.Hostname()) && !slices.Contains(c.plainHosts, strings.ToLower(c.root.Hostname())) {
		c.plainErr = fmt.Errorf("base URL %q must be https: plain http would show the credential to the network (http is for this machine, and for hosts that AllowPlainHTTP names)", c.base)
	}
	c.agent = []string{c.userAgent}
	for _, v := range slices.Backward(c.middleware) {
		c.send = v(c.send)
	}
}

// String returns the base URL, without a credential.
func (c *Client) String() string {
	if c.isZero() {
		return "close client without a source"
	}
	return "close client for " + c.core.base
}

// GoString returns the same as String.
func (c *Client) GoString() string { return c.String() }

// BaseURL sets the root of the API, without /api/v1: for the emulator or a
// proxy. It must be https; http is accepted for localhost, loopback addresses, and
// the hosts that [AllowPlainHTTP] names. If root is invalid, every call returns an
// error. Default: [DefaultBaseURL].
func BaseURL(root string) Option {
	return option(func(c *config) {
		root = strings.TrimSpace(root)
		u, err := url.Parse(root)
		switch {
		case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
			c.baseErr = fmt.Errorf("base URL %q must be the root of the API such as %s", redactURL(root), cmp.Or(c.api.BaseURL, DefaultBaseURL))
		case u.User != nil, u.RawQuery != "", u.Fragment != "":
			c.baseErr = fmt.Errorf("base URL %q must have neither user, query nor fragment", redactURL(root))
		case c.api.Prefix != "" && strings.Contains(u.Path, c.api.Prefix):
			c.baseErr = fmt.Errorf("base URL %q must be the root, without %s", redactURL(root), c.api.Prefix)
		default:
			c.baseErr = nil
			c.base = u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")
		}
	})
}

// AllowPlainHTTP allows http instead of https in [BaseURL] for the named hosts, such
// as "emulator" in a network of containers. Host names are without a port. Their
// calls, credentials included, can be read by everyone on the way.
func AllowPlainHTTP(hosts ...string) Option {
	return option(func(c *config) {
		for _, h := range hosts {
			c.plainHosts = append(c.plainHosts, strings.ToLower(strings.Trim(strings.TrimSpace(h), "[]")))
		}
	})
}

// redactURL removes possible secrets from s, even if s is not a valid URL.
func redactURL(s string) string {
	s, _, _ = strings.Cut(s, "?")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return "redacted" + s[i:]
	}
	return s
}

// HTTPClient sets the HTTP client; a nil client is ignored. Its transport, jar and
// timeout are used unchanged. Redirects are followed only on the same host and
// with the same method, so that neither credential nor body leaves the host.
func HTTPClient(h *http.Client) Option {
	return option(func(c *config) {
		if h == nil {
			return
		}
		d := *h
		d.CheckRedirect = checkRedirect
		c.http = &d
	})
}

var errUnsent = errors.New("not sent")

// redirectError is the refusal of a redirect after a response that may mean that
// Close has acted.
type redirectError struct {
	err       error
	maybeDone bool
}

func (e *redirectError) Error() string { return e.err.Error() }
func (e *redirectError) Unwrap() error { return e.err }

// movedOn reports whether a redirect may follow a request that was carried out. A
// 307 or 308 asks for the request to be sent elsewhere instead.
func movedOn(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	first, why := via[0], ": too many"
	switch {
	case req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme:
		why = " from " + first.URL.Host + " to another host, " + req.URL.Host + "; check the base URL"
	case req.Method != first.Method:
		why = ": it would change the method from " + first.Method + " to " + req.Method + "; check the base URL"
	case len(via) < 5:
		return nil
	}
	return &redirectError{errors.New("refusing redirect" + why), req.Response != nil && movedOn(req.Response.StatusCode)}
}

// UserAgent puts the name of your program before closekit's in the User-Agent
// header.
func UserAgent(name string) Option {
	return option(func(c *config) { c.userAgent = strings.TrimSpace(name + " closekit/" + Version) })
}

// Location sets the user's time zone. A time without offset in a write, such as
// date_scheduled, is read in it; without a location such a time is refused, because
// it would mean UTC. Close interprets bare dates by its current offset, and splits
// tasks into today and later. Default, and for nil: unknown, which is UTC for Close.
// Set the user's location for a connected account.
func Location(loc *time.Location) Option {
	return option(func(c *config) { c.zone = loc })
}

// Location returns the user's time zone, nil if it is unknown.
func (c *Client) Location() *time.Location {
	if c == nil || c.core == nil {
		return nil
	}
	return c.core.zone
}

// MaxRetries sets how often a call is repeated after a 5xx or a broken connection,
// if repeating it is safe. A 429 is not counted: such a call is repeated until it has
// waited for [MaxWait], unless n is zero, which disables that too. Default: 2.
func MaxRetries(n int) Option {
	return option(func(c *config) { c.maxRetries = int32(min(max(0, n), math.MaxInt32)) })
}

// MaxWait sets how long a call waits for Close's rate limit in all, and the longest
// wait before a retry. A wait for the rate limit ends after a minute, however long
// Close asks to wait, with one call that finds out; see [Budget]. If the wait would be
// longer than MaxWait, the call fails at once with an [*Error], whose RetryAfter has
// the time. Default: one minute.
func MaxWait(d time.Duration) Option { return option(func(c *config) { c.maxWait = d }) }

// MaxResponseBytes sets the size of the largest response that is accepted, at
// least one byte. Default: 64 MiB.
func MaxResponseBytes(n int64) Option {
	return option(func(c *config) { c.maxBody = min(max(1, n), math.MaxInt64-1) })
}

// AttemptTimeout sets the time limit of one attempt, from connecting to the last
// byte of the response. Zero means no limit other than the context's. Default: one
// minute.
func AttemptTimeout(d time.Duration) Option { return option(func(c *config) { c.timeout = d }) }

// StrictDecoding makes a member of an unexpected type an error instead of a
// mismatch that the result keeps. It is meant for tests.
func StrictDecoding() Option { return option(func(c *config) { c.strict = true }) }

// Attempt is one attempt at a call, as middleware sees it.
type Attempt struct {
	Operation *Operation
	Number    int // 1 for the first
	// Request is without the credential, which is added after all middleware.
	Request *http.Request
	cred    Credential
}

// sending is one attempt with what its request refers to, allocated together.
type sending struct {
	Attempt
	url url.URL
}

// RoundTrip sends one attempt and returns the response.
type RoundTrip func(*Attempt) (*http.Response, error)

// Middleware wraps the sending of attempts, for tracing, metrics and tests. It
// must call next at most once, with the Attempt that it received.
type Middleware func(next RoundTrip) RoundTrip

// WithMiddleware adds middleware; the first added is the outermost.
func WithMiddleware(m ...Middleware) Option {
	return option(func(c *config) {
		for _, f := range m {
			if f != nil {
				c.middleware = append(c.middleware, f)
			}
		}
	})
}

// transport is the innermost RoundTrip: it adds the credential to a copy of the
// request, so that middleware never sees it.
func (c *client) transport(a *Attempt) (*http.Response, error) {
	req := a.Request
	if a.cred.IsZero() {
		return nil, fmt.Errorf("%w: middleware passed on an Attempt that it did not receive", errUnsent)
	}
	if req.URL.Scheme+"://"+req.URL.Host != c.base && !strings.HasPrefix(c.base, req.URL.Scheme+"://"+req.URL.Host+"/") {
		return nil, fmt.Errorf("%w: middleware changed the host", errUnsent)
	}
	if len(c.middleware) > 0 {
		req = req.WithContext(req.Context()) // not Clone, which links much more
		req.Header = req.Header.Clone()
	}
	req.Header["Authorization"], _ = a.cred.reveal()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, plainError(err)
	}
	resp.Request = a.Request // without the credential
	return resp, nil
}

// plainError removes the URL from an error of net/http: it may contain ids and
// search terms, and the error of the call has the path template.
func plainError(err error) error {
	if u, ok := httpx.Find[*url.Error](err); ok {
		err = u.Err
	}
	if _, ok := httpx.Find[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("the server's certificate is not trusted: %w", err)
	}
	return err
}

// CallOption configures one call.
type CallOption func(*call)

// ResponseInfo has the status and the headers of a response.
type ResponseInfo struct {
	Status   int
	Header   http.Header
	Attempts int // of the call, including this one
}

// WithResponseInfo stores the status and headers of the call's last response in
// info.
func WithResponseInfo(info *ResponseInfo) CallOption {
	return noting(func(k *call, resp *http.Response, _ []byte) {
		if info != nil {
			*info = ResponseInfo{resp.StatusCode, resp.Header, int(k.attempt)}
		}
	})
}

// RawResponse stores the body of the call's last response in b, even if it cannot
// be decoded. It overwrites the contents of b.
func RawResponse(b *[]byte) CallOption {
	return noting(func(_ *call, _ *http.Response, body []byte) {
		if b != nil {
			*b = append((*b)[:0], body...)
		}
	})
}

// noting returns an option that passes every response to f.
func noting(f func(*call, *http.Response, []byte)) CallOption {
	return func(k *call) {
		before := k.noted
		k.noted = func(k *call, resp *http.Response, body []byte) {
			if before != nil {
				before(k, resp, body)
			}
			f(k, resp, body)
		}
	}
}

// NoRetry disables retries, also after a 429.
func NoRetry() CallOption { return func(c *call) { c.retries = 0 } }

// RetryWrites allows repeating a POST after a failure, even if Close may have acted
// on it. Use it only if duplicates are harmless.
func RetryWrites() CallOption { return func(c *call) { c.repeatable = true } }

type call struct {
	req        Request                             // its Operation is set
	noted      func(*call, *http.Response, []byte) // nil without WithResponseInfo and RawResponse
	list       *listing                            // nil without an option for iterators
	waited     time.Duration                       // for the rate limit
	limited    *Error                              // the last 429
	retries    int32
	attempt    int32
	failures   int32 // attempts that count as tries
	repeatable bool
	renewed    bool
	maybeDone  bool       // a write may have taken effect
	undo       io.Writer  // of [UndoTo]
	cred       Credential // of the current attempt
}

func (k *call) op() *Operation { return k.req.Operation }
