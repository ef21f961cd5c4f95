package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shellWord quotes a name for a shell: users choose names, which can be any bytes,
// and printed commands are there to be copied.
func shellWord(s string) string {
	plain, quotable := s != "", true
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.:@+/", r):
		case r == utf8.RuneError && size == 1, !unicode.IsPrint(r), strings.ContainsRune("$`\"\\!'", r):
			plain, quotable = false, false
		default:
			plain = false
		}
	}
	switch {
	case plain:
		return s
	case quotable:
		return "'" + s + "'"
	}
	// What remains has no meaning to a shell, even in double quotes.
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte("$`\"\\!'", c) >= 0 {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
