package rest

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator/internal/value"
)

func TestGuesses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"groups": "group", "policies": "policy", "SMS templates": "smstemplate", "": "obj", "!": "obj", "s": "obj"} {
		if got := guessPrefix(name); got != want {
			t.Errorf("guessPrefix(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	if got := Failed(value.ErrNotObject); got.Status != 500 || !strings.Contains(string(got.Body), "JSON object") {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := (&Error{Status: 404}).Error(); got != "Not Found" {
		t.Errorf("got %q", got)
	}
}
