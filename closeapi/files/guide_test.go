package files_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/files"
)

// The guide, docs/files.md, has the functions below.

func noteWithFile(ctx context.Context, c *closekit.Client, lead closeapi.LeadID, name string) (*closeapi.Note, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	attachment, err := files.Upload(ctx, c, name, f, files.Options{})
	if err != nil {
		return nil, err
	}
	return closeapi.NoteCreate(ctx, c, closeapi.NoteCreateParams{
		LeadID:      lead,
		Note:        closekit.Some("Our offer"),
		Attachments: []closeapi.Attachment{attachment},
	})
}

func save(ctx context.Context, c *closekit.Client, a closeapi.Attachment, name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = files.Download(ctx, c, a.URL, f, files.Options{MaxBytes: 10 << 20})
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name)) // it may have a part of the file
	}
	return nil
}

// TestGuide runs the code of the guide, and compares it with the guide.
func TestGuide(t *testing.T) {
	t.Parallel()
	w := start(t)
	content := bytes.Repeat([]byte("page "), 3<<20)
	dir := t.TempDir()
	large, small := filepath.Join(dir, "large.txt"), filepath.Join(dir, "small.txt")
	for name, data := range map[string][]byte{large: content, small: content[:100]} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lead, err := closeapi.LeadCreate(t.Context(), w.c, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{large: files.ErrTooLarge, small: nil} {
		note, err := noteWithFile(t.Context(), w.c, lead.ID, name)
		if err != nil || len(note.Attachments) != 1 {
			t.Fatalf("%s: %+v, %v", name, note, err)
		}
		if a := note.Attachments[0]; a.Filename != filepath.Base(name) {
			t.Errorf("it is called %s", a.Filename)
		}
		to := name + ".copy"
		if err := save(t.Context(), w.c, note.Attachments[0], to); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		got, err := os.ReadFile(to)
		if want == nil && (err != nil || !bytes.Equal(got, content[:100])) || want != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}

	page, err := os.ReadFile("../../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) != 2 {
		t.Errorf("the guide has %d blocks of code", len(blocks))
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("it is not in guide_test.go:\n%s", code)
		}
	}
}
