package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/bom"
)

// utf16le encodes text as Windows programs do that call it Unicode.
func utf16le(text string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// TestEncodings passes text with a byte order mark, and text in UTF-16, to everything
// that reads text.
func TestEncodings(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyFile := filepath.Join(dir, "key")
	if code, out := run(t, "", "accounts", "keygen", "--out", keyFile); code != 0 {
		t.Fatal(out)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	const lead = `{"name":"Marked"}`
	db := filepath.Join(dir, "accounts.db")
	plain := map[string]string{"CLOSE_API_KEY": srv.APIKey(), "CLOSE_BASE_URL": srv.URL(), "CLOSEKIT_DB": db}
	marked := map[string]string{
		"CLOSE_API_KEY": bom.Mark + srv.APIKey(), "CLOSE_BASE_URL": bom.Mark + srv.URL(), "CLOSEKIT_DB": bom.Mark + db, "CLOSEKIT_KEY": bom.Mark + string(key), "TZ": bom.Mark + "UTC",
		"CLOSEKIT_POLICY": bom.Mark + "write=allow",
	}
	withKeyFile := func(name, text string) map[string]string {
		return map[string]string{"CLOSEKIT_DB": db, "CLOSEKIT_KEY_FILE": file(name, text)}
	}
	for _, c := range []struct {
		name  string
		env   map[string]string
		stdin string
		args  string // separated by |
		code  int
		want  string
	}{
		{"call, standard input", plain, bom.Mark + lead, "call|close_lead_create|-", exitOK, `"name":"Marked"`},
		{"call, argument", plain, "", "call|close_lead_create|" + bom.Mark + lead, exitOK, `"name":"Marked"`},
		{"call, only a mark", plain, bom.Mark + " \n", "call|close_lead_create|-", exitValidation, "standard input is empty"},
		{"call, UTF-16", plain, utf16le(lead), "call|close_lead_create|-", exitValidation, "standard input: the text is UTF-16; save it as UTF-8"},
		{"api, standard input", plain, bom.Mark + lead, "api|POST|/lead/|-|--yes", exitOK, `"name":"Marked"`},
		{"api, argument", plain, "", "api|POST|/lead/|" + bom.Mark + lead + "|--yes", exitOK, `"name":"Marked"`},
		{"api, UTF-16", plain, utf16le(lead), "api|POST|/lead/|-|--yes", exitValidation, "save it as UTF-8"},
		{"agent call, standard input", plain, bom.Mark + lead, "agent|call|close_lead_create|-|--check", exitOK, `{"name":"Marked"}`},
		{"agent call, argument", plain, "", "agent|call|close_lead_create|" + bom.Mark + lead + "|--check", exitOK, `{"name":"Marked"}`},
		{"agent call, UTF-16", plain, utf16le(lead), "agent|call|close_lead_create|-|--check", exitValidation, "save it as UTF-8"},
		{"seed, UTF-16", nil, utf16le(`{"leads":[]}`), "emulator|--seed|-", exitFailure, "save it as UTF-8"},
		{"seed file, UTF-16", nil, "", "emulator|--seed|" + file("seed.json", utf16le(`{"leads":[]}`)), exitFailure, "save it as UTF-8"},
		{"settings", marked, "", "call|close_me_get", exitOK, `"id":"user_`},
		{"key file", withKeyFile("key1", bom.Mark+string(key)), "", "accounts|list", exitFailure, "accounts.db"}, // the key is read, the database is not there
		{"key file, UTF-16", withKeyFile("key2", utf16le(string(key))), "", "accounts|list", exitUsage, "save it as UTF-8"},
		{"key file, only a mark", withKeyFile("key3", bom.Mark+"\n"), "", "accounts|list", exitUsage, "is empty"},
		{"key in a variable", map[string]string{"CLOSEKIT_DB": db, "CLOSEKIT_KEY": bom.Mark + string(key)}, "", "accounts|list", exitFailure, "accounts.db"},
	} {
		code, out := runWith(t, c.env, c.stdin, strings.Split(c.args, "|")...)
		if code != c.code || !strings.Contains(strings.ReplaceAll(out, `": "`, `":"`), c.want) {
			t.Errorf("%s: exit code %d, want %d and %s\n%s", c.name, code, c.code, c.want, out)
		}
	}
	// The address that is pasted after a consent.
	p := &program{name: ownName, stderr: io.Discard, getenv: func(string) string { return "" }, stdin: strings.NewReader(bom.Mark + "http://127.0.0.1/callback?code=a\n" + bom.Mark + "\n")}
	var got []string
	for line := range p.lines() {
		got = append(got, line)
	}
	if len(got) != 1 || got[0] != "http://127.0.0.1/callback?code=a" {
		t.Errorf("%q", got)
	}
	secret, err := p.clientSecret(&accountFlags{secretFile: file("secret", bom.Mark+"s3cret-of-mine\n")})
	if err != nil || secret != "s3cret-of-mine" {
		t.Errorf("%q, %v", secret, err)
	}
}
