package webhooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts/vault"
	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/sqlitestore"
)

var leadKinds = []webhooks.Kind{
	{ObjectType: "lead", Action: "created"}, {ObjectType: "lead", Action: "updated"}, {ObjectType: "lead", Action: "deleted"},
}

func newVault(t testing.TB) *vault.Vault {
	t.Helper()
	text, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// host is a program that receives the events of an organization.
type host struct {
	*org
	journal
	store webhooks.Store
	keys  *webhooks.Keys
	once  webhooks.Once
	srv   *httptest.Server
	want  webhooks.Want
}

// newHost starts a receiver. The stores are those of a program that was just installed.
func newHost(t testing.TB, o *org) *host {
	t.Helper()
	store, err := sqlitestore.Open(filepath.Join(t.TempDir(), "webhooks.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h := &host{org: o, store: store, keys: webhooks.NewKeys(store, newVault(t))}
	h.once = webhooks.Leased(store, 0, h.handle)
	receiver, err := webhooks.NewReceiver(webhooks.Config{Keys: h.keys.Lookup, Once: h.once})
	if err != nil {
		t.Fatal(err)
	}
	h.srv = httptest.NewServer(receiver)
	t.Cleanup(h.srv.Close)
	h.want = webhooks.Want{Tenant: "acme", Organization: o.Organizations()[0].ID, URL: h.srv.URL + "/hook", Kinds: leadKinds, Now: o.Now}
	return h
}

func (h *host) ensure(want webhooks.Action) *webhooks.Ensured {
	h.t.Helper()
	e, err := webhooks.Ensure(context.Background(), h.client, h.keys, h.want, h.once)
	if err != nil {
		h.t.Fatal(err)
	}
	if e.Action != want {
		h.t.Errorf("Ensure: got %s, want %s", e.Action, want)
	}
	return e
}

func (h *host) handled(want string) {
	h.t.Helper()
	h.wait()
	if got := h.text(); got != want {
		h.t.Errorf("handled: %s\nwant: %s", got, want)
	}
}

// TestEnsureAndReceive creates a subscription and receives what the emulator delivers, once.
func TestEnsureAndReceive(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	e := h.ensure(webhooks.Created)
	if e.CaughtUp != nil {
		t.Error("a first subscription missed nothing")
	}
	h.SetWebhookMode(emulator.WebhookMode{Duplicate: true})
	id := h.lead("Acme")
	h.rename(id, "Acme Inc")
	h.handled("created Acme, updated Acme Inc")
	want(t, "responses", h.statuses(), "200 200 200 200")
	h.ensure(webhooks.Kept)

	rows, err := h.store.Subscriptions(t.Context(), "acme")
	if err != nil || len(rows) != 1 || rows[0].ID != e.ID || rows[0].URL != h.want.URL || len(rows[0].Sealed) < 64 {
		t.Errorf("the store has %+v, %v", rows, err)
	}
	// Out of order.
	h.SetWebhookMode(emulator.WebhookMode{Reverse: true})
	h.lead("one")
	h.lead("two")
	h.handled("created Acme, updated Acme Inc, created two, created one")
	// The function fails, and Close delivers again.
	h.SetWebhookMode(emulator.WebhookMode{})
	h.breaks(errors.New("down"))
	h.lead("three")
	h.wait()
	h.breaks(nil)
	h.Advance(time.Minute)
	h.handled("created Acme, updated Acme Inc, created two, created one, created three")
}

// TestEnsureCorrects corrects events and status, and reads what a pause has missed.
func TestEnsureCorrects(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	id := h.ensure(webhooks.Created).ID
	h.want.Kinds = leadKinds[:2]
	want(t, "the id", h.ensure(webhooks.Corrected).ID, id)
	h.want.Kinds = []webhooks.Kind{leadKinds[1], leadKinds[0], {ObjectType: "activity.note", Action: "created"}}
	h.ensure(webhooks.Corrected)
	h.want.Kinds[2].ObjectType = "note" // the same, as Close also writes it
	h.ensure(webhooks.Kept)
	h.want.Kinds[0].ExtraFilter = json.RawMessage(`{"type":"field_accessor","field":"data", "filter":{"type":"non_null"}}`)
	h.ensure(webhooks.Corrected)
	h.want.Kinds[0].ExtraFilter = json.RawMessage(`{"field":"data","filter":{"type":"non_null"},"type":"field_accessor"}`)
	h.ensure(webhooks.Kept)
	h.want.InsecureTLS = true
	h.ensure(webhooks.Corrected)
	h.ensure(webhooks.Kept)

	h.lead("before")
	h.handled("created before")
	path := "/webhook/" + id + "/"
	if err := h.client.Put(t.Context(), path, map[string]any{"status": "paused"}, nil); err != nil {
		t.Fatal(err)
	}
	h.lead("paused")
	h.handled("created before")
	e := h.ensure(webhooks.Corrected)
	h.handled("created before, created paused")
	if e.CaughtUp == nil || e.CaughtUp.First != 1 {
		t.Errorf("caught up: %+v", e.CaughtUp)
	}
	h.lead("after")
	h.handled("created before, created paused, created after")
	// Another subscription with the URL is reported and left alone.
	other := h.post("/webhook/", map[string]any{"url": h.want.URL, "events": []any{map[string]any{"object_type": "contact", "action": "created"}}})["id"].(string)
	if e := h.ensure(webhooks.Kept); !slices.Equal(e.Others, []string{other}) || e.ID != id {
		t.Errorf("got %+v", e)
	}
}

// TestEnsureWithoutKey finds a subscription whose key was lost with the store. Close does
// not show it, so that the subscription is replaced, and what it missed is read.
func TestEnsureWithoutKey(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	h := newHost(t, o)
	old := h.ensure(webhooks.Created).ID
	h.lead("before")
	h.handled("created before")

	lost := newHost(t, o)
	lost.want.URL = h.want.URL
	lost.srv.Config.Handler, h.srv.Config.Handler = h.srv.Config.Handler, lost.srv.Config.Handler
	h.lead("between") // the new receiver has no key
	h.wait()
	want(t, "responses", h.statuses(), "200 401")
	e := lost.ensure(webhooks.Replaced)
	if e.ID == old {
		t.Error("the subscription was not replaced")
	}
	lost.handled("created before, created between") // it knows nothing of the first receiver
	lost.lead("after")
	lost.handled("created before, created between, created after")
	lost.ensure(webhooks.Kept)

	// The key is there, but another vault sealed it.
	lost.keys = webhooks.NewKeys(lost.store, newVault(t))
	lost.ensure(webhooks.Replaced)
	rows, err := lost.store.Subscriptions(t.Context(), "")
	if err != nil || len(rows) != 1 {
		t.Errorf("the store has %d rows, %v", len(rows), err)
	}
	lost.handled("created before, created between, created after") // marked
}

// TestEnsureGone makes a subscription whose key was stored by hand and which Close no
// longer has. Nothing tells since when events are missing.
func TestEnsureGone(t *testing.T) {
	t.Parallel()
	for _, caller := range []bool{false, true} { // who reads the log
		h := newHost(t, newOrg(t))
		h.want.Missed = time.Hour
		gone := webhooks.Subscription{ID: testID, Tenant: h.want.Tenant, Organization: h.want.Organization, Key: signingKey(t, testKey)}
		if err := h.keys.Save(t.Context(), h.want.URL, gone); err != nil {
			t.Fatal(err)
		}
		h.lead("long ago")
		h.Advance(2 * time.Hour)
		h.lead("missed")
		h.Advance(10 * time.Minute)
		once := h.once
		if caller {
			h.once = nil
		}
		e := h.ensure(webhooks.Created)
		if caller {
			if _, err := webhooks.CatchUp(t.Context(), h.client, h.store, webhooks.Log{Tenant: h.want.Tenant, Kinds: h.want.Kinds, Now: h.Now}, once); err != nil {
				t.Fatal(err)
			}
		} else if e.CaughtUp == nil || e.CaughtUp.First != 1 {
			t.Errorf("caught up: %+v", e.CaughtUp)
		}
		h.handled("created missed")
		if _, err := h.store.Subscription(t.Context(), testID); !errors.Is(err, webhooks.ErrNotFound) {
			t.Errorf("the old row: %v", err)
		}
	}
}

// TestEnsurePausedWithoutLog resumes a subscription whose key was stored by hand. The
// caller reads the log.
func TestEnsurePausedWithoutLog(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	hook := h.post("/webhook/", map[string]any{"url": h.want.URL, "events": []any{map[string]any{"object_type": "lead", "action": "created"}}})
	id := hook["id"].(string)
	key := signingKey(t, hook["signature_key"].(string))
	if err := h.keys.Save(t.Context(), h.want.URL, webhooks.Subscription{ID: id, Tenant: h.want.Tenant, Organization: h.want.Organization, Key: key}); err != nil {
		t.Fatal(err)
	}
	if err := h.client.Put(t.Context(), "/webhook/"+id+"/", map[string]any{"status": "paused"}, nil); err != nil {
		t.Fatal(err)
	}
	h.lead("paused")
	h.Advance(10 * time.Minute)
	once := h.once
	h.once = nil
	h.ensure(webhooks.Corrected)
	if _, err := webhooks.CatchUp(t.Context(), h.client, h.store, webhooks.Log{Tenant: h.want.Tenant, Kinds: h.want.Kinds, Now: h.Now}, once); err != nil {
		t.Fatal(err)
	}
	h.handled("created paused")
}

// forgetful is a store that cannot read checkpoints for a while.
type forgetful struct {
	webhooks.Store
	err error
}

func (s *forgetful) Checkpoint(ctx context.Context, name string) (time.Time, error) {
	if s.err != nil {
		return time.Time{}, s.err
	}
	return s.Store.Checkpoint(ctx, name)
}

// TestEnsureCheckpointUnknown does not take a checkpoint that cannot be read for none: a
// new one would leave out what is missing.
func TestEnsureCheckpointUnknown(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	id := h.ensure(webhooks.Created).ID
	if err := h.client.Delete(t.Context(), "/webhook/"+id+"/", nil); err != nil {
		t.Fatal(err)
	}
	h.lead("missed")
	h.Advance(100 * time.Hour) // longer than Missed
	store := &forgetful{h.store, errors.New("the database is away")}
	keys := webhooks.NewKeys(store, newVault(t))
	if _, err := webhooks.Ensure(t.Context(), h.client, keys, h.want, h.once); !errors.Is(err, store.err) {
		t.Errorf("got %v", err)
	}
	h.ensure(webhooks.Created)
	h.handled("created missed")
}

// TestEnsureReadsKey finds a subscription whose creation was interrupted, at a Close that
// shows keys later.
func TestEnsureReadsKey(t *testing.T) {
	t.Parallel()
	o := newOrg(t)
	shown := map[string]string{}
	var mu sync.Mutex
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec := httptest.NewRecorder()
		o.ServeHTTP(rec, req)
		body := rec.Body.Bytes()
		var hook map[string]any
		if json.Unmarshal(body, &hook) == nil && strings.HasPrefix(req.URL.Path, "/api/v1/webhook/") && req.Method != http.MethodDelete {
			mu.Lock()
			id, _ := hook["id"].(string)
			if key, ok := hook["signature_key"].(string); ok {
				shown[id] = key
			} else if shown[id] != "" {
				hook["signature_key"] = shown[id]
				body, _ = json.Marshal(hook)
			}
			mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	}))
	defer proxy.Close()
	o.client = closekit.NewClient(closekit.APIKey(o.APIKey()), closekit.BaseURL(proxy.URL))
	h := newHost(t, o)
	id := o.post("/webhook/", map[string]any{"url": h.want.URL, "events": []any{map[string]any{"object_type": "lead", "action": "created"}}})["id"].(string)
	o.lead("missed")
	o.wait()
	want(t, "the id", h.ensure(webhooks.Learned).ID, id)
	h.handled("created missed")
	h.lead("after")
	h.handled("created missed, created after")
	h.ensure(webhooks.Kept)
}

// TestEnsureInterrupted ends an Ensure at each of its requests. The next one repairs what
// is left, and no event is lost.
func TestEnsureInterrupted(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		for _, after := range []bool{false, true} { // Close has done it, and the response is lost
			t.Run(fmt.Sprint(n, after), func(t *testing.T) {
				t.Parallel()
				o := newOrg(t)
				old := newHost(t, o)
				old.ensure(webhooks.Created)
				h := newHost(t, o)
				h.want.URL = old.want.URL
				old.srv.Config.Handler, h.srv.Config.Handler = h.srv.Config.Handler, old.srv.Config.Handler
				calls := 0
				broken := o.client.With(nil, closekit.MaxRetries(0), closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
					return func(a *closekit.Attempt) (*http.Response, error) {
						if calls++; calls <= n {
							return next(a)
						}
						if after && calls == n+1 {
							if res, err := next(a); err == nil {
								_, _ = io.Copy(io.Discard, res.Body)
								_ = res.Body.Close()
							}
						}
						return nil, errors.New("the process died")
					}
				}))
				h.lead("before")
				h.wait()
				if _, err := webhooks.Ensure(t.Context(), broken, h.keys, h.want, h.once); err == nil {
					t.Fatal("Ensure was not interrupted")
				}
				h.lead("between")
				h.wait()
				e, err := webhooks.Ensure(t.Context(), o.client, h.keys, h.want, h.once)
				if err != nil {
					t.Fatal(err)
				}
				h.lead("after")
				h.handled("created before, created between, created after")
				var list struct{ Data []struct{ ID string } }
				if err := o.client.Get(t.Context(), "/webhook/", &list); err != nil || len(list.Data) != 1 || list.Data[0].ID != e.ID {
					t.Errorf("Close has %+v, %v", list, err)
				}
			})
		}
	}
}

// TestEnsureAtOnce has several replicas ensure the same subscription.
func TestEnsureAtOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	var wg sync.WaitGroup
	ids := make(chan string, 4)
	for range 4 {
		wg.Go(func() {
			e, err := webhooks.Ensure(context.Background(), h.client, h.keys, h.want, h.once)
			if err != nil {
				t.Error(err)
				return
			}
			ids <- e.ID
		})
	}
	wg.Wait()
	close(ids)
	one := <-ids
	for id := range ids {
		want(t, "the id", id, one)
	}
}

// TestEnsureLimit explains why there is no place, and leaves other 400s alone.
func TestEnsureLimit(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	for i := range webhooks.MaxSubscriptions {
		h.post("/webhook/", map[string]any{"url": fmt.Sprint("https://x.example/", i), "events": []any{map[string]any{"object_type": "lead", "action": "created"}}})
	}
	_, err := webhooks.Ensure(t.Context(), h.client, h.keys, h.want, h.once)
	var limit *webhooks.LimitError
	if !errors.As(err, &limit) || limit.Count != 40 || !closekit.IsValidation(err) || !strings.Contains(err.Error(), "allows 40") {
		t.Errorf("got %v", err)
	}
	h = newHost(t, newOrg(t))
	h.want.URL = "ftp://x"
	_, err = webhooks.Ensure(t.Context(), h.client, h.keys, h.want, h.once)
	if errors.As(err, &limit) || !closekit.IsValidation(err) {
		t.Errorf("got %v", err)
	}
	for _, w := range []webhooks.Want{{URL: "https://x", Kinds: leadKinds}, {Tenant: "a", Kinds: leadKinds}, {Tenant: "a", URL: "https://x"}} {
		if _, err := webhooks.Ensure(t.Context(), h.client, h.keys, w, nil); err == nil {
			t.Errorf("%+v is accepted", w)
		}
	}
}

// TestEnsureOtherTenant does not take over the subscription of another tenant.
func TestEnsureOtherTenant(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t))
	h.ensure(webhooks.Created)
	h.want.Tenant = "beta"
	if _, err := webhooks.Ensure(t.Context(), h.client, h.keys, h.want, h.once); err == nil || !strings.Contains(err.Error(), `tenant "acme"`) {
		t.Errorf("got %v", err)
	}
}

// TestKeyRotated accepts the new key of a subscription and of the vault, and not the old.
func TestKeyRotated(t *testing.T) {
	t.Parallel()
	store := webhooks.NewMemory(0)
	text, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	before, err := vault.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	keys := webhooks.NewKeys(store, before)
	now := time.Now()
	keys.SetNow(func() time.Time { return now })
	old, renewed := signingKey(t, testKey), signingKey(t, strings.Repeat("ab", 32))
	save := func(k *webhooks.Keys, key webhooks.SigningKey) {
		t.Helper()
		if err := k.Save(t.Context(), "https://x.example", webhooks.Subscription{ID: testID, Tenant: "acme", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	d := newDesk(t, func(cfg *webhooks.Config) { cfg.Keys = keys.Lookup })
	b := func(id string) string { return body(id, first, "created", id) }
	signed := func(key webhooks.SigningKey, id string) int {
		return d.send(b(id), key.Sign(stamp, []byte(b(id))), stamp)
	}
	want(t, "before there is a key", signed(old, "ev_0"), 401)
	save(keys, old)
	want(t, "the first key", signed(old, "ev_1"), 200)
	save(keys, renewed)
	want(t, "the old key", signed(old, "ev_2"), 401)
	want(t, "the new key", signed(renewed, "ev_2"), 200)
	// Another process replaces it: it is noticed within a minute.
	save(webhooks.NewKeys(store, before), old)
	now = now.Add(time.Minute)
	want(t, "the key of the other process", signed(old, "ev_3"), 200)
	// The clock is set back: what is kept in memory is not kept for longer.
	save(webhooks.NewKeys(store, before), renewed)
	now = now.Add(-time.Hour)
	want(t, "after the clock was set back", signed(renewed, "ev_4"), 200)

	// The key of the vault is replaced.
	text, id, err := vault.Add(text)
	if err == nil {
		text, err = vault.Promote(text, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	after, err := vault.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	keys2 := webhooks.NewKeys(store, after)
	for _, n := range []int{1, 0} {
		if got, err := keys2.Reseal(t.Context()); err != nil || got != n {
			t.Errorf("Reseal: got %d, %v; want %d", got, err, n)
		}
	}
	row, err := store.Subscription(t.Context(), testID)
	if err != nil || row.KeyID != id || bytes.Contains(row.Sealed, []byte{0xab, 0xab, 0xab}) {
		t.Errorf("got %+v, %v", row, err)
	}
	d = newDesk(t, func(cfg *webhooks.Config) { cfg.Keys = keys2.Lookup })
	want(t, "with the new vault", signed(renewed, "ev_5"), 200)
	// A row that was moved to another tenant does not open.
	row.Tenant = "beta"
	if err := store.SaveSubscription(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t, func(cfg *webhooks.Config) { cfg.Keys = webhooks.NewKeys(store, after).Lookup })
	want(t, "a row of another tenant", signed(renewed, "ev_6"), 503)
	if err := keys2.Remove(t.Context(), testID); err != nil {
		t.Fatal(err)
	}
	if _, err := keys2.Lookup(t.Context(), testID); !errors.Is(err, webhooks.ErrNotFound) {
		t.Errorf("after Remove: %v", err)
	}
}
