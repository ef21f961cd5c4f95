package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/recording"
)

// TestRecord appends the calls of two commands to a file that only its owner can read.
func TestRecord(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	env := map[string]string{envAPIKey: srv.APIKey(), envBaseURL: srv.URL()}
	file := filepath.Join(t.TempDir(), "close.jsonl")
	run := func(args ...string) (code int, out, errs string) {
		var stdout, stderr bytes.Buffer
		code = Program{}.Run(t.Context(), args, nil, &stdout, &stderr, func(name string) string { return env[name] })
		return code, stdout.String(), stderr.String()
	}
	code, out, errs := run("call", "close_contact_create", "--record", file, `{"lead_id": "lead_none", "emails": [{"email": "ann@acme.example"}]}`)
	if code == 0 || !strings.Contains(errs, "recorded in "+file) {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if code, out, errs = run("api", "GET", "/me/", "--record="+file); code != 0 || !strings.Contains(out, `"id":`) {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := recording.Read(bytes.NewReader(data))
	if err != nil || len(list) != 2 || list[0].Tool != "close_contact_create" || list[0].Status != 400 || list[1].Path != "/api/v1/me/" || list[1].Status != 200 {
		t.Errorf("%v %+v", err, list)
	}
	for _, secret := range []string{srv.APIKey(), "ann@acme"} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the recording has %q", secret)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	sent := len(srv.Requests())
	if code, _, errs = run("api", "GET", "/me/", "--record", filepath.Join(file, "x")); code != exitUsage || !strings.Contains(errs, "nothing was sent") || len(srv.Requests()) != sent {
		t.Errorf("exit %d: %s", code, errs)
	}
}
