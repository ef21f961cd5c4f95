package accounts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Config configures a [Manager]. Store, Vault and Connections are required;
// links need SessionResolver and BaseURL too.
type Config struct {
	Store       Store
	Vault       Vault
	Connections []Connection

	// SessionResolver returns whose session a request belongs to. It must only
	// look at what the host's own login has established, never at parameters
	// of the request. An error or the zero Principal means that no user is
	// signed in.
	SessionResolver func(*http.Request) (Principal, error)

	// BaseURL is the public URL under which [Manager.Handler] is mounted, such
	// as https://app.example.com/connect, without a slash at the end.
	BaseURL string

	// ReturnTo lists where a browser may be sent in the end, by id. The value
	// is an absolute URL or a path of the host. A link without an id ends at a
	// plain page.
	ReturnTo map[string]string

	// HomeURL is where the pages that the handler itself shows lead on to, such
	// as the host's login or settings: an absolute URL or a path of the host.
	// Empty shows no link.
	HomeURL string

	// VerifyURL is where the browser goes after an out-of-band consent, with
	// the parameter "confirm" added: a page of the host that asks for its own
	// session and calls [Manager.ConfirmUser]. Empty refuses out-of-band links.
	VerifyURL string

	// KeepWarm selects the accounts that are renewed ahead of time; nil is
	// Recent(24h). Others are renewed when they are used, and once a day.
	KeepWarm WarmPolicy

	// StateDir holds the journal of renewals; it must outlive the process, and
	// no other process may use it. Empty means no journal.
	StateDir string

	// OnEvent receives every event at least once, in order as far as possible.
	// An event for which it returns an error is delivered again later. If nil,
	// events stay in the store until [Manager.AckEvents] acknowledges them.
	OnEvent func(context.Context, Event) error

	// Transport reaches the OAuth endpoints; if nil, the manager uses a hardened
	// transport of its own. The host's http.Client, cookie jar and redirect
	// policy are not used.
	Transport http.RoundTripper

	// MaxConcurrent bounds the renewals in flight; 0 means 256.
	MaxConcurrent int

	Logger  *slog.Logger // if nil, nothing is logged
	Metrics Metrics      // if nil, nothing is recorded
	Tracer  Tracer       // if nil, nothing is traced

	clock   clock          // for tests
	jitter  func() float64 // for tests
	backoff time.Duration  // first step of waiting for the store, for tests
}

// WarmPolicy reports whether an account is kept warm, given the time since it was
// last used.
type WarmPolicy func(sinceUse time.Duration) bool

// Recent keeps accounts warm that were used within d.
func Recent(d time.Duration) WarmPolicy {
	return func(sinceUse time.Duration) bool { return sinceUse < d }
}

// Always keeps all accounts warm.
func Always() WarmPolicy { return func(time.Duration) bool { return true } }

// Never keeps no account warm.
func Never() WarmPolicy { return func(time.Duration) bool { return false } }

// Manager keeps connected accounts. Make it with [New]; it is safe for
// concurrent use, and several managers may share a store.
type Manager struct {
	cfg     Config
	store   Store
	vault   Vault
	log     *slog.Logger
	metrics Metrics
	now     clock
	conns   map[string]*conn
	owner   string
	journal *journal
	slots   chan struct{} // renewals in flight

	callbacks     together[ending]    // by state
	confirmations together[confirmed] // by confirmation and user
	budgets       budgets

	mu      sync.Mutex
	entries map[Key]*entry
	work    sync.WaitGroup
	closed  bool
	closing chan struct{}
}

// Format prints how many connections the manager has, whatever the verb.
func (m *Manager) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "manager of %d connections", len(m.conns))
}

// conn is a connection in use.
type conn struct {
	Connection
	oauth       *oauthClient
	fingerprint string // of the configuration
	limiter     *limiter
	breaker     *breaker

	mu     sync.Mutex
	health ConnectionHealth
}

// New checks the configuration, the vault against what the store holds, and
// the journal. It refuses to start without a vault, with blobs in the store
// whose key the vault does not know, and with a wrong key. It starts no
// goroutine; call [Manager.Run] for renewal ahead of time and events.
func New(ctx context.Context, cfg Config) (*Manager, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	m := &Manager{
		cfg: cfg, store: cfg.Store, vault: cfg.Vault, log: cfg.Logger, metrics: cfg.Metrics, now: cfg.clock,
		conns: map[string]*conn{}, owner: randomID(), entries: map[Key]*entry{},
		slots: make(chan struct{}, cfg.MaxConcurrent), closing: make(chan struct{}),
	}
	for _, c := range cfg.Connections {
		c, err := c.fill()
		if err != nil {
			return nil, err
		}
		if m.conns[c.Name] != nil {
			return nil, fmt.Errorf("accounts: two connections are named %q", c.Name)
		}
		m.conns[c.Name] = &conn{
			Connection: c, oauth: &oauthClient{c, cfg.Transport}, fingerprint: fingerprintOf(c),
			limiter: newLimiter(c.Rate), breaker: &breaker{}, health: ConnectionHealth{State: HealthOK},
		}
		if want := cfg.BaseURL + "/" + c.Name + "/callback"; cfg.BaseURL != "" && c.RedirectURL != want {
			m.log.WarnContext(ctx, "a redirect URL does not lead to the handler, unless a proxy rewrites it",
				"connection", c.Name, "redirect_url", c.RedirectURL, "handler", want)
		}
	}
	if s, ok := m.store.(UnreadableReporter); ok {
		s.OnUnreadable(func(row string, err error) {
			m.log.Error("a row of the store cannot be read and is left out", "row", row, "error", err)
		})
	}
	if err := m.checkVault(ctx); err != nil {
		return nil, err
	}
	var err error
	if m.journal, err = openJournal(cfg.StateDir); err != nil {
		return nil, err
	}
	m.replayJournal(ctx, true)
	for _, c := range m.conns {
		if err := m.loadHealth(ctx, c); err != nil {
			m.journal.close()
			return nil, fmt.Errorf("accounts: cannot reach the store: %w", err)
		}
	}
	return m, nil
}

// missing reports whether a value is nil, or a nil pointer, which a constructor
// returns whose error was not checked.
func missing(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}

func (cfg *Config) fill() error {
	switch {
	case missing(cfg.Store):
		return errors.New("accounts: Store is missing; was the error of opening it checked?")
	case missing(cfg.Vault):
		return errors.New("accounts: Vault is missing; tokens are never kept in the clear, so make a key first (see package vault)")
	case len(cfg.Connections) == 0:
		return errors.New("accounts: Connections is empty")
	case cfg.MaxConcurrent < 0:
		return errors.New("accounts: MaxConcurrent is negative")
	}
	for _, u := range []struct{ what, url string }{{"BaseURL", cfg.BaseURL}, {"VerifyURL", cfg.VerifyURL}} {
		if u.url == "" {
			continue
		}
		if err := checkURL(u.url); err != nil {
			return fmt.Errorf("accounts: %s %w", u.what, err)
		}
	}
	if cfg.BaseURL != "" && cfg.SessionResolver == nil {
		return errors.New("accounts: BaseURL is set without a SessionResolver, which links need to know whose session opens them")
	}
	for id, to := range cfg.ReturnTo {
		if id == "" || !isPlace(to) {
			return fmt.Errorf("accounts: ReturnTo %q is neither a path of the host nor an https URL", id)
		}
	}
	if cfg.HomeURL != "" && !isPlace(cfg.HomeURL) {
		return errors.New("accounts: HomeURL is neither a path of the host nor an https URL")
	}
	if cfg.MaxConcurrent == 0 {
		cfg.MaxConcurrent = 256
	}
	if cfg.KeepWarm == nil {
		cfg.KeepWarm = Recent(24 * time.Hour)
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = noMetrics{}
	}
	if cfg.Tracer == nil {
		cfg.Tracer = noTracer{}
	}
	if cfg.clock == nil {
		cfg.clock = newClock()
	}
	if cfg.jitter == nil {
		cfg.jitter = randomFloat
	}
	if cfg.backoff == 0 {
		cfg.backoff = 50 * time.Millisecond
	}
	return nil
}

// isPlace reports whether a browser may be sent somewhere: to a path of the
// host, or an https URL.
func isPlace(to string) bool {
	u, err := url.Parse(to)
	local := err == nil && u.Scheme == "" && u.Host == "" && to != "" && to[0] == '/' && (len(to) == 1 || to[1] != '/' && to[1] != '\\')
	return local || checkURL(to) == nil
}

// sentinelText is what the sentinel holds; it is no secret.
const sentinelText = "closekit accounts sentinel"

// checkVault makes sure that the vault can seal, and can open what there is.
func (m *Manager) checkVault(ctx context.Context) error {
	primary, all := m.vault.KeyIDs()
	if len(all) == 0 || !slices.Contains(all, primary) {
		return errors.New("accounts: the vault holds no key")
	}
	ad := AssociatedData(Key{}, "sentinel", PurposeSentinel, 0)
	fresh, err := seal(m.vault, []byte(sentinelText), ad)
	if err != nil {
		return errors.New("accounts: the vault cannot seal")
	}
	use, err := m.store.KeyUse(ctx)
	if err != nil {
		return fmt.Errorf("accounts: cannot reach the store: %w", err)
	}
	var unknown []string
	for id := range use {
		if !slices.Contains(all, id) {
			unknown = append(unknown, fmt.Sprintf("%08x", id))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("accounts: the store holds rows sealed with keys that the vault does not have: %v; add them before starting (nothing was changed)", unknown)
	}
	stored, err := m.store.Sentinel(ctx, fresh)
	if err != nil {
		return fmt.Errorf("accounts: cannot reach the store: %w", err)
	}
	plain, err := m.vault.Open(stored.Blob, ad)
	if err != nil || string(plain) != sentinelText {
		return fmt.Errorf("accounts: the vault's key %08x is not the one that the store was sealed with (nothing was changed)", stored.KeyID)
	}
	return nil
}

// conn finds a connection.
func (m *Manager) conn(name string) (*conn, error) {
	if c := m.conns[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("accounts: unknown connection %q", name)
}

// GetOrCreate returns the account of a principal at a connection, and creates
// it if there is none. It may be called at every start of a session.
func (m *Manager) GetOrCreate(ctx context.Context, p Principal, connection string) (Info, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return Info{}, err
	}
	r, err := m.ensure(ctx, key)
	return infoOf(r), err
}

func (m *Manager) ensure(ctx context.Context, key Key) (Record, error) {
	r, _, err := m.store.Ensure(ctx, randomID(), key, "host")
	return r, err
}

// Get describes an account. The error is [ErrNotFound] if there is none.
func (m *Manager) Get(ctx context.Context, p Principal, connection string) (Info, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return Info{}, err
	}
	r, err := m.store.Load(ctx, key)
	return infoOf(r), err
}

// List returns accounts in pages, for operators.
func (m *Manager) List(ctx context.Context, f ListFilter) ([]Info, error) {
	list, err := m.store.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make([]Info, len(list))
	for i, r := range list {
		out[i] = infoOf(r)
	}
	return out, nil
}

// Events reads events, acknowledged or not: the audit trail.
func (m *Manager) Events(ctx context.Context, f EventFilter) ([]Event, error) {
	return m.store.ListEvents(ctx, f)
}

func (m *Manager) key(p Principal, connection string) (Key, error) {
	if _, err := m.conn(connection); err != nil {
		return Key{}, err
	}
	key := p.Key(connection)
	return key, key.check()
}

// Info describes an account. It holds no secret.
type Info struct {
	ID             string
	Principal      Principal
	Connection     string
	State          State
	Reason         Reason
	OrganizationID string // Close's, empty while not connected
	UserID         string // Close's
	Generation     int64  // number of the tokens
	Expires        time.Time
	Due            time.Time // next renewal, zero if none is planned
	Refreshed      time.Time
	Used           time.Time
	Created        time.Time
	Changed        time.Time   // last change of State
	Failure        FailureKind // of the last attempt to renew
	Failures       int         // failed attempts in a row
	InDoubt        bool        // an attempt's outcome is unknown
}

func infoOf(r Record) Info {
	return Info{
		ID: r.ID, Principal: r.Key.Principal(), Connection: r.Key.connection, State: r.State, Reason: r.Reason,
		OrganizationID: r.OrganizationID, UserID: r.UserID, Generation: r.Generation, Expires: r.Expires, Due: r.Due,
		Refreshed: r.Refreshed, Used: r.Used, Created: r.Created, Changed: r.Changed, Failure: r.Failure,
		Failures: r.Failures, InDoubt: r.Doubts > 0 || r.Attempt != "" && !r.Live(),
	}
}

// randomID is 128 bits, in hex.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// randomFloat is in [0, 1).
func randomFloat() float64 {
	var b [7]byte
	_, _ = rand.Read(b[:]) // never fails
	n := uint64(0)
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return float64(n>>3) / (1 << 53)
}

// begin registers work that Close waits for; it reports false after Close.
func (m *Manager) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.work.Add(1)
	return true
}

// stopping reports whether Close was called.
func (m *Manager) stopping() bool {
	select {
	case <-m.closing:
		return true
	default:
		return false
	}
}

// pause waits, or reports false when the manager closes or the context ends.
func (m *Manager) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return !m.stopping() && ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.closing:
		return false
	case <-ctx.Done():
		return false
	}
}

// detached is a context for one statement that is made even if its caller is
// gone.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

// shutdownTime is how long Close waits for what was sent.
const shutdownTime = 35 * time.Second

// Close stops renewing: nothing new is claimed, what is claimed but not sent is
// given back, and what was sent is committed; that takes at most 35 seconds,
// or until ctx ends. The store belongs to the host and stays open; close it
// afterwards.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.closing)
	}
	m.mu.Unlock()
	done := make(chan struct{})
	go func() {
		m.work.Wait()
		close(done)
	}()
	timer := time.NewTimer(shutdownTime)
	defer timer.Stop()
	var err error
	select {
	case <-done:
	case <-timer.C:
		err = errors.New("accounts: some renewals did not end in time; their outcome is unknown")
	case <-ctx.Done():
		err = ctx.Err()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	m.flushUsed(last)
	cancel()
	m.mu.Lock()
	for _, e := range m.entries {
		e.token.Store(nil)
	}
	m.mu.Unlock()
	m.journal.close()
	if t, ok := m.cfg.Transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
	return err
}
