package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator"
)

// TestOrganizationGuide runs the lines of the guide about closekit.
func TestOrganizationGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/organizations.md")
	if err != nil {
		t.Fatal(err)
	}
	srv := emulator.Start(t)
	env := map[string]string{envAPIKey: srv.APIKey(), envBaseURL: srv.URL()}
	lock := filepath.Join(t.TempDir(), "acme.lock.json")
	ran := 0
	for line := range strings.Lines(string(guide)) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "closekit ")
		if !ok {
			continue
		}
		var out, errs bytes.Buffer
		code := Program{}.Run(t.Context(), strings.Fields(strings.ReplaceAll(args, "acme.lock.json", lock)), nil, &out, &errs, func(name string) string { return env[name] })
		if code != exitOK {
			t.Errorf("%s exits with %d: %s", line, code, errs.String())
		}
		ran++
	}
	if info, err := os.Stat(lock); ran < 2 || err != nil || info.Size() == 0 {
		t.Errorf("%d lines ran: %v", ran, err)
	}
}
