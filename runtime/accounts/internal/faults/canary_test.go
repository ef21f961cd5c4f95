//go:build unix

package faults

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// forms returns a text as it may look in a file: raw, hex, and base64 at all three
// alignments. Percent and JSON escaping leave a canary as it is.
func forms(text string) (out [][]byte) {
	out = append(out, []byte(text), []byte(hex.EncodeToString([]byte(text))), bytes.ToUpper([]byte(hex.EncodeToString([]byte(text)))))
	for shift := range 3 {
		padded := append(make([]byte, shift), text...)
		s := base64.StdEncoding.EncodeToString(padded)
		// What depends on the neighbors is left out.
		first, last := (shift*8+5)/6, len(padded)*8/6
		out = append(out, []byte(s[first:last]))
	}
	return out
}

// looker returns a function that reports secrets in what is somewhere.
func (w *world) looker(t *testing.T) func(where string, data []byte) {
	t.Helper()
	needles := append(forms(oauthtest.Canary), forms(vault.Text(w.key))...)
	return func(where string, data []byte) {
		t.Helper()
		for _, n := range needles {
			if at := bytes.Index(data, n); at >= 0 {
				t.Errorf("I10: a secret is in %s: …%q…", where, data[max(0, at-60):min(len(data), at+60)])
				return
			}
		}
	}
}

// scanFolder looks for secrets in all files of a folder, and counts the files.
func (w *world) scanFolder(t *testing.T, folder string) (files int) {
	t.Helper()
	look := w.looker(t)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		look(path, data)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

// scan looks for secrets (I10) in what the workers wrote, in the files of the
// store and of the journals, and in every column of the database.
func (w *world) scan(t *testing.T) {
	t.Helper()
	look := w.looker(t)
	look("the output of a worker", []byte(w.said()))
	files := w.scanFolder(t, w.folder)
	if !w.postgres() {
		if files == 0 {
			t.Error("there was no file to look at")
		}
		return
	}
	conn, err := pgx.Connect(t.Context(), w.where)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	seen := 0
	for _, table := range []string{"accounts", "flows", "events", "revocations", "sentinel", "health"} {
		rows, err := conn.Query(t.Context(), "select x::text from closekit_"+table+" x")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			seen++
			look("table "+table, []byte(text))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Error("there was no row to look at")
	}
}

// TestForms makes sure that the scan finds what it looks for.
func TestForms(t *testing.T) {
	t.Parallel()
	for prefix := range 4 {
		plain := append(bytes.Repeat([]byte("x"), prefix), oauthtest.Canary+".refresh.7"...)
		for name, data := range map[string][]byte{
			"raw": plain, "hex": []byte(hex.EncodeToString(plain)), "base64": []byte(base64.StdEncoding.EncodeToString(plain)),
			"base64url": []byte(base64.RawURLEncoding.EncodeToString(plain)),
		} {
			found := false
			for _, f := range forms(oauthtest.Canary) {
				found = found || bytes.Contains(data, f)
			}
			if !found {
				t.Errorf("%s after %d bytes is not found", name, prefix)
			}
		}
	}
}
