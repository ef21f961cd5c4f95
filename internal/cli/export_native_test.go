//go:build unix

package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

// exporter is an emulated Close whose files are on another host. Exports are done when they
// are looked at.
type exporter struct {
	srv *emulator.Server
	url string

	mu      sync.Mutex
	looked  func(w http.ResponseWriter, r *http.Request) bool // handles a look at an export
	stored  func(w http.ResponseWriter, r *http.Request) bool // handles a request to the storage
	headers []http.Header                                     // of requests to the storage
}

func newExporter(t *testing.T) *exporter {
	t.Helper()
	x := &exporter{}
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		x.headers = append(x.headers, r.Header.Clone())
		handle := x.stored
		x.mu.Unlock()
		if handle == nil || !handle(w, r) {
			x.srv.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(storage.Close)
	x.srv = emulator.New(emulator.Options{StorageURL: storage.URL})
	t.Cleanup(func() { _ = x.srv.Close() })
	err := x.srv.Seed(strings.NewReader(`{"leads": [
		{"name": "Acme", "contacts": [{"name": "Ann"}], "notes": [{"note": "met"}], "opportunities": [{"value": 700}]}, {"name": "Globex"}, {"name": "Initech"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v1/export/") {
			x.mu.Lock()
			handle := x.looked
			x.mu.Unlock()
			if handle != nil && handle(w, r) {
				return
			}
			x.srv.Advance(5 * time.Second)
		}
		x.srv.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	x.url = front.URL
	return x
}

func (x *exporter) set(looked, stored func(w http.ResponseWriter, r *http.Request) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.looked, x.stored = looked, stored
}

func (x *exporter) args(args ...string) []string {
	return append(args, "--base-url", x.url, "--api-key", x.srv.APIKey())
}

// exports returns how many exports were begun.
func (x *exporter) exports() int { return len(x.srv.Objects("exports")) }

// clean reports a credential that reached the storage, and returns how many requests did.
func (x *exporter) clean(t *testing.T) int {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, h := range x.headers {
		if h.Get("Authorization") != "" || h.Get("Cookie") != "" {
			t.Errorf("the storage got %v", h)
		}
	}
	return len(x.headers)
}

func TestExportNative(t *testing.T) {
	t.Parallel()
	x := newExporter(t)
	dir := t.TempDir()
	export := func(out string, args ...string) (text []byte, m exportManifest) {
		t.Helper()
		path := filepath.Join(dir, out)
		code, said := run(t, "", x.args(append([]string{"export", "--native", "--out", path}, args...)...)...)
		if code != 0 || !strings.Contains(said, "Close exported ") {
			t.Fatalf("%q: exit code %d: %s", args, code, said)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		about, err := os.ReadFile(path + ".manifest.json")
		if err != nil || json.Unmarshal(about, &m) != nil {
			t.Fatalf("%s, %v", about, err)
		}
		if m.Bytes != int64(len(text)) || m.ExportID == "" || m.Organization == "" || strings.Contains(string(about), "Signature") {
			t.Errorf("%q: the manifest says %s", args, about)
		}
		return text, m
	}
	text, m := export("leads.json", "leads", "--activities")
	var leads []struct {
		Name       string
		Activities []struct{ Note string }
	}
	if err := json.Unmarshal(text, &leads); err != nil || len(leads) != 3 || m.Records != 3 || !bytes.Contains(text, []byte(`"activities"`)) {
		t.Errorf("got %s and %d records, %v", text, m.Records, err)
	}
	rows := func(text []byte) [][]string {
		t.Helper()
		list, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	text, m = export("people.csv", "contacts", "--fields", "name")
	if got := rows(text); len(got) != 2 || got[1][0] != "Ann" || m.Records != 1 || m.Format != "csv" {
		t.Errorf("got %q, %+v", got, m)
	}
	text, _ = export("deals", "opportunities", "--format", "csv", "--fields", "value,status_type")
	if got := rows(text); len(got) != 2 || got[1][0] != "700" {
		t.Errorf("got %q", got)
	}
	if n := x.clean(t); n != 3 {
		t.Errorf("%d requests reached the storage", n)
	}
	for _, e := range x.srv.Objects("exports") {
		if e["send_done_email"] != false {
			t.Errorf("Close sends an email for %v", e["id"])
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 6 {
		t.Errorf("the folder has %q", left)
	}
	// An export that another program has begun.
	id, _ := x.srv.Objects("exports")[0]["id"].(string)
	if code, out := run(t, "", x.args("download", id, "-o", "-")...); code != 0 || !strings.HasPrefix(out, `[{`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out := run(t, "", x.args("download", id, "-o", filepath.Join(dir, "again.json"), "--max-bytes", "100")...); code != 1 || !strings.Contains(out, "too large") {
		t.Errorf("exit code %d: %s", code, out)
	}
	begun := x.exports()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tasks"}, "Close itself does not export"},
		{[]string{"leads", "--since", "2026-01-01"}, "cannot begin at a date"},
		{[]string{"leads", "--format", "jsonl"}, "neither json nor csv"},
		{[]string{"leads", "--activities", "--format", "csv"}, "activities only into leads"},
		{[]string{"leads", "--activities", "--out", filepath.Join(dir, "other.CSV")}, "activities only into leads"},
		{[]string{"contacts", "--activities"}, "activities only into leads"},
		{[]string{"leads", "--out", filepath.Join(dir, "leads.json")}, "exists already"},
		{[]string{"leads", "--out", "-"}, "needs a file"},
		{[]string{"leads", "--max-bytes", "0"}, "at least 1"},
	} {
		if code, out := run(t, "", x.args(append([]string{"export", "--native"}, c.args...)...)...); code != exitUsage || !strings.Contains(out, c.want) {
			t.Errorf("%q: exit code %d: %s", c.args, code, out)
		}
	}
	if code, out := run(t, "", x.args("export", "leads", "--activities")...); code != exitUsage || !strings.Contains(out, "--native") {
		t.Errorf("exit code %d: %s", code, out)
	}
	code, out := runWith(t, map[string]string{envPolicy: "egress=deny"}, "", x.args("export", "--native", "leads", "--out", filepath.Join(dir, "no.json"))...)
	if code != exitUnconfirmed || x.exports() != begun {
		t.Errorf("exit code %d, %d exports: %s", code, x.exports()-begun, out)
	}
}

// TestExportNativeStops ends the wait and the download. The same command goes on with the
// same export.
func TestExportNativeStops(t *testing.T) {
	for name, c := range map[string]struct {
		signal   syscall.Signal
		download bool
		code     int
	}{
		"Ctrl-C in the wait":     {syscall.SIGINT, false, exitInterrupted},
		"killed in the wait":     {syscall.SIGKILL, false, -1},
		"Ctrl-C in the download": {syscall.SIGINT, true, exitInterrupted},
		"killed in the download": {syscall.SIGKILL, true, -1},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExporter(t)
			out := filepath.Join(t.TempDir(), "leads.csv")
			reached := make(chan struct{})
			block := func(w http.ResponseWriter, r *http.Request) bool {
				if c.download { // a part of the file
					_, _ = w.Write([]byte("name\nTorn\n"))
					w.(http.Flusher).Flush()
				}
				reached <- struct{}{}
				<-r.Context().Done()
				return true
			}
			if c.download {
				x.set(nil, block)
			} else {
				x.set(block, nil)
			}
			command := start(t, nil, self(t), x.args("export", "leads", "--native", "--out", out)...)
			<-reached
			command.signal(c.signal)
			if _, code := command.end(); code != c.code {
				t.Errorf("exit code %d: %s", code, command.stderr.String())
			}
			if text := command.stderr.String(); c.signal == syscall.SIGINT && !strings.Contains(text, "the same command goes on with the export expo_") {
				t.Errorf("it says %s", text)
			}
			x.set(nil, nil)
			again := start(t, nil, self(t), x.args("export", "leads", "--native", "--out", out)...)
			if _, code := again.end(); code != 0 || !strings.Contains(again.stderr.String(), "going on with the export") {
				t.Fatalf("exit code %d: %s", code, again.stderr.String())
			}
			text, err := os.ReadFile(out)
			if err != nil || bytes.Count(text, []byte("\n")) != 4 || bytes.Contains(text, []byte("Torn")) {
				t.Errorf("got %q, %v", text, err)
			}
			if n := x.exports(); n != 1 {
				t.Errorf("%d exports were begun", n)
			}
			x.clean(t)
			if left, _ := filepath.Glob(out + ".*"); len(left) != 1 {
				t.Errorf("files are left: %q", left)
			}
		})
	}
}

// TestExportNativeFails has another export begun if no file comes of one, and none if the
// file is there.
func TestExportNativeFails(t *testing.T) {
	t.Parallel()
	failed := func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"expo_x","format":"csv","status":"error","n_docs_processed":0}`))
		return true
	}
	expired := func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"expo_x","format":"csv","status":"done","n_docs_processed":3,"download_url":null}`))
		return true
	}
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(code); return true }
	}
	for name, c := range map[string]struct {
		looked, stored func(http.ResponseWriter, *http.Request) bool
		args           []string
		code           int
		want           string
		exports        int
	}{
		"the export fails": {failed, nil, nil, exitJobFailed, "the same command starts another export", 2},
		"no link":          {expired, nil, nil, exitFailure, "the same command starts another export", 2},
		"the link expired": {nil, status(http.StatusForbidden), nil, exitFailure, "the same command starts another export", 2},
		"the storage":      {nil, status(http.StatusServiceUnavailable), nil, exitFailure, "the same command goes on with the export", 1},
		"too large":        {nil, nil, []string{"--max-bytes", "10"}, exitFailure, "--max-bytes", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExporter(t)
			x.set(c.looked, c.stored)
			out := filepath.Join(t.TempDir(), "leads.csv")
			args := x.args("export", "leads", "--native", "--out", out)
			if code, said := run(t, "", append(args, c.args...)...); code != c.code || !strings.Contains(said, c.want) || strings.Contains(said, "Signature") {
				t.Errorf("exit code %d: %s", code, said)
			}
			if id, _ := x.srv.Objects("exports")[0]["id"].(string); c.code == exitJobFailed {
				if code, said := run(t, "", x.args("download", id, "-o", out)...); code != c.code {
					t.Errorf("download: exit code %d: %s", code, said)
				}
			}
			x.set(nil, nil)
			if code, said := run(t, "", args...); code != 0 || x.exports() != c.exports {
				t.Errorf("exit code %d, %d exports: %s", code, x.exports(), said)
			}
			if text, err := os.ReadFile(out); err != nil || bytes.Count(text, []byte("\n")) != 4 {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	// The export was begun, and its id cannot be kept.
	x := newExporter(t)
	out := filepath.Join(t.TempDir(), "leads.csv")
	if err := os.Mkdir(out+".checkpoint", 0o700); err != nil {
		t.Fatal(err)
	}
	code, said := run(t, "", x.args("export", "leads", "--native", "--restart", "--out", out)...)
	if id, _ := x.srv.Objects("exports")[0]["id"].(string); code != exitFailure || !strings.Contains(said, "closekit download "+id) {
		t.Errorf("exit code %d: %s", code, said)
	}
	// The file is complete and cannot get its name.
	x = newExporter(t)
	out = filepath.Join(t.TempDir(), "leads.csv")
	if err := os.MkdirAll(filepath.Join(out, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := x.args("export", "leads", "--native", "--overwrite", "--out", out)
	if code, said := run(t, "", args...); code == 0 || !strings.Contains(said, "the export is complete in "+out+".partial") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if code, said := run(t, "", args...); code != 0 || x.clean(t) != 1 {
		t.Errorf("exit code %d, %d downloads: %s", code, x.clean(t), said)
	}
	if text, err := os.ReadFile(out); err != nil || bytes.Count(text, []byte("\n")) != 4 {
		t.Errorf("got %q, %v", text, err)
	}
}
