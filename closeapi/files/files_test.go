package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/files"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/httpx"
)

// world is an emulator whose files are on a second host.
type world struct {
	srv     *emulator.Server
	c       *closekit.Client
	storage *httptest.Server

	mu     sync.Mutex
	seen   []*http.Request
	before func(w http.ResponseWriter, r *http.Request) bool // handles a request to the storage
}

func start(t *testing.T, opts ...emulator.Option) *world {
	t.Helper()
	w := &world{}
	w.storage = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, r.Clone(context.Background()))
		before := w.before
		w.mu.Unlock()
		if before == nil || !before(rw, r) {
			w.srv.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(w.storage.Close)
	w.srv = emulator.Start(t, append(opts, func(o *emulator.Options) { o.StorageURL = w.storage.URL })...)
	w.c = closekit.NewClient(closekit.APIKey(w.srv.APIKey()), closekit.BaseURL(w.srv.URL()))
	return w
}

// requests returns what reached the storage.
func (w *world) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

func TestUploadAttachDownload(t *testing.T) {
	t.Parallel()
	w := start(t)
	content := bytes.Repeat([]byte("%PDF-1.7 a page "), 10_000)
	var steps []int64
	a, err := files.Upload(t.Context(), w.c, "dir/offer.pdf", bytes.NewReader(content), files.Options{Progress: func(done, total int64) {
		if total != int64(len(content)) {
			t.Errorf("the total is %d", total)
		}
		steps = append(steps, done)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Filename != "offer.pdf" || a.ContentType.Or("") != "application/pdf" || a.Size.Or(0) != len(content) {
		t.Errorf("got %+v", a)
	}
	if len(steps) < 2 || steps[len(steps)-1] != int64(len(content)) {
		t.Errorf("the progress was %v", steps)
	}
	lead, err := closeapi.LeadCreate(t.Context(), w.c, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	note, err := closeapi.NoteCreate(t.Context(), w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Note: closekit.Some("see file"), Attachments: []closeapi.Attachment{a}})
	if err != nil {
		t.Fatal(err)
	}
	w.srv.Advance(48 * time.Hour) // an attached file stays
	var got bytes.Buffer
	info, err := files.Download(t.Context(), w.c, note.Attachments[0].URL, &got, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if info != (files.Info{Name: "offer.pdf", ContentType: "application/pdf", Bytes: int64(len(content))}) || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("got %+v and %d bytes", info, got.Len())
	}
	if len(w.requests()) != 2 {
		t.Fatalf("%d requests reached the storage, want one to upload and one to download", len(w.requests()))
	}
	for _, r := range w.requests() {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || strings.Contains(r.URL.String(), w.srv.APIKey()) {
			t.Errorf("%s %s came with a credential", r.Method, r.URL.Path)
		}
	}
}

func TestUploadAgain(t *testing.T) {
	t.Parallel()
	w := start(t)
	n := 0
	w.before = func(rw http.ResponseWriter, r *http.Request) bool {
		if n++; n > 2 {
			return false
		}
		if n == 2 {
			w.srv.Advance(61 * time.Second) // the form expires under way
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	a, err := files.Upload(t.Context(), w.c, "a.txt", strings.NewReader("hello"), files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := files.Download(t.Context(), w.c, a.URL, &got, files.Options{}); err != nil || got.String() != "hello" {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

func TestUploadFails(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.before = func(rw http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		http.Error(rw, "no space", http.StatusInternalServerError)
		return true
	}
	_, err := files.Upload(t.Context(), w.c, "a.txt", strings.NewReader("hello"), files.Options{})
	refused, ok := httpx.Find[*files.StorageError](err)
	if !ok || refused.Status != 500 || !strings.Contains(refused.Detail, "no space") {
		t.Errorf("got %v", err)
	}
	if n := len(w.requests()); n != 3 {
		t.Errorf("it was tried %d times, want 3", n)
	}
	_, err = files.Upload(t.Context(), w.c, "a.txt", strings.NewReader("hello"), files.Options{MaxBytes: 4})
	if !errors.Is(err, files.ErrTooLarge) || len(w.requests()) != 3 {
		t.Errorf("got %v after %d requests", err, len(w.requests()))
	}
	w.before = func(rw http.ResponseWriter, r *http.Request) bool {
		http.Redirect(rw, r, w.srv.URL()+"/api/v1/lead/", http.StatusTemporaryRedirect)
		return true
	}
	if _, err = files.Upload(t.Context(), w.c, "a.txt", strings.NewReader("hello"), files.Options{}); err == nil {
		t.Error("a redirect of the storage was followed")
	}
}

func TestDownloadFails(t *testing.T) {
	t.Parallel()
	w := start(t)
	a, err := files.Upload(t.Context(), w.c, "a.txt", strings.NewReader("hello"), files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	get := func(from string, opts files.Options) error {
		var got bytes.Buffer
		_, err := files.Download(t.Context(), w.c, from, &got, opts)
		return err
	}
	before := len(w.requests())
	for _, from := range []string{w.storage.URL + "/storage/x", "http://files.example/x", "https://app.close.com/go/file/x/", "file:///etc/passwd", "https://u:p@api.close.com/x", "%"} {
		if err := get(from, files.Options{}); err == nil {
			t.Errorf("%s was fetched", from)
		}
	}
	if n := len(w.requests()); n != before {
		t.Errorf("%d requests were made", n-before)
	}
	if err := get(w.storage.URL+"/storage/x?Signature=s", files.Options{}); !errors.Is(err, files.ErrElsewhere) || strings.Contains(err.Error(), "Signature") {
		t.Errorf("got %v", err)
	}
	if err := get(a.URL, files.Options{MaxBytes: 4}); !errors.Is(err, files.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	w.mu.Lock()
	w.before = func(rw http.ResponseWriter, _ *http.Request) bool { // without a length
		for range 100 {
			_, _ = rw.Write(bytes.Repeat([]byte("x"), 1000))
			rw.(http.Flusher).Flush()
		}
		return true
	}
	w.mu.Unlock()
	if err := get(a.URL, files.Options{MaxBytes: 5000}); !errors.Is(err, files.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	w.mu.Lock()
	w.before = func(rw http.ResponseWriter, r *http.Request) bool {
		http.Redirect(rw, r, r.URL.String(), http.StatusFound)
		return true
	}
	w.mu.Unlock()
	if err := get(a.URL, files.Options{}); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("got %v", err)
	}
	w.srv.Advance(25 * time.Hour)
	refused, ok := httpx.Find[*files.StorageError](get(a.URL, files.Options{}))
	if !ok || refused.Status != http.StatusNotFound {
		t.Errorf("got %v, the file is to be gone after a day", refused)
	}
	lead, err := closeapi.LeadCreate(t.Context(), w.c, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closeapi.NoteCreate(t.Context(), w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Attachments: []closeapi.Attachment{a}}); err == nil {
		t.Error("a file that is gone was attached")
	}
}
