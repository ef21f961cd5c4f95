package recording_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/recording"
)

// session makes the calls that the tests record and replay.
func session(ctx context.Context, c *closekit.Client) (names []string, err error) {
	lead, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{
		Name: "Acme", Contacts: []closeapi.Contact{{
			Name: closekit.Some("Ann"), Emails: []closeapi.ContactEmail{{Email: "ann@acme.example"}},
			Phones: []closeapi.ContactPhone{{Phone: "+14155550123"}},
		}},
	})
	if err != nil {
		return nil, err
	}
	for range 2 {
		page, err := closeapi.LeadsList(ctx, c, closeapi.LeadsListParams{Query: closekit.Some("ann@acme.example")})
		if err != nil {
			return nil, err
		}
		for _, l := range page.Data {
			names = append(names, l.DisplayName)
		}
		if _, err := closeapi.LeadUpdate(ctx, c, closeapi.LeadUpdateParams{LeadID: lead.ID, Name: closekit.Some("Acme " + string(rune('A'+len(names))))}); err != nil {
			return nil, err
		}
	}
	_, err = closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: "lead_none"})
	if !errors.Is(err, closekit.ErrNotFound) {
		return nil, errors.New("a missing lead was found")
	}
	return names, nil
}

func record(t *testing.T, opts ...recording.Option) ([]byte, []string) {
	t.Helper()
	srv := emulator.Start(t)
	var buf bytes.Buffer
	rec, err := recording.New(&buf, append(opts, recording.Hide(srv.APIKey()))...)
	if err != nil {
		t.Fatal(err)
	}
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()), closekit.WithMiddleware(rec.Middleware))
	names, err := session(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Contains(buf.Bytes(), []byte(srv.APIKey())) {
		t.Error("the recording has the API key")
	}
	return buf.Bytes(), names
}

func TestRecord(t *testing.T) {
	t.Parallel()
	data, _ := record(t)
	for _, secret := range []string{"ann@", "5550123", "Basic", "uthorization"} {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the recording has %q", secret)
		}
	}
	list, dropped, err := recording.Read(bytes.NewReader(data))
	if err != nil || dropped != 0 || len(list) != 6 {
		t.Fatalf("%d exchanges, %d dropped, %v", len(list), dropped, err)
	}
	first := list[0]
	if first.Tool != "close_lead_create" || first.Method != "POST" || first.Path != "/api/v1/lead/" || first.Status != 200 || first.Attempt != 1 || first.Cut ||
		first.Header["Content-Type"] != "application/json" || !strings.Contains(string(first.Body), `"name":"Acme"`) || first.Response == nil {
		t.Errorf("%+v", first)
	}
	if last := list[5]; last.Status != 404 || !strings.Contains(last.Path, "lead_none") {
		t.Errorf("%+v", last)
	}
	// What the search asked for is the address that the lead was created with.
	address := first.Body[bytes.Index(first.Body, []byte("person-")):][:len("person-0123456789ab")]
	if !strings.Contains(list[1].Query, string(address)) || !bytes.Contains(list[1].Response, address) {
		t.Errorf("one address has several replacements: %s, %s", address, list[1].Query)
	}
	// A process that is killed leaves part of a line.
	if cut, _, err := recording.Read(bytes.NewReader(data[:len(data)-10])); err != nil || len(cut) != 5 {
		t.Errorf("a cut recording: %d exchanges, %v", len(cut), err)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	data, want := record(t)
	client := func() (*recording.Replay, *closekit.Client) {
		rep, err := recording.NewReplay(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return rep, closekit.NewClient(closekit.APIKey("api_other"), closekit.HTTPClient(&http.Client{Transport: rep}), closekit.MaxRetries(0))
	}
	rep, c := client()
	names, err := session(t.Context(), c)
	if err != nil || !slices.Equal(names, want) || len(want) != 2 {
		t.Fatalf("got %q, want %q: %v", names, want, err)
	}
	if left := rep.Left(); left != nil {
		t.Errorf("left: %q", left)
	}
	if _, err := session(t.Context(), c); err == nil || !strings.Contains(err.Error(), "were replayed") {
		t.Errorf("a second session: %v", err)
	}

	rep, c = client()
	for _, test := range []struct {
		want string
		call func() error
	}{
		{"the body of POST", func() error {
			_, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{Name: "Other"})
			return err
		}},
		{"the query of GET", func() error {
			_, err := closeapi.LeadsList(t.Context(), c, closeapi.LeadsListParams{})
			return err
		}},
		{"has no GET /api/v1/me/", func() error { _, err := closeapi.MeGet(t.Context(), c, closeapi.MeGetParams{}); return err }},
	} {
		if err := test.call(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	if len(rep.Left()) != 6 {
		t.Errorf("left after refusals: %q", rep.Left())
	}
}

// stuck is a file that takes nothing until it is released.
type stuck struct {
	release chan struct{}
	bytes.Buffer
	first bool
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.first {
		<-s.release
	}
	s.first = true
	return s.Buffer.Write(p)
}

// TestRecorderNeverWaits records onto a file that hangs, from many goroutines.
func TestRecorderNeverWaits(t *testing.T) {
	t.Parallel()
	w := &stuck{release: make(chan struct{})}
	rec, err := recording.New(w)
	if err != nil {
		t.Fatal(err)
	}
	rt := rec.Middleware(func(a *closekit.Attempt) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: a.Request}, nil
	})
	const workers, calls = 8, 400
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range calls {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.close.com/api/v1/me/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				if resp, err := rt(&closekit.Attempt{Request: req, Number: 1}); err != nil || resp.Body.Close() != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait() // the file still hangs
	close(w.release)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	list, dropped, err := recording.Read(&w.Buffer)
	if err != nil || dropped == 0 || dropped != rec.Dropped() || int64(len(list))+dropped != workers*calls {
		t.Errorf("%d exchanges, %d dropped of %d, %v", len(list), dropped, workers*calls, err)
	}
}

// TestRecorderMemory bounds what waits for a file that hangs by its size, too.
func TestRecorderMemory(t *testing.T) {
	t.Parallel()
	w := &stuck{release: make(chan struct{})}
	rec, err := recording.New(w)
	if err != nil {
		t.Fatal(err)
	}
	body := `"` + strings.Repeat("x", 1<<19) + `"`
	rt := rec.Middleware(func(a *closekit.Attempt) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: a.Request}, nil
	})
	const calls = 64 // 32 MiB
	for range calls {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.close.com/api/v1/me/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt(&closekit.Attempt{Request: req, Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(resp.Body); err != nil || string(data) != body {
			t.Fatalf("the client read %d bytes, %v", len(data), err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if dropped := rec.Dropped(); dropped < calls/3 || dropped > 2*calls/3 {
		t.Errorf("%d of %d dropped, want about half", dropped, calls)
	}
	close(w.release)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRecorderBounds(t *testing.T) {
	t.Parallel()
	data, _ := record(t, recording.MaxBody(40))
	list, _, err := recording.Read(bytes.NewReader(data))
	if err != nil || len(list) != 6 || !list[0].Cut || list[0].Response != nil || list[0].Body != nil {
		t.Fatalf("%v %+v", err, list)
	}
	data, _ = record(t, recording.MaxTotal(2000))
	list, dropped, err := recording.Read(bytes.NewReader(data))
	if err != nil || dropped == 0 || int(dropped)+len(list) != 6 || len(data) > 3100 {
		t.Errorf("%d exchanges, %d dropped, %d bytes, %v", len(list), dropped, len(data), err)
	}
}

// broken is a file whose disk is full after the header.
type broken struct{ n int }

func (b *broken) Write(p []byte) (int, error) {
	if b.n++; b.n > 1 {
		return 0, errors.New("no space")
	}
	return len(p), nil
}

func TestRecorderWriteFails(t *testing.T) {
	t.Parallel()
	rec, err := recording.New(&broken{})
	if err != nil {
		t.Fatal(err)
	}
	srv := emulator.Start(t)
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()), closekit.WithMiddleware(rec.Middleware))
	if _, err := closeapi.MeGet(t.Context(), c, closeapi.MeGetParams{}); err != nil {
		t.Errorf("the call failed with the recording: %v", err)
	}
	if err := rec.Close(); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("Close: %v", err)
	}
	if _, err := recording.New(&broken{n: 1}); err == nil {
		t.Error("a recording without a header began")
	}
}
