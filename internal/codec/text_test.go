package codec

import (
	"errors"
	"testing"

	"github.com/closekit/closekit/internal/bom"
)

func TestCheckJSONText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		``:                                "",
		`{"a":"é \u00e9 😀 \ud83d\ude00"}`: "",
		`"\\ud800"`:                       "",
		`"\\\ud800"`:                      `half of a character, \ud800, at byte 3`,
		`"Acme\uD800"`:                    `half of a character, \ud800, at byte 5`,
		`"\ud800\ud800\udc00"`:            `half of a character, \ud800, at byte 1`,
		`"\udc00"`:                        `half of a character, \udc00, at byte 1`,
		`"\ude00\ud83d"`:                  `half of a character, \ude00, at byte 1`,
		`"\ud83dx"`:                       `half of a character, \ud83d, at byte 1`,
		`"\ud83d\n"`:                      `half of a character, \ud83d, at byte 1`,
		"\"Caf\xe9\"":                     "byte 0xe9 at byte 4",
		"\"\xed\xa0\x80\"":                "byte 0xed at byte 1",
		"\"\xc3":                          "byte 0xc3 at byte 1",
		"\xff\xfe{\x00}\x00":              bom.ErrUTF16.Error(),
		"\xfe\xff\x00{\x00}":              bom.ErrUTF16.Error(),
		"{\x00}\x00":                      bom.ErrUTF16.Error(),
		"\x00{\x00}":                      bom.ErrUTF16.Error(),
		`"\u12`:                           "",
		`"\`:                              "",
	} {
		got := ""
		if err := CheckJSONText([]byte(in)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestAppendAnyString(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": `""`, "a\"é\n": `"a\"é\n"`, "Caf\xe9!": "\"Caf\xe9!\"", "\xff\xff": "\"\xff\xff\"", "\uFFFD": "\"\uFFFD\""} {
		if got := string(AppendAnyString(nil, in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
		var bad *BadTextError
		if err := CheckText(want); errors.As(err, &bad) != (in == "Caf\xe9!" || in == "\xff\xff") {
			t.Errorf("%q: %v", in, err)
		}
	}
}
