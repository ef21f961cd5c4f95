package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shellWord writes a word so that a shell reads it as it is: names are chosen by
// others and can be any bytes, and commands with them are printed to be copied.
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
	// Nothing in here means anything to a shell, in double quotes either.
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
