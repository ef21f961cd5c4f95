package accounts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	used := NewMemoryStore()
	keep := newTestVault(1)
	good := func() Config {
		return Config{Store: NewMemoryStore(), Vault: newTestVault(1), Connections: []Connection{testConnection()}, Transport: oauthtest.New()}
	}
	cfg := good()
	cfg.Store, cfg.Vault = used, keep
	if _, err := New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no store":            {func(c *Config) { c.Store = nil }, "Store is missing"},
		"nil store":           {func(c *Config) { c.Store = (*MemoryStore)(nil) }, "Store is missing"},
		"nil vault":           {func(c *Config) { c.Vault = (*testVault)(nil) }, "Vault is missing"},
		"no vault":            {func(c *Config) { c.Vault = nil }, "Vault is missing"},
		"empty vault":         {func(c *Config) { c.Vault = newTestVault() }, "no key"},
		"broken vault":        {func(c *Config) { c.Vault.(*testVault).broken = true }, "cannot seal"},
		"unknown key":         {func(c *Config) { c.Store, c.Vault = used, newTestVault(2) }, "00000001"},
		"wrong key":           {func(c *Config) { c.Store, c.Vault = used, newTestVault(1) }, "key 00000001 is not"},
		"no connection":       {func(c *Config) { c.Connections = nil }, "Connections is empty"},
		"no name":             {func(c *Config) { c.Connections[0].Name = "" }, "no name"},
		"bad name":            {func(c *Config) { c.Connections[0].Name = "a/b" }, "path"},
		"two of a name":       {func(c *Config) { c.Connections = append(c.Connections, c.Connections[0]) }, "two connections"},
		"no client id":        {func(c *Config) { c.Connections[0].ClientID = "" }, "client id"},
		"no client secret":    {func(c *Config) { c.Connections[0].ClientSecret = Secret{} }, "client secret"},
		"no redirect URL":     {func(c *Config) { c.Connections[0].RedirectURL = "" }, "redirect URL"},
		"plain redirect URL":  {func(c *Config) { c.Connections[0].RedirectURL = "http://app.example/cb" }, "https"},
		"plain token URL":     {func(c *Config) { c.Connections[0].TokenURL = "http://api.example/" }, "https"},
		"URL with a user":     {func(c *Config) { c.Connections[0].TokenURL = "https://u:p@api.example/" }, "user"},
		"no session resolver": {func(c *Config) { c.BaseURL = "https://app.example/c" }, "SessionResolver"},
		"foreign return":      {func(c *Config) { c.ReturnTo = map[string]string{"x": "//evil.example/"} }, "ReturnTo"},
		"script return":       {func(c *Config) { c.ReturnTo = map[string]string{"x": "javascript:alert(1)"} }, "ReturnTo"},
		"backslash return":    {func(c *Config) { c.ReturnTo = map[string]string{"x": `/\evil.example`} }, "ReturnTo"},
		"script home":         {func(c *Config) { c.HomeURL = "javascript:alert(1)" }, "HomeURL"},
		"bad state dir":       {func(c *Config) { c.StateDir = filepath.Join(os.DevNull, "x") }, "state directory"},
	} {
		cfg := good()
		c.change(&cfg)
		if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.want)
		}
	}
	cfg = good()
	cfg.Store, cfg.Vault = used, keep
	if _, err := New(t.Context(), cfg); err != nil {
		t.Errorf("after the refusals the right key gives %v", err)
	}
}

func TestReseal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 20 {
			w.connect(fmt.Sprint("u", i))
		}
		w.vault.add(2)
		idleOut()
		for i := range 5 {
			w.ok(w.account(fmt.Sprint("u", i))) // sealed with the new key by themselves
		}
		w.rec("u19").Tokens.Blob[20] ^= 1
		n, err := w.m.Reseal(w.Context())
		if n != 15 || err == nil || !strings.Contains(err.Error(), "1 stored") {
			t.Errorf("resealed %d: %v", n, err) // 14 accounts and the sentinel
		}
		h, err := w.m.Health(w.Context())
		if err != nil || h.KeyUse[1] != 1 || h.KeyUse[2] != 20 || h.PrimaryKey != 2 {
			t.Errorf("key use is %v, %v", h.KeyUse, err)
		}
		w.rec("u19").Tokens.Blob[20] ^= 1
		if n, err := w.m.Reseal(w.Context()); n != 1 || err != nil {
			t.Errorf("resealed %d: %v", n, err)
		}
		delete(w.vault.keys, 1)
		m := w.manager() // starts with the new key alone
		a, err := m.Account(user("u7"), conName)
		if err != nil {
			t.Fatal(err)
		}
		w.ok(a)
	})
}

func TestEventsAreDelivered(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []EventType
	failing := true
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.run()
		time.Sleep(10 * time.Second)
		mu.Lock()
		if len(got) != 0 {
			t.Errorf("delivered in spite of errors: %v", got)
		}
		failing = false
		mu.Unlock()
		time.Sleep(2 * time.Minute)
		w.p.RevokeUser("user_ada")
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(got, []EventType{EventCreated, EventConnected, EventReauthorization}) {
			t.Errorf("delivered %v", got)
		}
		if st, err := w.store.Stats(w.Context()); err != nil || st.PendingEvents != 0 {
			t.Errorf("%d events are pending, %v", st.PendingEvents, err)
		}
	}, func(cfg *Config) {
		cfg.OnEvent = func(_ context.Context, e Event) error {
			mu.Lock()
			defer mu.Unlock()
			if failing {
				if e.Type == EventConnected {
					panic(canary)
				}
				return errors.New("away")
			}
			got = append(got, e.Type)
			return nil
		}
	})
}

func TestJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	with := func(cfg *Config) { cfg.StateDir = dir }
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		// The process dies between the journal and the commit.
		died := false
		ctx := failpoint.With(w.Context(), func(s failpoint.Step) error {
			if s == failpoint.Journaled && !died {
				died = true
				return errors.New("killed")
			}
			return nil
		})
		if _, err := a.Credential(ctx); w.keep(err) == nil {
			t.Fatal("it did not die")
		}
		if r := w.rec("ada"); r.Generation != 1 || r.Attempt == "" {
			t.Fatalf("the row is %+v", r)
		}
		second := w.cfg
		if _, err := New(w.Context(), second); err == nil {
			t.Error("two processes share a journal")
		}
		if err := w.m.Close(w.Context()); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "journal"))
		if err != nil || strings.Contains(string(raw), canary) || len(raw) == 0 {
			t.Errorf("the journal holds %q, %v", raw, err)
		}
		if st, err := os.Stat(filepath.Join(dir, "journal")); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the journal is %v, %v", st.Mode(), err)
		}
		w.m = w.manager()
		if r := w.rec("ada"); r.Generation != 2 || r.State != Active {
			t.Errorf("after the start the row is %+v", r)
		}
		w.ok(w.account("ada"))
		if _, refreshes := w.counts(); refreshes != 1 {
			t.Errorf("%d refreshes", refreshes)
		}

		// The database comes back as it was before the last commit.
		a = w.account("ada")
		idleOut()
		before := w.rec("ada")
		w.ok(a)
		time.Sleep(time.Second)
		w.store.put(before)
		w.store.last = map[Key]Record{}
		other := w.m.entry(a.key)
		other.token.Store(nil)
		other.newest.Store(0)
		w.ok(a)
		w.state("ada", Active, "")
		if _, refreshes := w.counts(); refreshes != 2 {
			t.Errorf("%d refreshes", refreshes)
		}
	}, with)
	t.Run("several generations", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		inWorld(t, func(w *world) {
			w.connect("ada")
			var old []Record
			for range 4 {
				old = append(old, w.rec("ada"))
				if _, err := w.m.Refresh(w.Context(), user("ada"), conName); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.m.Close(w.Context()); err != nil {
				t.Fatal(err)
			}
			for _, back := range []Record{old[2], old[0], old[1]} { // the database forgot
				w.store.put(back)
				w.store.last = map[Key]Record{}
				w.m = w.manager()
				if r := w.rec("ada"); r.Generation != 5 || r.State != Active {
					t.Errorf("from generation %d the journal led to %d, %s", back.Generation, r.Generation, r.State)
				}
				w.ok(w.account("ada"))
				if err := w.m.Close(w.Context()); err != nil {
					t.Fatal(err)
				}
			}
			// Older than the journal reaches back: its entries wait.
			ancient := old[0]
			ancient.Generation = -1
			w.store.put(ancient)
			w.store.last = map[Key]Record{}
			w.m = w.manager()
			if r := w.rec("ada"); r.Generation != -1 {
				t.Errorf("generation %d", r.Generation)
			}
			w.store.put(old[0])
			w.m.replayJournal(w.Context(), true)
			if r := w.rec("ada"); r.Generation != 5 {
				t.Errorf("generation %d after the database caught up", r.Generation)
			}
		}, func(cfg *Config) { cfg.StateDir = dir })
	})
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		j, err := openJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		q := CommitRequest{Key: user("ada").Key(conName), Generation: 4, Attempt: "a", Tokens: Sealed{[]byte("sealed"), 7}, ExpiresIn: time.Hour}
		added := time.Now()
		if _, err := j.add(Record{}, q, added); err != nil {
			t.Fatal(err)
		}
		j.close()
		j.close()
		if _, err := j.add(Record{}, q, time.Now()); err == nil {
			t.Error("a closed journal takes entries")
		}
		f, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.WriteString("garbage\n{\"g\":5,\"b\":\"cut")
		_ = f.Close()
		j, err = openJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer j.close()
		got, ok := j.find(Record{Key: q.Key, Generation: 4, Epoch: q.Epoch})
		if !ok || string(got.Tokens.Blob) != "sealed" || got.Tokens.KeyID != 7 || got.Attempt != "a" ||
			got.ExpiresIn > time.Hour || got.ExpiresIn < time.Hour-time.Since(added) {
			t.Errorf("found %+v, %v", got, ok)
		}
		if n := len(j.all(time.Now(), true)); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestDisconnectWhileProviderIsAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		var away atomic.Bool
		away.Store(true)
		base := w.m.conns[conName].oauth.base
		w.m.conns[conName].oauth.base = roundTrip(func(r *http.Request) (*http.Response, error) {
			if away.Load() {
				return oauthtest.Response(503, nil, ""), nil
			}
			return base.RoundTrip(r)
		})
		w.run()
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			t.Errorf("again: %v", err)
		}
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, InvalidGrant); err == nil {
			t.Error("a foreign reason was taken")
		}
		if _, err := w.m.Disconnect(w.Context(), user("bob"), conName, HostDisconnect); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown account gives %v", err)
		}
		away.Store(false)
		time.Sleep(10 * time.Minute)
		w.halt()
		if n := w.p.Counts().Revocations; n != 1 {
			t.Errorf("revoked %d", n)
		}
		w.connect("ada") // and back
		w.ok(w.account("ada"))
		w.wantEvents("ada", EventCreated, EventConnected, EventDisconnected, EventConnected)
	})
}

func TestIdleAccounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.run()
		time.Sleep(50 * time.Hour)
		_, refreshes := w.counts()
		if refreshes < 28 || refreshes > 40 { // a day of warmth, then once a day
			t.Errorf("%d refreshes in two idle days", refreshes)
		}
		w.ok(a)
		before := refreshes
		every(5*time.Hour, time.Minute, func() { w.ok(a) })
		if _, refreshes = w.counts(); refreshes-before < 6 {
			t.Errorf("%d refreshes in five hours of use", refreshes-before)
		}
	}, func(cfg *Config) { cfg.KeepWarm = nil })
}

func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.p.Script(oauthtest.Mangle(nil, func(s string) (string, error) { return strings.Replace(s, `"refresh_token"`, `"nothing"`, 1), nil }))
		a := w.connect("ada")
		w.run()
		every(55*time.Minute, time.Minute, func() { w.ok(a) })
		time.Sleep(5 * time.Minute)
		w.state("ada", Expired, NoRefreshToken)
		if err := w.get(a); !errors.Is(err, ErrAuthorizationRequired) {
			t.Errorf("the caller gets %v", err)
		}
		w.wantEvents("ada", EventCreated, EventConnected, EventReauthorization)
	})
}

func TestMinValidity(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		time.Sleep(50 * time.Minute)
		w.ok(a)
		long := a.MinValidity(30 * time.Minute)
		w.p.Script(oauthtest.Respond(503, nil, ""))
		w.ok(long) // the old one, since renewing failed
		time.Sleep(2 * time.Second)
		w.ok(long)
		if r := w.rec("ada"); r.Generation != 2 {
			t.Errorf("generation %d", r.Generation)
		}
	})
}

// TestStateMachine does random things and checks what must always hold.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	seeds := 40
	if n, err := strconv.Atoi(os.Getenv("CLOSEKIT_SEEDS")); err == nil {
		seeds = n // to explore by hand
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomLife(t, seed) })
		})
	}
}

func randomLife(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	jitter := rand.New(rand.NewPCG(seed, 2))
	w := newWorld(t, func(cfg *Config) {
		cfg.jitter = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return jitter.Float64()
		}
	})
	if r.IntN(2) == 0 {
		w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
	}
	replicas := []*Manager{w.m, w.manager(), w.manager()}
	names := []string{"ada", "bob"}
	for _, n := range names {
		w.connect(n)
	}
	w.run()
	troubles := []oauthtest.Behavior{
		oauthtest.ProcessThenRespond(500), oauthtest.Respond(503, nil, ""), oauthtest.LoseResponse, oauthtest.LoseRequest, oauthtest.Respond(429, nil, ""), oauthtest.Refuse(401, "invalid_client"),
		oauthtest.Respond(200, nil, "<html>"), oauthtest.Slow(10 * time.Second), oauthtest.Slow(31 * time.Second), oauthtest.Respond(403, nil, "blocked"), oauthtest.Honest,
		oauthtest.Mangle(nil, func(s string) (string, error) { return s[:len(s)/2], errors.New("cut") }),
	}
	var wg sync.WaitGroup
	for range 60 {
		name := names[r.IntN(len(names))]
		m := replicas[r.IntN(len(replicas))]
		a, err := m.Account(user(name), conName)
		if err != nil {
			t.Fatal(err)
		}
		switch r.IntN(10) {
		case 0, 1:
			w.p.Script(troubles[r.IntN(len(troubles))])
		case 2:
			wg.Go(func() {
				if cred, err := a.Credential(t.Context()); err == nil {
					_, err = a.Renew(t.Context(), cred)
					_ = w.keep(err)
				}
			})
		case 3:
			if r.IntN(3) == 0 {
				w.p.RevokeUser("user_" + name)
			}
		case 4:
			if r.IntN(3) == 0 {
				wg.Go(func() {
					_, err := m.Disconnect(t.Context(), user(name), conName, HostDisconnect)
					_ = w.keep(err)
				})
			}
		case 5:
			wg.Go(func() {
				f, err := m.PasteLocal(t.Context(), user(name), conName)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = f.Finish(t.Context(), w.consent(f.URL(), who(name)))
				_ = w.keep(err)
			})
		case 6:
			time.Sleep(time.Duration(r.IntN(90)) * time.Minute)
		default:
			wg.Go(func() {
				cred, err := a.Credential(t.Context())
				if w.keep(err) == nil {
					if got, _ := w.whose(cred); got.User != "user_"+name {
						t.Errorf("I3: %s got the token of %q", name, got.User)
					}
				}
			})
		}
		time.Sleep(time.Duration(r.IntN(30)) * time.Second)
	}
	wg.Wait()
	// With a healthy provider everything comes to rest: it works, or somebody
	// is told what to do.
	w.p.ClearScript()
	time.Sleep(2 * time.Hour)
	for _, name := range names {
		err := w.get(w.account(name))
		rec := w.rec(name)
		if err != nil && !errors.Is(err, ErrAuthorizationRequired) || err == nil && rec.State != Active {
			t.Errorf("in the end %s is %s (%s) and gives %v", name, rec.State, rec.Reason, err)
		}
	}
	w.end()
}

// TestHotPath measures the cached way to a credential.
func TestHotPath(t *testing.T) {
	w := newWorld(t)
	a := w.connect("ada")
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = a.Credential(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	w.end()
}

func BenchmarkCredential(b *testing.B) {
	p := oauthtest.New()
	m, err := New(b.Context(), Config{Store: NewMemoryStore(), Vault: newTestVault(1), Connections: []Connection{testConnection()}, Transport: p})
	if err != nil {
		b.Fatal(err)
	}
	f, err := m.PasteLocal(b.Context(), user("ada"), conName)
	if err != nil {
		b.Fatal(err)
	}
	callback, err := p.Consent(f.URL(), who("ada"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Finish(b.Context(), callback); err != nil {
		b.Fatal(err)
	}
	a, err := m.Account(user("ada"), conName)
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Credential(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
