package main

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit/internal/ptytest"
)

// TestPageOnTerminal prints the page's address on a terminal, and what waits there.
func TestPageOnTerminal(t *testing.T) {
	t.Parallel()
	master, slave := ptytest.Open(t)
	p := startAt(t, slave, nil, "--page", "127.0.0.1:0")
	p.lines = bufio.NewScanner(master)
	at := p.said(`decision is at (http://127\.0\.0\.1:\d+/\w{20,}/)$`)
	s := p.dial(client(nil), &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin})
	in := map[string]any{"lead_id": p.newLead(s)}
	if r, text := call(t, s, "close_lead_delete", in); r.IsError || !strings.Contains(text, "Not done yet") {
		t.Errorf("a call that waits: %s", text)
	}
	press(t, p.said(`waits for your decision: (`+regexp.QuoteMeta(at)+`\S+)$`))
	if r, text := call(t, s, "close_lead_delete", in); r.IsError || len(p.close.Objects("leads")) != 0 {
		t.Errorf("after the decision: %s", text)
	}
}

// TestOpenPage opens the page in the browser, with an address that leads there once: the
// arguments of the browser are for all to see.
func TestOpenPage(t *testing.T) {
	dir := t.TempDir()
	opened := filepath.Join(dir, "opened") // a pipe, so that the test waits for the browser
	if err := syscall.Mkfifo(opened, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nprintf '%s,%s' \"$1\" \"$" + envAPIKey + "\" >" + opened + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv(envAPIKey, "api_secret")
	p := start(t, nil, "--page", "127.0.0.1:0", "--open-page")
	said := p.listen()
	s := p.dial(client(nil), &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin})
	in := map[string]any{"lead_id": p.newLead(s)}
	if r, text := call(t, s, "close_lead_delete", in); r.IsError || !strings.Contains(text, "Not done yet") {
		t.Errorf("a call that waits: %s", text)
	}
	b, err := os.ReadFile(opened)
	if err != nil {
		t.Fatal(err)
	}
	address, key, _ := strings.Cut(string(b), ",")
	if key != "" {
		t.Error("the browser has the API key")
	}
	press(t, address)
	if _, status, _ := get(t, http.DefaultClient, address); status != http.StatusNotFound {
		t.Errorf("the address of the browser, again: %d", status)
	}
	if r, text := call(t, s, "close_lead_delete", in); r.IsError || len(p.close.Objects("leads")) != 0 {
		t.Errorf("after the decision: %s", text)
	}
	if log := said(); log != "" {
		t.Errorf("the log says %s", log)
	}
}
