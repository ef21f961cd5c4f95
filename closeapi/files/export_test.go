package files_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/files"
	"github.com/closekit/closekit/internal/httpx"
)

// leads creates two leads, one with a note.
func (w *world) leads(t *testing.T) {
	t.Helper()
	for _, name := range []string{"Acme", "Globex"} {
		lead, err := closeapi.LeadCreate(t.Context(), w.c, closeapi.LeadCreateParams{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if name == "Acme" {
			if _, err := closeapi.NoteCreate(t.Context(), w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Note: closekit.Some("met")}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// done starts an export and lets Close finish it.
func (w *world) done(t *testing.T) *closeapi.LeadExport {
	t.Helper()
	e, err := closeapi.ExportLeadCreate(t.Context(), w.c, closeapi.ExportLeadCreateParams{Format: closeapi.ExportFormatCSV, Type: closeapi.LeadExportTypeLeads, Fields: []string{"name"}})
	if err != nil {
		t.Fatal(err)
	}
	w.srv.Advance(5 * time.Second)
	return e
}

// clean reports a request to a storage that has a credential.
func clean(t *testing.T, w *world, requests ...*http.Request) {
	t.Helper()
	for _, r := range requests {
		for _, name := range []string{"Authorization", "Cookie", "Referer", "Proxy-Authorization"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("%s %s%s came with %s: %s", r.Method, r.Host, r.URL.Path, name, v)
			}
		}
		if strings.Contains(r.URL.String(), w.srv.APIKey()) {
			t.Errorf("%s has the key", r.URL)
		}
	}
}

func TestExportLeads(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.leads(t)
	var states []string
	var last, total int64
	var got bytes.Buffer
	info, err := files.ExportLeads(t.Context(), w.c, closeapi.ExportLeadCreateParams{
		Format: closeapi.ExportFormatJSON, Type: closeapi.LeadExportTypeLeads, IncludeActivities: closekit.Some(true),
	}, &got, files.Options{
		Waiting: func(e *closeapi.Export) {
			states = append(states, string(e.Status.Or("")))
			w.srv.Advance(5 * time.Second)
		},
		Progress: func(done, all int64) { last, total = done, all },
	})
	if err != nil {
		t.Fatal(err)
	}
	var leads []struct {
		Name       string
		Activities []struct{ Note string }
	}
	if err := json.Unmarshal(got.Bytes(), &leads); err != nil || len(leads) != 2 || len(leads[0].Activities)+len(leads[1].Activities) != 1+2 { // a lead begins with the activity Created
		t.Errorf("got %s, %v", &got, err)
	}
	if info.Bytes != int64(got.Len()) || info.Name != "leads.json" || info.ContentType != "application/json" {
		t.Errorf("got %+v for %d bytes", info, got.Len())
	}
	if len(states) != 2 || states[0] != "created" || states[1] != "done" {
		t.Errorf("the states were %q", states)
	}
	if last <= 0 || last != total || last >= info.Bytes {
		t.Errorf("the progress ended with %d of %d bytes for %d", last, total, info.Bytes)
	}
	if len(w.requests()) != 1 {
		t.Fatalf("%d requests reached the storage", len(w.requests()))
	}
	clean(t, w, w.requests()...)
	n := 0
	for _, r := range w.srv.Requests() {
		if strings.HasPrefix(r.Path, "/storage/") {
			n++
			if "http://"+r.Host != w.storage.URL || r.Header.Get("Authorization") != "" || r.Status != http.StatusOK {
				t.Errorf("the storage got %+v", r)
			}
		} else if r.Header.Get("Authorization") == "" {
			t.Errorf("%s came without a credential", r.Path)
		}
	}
	if n != 1 {
		t.Errorf("%d requests to the storage are recorded", n)
	}
}

func TestExportOpportunities(t *testing.T) {
	t.Parallel()
	w := start(t)
	lead, err := closeapi.LeadCreate(t.Context(), w.c, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.c.Post(t.Context(), "/opportunity/", map[string]any{"lead_id": lead.ID, "value": 700}, nil); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	_, err = files.ExportOpportunities(t.Context(), w.c, closeapi.ExportOpportunityCreateParams{Format: closeapi.ExportFormatCSV, Fields: []string{"value", "lead_id"}},
		&got, files.Options{Waiting: func(*closeapi.Export) { w.srv.Advance(5 * time.Second) }})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&got).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != "700" || rows[1][1] != string(lead.ID) {
		t.Errorf("got %q, %v", rows, err)
	}
}

// TestExportRedirects follows the storage to another host, without a credential: not even
// where it sends us back to Close.
func TestExportRedirects(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.leads(t)
	e := w.done(t)
	var second []*http.Request
	mirror := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		second = append(second, r.Clone(context.Background()))
		w.srv.ServeHTTP(rw, r)
	}))
	t.Cleanup(mirror.Close)
	to := func(where string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.before = func(rw http.ResponseWriter, r *http.Request) bool {
			http.Redirect(rw, r, where+r.URL.RequestURI(), http.StatusFound)
			return true
		}
	}
	to(mirror.URL)
	var got bytes.Buffer
	if _, err := files.DownloadExport(t.Context(), w.c, e.ID, &got, files.Options{}); err != nil || strings.Count(got.String(), "\n") != 3 {
		t.Errorf("got %q, %v", &got, err)
	}
	if len(second) != 1 || len(w.requests()) != 1 {
		t.Errorf("%d and %d requests", len(w.requests()), len(second))
	}
	clean(t, w, w.requests()...)
	clean(t, w, second...)

	to(w.srv.URL() + "/api/v1/me/?")
	_, err := files.DownloadExport(t.Context(), w.c, e.ID, io.Discard, files.Options{})
	refused, ok := httpx.Find[*files.StorageError](err)
	if !ok || refused.Status != http.StatusUnauthorized {
		t.Errorf("got %v", err)
	}
	all := w.srv.Requests()
	if r := all[len(all)-1]; r.Path != "/api/v1/me/" || r.Header.Get("Authorization") != "" {
		t.Errorf("the last request was %+v", r)
	}
	for _, where := range []string{"http://files.example", "https://u:p@files.example", "ftp://127.0.0.1"} {
		to(where)
		if _, err := files.DownloadExport(t.Context(), w.c, e.ID, io.Discard, files.Options{}); err == nil || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: got %v", where, err)
		}
	}
}

// TestExportHostile reads what a storage may send instead of a file.
func TestExportHostile(t *testing.T) {
	t.Parallel()
	packed := func(text []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(text)
		_ = z.Close()
		return b.Bytes()
	}
	whole := packed(bytes.Repeat([]byte("name\n"), 1000))
	for name, c := range map[string]struct {
		send func(http.ResponseWriter)
		want func(error) bool
		most int
	}{
		"plain":     {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "name\nAcme\n") }, func(err error) bool { return err == nil }, 10},
		"two parts": {func(w http.ResponseWriter) { _, _ = w.Write(append(packed([]byte("ab")), packed([]byte("cd"))...)) }, func(err error) bool { return err == nil }, 4},
		"one byte":  {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "1") }, func(err error) bool { return err != nil }, 0},
		"empty":     {func(http.ResponseWriter) {}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "empty") }, 0},
		"cut":       {func(w http.ResponseWriter) { _, _ = w.Write(whole[:len(whole)-9]) }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }, 5000},
		"changed":   {func(w http.ResponseWriter) { _, _ = w.Write(append(bytes.Clone(whole[:len(whole)-8]), "12345678"...)) }, func(err error) bool { return errors.Is(err, gzip.ErrChecksum) }, 5000},
		"bomb":      {func(w http.ResponseWriter) { _, _ = w.Write(packed(make([]byte, 20<<20))) }, func(err error) bool { return errors.Is(err, files.ErrTooLarge) }, 10_001},
		"long":      {func(w http.ResponseWriter) { _, _ = w.Write(bytes.Repeat([]byte("x"), 20_000)) }, func(err error) bool { return errors.Is(err, files.ErrTooLarge) }, 10_001},
		"nothing for ever": {func(w http.ResponseWriter) {
			for range 10_000 {
				if _, err := w.Write(packed(nil)); err != nil {
					return
				}
			}
		}, func(err error) bool { return errors.Is(err, files.ErrTooLarge) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			e := w.done(t)
			w.before = func(rw http.ResponseWriter, _ *http.Request) bool {
				c.send(rw)
				return true
			}
			var got bytes.Buffer
			info, err := files.DownloadExport(t.Context(), w.c, e.ID, &got, files.Options{MaxBytes: 10_000})
			if !c.want(err) || got.Len() > c.most || info.Bytes > 10_000 {
				t.Errorf("got %d bytes, %+v, %v", got.Len(), info, err)
			}
			if failed, ok := httpx.Find[*files.ExportError](err); err != nil && (!ok || failed.ID != e.ID) {
				t.Errorf("the error names no export: %v", err)
			}
		})
	}
}

// TestExportName takes .gz off the name of a file that was decompressed, and only then.
func TestExportName(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("name\n")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{packed.String(): "leads.csv", "name\n": "leads.csv.gz"} {
		w := start(t)
		e := w.done(t)
		w.before = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("got the header %v", r.Header)
			}
			rw.Header().Set("Content-Disposition", `attachment; filename="leads.csv.gz"`)
			_, _ = io.WriteString(rw, text)
			return true
		}
		var got bytes.Buffer
		info, err := files.DownloadExport(t.Context(), w.c, e.ID, &got, files.Options{})
		if err != nil || info.Name != want || got.String() != "name\n" {
			t.Errorf("got %q and %+v, %v; want %s", &got, info, err, want)
		}
	}
}

// TestExportStops ends the wait, and goes on with the same export.
func TestExportStops(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.leads(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := files.ExportLeads(ctx, w.c, closeapi.ExportLeadCreateParams{Format: closeapi.ExportFormatCSV, Type: closeapi.LeadExportTypeLeads},
		io.Discard, files.Options{Waiting: func(*closeapi.Export) { cancel() }})
	stopped, ok := httpx.Find[*files.ExportError](err)
	if !ok || !errors.Is(err, context.Canceled) || len(w.requests()) != 0 {
		t.Fatalf("got %v", err)
	}
	w.srv.Advance(5 * time.Second)
	var got bytes.Buffer
	if _, err := files.DownloadExport(t.Context(), w.c, stopped.ID, &got, files.Options{}); err != nil || !strings.Contains(got.String(), "Globex") {
		t.Errorf("got %s, %v", &got, err)
	}
	if n := len(w.srv.Objects("exports")); n != 1 {
		t.Errorf("there are %d exports", n)
	}
	if _, err := files.DownloadExport(t.Context(), w.c, "expo_none", io.Discard, files.Options{}); !closekit.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	w.srv.Advance(8 * 24 * time.Hour) // the link has expired
	_, err = files.DownloadExport(t.Context(), w.c, stopped.ID, io.Discard, files.Options{})
	refused, ok := httpx.Find[*files.StorageError](err)
	if !ok || refused.Status != http.StatusForbidden || strings.Contains(err.Error(), "Signature=") {
		t.Errorf("got %v", err)
	}
	w.storage.Close()
	_, err = files.DownloadExport(t.Context(), w.c, stopped.ID, io.Discard, files.Options{})
	if err == nil || strings.Contains(err.Error(), "Signature=") {
		t.Errorf("got %v", err)
	}
}

// TestExportRefused has Close say what no file comes of.
func TestExportRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.done(t)
	for patch, want := range map[string]string{
		`{"status":"error"}`:    `its state is "error"`,
		`{"download_url":null}`: "no download_url",
		`{"download_url":"http://files.example/x?Signature=s"}`: "https://",
		`{"download_url":"https://a:b@files.example/x"}`:        "https://",
		`{"download_url":"%"}`:                                  "malformed",
	} {
		front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			w.srv.ServeHTTP(rec, r)
			var o map[string]any
			if err := errors.Join(json.Unmarshal(rec.Body.Bytes(), &o), json.Unmarshal([]byte(patch), &o)); err != nil {
				t.Error(err)
			}
			rw.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(rw).Encode(o)
		}))
		c := closekit.NewClient(closekit.APIKey(w.srv.APIKey()), closekit.BaseURL(front.URL))
		_, err := files.DownloadExport(t.Context(), c, e.ID, io.Discard, files.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Signature") {
			t.Errorf("%s: got %v", patch, err)
		}
		if gone := strings.Contains(patch, "null"); errors.Is(err, files.ErrNoExportFile) != gone {
			t.Errorf("%s: got %v", patch, err)
		}
		if failed, ok := httpx.Find[*closekit.JobError](err); ok != strings.Contains(patch, "status") {
			t.Errorf("%s: got %+v", patch, failed)
		}
		front.Close()
	}
	if len(w.requests()) != 0 {
		t.Errorf("%d requests reached the storage", len(w.requests()))
	}
}
