package codec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/closekit/closekit/internal/bom"
)

// BadTextError reports bytes that are not UTF-8, or an escape in JSON that is half
// of a character.
type BadTextError struct {
	Offset int    // in bytes from the start
	What   string // the byte or escape
}

func (e *BadTextError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// CheckJSONText returns [bom.ErrUTF16], or a [*BadTextError] for the first character in
// JSON that has no meaning. Decoding would replace it without notice.
func CheckJSONText(b []byte) error {
	if bom.IsUTF16(b) {
		return bom.ErrUTF16
	}
	if !utf8.Valid(b) {
		return CheckText(string(b))
	}
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\\')
		if n < 0 || i+n+1 >= len(b) {
			return nil
		}
		i += n
		if b[i+1] != 'u' {
			i += 2
			continue
		}
		r := hex4(b[i+2:])
		if r < 0 || !utf16.IsSurrogate(r) {
			i += 2
			continue
		}
		rest, both := bytes.CutPrefix(b[i+6:], []byte(`\u`))
		if !both || utf16.DecodeRune(r, hex4(rest)) == utf8.RuneError {
			return &BadTextError{i, "half of a character, " + strings.ToLower(string(b[i:i+6])) + ","}
		}
		i += 12
	}
}

// CheckText returns a [*BadTextError] for the first byte that is not UTF-8.
func CheckText(s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	for i := 0; ; {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			return &BadTextError{i, fmt.Sprintf("byte 0x%02x", s[i])}
		}
		i += n
	}
}

// AppendAnyString appends s as a JSON string and keeps bytes that are not UTF-8, so
// that a later check can report them.
func AppendAnyString(b []byte, s string) []byte {
	b = append(b, '"')
	for s != "" {
		n := 0
		for n < len(s) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			n += size
		}
		quoted := AppendString(nil, s[:n])
		b = append(b, quoted[1:len(quoted)-1]...)
		if s = s[n:]; s != "" {
			b = append(b, s[0])
			s = s[1:]
		}
	}
	return append(b, '"')
}
