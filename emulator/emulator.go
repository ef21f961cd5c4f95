package emulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/closekit/closekit/emulator/internal/crm"
	"github.com/closekit/closekit/emulator/internal/hooks"
	"github.com/closekit/closekit/emulator/internal/oauth"
	"github.com/closekit/closekit/emulator/internal/phone"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

type object = value.Object

// Options configure a server. The zero value is a lenient server with a random
// seed that runs on the wall clock, limits nothing and logs nothing.
type Options struct {
	// Clock returns the current time; nil means time.Now. [Server.Advance] adds
	// to it.
	Clock func() time.Time
	// Seed makes ids, keys and tokens repeatable; 0 chooses a random seed.
	Seed int64
	// APIKey is the key of the first user; empty means a random one.
	APIKey string
	// Strict refuses what the real service might refuse: paths without their
	// trailing slash, chunked bodies, bodies without the JSON content type,
	// unregistered redirect URLs, sequence subscriptions without the name and
	// address of the sender, and lists of activities with a filter or an order that
	// is documented for one lead only. It ignores _order_by on leads.
	Strict bool
	// RateLimit selects the rate headers and sets the limits.
	// [Server.SetRateLimit] changes it.
	RateLimit RateLimit
	// AutoConsent skips the consent page: the first user consents immediately,
	// for the first organization.
	AutoConsent bool
	// RedirectURLs are the registered redirect URLs of the built-in OAuth
	// client. If there are none, a lenient server accepts every https URL and
	// every URL on the local machine.
	RedirectURLs []string
	// RevokeOnReuse revokes the whole grant when a spent refresh token or a used
	// code is presented again. By default such a request only fails.
	RevokeOnReuse bool
	// RefreshEndsAccess invalidates the earlier access tokens of a grant when it
	// is refreshed. By default they stay valid until they expire.
	RefreshEndsAccess bool
	// PermissionDenied is the status of the response when the caller lacks a
	// permission; 0 means 403. The service also uses 401, with the same body as
	// for an invalid token.
	PermissionDenied int
	// ConsolidateEvents is the time in which several updates of one object
	// become one event, and by which webhook deliveries of updates and deletes
	// are delayed. If zero, each update is logged and delivered at once.
	ConsolidateEvents time.Duration
	// StaleReads is the time for which a deleted lead can still be read.
	StaleReads time.Duration
	// MaxSkip is the largest offset of a page; 0 means 35,000, the one that was
	// observed on leads. A larger one is refused, as the service refuses it.
	MaxSkip int
	// MaxFound is the largest number of records that a search reaches; 0 means 10,000, as
	// documented.
	MaxFound int
	// ParsePhone reads phone numbers before the built-in rules do. These know
	// international numbers and those of North America, and format only the
	// latter; they apply if ParsePhone is nil or returns false. It must not call
	// the server.
	ParsePhone func(text string) (PhoneNumber, bool)
	// ExtraFields adds an undocumented key to every object in a response.
	ExtraFields bool
	// LinkLocalWebhooks permits webhooks to link-local addresses, where clouds
	// serve the credentials of a machine. By default such a subscription is
	// refused, and so is a delivery to a name with such an address.
	LinkLocalWebhooks bool
	// WebhookClient delivers webhooks; nil means a client with a timeout of 30
	// seconds that follows no redirects. It decides about the addresses of names itself.
	WebhookClient *http.Client
	// StorageURL is the root under which clients reach the storage of uploaded and exported
	// files, which is another host than that of the API in reality and refuses its credentials.
	// Empty means the host of the API. The server takes every request with a path below
	// /storage/ for one to the storage.
	StorageURL string
	// Routes are further operations, such as those of a manifest of your own:
	// closegen -routes writes them. Objects of resources that the emulator does not
	// know are stored as they are sent. A route of Close keeps its behavior.
	Routes []Route
	// BaseURL is the root under which clients reach the server, for example
	// "http://localhost:8080". It is needed only if the server is used as an
	// http.Handler; [Server.Listen] sets it otherwise.
	BaseURL string
	// Logger receives one debug record per request and one per webhook
	// delivery, without credentials; nil disables logging.
	Logger *slog.Logger
}

// PhoneNumber is a phone number as the API returns it.
type PhoneNumber struct {
	// E164 is the number with a plus sign and the calling code.
	E164 string
	// Formatted is the number as people read it.
	Formatted string
	// Country is the ISO 3166-1 code, or empty if the digits do not tell it.
	Country string
}

// phoneParser returns f in the form that the engine takes.
func phoneParser(f func(string) (PhoneNumber, bool)) func(string) (phone.Number, bool) {
	if f == nil {
		return nil
	}
	return func(text string) (phone.Number, bool) {
		n, ok := f(text)
		return phone.Number(n), ok && n.E164 != ""
	}
}

// Option changes options in [Start].
type Option func(*Options)

// Server is an emulated Close. It is an http.Handler and is safe for concurrent
// use. Create one with [New] or [Start].
type Server struct {
	opts   Options
	seed   int64
	engine *rest.Engine
	router *router
	hooks  *hooks.Dispatcher

	mu      sync.Mutex
	st      *content
	shift   time.Duration
	rate    RateLimit
	serving serving
}

// serving is the state of the listener, which Listen starts and Close stops. It
// is guarded by Server.mu, except for stop, which never changes.
type serving struct {
	url    string
	server *http.Server
	done   chan struct{}
	closed bool
	stop   chan struct{} // closed by Close, ends endless responses
}

// content is everything that Reset discards. It is guarded by Server.mu.
type content struct {
	*store.State
	oauth    *oauth.Server
	requests []Request
	recorded int // bytes of requests
	faults   []*fault
	limits   map[string]*bucket
}

// New returns a server that does not listen yet: use it as an http.Handler, or
// call [Server.Listen]. If it listens or delivers webhooks, call [Server.Close]
// when done.
func New(opts Options) *Server {
	s := &Server{opts: opts, seed: opts.Seed}
	if s.seed == 0 {
		s.seed = store.RandomSeed()
	}
	s.opts.RedirectURLs = slices.Clone(opts.RedirectURLs)
	s.rate = opts.RateLimit
	s.serving.stop = make(chan struct{})
	s.hooks = hooks.New(hooks.Config{
		Lock: &s.mu, Now: s.now, State: func() *store.State { return s.st.State },
		Client: opts.WebhookClient, Logger: opts.Logger, Delay: opts.ConsolidateEvents, LinkLocal: opts.LinkLocalWebhooks,
	})
	s.engine = rest.NewEngine(rest.Options{
		Strict: opts.Strict, PermissionDenied: opts.PermissionDenied, ConsolidateEvents: opts.ConsolidateEvents,
		StaleReads: opts.StaleReads, ExtraFields: opts.ExtraFields, ParsePhone: phoneParser(opts.ParsePhone),
		LinkLocalWebhooks: opts.LinkLocalWebhooks, MaxSkip: opts.MaxSkip, MaxFound: opts.MaxFound, URL: s.url,
	}, s.hooks)
	crm.Register(s.engine)
	s.engine.FileRoots = s.fileRoots
	s.router = newRouter(s.engine, opts.Routes)
	s.st = s.fresh()
	return s
}

// TB is the part of testing.TB that [Start] needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start returns a server that listens on a free port of the local machine
// until the test ends.
func Start(tb TB, opts ...Option) *Server {
	tb.Helper()
	var o Options
	for _, set := range opts {
		set(&o)
	}
	s := New(o)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		tb.Fatalf("start the Close emulator: %v", err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// fresh returns the content of a new server.
func (s *Server) fresh() *content {
	st := store.NewState(s.seed)
	c := &content{State: st, limits: map[string]*bucket{}, oauth: oauth.New(oauth.Config{
		State: st, Now: s.now, URL: s.url,
		Strict: s.opts.Strict, AutoConsent: s.opts.AutoConsent,
		RevokeOnReuse: s.opts.RevokeOnReuse, RefreshEndsAccess: s.opts.RefreshEndsAccess,
	})}
	s.furnish(c)
	return c
}

// Reset restores the content that the server had when it was created: the same
// organization, users, keys, OAuth client and ids, and nothing else. Tokens that
// were granted since then are lost, as are added users, faults and recordings.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.Drop()
	s.st = s.fresh()
}

// Listen serves on a TCP address such as "127.0.0.1:0" until [Server.Close].
// It returns as soon as the port is open. It may be called once.
func (s *Server) Listen(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving.server != nil || s.serving.closed {
		return errors.New("the emulator is already listening or closed")
	}
	l, err := net.Listen("tcp", addr) //nolint:noctx // nothing to wait for
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.serving.url = "http://" + hostOf(l.Addr())
	s.serving.server = &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, MaxHeaderBytes: 128 << 10}
	s.serving.done = make(chan struct{})
	go func(server *http.Server, done chan struct{}) {
		defer close(done)
		_ = server.Serve(l) // always ends with an error, ErrServerClosed after Close
	}(s.serving.server, s.serving.done)
	return nil
}

// hostOf formats an address so that a client can dial it.
func hostOf(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// Close stops listening, ends open requests and abandons pending webhook
// deliveries. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	server, done := s.serving.server, s.serving.done
	if !s.serving.closed {
		s.serving.closed = true
		close(s.serving.stop)
	}
	s.mu.Unlock()
	s.hooks.Close()
	if server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
	<-done
	return nil
}

// URL returns the root under which the server is reached, without a trailing
// slash and without /api/v1. It is empty if the server does not listen and
// Options.BaseURL is not set.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url()
}

func (s *Server) url() string {
	if s.opts.BaseURL != "" {
		return s.opts.BaseURL
	}
	return s.serving.url
}

// fileRoots returns the roots of the URLs of files.
func (s *Server) fileRoots() (app, storage string) {
	app = cmp.Or(s.url(), "https://app.close.com")
	return app, cmp.Or(s.opts.StorageURL, app) + crm.StoragePath
}

// Now returns the time on the clock of the server.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time {
	t := time.Now
	if s.opts.Clock != nil {
		t = s.opts.Clock
	}
	return t().Add(s.shift)
}

// Advance moves the clock of the server forward and does the work that became
// due: it runs bulk actions and exports, sends scheduled messages and retries webhook
// deliveries.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift += d
	s.settle()
}

// settle does the work that is due. The lock is held.
func (s *Server) settle() {
	crm.RunJobs(s.engine, s.st.State, s.now())
	crm.SendDue(s.engine, s.st.State, s.now())
	s.hooks.Pump()
}
