package accounts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// TestDeadlock forgets accounts while they are renewed.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 64
	for i := range n {
		w.connect(fmt.Sprint("u", i))
	}
	// entries as they are when nobody used them for a while
	w.m.mu.Lock()
	for _, e := range w.m.entries {
		e.used.Store(1)
		e.dirty.Store(false)
	}
	for i := range 100_000 { // others, in use
		k := user(fmt.Sprint("x", i)).Key(conName)
		e := &entry{key: k}
		e.used.Store(time.Now().UnixNano())
		w.m.entries[k] = e
	}
	w.m.mu.Unlock()
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.m.forgetIdle()
				}
			}
		})
		for i := range 8 {
			wg.Go(func() {
				for k := 0; ; k++ {
					select {
					case <-stop:
						return
					default:
					}
					ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
					_, _ = w.m.Refresh(ctx, user(fmt.Sprint("u", (i*8+k)%n)), conName) // as an operator
					cancel()
				}
			})
		}
		wg.Wait()
	}()
	<-time.After(time.Second)
	close(stop)
	select {
	case <-done:
	case <-time.After(time.Minute):
		got := make(chan struct{})
		go func() { _, _ = w.m.Account(user("new"), conName); close(got) }()
		select {
		case <-got:
			t.Fatal("workers do not end")
		case <-time.After(3 * time.Second):
			t.Fatal("deadlock: Manager.Account does not return any more")
		}
	}
}

// TestJournalGrows lets a day pass.
func TestJournalGrows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.run()
		time.Sleep(24 * time.Hour)
		info, err := os.Stat(filepath.Join(dir, "journal"))
		w.m.journal.mu.Lock()
		n := len(w.m.journal.entries)
		w.m.journal.mu.Unlock()
		if err != nil || n > 2 || info.Size() > 64<<10 {
			w.Errorf("after a day the journal of one account holds %d entries in %d bytes: %v", n, info.Size(), err)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestFallbackLost tries the spare pair while the provider is in trouble.
func TestFallbackLost(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]oauthtest.Behavior{
		"503": oauthtest.Respond(503, nil, "busy"), "429": oauthtest.Respond(429, nil, "slow down"),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.connect("ada")
				r := w.rec("ada")
				// The pair in the row is dead at the provider; a live one is in the fallback.
				p, err := openPair(w.vault, r.Tokens, AssociatedData(r.Key, r.ID, PurposeTokens, r.Generation))
				if err != nil {
					w.Fatal(err)
				}
				s, _ := sealPair(w.vault, p, AssociatedData(r.Key, r.ID, PurposeFallback, r.Generation))
				if err := w.store.Stash(w.Context(), r.Key, r.Grant, Stash{Sealed: s, Purpose: PurposeFallback, Generation: r.Generation, TTL: fallbackTime}); err != nil {
					w.Fatal(err)
				}
				bad, _ := sealPair(w.vault, pair{NewSecret(canary + "dead"), NewSecret(canary + "dead")}, AssociatedData(r.Key, r.ID, PurposeTokens, r.Generation))
				w.store.edit(r.Key, func(r *Record) { r.Tokens = bad })
				w.p.Script(oauthtest.Honest, trouble) // invalid_grant for the row's, trouble for the fallback's
				_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
				time.Sleep(5 * time.Minute)
				_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
				w.state("ada", Active, "")
			})
		})
	}
}

// TestMinValidityBeyondLife asks for more than a token can have.
func TestMinValidityBeyondLife(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada").MinValidity(2 * time.Hour)
		for range 1200 { // twenty minutes
			w.ok(a)
			time.Sleep(time.Second)
		}
		if _, n := w.counts(); n != 3 {
			w.Errorf("1,200 calls made %d refreshes", n)
		}
	})
}

// TestJournalOtherDatabase begins with a new database and an old journal.
func TestJournalOtherDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		_ = w.m.Close(w.Context())
		// The database is made anew; the state directory stays.
		fresh := w.cfg
		store := NewMemoryStore()
		fresh.Store = store
		m, err := New(w.Context(), fresh)
		if err != nil {
			w.Fatal(err)
		}
		defer m.Close(w.Context())
		if _, err := m.GetOrCreate(w.Context(), user("ada"), conName); err != nil {
			w.Fatal(err)
		}
		m.replayJournal(w.Context(), true) // as Run does every 30 seconds
		info, _ := m.Get(w.Context(), user("ada"), conName)
		a, _ := m.Account(user("ada"), conName)
		_, err = a.Credential(w.Context())
		if info.State != Pending {
			w.Errorf("an account that nobody connected is %s; its credential: %v", info.State, err)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalRemovedKey brings back a process whose journal is sealed with a key
// that is gone.
func TestJournalRemovedKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		// A commit that does not get through before the process ends.
		idleOut()
		w.store.fails(func(op string) error {
			if op == "commit" {
				return os.ErrDeadlineExceeded
			}
			return nil
		})
		_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
		_ = w.m.Close(w.Context())
		w.store.fails(nil)
		// Meanwhile the key is rotated by others, by the book.
		w.vault.add(2)
		other := w.cfg
		other.StateDir = ""
		m, err := New(w.Context(), other)
		if err != nil {
			w.Fatal(err)
		}
		if _, err := m.Reseal(w.Context()); err != nil {
			w.Fatal(err)
		}
		h, _ := m.Health(w.Context())
		if h.KeyUse[1] != 0 {
			w.Fatalf("%v", h.KeyUse)
		}
		_ = m.Close(w.Context())
		w.vault.mu.Lock()
		delete(w.vault.keys, 1)
		w.vault.mu.Unlock()
		m, err = New(w.Context(), w.cfg) // the process comes back
		if err != nil {
			w.Fatal(err)
		}
		a, _ := m.Account(user("ada"), conName)
		_ = w.keep(second(a.Credential(w.Context())))
		_ = m.Close(w.Context())
		if m, err = New(w.Context(), other); err != nil {
			w.Errorf("no manager starts any more: %v", err)
			return
		}
		_ = m.Close(w.Context())
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestTornLine writes on after a line that was cut by a full disk.
func TestTornLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.Open(filepath.Join(dir, "journal")) // not for writing
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	file := j.file
	j.file = full
	if _, err = j.add(Record{}, CommitRequest{Key: user("bob").Key(conName), Tokens: Sealed{[]byte("x"), 1}, Attempt: "a"}, time.Now()); err == nil {
		t.Error("a full disk took an entry")
	}
	j.file = file
	if _, err := file.WriteString(`{"t":"dGVu`); err != nil { // as far as it came
		t.Fatal(err)
	}
	sync, err := j.add(Record{}, CommitRequest{Key: user("ada").Key(conName), Tokens: Sealed{[]byte("x"), 1}, Attempt: "a"}, time.Now())
	if err != nil || sync() != nil {
		t.Fatal(err)
	}
	j.close()
	j, err = openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if _, ok := j.find(Record{Key: user("ada").Key(conName)}); !ok {
		t.Error("an entry that was written and synced is not in the journal after a restart")
	}
}

// wallOff moves the wall clock of the machine and of the store, and leaves the
// monotonic one alone.
func wallOff(by *atomic.Int64) func(*Config) {
	return func(cfg *Config) {
		machine := newClock()
		cfg.clock = func() instant {
			n := machine()
			return instant{n.wall + by.Load(), n.mono}
		}
		store := cfg.Store.(*spyStore).MemoryStore
		store.now = func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
	}
}

// TestSuspend lets the machine sleep between the claim and the request, until
// the lease is long over.
func TestSuspend(t *testing.T) {
	t.Parallel()
	var asleep atomic.Int64
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		sent := 0
		ctx := failpoint.With(context.Background(), func(s failpoint.Step) error {
			if s == failpoint.Unsealed {
				asleep.Store(int64(10 * time.Minute)) // wall goes on, monotonic does not, nor does our lease wait
				// another replica takes over meanwhile
				other := w.cfg
				other.clock = newClock()
				m, err := New(w.Context(), other)
				if err != nil {
					w.Fatal(err)
				}
				b, _ := m.Account(user("ada"), conName)
				w.p.Set(func(k *oauthtest.Knobs) { k.Latency = time.Second })
				go func() { _, _ = b.Credential(context.Background()) }()
				synctest.Wait()
			}
			if s == failpoint.Send {
				sent++
			}
			return nil
		})
		_ = w.keep(second(a.Credential(ctx)))
		if sent > 0 {
			w.Errorf("a refresh token was sent 10 minutes after its lease of 90 s had begun")
		}
		time.Sleep(10 * time.Minute)
	}, wallOff(&asleep))
}

// TestWallBack sets back the only clock there is by an hour.
func TestWallBack(t *testing.T) {
	t.Parallel()
	var off atomic.Int64
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.ok(a)
		time.Sleep(10 * time.Minute)
		off.Store(-int64(time.Hour))
		for range 60 {
			time.Sleep(time.Minute)
			w.ok(a)
		}
	}, wallOff(&off))
}

type hangingTouch struct {
	*spyStore
	hang atomic.Bool
}

func (s *hangingTouch) Touch(ctx context.Context, k []Key) error {
	if s.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.spyStore.Touch(ctx, k)
}

// TestCloseTime closes while the store hangs.
func TestCloseTime(t *testing.T) {
	t.Parallel()
	var h *hangingTouch
	inWorld(t, func(w *world) {
		for i := range 5001 {
			a := w.account(fmt.Sprint("u", i))
			_, _ = a.Credential(w.Context()) // notes the use
		}
		h.hang.Store(true)
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.m.Close(ctx)
		if took := time.Since(start); took > 40*time.Second {
			w.Errorf("Close with a second of time took %v", took)
		}
		h.hang.Store(false)
	}, func(cfg *Config) {
		h = &hangingTouch{spyStore: cfg.Store.(*spyStore)}
		cfg.Store = h
	})
}

// revokeBy answers revocations its own way.
type revokeBy struct {
	http.RoundTripper
	do func(*http.Request) (*http.Response, error)
}

func (r revokeBy) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/oauth2/revoke/" && r.do != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		return r.do(req)
	}
	return r.RoundTripper.RoundTrip(req)
}

// TestDisconnectWaits disconnects while the revocations of others hang.
func TestDisconnectWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 20 {
			w.connect(fmt.Sprint("u", i))
		}
		w.connect("ada")
		for i := range 20 { // what an outage has left in the queue
			ctx, cancel := context.WithTimeout(w.Context(), time.Millisecond)
			_, _ = w.m.Disconnect(ctx, user(fmt.Sprint("u", i)), conName, HostDisconnect)
			cancel()
		}
		time.Sleep(6 * time.Minute)
		start := time.Now()
		long, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
		defer cancel()
		_, _ = w.m.Disconnect(long, user("ada"), conName, HostDisconnect)
		if took := time.Since(start); took > time.Minute {
			w.Errorf("the disconnect of one user took %v", took)
		}
	}, func(cfg *Config) {
		cfg.Transport = revokeBy{cfg.Transport, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}}
	})
}

// TestRevokeRefused has a revocation refused because of a wrong secret.
func TestRevokeRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		st, _ := w.store.Stats(w.Context())
		if st.Revocations != 1 {
			w.Errorf("the provider said invalid_client, the grant lives on, and %d revocations are queued; events %v", st.Revocations, w.events("ada"))
		}
	}, func(cfg *Config) {
		cfg.Transport = revokeBy{cfg.Transport, func(req *http.Request) (*http.Response, error) { return oauthtest.Error(400, "invalid_client"), nil }}
	})
}

// TestVerifyingRefusal has a grant refused while a consent is being verified.
func TestVerifyingRefusal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Always(oauthtest.Respond(503, nil, ""))
		idleOut()
		_ = w.get(a)
		w.state("ada", Expired, TransientExhausted)
		w.p.Always(nil)
		w.p.RevokeUser("user_ada")
		time.Sleep(5 * time.Minute)
		r := w.rec("ada")
		ctx := failpoint.With(context.Background(), func(s failpoint.Step) error {
			if s == failpoint.Send { // an out-of-band consent comes while the request is in the air
				_ = w.store.Hold(w.Context(), Flow{ID: Hash{1}, Kind: HeldFlow, Key: r.Key, AccountID: r.ID, Epoch: r.Epoch}, flowTime, "user")
			}
			return nil
		})
		_ = w.keep(second(a.Credential(ctx)))
		time.Sleep(11 * time.Minute)
		w.m.sweep(w.Context())
		w.state("ada", Revoked, RotationLost) // a 503 came before
		n := 0
		for _, e := range w.events("ada") {
			if e == EventReauthorization {
				n++
			}
		}
		if n != 1 {
			w.Errorf("%d events reauthorization_required; all: %v", n, w.events("ada"))
		}
	})
}

// TestCutForm cuts a form within the refresh token.
func TestCutForm(t *testing.T) {
	t.Parallel()
	a := classify(200, nil, []byte("access_token=aaa&expires_in=3600&refresh_token=bbb"), io.ErrUnexpectedEOF, time.Hour, time.Now())
	if a.kind != InDoubt {
		t.Errorf("a form that was cut is %q", a.kind)
	}
}

// TestNotSentTLS breaks TLS after the request was read.
func TestNotSentTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS()
	cert := srv.TLS.Certificates
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	srv.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan int, 4)
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				c := tls.Server(raw, &tls.Config{Certificates: cert})
				b := make([]byte, 4096)
				n, _ := c.Read(b)
				got <- n
				_, _ = raw.Write([]byte{0x17, 3, 3, 0xff, 0xff, 1, 2, 3})
				_, _ = io.Copy(io.Discard, raw) // until the client gives up
				raw.Close()
			}()
		}
	}()
	tr := newTransport()
	tr.TLSClientConfig = &tls.Config{RootCAs: pool}
	c := testConnection()
	c.TokenURL = "https://" + l.Addr().String() + "/token/"
	c, err = c.fill()
	if err != nil {
		t.Fatal(err)
	}
	a := (&oauthClient{c, tr}).refresh(t.Context(), NewSecret("r"))
	t.Logf("the server read %d bytes", <-got)
	if a.kind != InDoubt {
		t.Errorf("the request was sent, and counts as %q", a.kind)
	}
}

// TestH2Lost loses an answer over HTTP/2.
func TestH2Lost(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		_, _ = io.ReadAll(r.Body)
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	tr := newTransport()
	tr.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	c := testConnection()
	c.TokenURL = srv.URL + "/token/"
	c, err := c.fill()
	if err != nil {
		t.Fatal(err)
	}
	a := (&oauthClient{c, tr}).refresh(t.Context(), NewSecret("r"))
	if a.kind != InDoubt || n.Load() != 1 {
		t.Errorf("%q after %d requests", a.kind, n.Load())
	}
}

type panickyMetrics struct {
	Metrics
	on *atomic.Bool
}

func (p panickyMetrics) Oddity(string, string) {
	if p.on.Load() {
		panic("host code")
	}
}

func (p panickyMetrics) Refreshed(c string, o Outcome, d time.Duration) {
	if p.on.Load() {
		panic("host code")
	}
	p.Metrics.Refreshed(c, o, d)
}

// TestHostPanicLosesPair lets code of the host panic around a renewal.
func TestHostPanicLosesPair(t *testing.T) {
	t.Parallel()
	t.Run("Metrics", func(t *testing.T) {
		var on atomic.Bool
		inWorld(t, func(w *world) {
			a := w.connect("ada")
			idleOut()
			on.Store(true)
			w.p.Script(oauthtest.Mangle(http.Header{}, func(s string) (string, error) { return s + "x", nil }))
			w.p.Set(func(k *oauthtest.Knobs) { k.ExpiresIn = oauthtest.Absent })
			_ = w.get(a)
			on.Store(false)
			time.Sleep(2 * time.Minute)
			w.ok(a)
			w.state("ada", Active, "")
		}, func(cfg *Config) { cfg.Metrics = panickyMetrics{cfg.Metrics, &on} })
	})
	t.Run("Metrics, another user", func(t *testing.T) {
		var on atomic.Bool
		inWorld(t, func(w *world) {
			w.connect("ada")
			on.Store(true)
			w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
			_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
			if got := w.rec("ada").Fallback.Purpose; got != PurposeQuarantine {
				w.Errorf("what came for another user is kept as %q", got)
			}
		}, func(cfg *Config) { cfg.Metrics = panickyMetrics{cfg.Metrics, &on} })
	})
	t.Run("KeepWarm", func(t *testing.T) {
		var on atomic.Bool
		inWorld(t, func(w *world) {
			a := w.connect("ada")
			w.ok(a)
			calls := 0
			w.m.cfg.KeepWarm = func(time.Duration) bool {
				if on.Load() {
					if calls++; calls == 2 {
						panic("host code")
					}
				}
				return true
			}
			time.Sleep(49 * time.Minute)
			on.Store(true)
			_, _ = w.m.RunDue(w.Context(), 10)
			on.Store(false)
			time.Sleep(2 * time.Minute)
			_, _ = w.m.RunDue(w.Context(), 10)
			w.state("ada", Active, "")
		})
	})
}

type slowHealth struct {
	*spyStore
	during func()
}

func (s *slowHealth) SetHealth(ctx context.Context, h ConnectionHealth, d time.Duration) error {
	if s.during != nil {
		s.during()
	}
	return s.spyStore.SetHealth(ctx, h, d)
}

// TestHealthBeforeJournal wants a new pair to be safe before anything else is
// stored.
func TestHealthBeforeJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var h *slowHealth
	inWorld(t, func(w *world) {
		w.connect("ada")
		idleOut()
		w.p.Script(oauthtest.Refuse(401, "invalid_client"))
		_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
		before := w.rec("ada")
		h.during = func() {
			_, refreshes := w.counts()
			if _, ok := w.m.journal.find(before); refreshes == 1 && !ok {
				w.Errorf("the provider has rotated, the pair is neither sealed nor in the journal, and the manager talks to the store about something else")
			}
		}
		_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
	}, func(cfg *Config) {
		h = &slowHealth{spyStore: cfg.Store.(*spyStore)}
		cfg.Store, cfg.StateDir = h, dir
	})
}

// TestSlotLeak lets the store panic in a claim.
func TestSlotLeak(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.store.fails(func(op string) error {
			if op == "claim" {
				panic("store")
			}
			return nil
		})
		_ = w.get(a)
		w.store.fails(nil)
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Minute)
		defer cancel()
		_, err := a.Credential(ctx)
		if err != nil {
			w.Errorf("with a working store: %v; slots taken: %d", err, len(w.m.slots))
			<-w.m.slots // so that the test ends
		}
	}, func(cfg *Config) { cfg.MaxConcurrent = 1 })
}

// TestRestoredBackup brings back yesterday's database under a running process.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		old := w.rec("ada")
		for range 20 {
			idleOut()
			w.ok(a)
		}
		idleOut()
		w.store.put(old)
		w.store.mu.Lock()
		delete(w.store.last, old.Key)
		w.store.mu.Unlock()
		_ = w.get(a)
		w.state("ada", Revoked, RotationLost)
		if st, err := w.store.Stats(w.Context()); err != nil || st.InDoubt != 0 {
			w.Errorf("what became of it is known, and %d attempts are in doubt, %v", st.InDoubt, err)
		}
		_, before := w.counts()
		w.connect("ada") // the user connects again
		err := w.get(a)
		_, after := w.counts()
		if err != nil || after != before {
			w.Errorf("the user connected again a moment ago; one call made %d refreshes and gave: %v", after-before, err)
		}
	})
}

// TestLocalWait closes a flow that somebody waits for.
func TestLocalWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.ListenLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := f.Wait(context.Background()); done <- err }()
	_ = f.Close()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("Wait does not end with Close")
	}
}

// TestLocalHandlerHangs sends an answer twice that cannot be read.
func TestLocalHandlerHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.ListenLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 2 {
		c := http.Client{Timeout: 2 * time.Second}
		resp, err := c.Get(f.redirect + "?state=" + f.state) // no code, no error
		if err != nil {
			t.Fatalf("request %d: %v", i+1, errors.Unwrap(err))
		}
		resp.Body.Close()
	}
}

// TestLocalPrint prints a flow in all ways.
func TestLocalPrint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := w.m.PasteLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
		if s := fmt.Sprintf(verb, f); strings.Contains(s, f.state) {
			t.Errorf("%s shows the state", verb)
		}
	}
}

// TestQuarantineLost takes the store away while a pair goes to quarantine.
func TestQuarantineLost(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
		start := time.Now()
		w.store.fails(func(op string) error {
			if op == "release" && time.Since(start) < 30*time.Second {
				return errors.New("away")
			}
			return nil
		})
		_ = w.get(a)
		time.Sleep(3 * time.Minute)
		_ = w.get(a)
		w.state("ada", Active, IdentityMismatch)
		if _, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName); err != nil {
			w.Errorf("accept: %v", err)
		}
	})
}

type hangingLoad struct {
	*spyStore
	hang atomic.Bool
}

func (s *hangingLoad) Load(ctx context.Context, k Key) (Record, error) {
	if s.hang.Load() {
		<-ctx.Done()
		return Record{}, ctx.Err()
	}
	return s.spyStore.Load(ctx, k)
}

// TestMinValidityHang lets the store hang while there is a valid token.
func TestMinValidityHang(t *testing.T) {
	t.Parallel()
	var h *hangingLoad
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.ok(a)
		time.Sleep(40 * time.Minute) // twenty are left
		h.hang.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := a.MinValidity(30 * time.Minute).Credential(ctx)
		if took := time.Since(start); took > time.Minute || err != nil {
			w.Errorf("with a token valid for 20 minutes it took %v: %v", took, err)
		}
		h.hang.Store(false)
	}, func(cfg *Config) { h = &hangingLoad{spyStore: cfg.Store.(*spyStore)}; cfg.Store = h })
}

// TestRunEnds ends Run while the provider hangs.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.p.Always(oauthtest.Hang)
		w.run()
		for w.rec("ada").Attempt == "" {
			time.Sleep(time.Second)
		}
		start := time.Now()
		w.halt()
		if took := time.Since(start); took > 40*time.Second {
			w.Errorf("Run took %v to return after its context had ended", took)
		}
	})
}

// TestJournalLoads counts what an idle journal asks of the store.
func TestJournalLoads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		const n = 300
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		before := w.store.loads
		w.m.retryJournal(w.Context())
		if got := w.store.loads - before; got > 0 {
			w.Errorf("with nothing to do, %d accounts are loaded", got)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestExpiredMismatch calls on an account that is stopped.
func TestExpiredMismatch(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Always(oauthtest.Respond(503, nil, ""))
		idleOut()
		_ = w.get(a)
		w.p.Always(nil)
		time.Sleep(5 * time.Minute)
		w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
		_ = w.get(a)
		writes := 0
		w.store.fails(func(op string) error {
			if op == "claim" || op == "release" {
				writes++
			}
			return nil
		})
		for range 10 {
			_ = w.get(a)
		}
		if writes > 0 {
			w.Errorf("ten calls on a stopped account made %d changes in the store", writes)
		}
	})
}

// TestJournalOverConsent has a journal that holds tokens of a former consent
// under a generation that is used again after a restore.
func TestJournalOverConsent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connectAs("ada", oauthtest.Identity{User: "user_former", Organization: "orga_1"})
		old := w.rec("ada")
		for range 3 { // generations 2 to 4
			if _, err := w.m.Refresh(w.Context(), user("ada"), conName); err != nil {
				w.Fatal(err)
			}
		}
		w.m.journal.mu.Lock()
		for id := range w.m.journal.entries { // the others were made by another replica, in its journal
			if id.generation != 3 {
				delete(w.m.journal.entries, id)
			}
		}
		w.m.journal.mu.Unlock()
		// The database comes back older.
		w.store.put(old)
		w.store.mu.Lock()
		clear(w.store.last)
		w.store.mu.Unlock()
		_ = w.keep(second(w.m.Refresh(w.Context(), user("ada"), conName)))
		w.state("ada", Revoked, RotationLost)
		// The user connects again, as another Close user, on purpose.
		w.connectAs("ada", who("ada"), NewIdentity())
		_ = w.keep(second(w.m.Refresh(w.Context(), user("ada"), conName)))
		w.m.replayJournal(w.Context(), true) // as Run does every 30 seconds
		if r := w.rec("ada"); r.UserID != "user_ada" {
			w.Errorf("without any consent the account acts as Close user %s again (generation %d)", r.UserID, r.Generation)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

func second[T any](_ T, err error) error { return err }

// hangingAck is a store that does not answer when events are acknowledged.
type hangingAck struct{ *spyStore }

func (h hangingAck) AckEvents(ctx context.Context, _ []int64) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestRunEndsWithoutStore ends Run while the store hangs.
func TestRunEndsWithoutStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.run()
		time.Sleep(5 * time.Second)
		start := time.Now()
		w.halt()
		if took := time.Since(start); took > storeTimeout {
			w.Errorf("Run took %v to return", took)
		}
	}, func(cfg *Config) {
		cfg.OnEvent = func(context.Context, Event) error { return nil }
		cfg.Store = hangingAck{cfg.Store.(*spyStore)}
	})
}

// TestRefusalAfterDoubt has a user take the access away around an outage of the
// network: it is noticed, though two answers never came.
func TestRefusalAfterDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ running, byOthers bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		running, byOthers := c.running, c.byOthers
		t.Run(fmt.Sprintf("running %v, in doubt before %v", running, byOthers), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				cred, err := a.Credential(w.Context())
				if err != nil {
					w.Fatal(err)
				}
				if running {
					w.run()
				}
				time.Sleep(time.Minute)
				w.p.RevokeUser("user_ada")
				w.p.Script(oauthtest.LoseRequest, oauthtest.LoseRequest, oauthtest.LoseRequest)
				if byOthers { // the doubt is older than the refusal
					_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
					time.Sleep(3 * time.Minute)
				}
				for range 31 { // a third try after a quarter of an hour, a fourth after another
					_, err := a.Renew(w.Context(), cred)
					if w.rec("ada").State == Revoked && errors.Is(err, ErrAuthorizationRequired) {
						return
					}
					if !errors.Is(err, ErrTemporarilyUnavailable) {
						w.Errorf("the caller gets %v", err)
					}
					time.Sleep(time.Minute)
				}
				w.Errorf("after half an hour it is %+v", w.rec("ada"))
			})
		})
	}
}

// TestJournalForgetsAcrossStarts restarts once an hour.
func TestJournalForgetsAcrossStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		for range 20 {
			if err := w.m.Close(w.Context()); err != nil {
				w.Fatal(err)
			}
			time.Sleep(time.Hour)
			w.m = w.manager()
			if _, err := w.m.Refresh(w.Context(), user("ada"), conName); err != nil {
				w.Fatal(err)
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "journal"))
		if n := strings.Count(string(b), "\n"); n != 2 || err != nil {
			w.Errorf("the journal has %d lines, %v", n, err)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestLocalWithoutPath comes back to a redirect URL that has no path.
func TestLocalWithoutPath(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String() // a port that is free
	_ = l.Close()
	w := newWorld(t, func(cfg *Config) { cfg.Connections[0].RedirectURL = "http://" + address })
	f, err := w.m.ListenLocal(t.Context(), user("ada"), conName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.consent(f.URL(), who("ada")), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Errorf("the browser comes back to %s", res.Status)
	}
}

// TestRunDueSlowly waits for slots of the limiter.
func TestRunDueSlowly(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 20 {
			w.connect(fmt.Sprint("u", i))
		}
		time.Sleep(53 * time.Minute)
		start := time.Now()
		got, err := w.m.RunDue(w.Context(), 1000)
		if took := time.Since(start); err != nil || got != 20 || took < 9*time.Second || took > 11*time.Second {
			w.Errorf("%d in %v, %v", got, took, err)
		}
	}, func(cfg *Config) { cfg.Connections[0].Rate = 2 })
}

// TestRunDue renews from a scheduler of the host.
func TestRunDue(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 300
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 200 * time.Millisecond })
		time.Sleep(53 * time.Minute)
		start := time.Now()
		got, err := w.m.RunDue(w.Context(), 100)
		if err != nil || got != 100 {
			w.Errorf("100 of %d: %d, %v", n, got, err)
		}
		got, err = w.m.RunDue(w.Context(), 1000)
		if took := time.Since(start); err != nil || got != n-100 || took > 15*time.Second {
			w.Errorf("the rest: %d in %v, %v", got, took, err)
		}
		for i := range n {
			if r := w.rec(fmt.Sprint("u", i)); r.Generation != 2 {
				w.Errorf("account %d is in generation %d", i, r.Generation)
			}
		}
		// It ends whatever happens.
		time.Sleep(time.Hour)
		w.p.Always(oauthtest.Respond(503, nil, ""))
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || got > 100 {
			w.Errorf("while the provider is in trouble: %d, %v", got, err)
		}
		time.Sleep(time.Hour)
		w.p.Always(oauthtest.Respond(429, http.Header{"Retry-After": {"3600"}}, ""))
		start = time.Now()
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || time.Since(start) > time.Minute {
			w.Errorf("while the provider asks to wait: %d after %v, %v", got, time.Since(start), err)
		}
		time.Sleep(2 * time.Hour)
		w.p.Always(oauthtest.Respond(401, nil, `{"error":"invalid_client"}`))
		start = time.Now()
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || time.Since(start) > time.Minute {
			w.Errorf("with a wrong secret: %d after %v, %v", got, time.Since(start), err)
		}
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || got > 1 {
			w.Errorf("again with a wrong secret: %d, %v", got, err)
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if got, err = w.m.RunDue(ctx, 1000); !errors.Is(err, context.Canceled) || got != 0 {
			w.Errorf("without time: %d, %v", got, err)
		}
	})
}
