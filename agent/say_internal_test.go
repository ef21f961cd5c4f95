package agent

import (
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestSayRecovers tests that a call whose answer cannot be made is one that was made:
// the model must not make it again.
func TestSayRecovers(t *testing.T) {
	t.Parallel()
	a, err := New(tools.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey("k"))
	p := &planned{tool: a.all["close_note_create"], name: "close_note_create", effect: closekit.Write, input: []byte(`{}`), result: &Result{JSON: []byte(`{}`)}}
	s.say(t.Context(), p) // without a parsed response
	var panicked *PanicError
	if r := p.result; !r.IsError || !errors.As(r.Err, &panicked) || !strings.Contains(r.Text, "Do not make it again") {
		t.Errorf("got %q, %v", r.Text, r.Err)
	}
}
