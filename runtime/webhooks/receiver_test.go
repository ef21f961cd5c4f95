package webhooks_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/webhooks"
)

const first = "2026-01-01T00:00:00.000001"

// TestSignature signs as the documentation says, with code of its own.
func TestSignature(t *testing.T) {
	t.Parallel()
	raw, err := hex.DecodeString(testKey)
	if err != nil {
		t.Fatal(err)
	}
	body := body("ev_1", first, "created", "Acme")
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(stamp + body))
	d := newDesk(t, nil)
	want(t, "status", d.send(body, hex.EncodeToString(mac.Sum(nil)), stamp), 200)
	want(t, "handled", d.text(), "created Acme")
}

// TestForged refuses what is not signed with the key, and does nothing.
func TestForged(t *testing.T) {
	t.Parallel()
	good := body("ev_1", first, "created", "Acme")
	d := newDesk(t, nil)
	hash := d.key.Sign(stamp, []byte(good))
	text := hmac.New(sha256.New, []byte(testKey)) // the digits as the key
	text.Write([]byte(stamp + good))
	flipped := []byte(hash)
	flipped[0] ^= 1
	for name, c := range map[string]struct{ body, hash, stamp string }{
		"no hash":          {good, "", stamp},
		"no timestamp":     {good, hash, ""},
		"another hash":     {good, strings.Repeat("0", 64), stamp},
		"one bit":          {good, string(flipped), stamp},
		"short hash":       {good, hash[:62], stamp},
		"not hexadecimal":  {good, "z" + hash[1:], stamp},
		"the text as key":  {good, hex.EncodeToString(text.Sum(nil)), stamp},
		"timestamp moved":  {good, hash, stamp[:9] + "1"},
		"timestamp signed": {good, hash, "+" + stamp},
		"body changed":     {strings.Replace(good, "Acme", "Evil", 1), hash, stamp},
		"body with a tail": {good + " ", hash, stamp},
		"empty":            {"", d.key.Sign(stamp, nil), stamp},
		"no JSON":          {"hello", d.key.Sign(stamp, []byte("hello")), stamp},
	} {
		want(t, name, d.send(c.body, c.hash, c.stamp), 401)
	}
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(good))
	req.Header["Close-Sig-Hash"] = []string{hash, hash}
	req.Header.Set("Close-Sig-Timestamp", stamp)
	want(t, "two hashes", d.serve(req), 401)
	want(t, "GET", d.serve(httptest.NewRequest(http.MethodGet, "/", nil)), 405)
	want(t, "handled", d.text(), "")
	if strings.Contains(d.log.text(), "Acme") {
		t.Error("the log has the content of a delivery")
	}
}

// TestReplayed responds with success to what was handled before, and does it once.
func TestReplayed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for range 3 {
		want(t, "status", d.deliver(body("ev_1", first, "created", "Acme")), 200)
	}
	// Another spelling of the date is the same event.
	want(t, "status", d.deliver(body("ev_1", first+"+00:00", "created", "Acme")), 200)
	want(t, "handled", d.text(), "created Acme")
	// A consolidated event has the same id and a later date.
	want(t, "status", d.deliver(body("ev_1", "2026-01-01T00:00:09", "updated", "Acme Inc")), 200)
	want(t, "handled", d.text(), "created Acme, updated Acme Inc")
}

// TestReordered hands on what comes in any order, and tells which event is newer.
func TestReordered(t *testing.T) {
	t.Parallel()
	var name, order string
	d := newDesk(t, func(cfg *webhooks.Config) {
		cfg.Once = webhooks.Leased(webhooks.NewMemory(0), 0, func(_ context.Context, d *webhooks.Delivery) error {
			if lead, ok := d.Event.AsLead(); ok && d.Order() > order {
				name, order = lead.After.Name.Or(""), d.Order()
			}
			return nil
		})
	})
	for i, c := range []struct{ date, name string }{
		{"2026-01-01T00:00:01", "one"}, {"2026-01-01T00:00:03.5", "three"}, {"2026-01-01T02:00:02+02:00", "two"}, {"2026-01-01T00:00:00.9", "zero"},
	} {
		want(t, "status", d.deliver(body(fmt.Sprint("ev_", i), c.date, "updated", c.name)), 200)
	}
	want(t, "name", name, "three")
}

// TestOversized refuses large bodies, with and without a length, before it reads more.
func TestOversized(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(cfg *webhooks.Config) { cfg.MaxBody = 4096 })
	large := body("ev_1", first, "created", strings.Repeat("x", 4096))
	want(t, "with a length", d.deliver(large), 413)
	read := 0
	req := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(large), counting{&read}))
	req.ContentLength = -1
	req.Header.Set("Close-Sig-Hash", d.key.Sign(stamp, []byte(large)))
	req.Header.Set("Close-Sig-Timestamp", stamp)
	want(t, "without a length", d.serve(req), 413)
	if read > 4096 {
		t.Errorf("%d bytes were read beyond the limit", read)
	}
	want(t, "one that fits", d.deliver(body("ev_2", first, "created", "Acme")), 200)
	want(t, "handled", d.text(), "created Acme")
	// The default is 8 MB.
	d = newDesk(t, nil)
	want(t, "8 MB", d.deliver(body("ev_1", first, "created", strings.Repeat("x", 8<<20))), 413)
	want(t, "7 MB", d.deliver(body("ev_1", first, "created", strings.Repeat("x", 7<<20))), 200)
}

// counting counts what is read from an endless body.
type counting struct{ n *int }

func (c counting) Read(p []byte) (int, error) {
	*c.n += len(p)
	return len(p), nil
}

// hidden is a response without the methods for deadlines, as some middleware makes it.
type hidden struct{ http.ResponseWriter }

// TestSlow ends the wait for a client that does not send its body, with and without
// deadlines of the connection, and serves others meanwhile.
func TestSlow(t *testing.T) {
	t.Parallel()
	for _, hides := range []bool{false, true} {
		d := newDesk(t, func(cfg *webhooks.Config) { cfg.ReadTimeout = 100 * time.Millisecond })
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if hides {
				w = hidden{w}
			}
			d.ServeHTTP(w, req)
		}))
		defer srv.Close()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nClose-Sig-Hash: %s\r\nClose-Sig-Timestamp: 1\r\nContent-Length: 100\r\n\r\n{", strings.Repeat("0", 64))
		want(t, "meanwhile", d.deliver(body("ev_1", first, "created", "Acme")), 200)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		want(t, "status", res.StatusCode, 408)
	}
}

// TestTruncated refuses a body that ends early.
func TestTruncated(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	srv := httptest.NewServer(d)
	defer srv.Close()
	good := body("ev_1", first, "created", "Acme")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nClose-Sig-Hash: %s\r\nClose-Sig-Timestamp: %s\r\nContent-Length: %d\r\n\r\n%s",
		d.key.Sign(stamp, []byte(good)), stamp, len(good), good[:len(good)/2])
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	want(t, "status", res.StatusCode, 400)
	want(t, "handled", d.text(), "")
	// Half a body whose half is signed is no JSON.
	want(t, "signed half", d.deliver(good[:len(good)/2]), 401)
}

// TestWrongTenant keeps tenants apart: keys, marks and organizations.
func TestWrongTenant(t *testing.T) {
	t.Parallel()
	other := signingKey(t, strings.Repeat("ff", 32))
	d := newDesk(t, nil)
	d = newDesk(t, func(cfg *webhooks.Config) {
		cfg.Keys = webhooks.Fixed(
			webhooks.Subscription{ID: testID, Tenant: "acme", Organization: "orga_1", Key: d.key},
			webhooks.Subscription{ID: "whsub_2", Tenant: "beta", Organization: "orga_2", Key: other},
			webhooks.Subscription{ID: "whsub_3", Tenant: "none"},
		)
	})
	acme := body("ev_1", first, "created", "Acme")
	want(t, "signed by the other tenant", d.send(acme, other.Sign(stamp, []byte(acme)), stamp), 401)
	beta := strings.Replace(acme, testID, "whsub_2", 1)
	want(t, "the other subscription", d.send(beta, d.key.Sign(stamp, []byte(beta)), stamp), 401)
	want(t, "an event of the other organization", d.send(beta, other.Sign(stamp, []byte(beta)), stamp), 401)
	for _, id := range []string{"whsub_9", "whsub_3", "", "../x", strings.Repeat("w", 200)} {
		b := strings.Replace(acme, testID, id, 1)
		want(t, id, d.send(b, d.key.Sign(stamp, []byte(b)), stamp), 401)
	}
	want(t, "handled", d.text(), "")
	// The other tenant cannot use up the mark of an event.
	beta = strings.Replace(beta, "orga_1", "orga_2", 1)
	want(t, "the other tenant's own", d.send(beta, other.Sign(stamp, []byte(beta)), stamp), 200)
	want(t, "the same event id", d.deliver(acme), 200)
	want(t, "handled", d.text(), "created Acme, created Acme")
}

// TestClockSetBack handles everything whatever the clock says, unless a limit is set.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	signed := time.Unix(1767225600, 0)
	for _, c := range []struct {
		maxAge, ahead time.Duration
		status        int
	}{
		{0, 400 * 24 * time.Hour, 200},
		{0, -400 * 24 * time.Hour, 200},
		{5 * time.Minute, 0, 200},
		{5 * time.Minute, 5 * time.Minute, 200},
		{5 * time.Minute, 5*time.Minute + time.Second, 401},
		{5 * time.Minute, -5 * time.Minute, 200},
		{5 * time.Minute, -5*time.Minute - time.Second, 401}, // our clock was set back
	} {
		d := newDesk(t, func(cfg *webhooks.Config) {
			cfg.MaxAge, cfg.Now = c.maxAge, func() time.Time { return signed.Add(c.ahead) }
		})
		want(t, fmt.Sprint(c), d.deliver(body("ev_1", first, "created", "Acme")), c.status)
	}
	d := newDesk(t, func(cfg *webhooks.Config) { cfg.MaxAge = time.Hour })
	huge := "999999999999999"
	b := body("ev_1", first, "created", "Acme")
	want(t, "a timestamp of the far future", d.send(b, d.key.Sign(huge, []byte(b)), huge), 401)
}

// TestFailures makes Close repeat what was not handled.
func TestFailures(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	b := body("ev_1", first, "created", "Acme")
	d.breaks(errors.New("the disk is full"))
	want(t, "an error", d.deliver(b), 500)
	d.breaks(nil)
	want(t, "the repetition", d.deliver(b), 200)
	want(t, "handled", d.text(), "created Acme")
	if !strings.Contains(d.log.text(), "the disk is full") {
		t.Errorf("the log does not say why: %s", d.log.text())
	}

	store := webhooks.NewMemory(0)
	d = newDesk(t, func(cfg *webhooks.Config) {
		cfg.Once = webhooks.Leased(store, 0, func(context.Context, *webhooks.Delivery) error { panic("secret") })
	})
	want(t, "a panic", d.deliver(b), 500)
	if strings.Contains(d.log.text(), "secret") {
		t.Error("the log has the value of a panic")
	}
	d = newDesk(t, func(cfg *webhooks.Config) { cfg.Once = webhooks.Leased(store, 0, d.handle) })
	want(t, "after a panic", d.deliver(b), 200)

	d = newDesk(t, func(cfg *webhooks.Config) {
		cfg.Keys = func(context.Context, string) (webhooks.Subscription, error) {
			return webhooks.Subscription{}, errors.New("down")
		}
	})
	want(t, "no key store", d.deliver(b), 503)
	d = newDesk(t, func(cfg *webhooks.Config) {
		cfg.Once = func(context.Context, *webhooks.Delivery) (bool, error) { return false, errors.New("down") }
	})
	want(t, "no store", d.deliver(b), 503)
	for _, event := range []string{
		`null`, `{}`, `[]`, `{"id": "ev_1", "object_type": "lead", "action": "created"}`, `{"object_type":"lead","action":"created","date_updated":"2026-01-01T00:00:00"}`,
	} {
		b := `{"subscription_id": "` + testID + `", "event": ` + event + `}`
		want(t, event, newDesk(t, nil).deliver(b), 400)
	}
}

// TestInFlight refuses more deliveries at once than the limit.
func TestInFlight(t *testing.T) {
	t.Parallel()
	began, end := make(chan struct{}), make(chan struct{})
	d := newDesk(t, func(cfg *webhooks.Config) {
		cfg.InFlight = 1
		cfg.Once = func(context.Context, *webhooks.Delivery) (bool, error) {
			began <- struct{}{}
			<-end
			return true, nil
		}
	})
	status := make(chan int)
	go func() { status <- d.deliver(body("ev_1", first, "created", "Acme")) }()
	<-began
	want(t, "the second", d.deliver(body("ev_2", first, "created", "Acme")), 503)
	close(end)
	want(t, "the first", <-status, 200)
	go func() { status <- d.deliver(body("ev_3", first, "created", "Acme")) }()
	<-began
	want(t, "the third", <-status, 200)
}

// TestKeyIsNotPrinted tries every way to print a key.
func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := signingKey(t, testKey)
	sub := webhooks.Subscription{ID: testID, Key: key}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, key, &key, sub, &sub)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", key, "sub", sub)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", key, "sub", sub)
	text, err := json.Marshal(sub)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if err := gob.NewEncoder(&out).Encode(key); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{testKey[2:20], strings.ToUpper(testKey[2:20]), "17 34 51", "\x11\x22\x33"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is in %s", out.String())
		}
	}
	for _, bad := range []string{"", "00", testKey + "00", strings.Repeat("z", 64)} {
		if _, err := webhooks.ParseSigningKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
