//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/closekit/closekit/emulator"
)

// TestImportSurvives kills an import while a lead is being created, once before Close has
// created it and once after, and lets it go on: every lead is there once.
func TestImportSurvives(t *testing.T) {
	srv := emulator.New(emulator.Options{})
	t.Cleanup(func() { _ = srv.Close() })
	const leads = 30
	var creates atomic.Int32
	reached := make(chan struct{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			srv.ServeHTTP(w, r)
			return
		}
		switch creates.Add(1) {
		case 7: // the process dies, and the request with it
			reached <- struct{}{}
			<-reached
			panic(http.ErrAbortHandler)
		case 15: // Close creates the lead, but the process is gone
			srv.ServeHTTP(httptest.NewRecorder(), r)
			reached <- struct{}{}
			<-reached
			panic(http.ErrAbortHandler)
		}
		srv.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	file := filepath.Join(t.TempDir(), "leads.csv")
	var b strings.Builder
	b.WriteString("\ufeffCompany,Email\r\n")
	for i := range leads {
		fmt.Fprintf(&b, "Company %02d,c%d@example.com\r\n", i, i)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--base-url", front.URL, "--api-key", srv.APIKey(), "import", "leads", file, "--yes"}
	for range 2 {
		c := start(t, nil, self(t), args...)
		<-reached
		c.signal(syscall.SIGKILL)
		reached <- struct{}{}
		if _, code := c.end(); code == 0 {
			t.Fatal("the command was not killed")
		}
		journal, err := os.OpenFile(file+".import.jsonl", os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := journal.WriteString(`{"line":99,"outc`); err != nil || journal.Close() != nil { // torn
			t.Fatal(err)
		}
	}
	c := start(t, nil, self(t), args...)
	out, code := c.end()
	if code != 0 || !strings.Contains(out, "0 lines refused") {
		t.Fatalf("exit code %d: %s %s", code, out, c.stderr.String())
	}
	count := map[string]int{}
	for _, o := range srv.Objects("leads") {
		count[o["name"].(string)]++
	}
	for i := range leads {
		if name := fmt.Sprintf("Company %02d", i); count[name] != 1 {
			t.Errorf("%s is there %d times", name, count[name])
		}
	}
	if creates.Load() != leads+1 { // one was lost before it was created
		t.Errorf("%d creates for %d leads", creates.Load(), leads)
	}
	journal, err := os.ReadFile(file + ".import.jsonl")
	if err != nil || bytes.Count(journal, []byte(`"outcome"`)) != leads {
		t.Errorf("the journal has %d outcomes: %v", bytes.Count(journal, []byte(`"outcome"`)), err)
	}
	if n := creates.Load(); n > 0 {
		again := start(t, nil, self(t), args...)
		if out, code := again.end(); code != 0 || creates.Load() != n {
			t.Errorf("again: exit code %d, %d more creates: %s", code, creates.Load()-n, out)
		}
	}
}

// TestImportStops ends an import in the middle, and says how to go on.
func TestImportStops(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leads.csv")
	if err := os.WriteFile(file, []byte("Company\nA\nB\nC\nD\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault emulator.Fault
		code  int
		want  string
	}{
		{emulator.Fault{Status: 401, Skip: 2, Times: -1}, exitAuthorization, "2 leads were created; " + file + ".import.jsonl says which, and the same command goes on from there"},
		{emulator.Fault{Status: 402, Times: -1}, exitAPI, "2 leads were created"},
		{emulator.Fault{Kind: emulator.FaultCut, AfterAction: true, Times: 1}, exitTransport, "1 leads may or may not have been created"},
	} {
		srv := emulator.Start(t)
		if c.code != exitTransport {
			_ = os.Remove(file + ".import.jsonl")
			c.fault.Skip = 2
		}
		c.fault.Tool = "close_lead_create"
		srv.Fail(c.fault)
		_ = os.Remove(file + ".import.jsonl")
		code, out := run(t, "", "import", "leads", file, "--yes", "--base-url", srv.URL(), "--api-key", srv.APIKey())
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%+v: exit code %d, want %d and %q: %s", c.fault, code, c.code, c.want, out)
		}
		srv.ClearFaults()
		code, out = run(t, "", "import", "leads", file, "--yes", "--base-url", srv.URL(), "--api-key", srv.APIKey())
		if code != 0 || len(srv.Objects("leads")) != 4 {
			t.Errorf("%+v: again: exit code %d, %d leads: %s", c.fault, code, len(srv.Objects("leads")), out)
		}
	}
}

// TestEncodingsOfImports reads what spreadsheets write, or says what to do.
func TestEncodingsOfImports(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	for name, c := range map[string]struct {
		text string
		code int
		want string
	}{
		"mark":       {"\ufeffCompany\r\nMüller\r\n", exitOK, "would create Müller"},
		"semicolons": {"Company;City\nMüller;Köln\n", exitOK, "would create Müller"},
		"tabs":       {"Company\tCity\nMüller, Söhne\tKöln\n", exitOK, "would create Müller, Söhne"},
		"latin":      {"Company\nAcme\nM\xfcller\n", exitValidation, "line 3 is not UTF-8"},
		"utf16":      {utf16le("Company\nMüller\n"), exitValidation, "save as \"CSV UTF-8\""},
		"empty":      {"", exitValidation, "is empty"},
		"header":     {"Company\n", exitValidation, "has no leads"},
		"quote":      {"Company\n\"Acme \"Inc\"\n", exitValidation, "a quote inside of a quoted cell is written twice"},
	} {
		file := filepath.Join(t.TempDir(), "leads.csv")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out := run(t, "", "import", "leads", file, "--base-url", srv.URL(), "--api-key", srv.APIKey())
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d, want %d and %q: %s", name, code, c.code, c.want, out)
		}
	}
}

// TestPlainNumber reads numbers that mean one thing.
func TestPlainNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, decimal, want string }{
		{"12", "", "12"},
		{"-5", "", "-5"},
		{"0", "", "0"},
		{"1.5", "", "1.5"},
		{"1,5", "", "1.5"},
		{"0.125", "", "0.125"},
		{"1,234,567", "", "1234567"},
		{"1.234,56", "", "1234.56"},
		{"1,234.56", "", "1234.56"},
		{"1'234", "", "1234"},
		{"1,234", "", ""},
		{"1.234", "", ""},
		{"1,234", ".", "1234"},
		{"1,234", ",", "1.234"},
		{"1.234", ".", "1.234"},
		{"1.234", ",", "1234"},
		{"1,234.5", ",", ""},
		{"1.234,5", ",", "1234.5"},
		{"007", "", ""},
		{"$5", "", ""},
		{"5 €", "", ""},
		{"1e3", "", ""},
		{"", "", ""},
		{"-", "", ""},
		{"1,23,456", "", ""},
	} {
		got, reason := plainNumber(c.text, c.decimal)
		if got != c.want || (reason == "") != (c.want != "") {
			t.Errorf("%q with %q: got %q, %s; want %q", c.text, c.decimal, got, reason, c.want)
		}
	}
}
