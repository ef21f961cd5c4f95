package bom_test

import (
	"errors"
	"testing"

	"github.com/closekit/closekit/internal/bom"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "\ufeff": "", "\ufeff{}": "{}", "\ufeff\ufeffa": "\ufeffa", "a\ufeff": "a\ufeff", "{}": "{}", "\x00\x00": "\x00\x00", "\xff": "\xff",
	} {
		if got, err := bom.Text([]byte(in)); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"\xff\xfe", "\xfe\xff", "\xff\xfe{\x00}\x00", "\xfe\xff\x00{\x00}", "{\x00}\x00", "\x00{\x00}"} {
		if got, err := bom.Text([]byte(in)); !errors.Is(err, bom.ErrUTF16) || got != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}
