package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

func TestUploadDownload(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	dir := t.TempDir()
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		env := map[string]string{"CLOSE_API_KEY": srv.APIKey(), "CLOSE_BASE_URL": srv.URL()}
		code := Program{}.Run(context.Background(), args, strings.NewReader(""), &out, &errs, func(name string) string { return env[name] })
		if code != want {
			t.Fatalf("%q: exit code %d, want %d\n%s%s", args, code, want, &out, &errs)
		}
		return out.String(), errs.String()
	}
	file := filepath.Join(dir, "offer.pdf")
	if err := os.WriteFile(file, []byte("%PDF a page"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(exitUsage, "upload")
	run(exitUsage, "upload", dir)
	run(exitUsage, "upload", filepath.Join(dir, "nothing"))
	run(exitUsage, "upload", file, "--max-bytes", "0")
	if _, errs := run(1, "upload", file, "--max-bytes", "5"); !strings.Contains(errs, "too large") {
		t.Errorf("got %s", errs)
	}
	if _, errs := run(exitUnconfirmed, "upload", file, "--read-only"); !strings.Contains(errs, "read-only") {
		t.Errorf("got %s", errs)
	}
	out, _ := run(0, "upload", file)
	var attachment struct {
		URL         string `json:"url"`
		Filename    string `json:"filename"`
		ContentType string `json:"content_type"`
	}
	if err := json.Unmarshal([]byte(out), &attachment); err != nil || attachment.Filename != "offer.pdf" || attachment.ContentType != "application/pdf" {
		t.Fatalf("got %s, %v", out, err)
	}
	out, _ = run(0, "call", "close_lead_create", `{"name":"Acme"}`)
	var lead struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(out), &lead); err != nil {
		t.Fatal(err)
	}
	again, _ := run(0, "upload", file, "--name", "quote.pdf")
	run(0, "call", "close_note_create", `{"lead_id":"`+lead.ID+`","note":"x","attachments":[`+again+`]}`)

	for email, want := range map[bool]int{true: 0, false: exitValidation} {
		again, _ := run(0, "upload", file, fmt.Sprint("--for-email=", email))
		run(want, "call", "close_email_create", `{"lead_id":"`+lead.ID+`","status":"draft","attachments":[`+again+`]}`)
	}

	if out, _ := run(0, "download", attachment.URL, "--output", "-"); out != "%PDF a page" {
		t.Errorf("got %q", out)
	}
	copied := filepath.Join(dir, "copy.pdf")
	run(0, "download", attachment.URL, "-o", copied)
	if got, err := os.ReadFile(copied); err != nil || string(got) != "%PDF a page" {
		t.Errorf("got %q, %v", got, err)
	}
	run(exitUsage, "download", attachment.URL, "-o", copied)
	if _, errs := run(1, "download", "https://files.example/x", "-o", filepath.Join(dir, "x")); !strings.Contains(errs, "give its id") {
		t.Errorf("got %s", errs)
	}
	srv.Advance(25 * time.Hour)
	run(1, "download", attachment.URL, "-o", filepath.Join(dir, "y"))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("the directory has %v, %v; want the file and its copy", left, err)
	}
}
