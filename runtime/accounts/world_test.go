package accounts

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/internal/oauthtest"
)

// canary is in every secret of the tests, so that a leak can be found.
const canary = oauthtest.Canary

// testVault is a vault on the standard library.
type testVault struct {
	mu      sync.Mutex
	keys    map[uint32]cipher.AEAD
	primary uint32
	broken  bool
}

func newTestVault(ids ...uint32) *testVault {
	v := &testVault{keys: map[uint32]cipher.AEAD{}}
	for _, id := range ids {
		v.add(id)
	}
	return v
}

func (v *testVault) add(id uint32) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[id], v.primary = a, id
}

func (v *testVault) Seal(plain, ad []byte) ([]byte, uint32, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken {
		return nil, 0, errors.New("broken " + canary)
	}
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce)
	out := append(binary.BigEndian.AppendUint32(nil, v.primary), nonce...)
	return v.keys[v.primary].Seal(out, nonce, plain, ad), v.primary, nil
}

func (v *testVault) Open(sealed, ad []byte) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken || len(sealed) < 16 || v.keys[binary.BigEndian.Uint32(sealed)] == nil {
		return nil, errors.New("cannot open")
	}
	return v.keys[binary.BigEndian.Uint32(sealed)].Open(nil, sealed[4:16], sealed[16:], ad)
}

func (v *testVault) KeyIDs() (uint32, []uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []uint32
	for id := range v.keys {
		all = append(all, id)
	}
	return v.primary, all
}

// spyStore watches a store, and fails on demand.
type spyStore struct {
	*MemoryStore
	vault     Vault
	commits   sync.Mutex
	mu        sync.Mutex
	committed map[Key][]string // access tokens
	last      map[Key]Record
	problems  []string
	loads     int
	fail      func(op string) error // before the operation
	after     func(op string) error // after it
}

func (s *spyStore) hook(op string, after bool) error {
	s.mu.Lock()
	f := s.fail
	if after {
		f = s.after
	}
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(op)
}

func (s *spyStore) see(r Record, err error) {
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.last[r.Key]
	if known && r.Generation < old.Generation {
		return // read before a later write was seen; the store itself is serial
	}
	s.last[r.Key] = r
	if r.State == Active && r.Tokens.IsZero() {
		s.problems = append(s.problems, "an active account holds no tokens")
	}
	if old.State == Disconnected && r.State == Active && r.Epoch == old.Epoch && r.Generation == old.Generation {
		s.problems = append(s.problems, "a disconnected account came back by itself")
	}
}

func (s *spyStore) Load(ctx context.Context, key Key) (Record, error) {
	if err := s.hook("load", false); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	s.loads++
	s.mu.Unlock()
	r, err := s.MemoryStore.Load(ctx, key)
	s.see(r, err)
	return r, err
}

func (s *spyStore) Claim(ctx context.Context, q ClaimRequest) (Record, error) {
	if err := s.hook("claim", false); err != nil {
		return Record{}, err
	}
	r, err := s.MemoryStore.Claim(ctx, q)
	s.see(r, err)
	return r, err
}

func (s *spyStore) Extend(ctx context.Context, q ExtendRequest) (Record, error) {
	if err := s.hook("extend", false); err != nil {
		return Record{}, err
	}
	return s.MemoryStore.Extend(ctx, q)
}

func (s *spyStore) ClaimDue(ctx context.Context, q DueRequest) ([]Record, error) {
	if err := s.hook("claimdue", false); err != nil {
		return nil, err
	}
	return s.MemoryStore.ClaimDue(ctx, q)
}

func (s *spyStore) Commit(ctx context.Context, q CommitRequest) (Record, error) {
	if err := s.hook("commit", false); err != nil {
		return Record{}, err
	}
	s.commits.Lock() // no token is checked before it is noted here
	r, err := s.MemoryStore.Commit(ctx, q)
	if err == nil {
		p, openErr := openPair(s.vault, r.Tokens, AssociatedData(r.Key, r.ID, PurposeTokens, r.Generation))
		s.mu.Lock()
		if openErr != nil {
			s.problems = append(s.problems, "a commit stored what cannot be opened")
		}
		s.committed[q.Key] = append(s.committed[q.Key], p.access.Reveal())
		s.mu.Unlock()
	}
	s.commits.Unlock()
	s.see(r, err)
	if lost := s.hook("commit", true); lost != nil {
		return Record{}, lost
	}
	return r, err
}

func (s *spyStore) Release(ctx context.Context, q ReleaseRequest) (Record, error) {
	if err := s.hook("release", false); err != nil {
		return Record{}, err
	}
	r, err := s.MemoryStore.Release(ctx, q)
	s.see(r, err)
	return r, err
}

func (s *spyStore) fails(f func(op string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *spyStore) failsAfter(f func(op string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = f
}

// world is a provider, a store and a manager.
type world struct {
	*testing.T
	p        *oauthtest.Provider
	store    *spyStore
	vault    *testVault
	cfg      Config
	m        *Manager
	stop     context.CancelFunc
	done     chan struct{}
	log      *bytes.Buffer
	mu       sync.Mutex
	errs     []error
	counted  map[Outcome]int
	odd      map[string]int
	operator bool // whether an operator asked for replays
	managers []*Manager
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (w *world) Refreshed(_ string, o Outcome, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted[o]++
}

// times is how often an outcome was counted.
func (w *world) times(o Outcome) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counted[o]
}

// oddities is how often something strange was counted.
func (w *world) oddities(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.odd[kind]
}

func (w *world) Oddity(_, kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.odd[kind]++
}

const conName = "close"

func testConnection() Connection {
	return Connection{
		Name: conName, ClientID: "client", ClientSecret: NewSecret(oauthtest.ClientSecret), RedirectURL: "https://app.example/connect/close/callback",
		AuthorizeURL: "https://provider.example/oauth2/authorize/", TokenURL: "https://provider.example/oauth2/token/",
		RevokeURL: "https://provider.example/oauth2/revoke/",
	}
}

// inWorld runs f in a bubble of fake time and checks the invariants afterwards.
func inWorld(t *testing.T, f func(w *world), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change...)
		f(w)
		w.end()
	})
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{T: t, p: oauthtest.New(), vault: newTestVault(1), log: &bytes.Buffer{}, counted: map[Outcome]int{}, odd: map[string]int{}}
	w.store = &spyStore{MemoryStore: NewMemoryStore(), vault: w.vault, committed: map[Key][]string{}, last: map[Key]Record{}}
	w.cfg = Config{
		Store: w.store, Vault: w.vault, Connections: []Connection{testConnection()}, Transport: w.p, KeepWarm: Always(),
		Logger:  slog.New(slog.NewTextHandler(lockedWriter{&w.mu, w.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: w, BaseURL: "https://app.example/connect", VerifyURL: "https://app.example/verify",
		ReturnTo: map[string]string{"home": "/settings?tab=crm", "out": "https://app.example/done"},
		SessionResolver: func(r *http.Request) (Principal, error) {
			user := r.Header.Get("X-Test-User")
			if user == "" {
				return Principal{}, errors.New("not signed in")
			}
			return NewPrincipal("acme", user)
		},
	}
	for _, c := range change {
		c(&w.cfg)
	}
	w.m = w.manager()
	return w
}

// manager makes a further replica.
func (w *world) manager() *Manager {
	w.Helper()
	m, err := New(w.Context(), w.cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.managers = append(w.managers, m)
	return m
}

// run starts the background work of the first manager.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	w.stop, w.done = cancel, make(chan struct{})
	m, done := w.m, w.done
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
}

func (w *world) halt() {
	if w.stop != nil {
		w.stop()
		<-w.done
		w.stop = nil
	}
}

// end stops everything and checks what must always hold.
func (w *world) end() {
	w.Helper()
	w.halt()
	for _, m := range w.managers {
		if err := m.Close(context.Background()); err != nil {
			w.Errorf("close: %v", err)
		}
	}
	w.invariants()
}

func user(name string) Principal {
	p, err := NewPrincipal("acme", name)
	if err != nil {
		panic(err)
	}
	return p
}

// who is the Close user that a user of the host consents as.
func who(name string) oauthtest.Identity {
	return oauthtest.Identity{User: "user_" + name, Organization: "orga_1"}
}

// consent allows on the consent page behind an authorize URL, and returns where
// the browser is sent.
func (w *world) consent(authorize string, as oauthtest.Identity) string {
	w.Helper()
	callback, err := w.p.Consent(authorize, as)
	if err != nil {
		w.Fatal(err)
	}
	return callback
}

// whose says who a credential acts as, and whether it still works.
func (w *world) whose(cred closekit.Credential) (as oauthtest.Identity, alive bool) {
	for _, token := range w.p.AccessTokens() {
		if closekit.BearerCredential(token).Equal(cred) {
			as, until, _ := w.p.Access(token)
			return as, time.Now().Before(until)
		}
	}
	return oauthtest.Identity{}, false
}

// counts returns the requests to the token endpoint, and how many of them
// renewed a grant.
func (w *world) counts() (requests, refreshes int) {
	c := w.p.Counts()
	return c.Requests, c.Refreshes
}

// connect takes a user through a consent.
func (w *world) connect(name string) *Account { return w.connectAs(name, who(name)) }

func (w *world) connectAs(name string, as oauthtest.Identity, opts ...LinkOption) *Account {
	w.Helper()
	f, err := w.m.PasteLocal(w.Context(), user(name), conName, opts...)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := f.Finish(w.Context(), w.consent(f.URL(), as)); err != nil {
		w.Fatalf("connecting %s: %v", name, err)
	}
	return w.account(name)
}

func (w *world) account(name string) *Account {
	w.Helper()
	a, err := w.m.Account(user(name), conName)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *world) rec(name string) Record {
	w.Helper()
	r, err := w.store.MemoryStore.Load(context.Background(), user(name).Key(conName))
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// keep notes an error, to look for secrets in it.
func (w *world) keep(err error) error {
	if err != nil {
		w.mu.Lock()
		w.errs = append(w.errs, err)
		w.mu.Unlock()
	}
	return err
}

// get takes a credential and checks whose it is and that it was committed.
func (w *world) get(a *Account) error {
	w.Helper()
	cred, err := a.Credential(w.Context())
	if err != nil {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			var ae AccountError
			if !errors.As(err, &ae) {
				w.Errorf("the error %v is not one of an account", err)
			}
		}
		return w.keep(err)
	}
	w.check(a, cred)
	return nil
}

func (w *world) check(a *Account, cred closekit.Credential) {
	w.Helper()
	got, alive := w.whose(cred)
	if got.User != "user_"+a.key.identifier {
		w.Errorf("I3: %s got the token of %q", a.key.identifier, got.User)
	}
	if !alive {
		w.Errorf("I5: %s got a token that has ended", a.key.identifier)
	}
	w.store.commits.Lock()
	defer w.store.commits.Unlock()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if !slices.ContainsFunc(w.store.committed[a.key], func(s string) bool { return closekit.BearerCredential(s).Equal(cred) }) {
		w.Errorf("I2: %s got a token that was not committed", a.key.identifier)
	}
}

// ok gets and wants success.
func (w *world) ok(a *Account) {
	w.Helper()
	if err := w.get(a); err != nil {
		w.Errorf("%s got no token: %v", a.key.identifier, err)
	}
}

// state wants a state and a reason.
func (w *world) state(name string, s State, reason Reason) {
	w.Helper()
	if r := w.rec(name); r.State != s || r.Reason != reason {
		w.Errorf("%s is %s (%s), want %s (%s); generation %d, doubts %d, failure %s", name, r.State, r.Reason, s, reason, r.Generation, r.Doubts, r.Failure)
	}
}

// events lists the types of a user's events.
func (w *world) events(name string) (out []EventType) {
	w.Helper()
	list, err := w.store.ListEvents(context.Background(), EventFilter{Identifier: name, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range list {
		out = append(out, e.Type)
	}
	return out
}

func (w *world) wantEvents(name string, types ...EventType) {
	w.Helper()
	if got := w.events(name); !slices.Equal(got, types) {
		w.Errorf("I9: events of %s are %v, want %v", name, got, types)
	}
}

// every calls f every d until total has passed.
func every(total, d time.Duration, f func()) {
	for end := time.Now().Add(total); time.Now().Before(end); {
		time.Sleep(d)
		f()
	}
}

// checkRedemptions checks I1.
func (w *world) checkRedemptions() {
	w.Helper()
	for _, v := range w.p.Violations() {
		w.Errorf("I1: %s", v)
	}
	for token, uses := range w.p.Redemptions() {
		doubts, renewed := 0, 0
		for i, r := range uses {
			if i > 0 && uses[i-1].Status == 0 && !httpx.NeverSent(uses[i-1].Err) {
				// A further try waits until the access token cannot be used
				// any more, and then a quarter of an hour each time.
				since := func(r oauthtest.Redemption) time.Duration { return r.Start.Sub(w.p.Issued(token)) }
				ended := since(r) >= time.Hour-floorTime && since(uses[i-1]) < time.Hour-floorTime
				if doubts++; doubts > 1 && !w.operator && !ended && r.Start.Sub(uses[i-1].Start) < 9*time.Minute {
					w.Errorf("I1: the token %s was replayed twice, %v after the last time", token, r.Start.Sub(uses[i-1].Start))
				}
			}
			if r.Renewed {
				renewed++
			}
		}
		if renewed > 1 && !w.lenient() {
			w.Errorf("I1: the token %s was redeemed %d times", token, renewed)
		}
	}
}

// lenient reports whether the provider takes a refresh token more than once.
func (w *world) lenient() (lenient bool) {
	w.p.Set(func(k *oauthtest.Knobs) { lenient = k.Grace != 0 || k.KeepRefreshToken || k.NoRefreshToken })
	return lenient
}

// invariants checks I1, I4, I7, I9 and I10; I2, I3 and I5 are checked with
// every token, I6 and I8 by the cases.
func (w *world) invariants() {
	w.Helper()
	w.checkRedemptions()
	counts := w.p.Counts()
	refusals := counts.Requests - counts.Refreshes - counts.Exchanges
	w.store.mu.Lock()
	for _, p := range w.store.problems {
		w.Errorf("I7: %s", p)
	}
	w.store.mu.Unlock()

	list, err := w.store.ListEvents(context.Background(), EventFilter{Limit: 1 << 20})
	if err != nil {
		w.Fatal(err)
	}
	last := map[Key]State{}
	condemned := 0
	for _, e := range list {
		if e.Type == EventHealth {
			continue
		}
		if e.From != last[e.Key] {
			w.Errorf("I9: the event %s of %v begins at %q, the one before ended at %q", e.Type, e.Key, e.From, last[e.Key])
		}
		if e.From == e.To && e.Type != EventConnected && e.Type != EventIdentityMismatch && e.Type != EventLinkMisused && e.Type != EventDenied && e.Type != EventVerificationFailed && e.Type != EventRevocationFailed &&
			(e.Type != EventReauthorization || e.To != Verifying) {
			w.Errorf("I9: the event %s changed nothing", e.Type)
		}
		if e.From == Disconnected && e.To == Active && e.Type != EventConnected {
			w.Errorf("I7: DISCONNECTED became ACTIVE by %s", e.Type)
		}
		if e.To == Revoked {
			condemned++
		}
		last[e.Key] = e.To
	}
	if condemned > refusals {
		w.Errorf("I4: %d accounts were revoked after %d refusals", condemned, refusals)
	}
	for key, state := range last {
		if r, err := w.store.MemoryStore.Load(context.Background(), key); err == nil && r.State != state {
			w.Errorf("I9: %v is %s, its last event says %s", key, r.State, state)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %+v %#v", w.log.String(), list, list)
	for _, err := range w.errs {
		fmt.Fprintf(&b, "%v %+v %#v %q\n", err, err, err, err)
	}
	for _, m := range w.managers {
		for _, e := range m.entries {
			fmt.Fprintf(&b, "%+v %#v", e.token.Load(), e)
		}
	}
	text := b.String()
	if at := strings.Index(text, canary); at >= 0 {
		w.Errorf("I10: a secret leaked: …%s…", text[max(0, at-100):min(len(text), at+60)])
	}
}

// withAda runs f in a world in which ada is connected and [Manager.Run] runs.
func withAda(t *testing.T, f func(w *world, a *Account), change ...func(*Config)) {
	t.Helper()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.ok(a)
		w.run()
		f(w, a)
	}, change...)
}

// hour lets an hour pass, in which there is always a token.
func (w *world) hour(a *Account) { every(time.Hour, 10*time.Second, func() { w.ok(a) }) }

// idleOut lets the access token end without a renewal.
func idleOut() { time.Sleep(61 * time.Minute) }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func second[T any](_ T, err error) error { return err }
