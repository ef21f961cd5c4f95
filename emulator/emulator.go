package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options configure a server. The zero value is a lenient server with a random
// seed that runs on the wall clock, limits nothing and logs nothing.
type Options struct {
	// Clock returns the present time; nil is time.Now. [Server.Advance] adds to
	// what it returns.
	Clock func() time.Time
	// Seed makes ids, keys and tokens repeat; 0 chooses a random seed.
	Seed int64
	// Strict refuses what the real service might refuse: paths without their
	// trailing slash, chunked bodies, bodies that do not say they are JSON,
	// redirect addresses that nobody registered, subscriptions to a sequence
	// without the name and address of the sender. It ignores _order_by on leads.
	Strict bool
	// RateLimit says which rate headers go out and when requests are refused.
	// [Server.SetRateLimit] changes it.
	RateLimit RateLimit
	// AutoConsent answers the authorization page with an immediate consent of
	// the first user in the first organization.
	AutoConsent bool
	// RedirectURLs are the registered redirect addresses of the built-in OAuth
	// client. With none, a lenient server accepts every https address and
	// every address on the local machine.
	RedirectURLs []string
	// RevokeOnReuse ends the whole grant when a spent refresh token or a used
	// code is presented again. By default such a request only fails.
	RevokeOnReuse bool
	// RefreshEndsAccess ends the earlier access tokens of a grant when it is
	// refreshed. By default they live until they expire.
	RefreshEndsAccess bool
	// PermissionDenied is the status of an answer to somebody who may not do
	// what was asked: 403 when zero. The service also uses 401 for it, with the
	// same body as for a dead token.
	PermissionDenied int
	// ConsolidateEvents is the time in which several updates of one object
	// become one event, and by which webhook deliveries of updates and deletes
	// are delayed. Zero logs and delivers each one at once.
	ConsolidateEvents time.Duration
	// StaleReads is the time for which a deleted lead can still be read.
	StaleReads time.Duration
	// ExtraFields adds an undocumented key to every object in an answer.
	ExtraFields bool
	// WebhookClient delivers webhooks; nil is a client with a timeout of 30
	// seconds that follows no redirects.
	WebhookClient *http.Client
	// BaseURL is the root under which clients reach the server, for example
	// "http://localhost:8080". It is only needed when somebody else listens;
	// [Server.Listen] finds it out.
	BaseURL string
	// Logger receives one debug record per request and one per webhook
	// delivery, without credentials; nil logs nothing.
	Logger *slog.Logger
}

// Option changes options in [Start].
type Option func(*Options)

// Server is an emulated Close. It is an http.Handler and may be used from many
// goroutines at once. Make one with [New] or [Start].
type Server struct {
	opts      Options
	seed      int64
	resources map[string]*resource
	byType    map[string]*resource // activities by _type
	router    *router
	hooks     *dispatcher

	mu      sync.Mutex
	st      *state
	shift   time.Duration
	rate    RateLimit
	serving serving
}

// serving is what Listen starts and Close ends. It is guarded by Server.mu, but
// for stop, which never changes.
type serving struct {
	url    string
	server *http.Server
	done   chan struct{}
	closed bool
	stop   chan struct{} // closed by Close, ends endless answers
}

// state is everything that Reset throws away. It is guarded by Server.mu.
type state struct {
	ids      *idSource
	seq      uint64
	tables   map[string]*table
	users    []*user
	orgs     []*organization
	keys     map[string]*apiKey
	keyOrder []string
	oauth    *oauthState
	events   []*event
	outbox   []Message
	waiting  []*record // messages that are sent later
	requests []Request
	faults   []*fault
	stale    map[string]staleLead
	limits   map[string]*bucket
}

// New returns a server that does not listen yet: use it as an http.Handler, or
// call [Server.Listen]. Call [Server.Close] when done if it delivers webhooks
// or listens.
func New(opts Options) *Server {
	s := &Server{opts: opts, seed: opts.Seed, resources: resources()}
	if s.seed == 0 {
		s.seed = randomSeed()
	}
	s.opts.RedirectURLs = slices.Clone(opts.RedirectURLs)
	s.rate = opts.RateLimit
	s.serving.stop = make(chan struct{})
	s.byType = map[string]*resource{}
	for _, r := range s.resources {
		if r.typ != "" {
			s.byType[r.typ] = r
		}
	}
	s.router = newRouter(s.resources)
	s.hooks = newDispatcher(s)
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

// fresh makes the content of a new server.
func (s *Server) fresh() *state {
	st := &state{
		ids:    newIDSource(s.seed),
		tables: map[string]*table{},
		keys:   map[string]*apiKey{},
		stale:  map[string]staleLead{},
		limits: map[string]*bucket{},
	}
	s.furnish(st)
	return st
}

// Reset brings the server back to the content it had when it was made: the
// same organization, users, keys, OAuth client and ids, and nothing else.
// Tokens that were granted meanwhile are gone, and so are added users, faults
// and recordings.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.drop()
	s.st = s.fresh()
}

// Listen serves on a TCP address such as "127.0.0.1:0" until [Server.Close].
// It returns as soon as the port is open, and may be called once.
func (s *Server) Listen(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving.server != nil || s.serving.closed {
		return errors.New("the emulator listens already or is closed")
	}
	l, err := net.Listen("tcp", addr) //nolint:noctx // nothing to wait for
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.serving.url = "http://" + hostOf(l.Addr())
	s.serving.server = &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second}
	s.serving.done = make(chan struct{})
	go func(server *http.Server, done chan struct{}) {
		defer close(done)
		_ = server.Serve(l) // always ends with an error, ErrServerClosed after Close
	}(s.serving.server, s.serving.done)
	return nil
}

// hostOf spells an address so that a client can dial it.
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

// Close stops listening, ends open requests and gives up pending webhook
// deliveries. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	server, done := s.serving.server, s.serving.done
	if !s.serving.closed {
		s.serving.closed = true
		close(s.serving.stop)
	}
	s.mu.Unlock()
	s.hooks.close()
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

// URL returns the root under which the server is reached, without a slash at
// the end and without /api/v1. It is empty when the server does not listen and
// Options.BaseURL was not set.
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

// Advance moves the clock of the server forward and does what became due:
// scheduled messages are sent, webhook deliveries are tried again.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift += d
	s.settle()
}

// settle does what became due. The lock is held.
func (s *Server) settle() {
	s.sendDue()
	s.hooks.pump()
}
