package tty_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/ptytest"
	"github.com/closekit/closekit/internal/tty"
)

func TestIs(t *testing.T) {
	t.Parallel()
	_, slave := ptytest.Open(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for name, stream := range map[string]any{os.DevNull: null, "file": file, "pipe": read, "reader": strings.NewReader(""), "nothing": nil} {
		if tty.Is(stream) {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
	if !tty.Is(slave) {
		t.Error("a terminal is not seen as one")
	}
}
