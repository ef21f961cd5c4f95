package words

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text of another party safe for an error message: control, escape and
// bidirectional characters and invalid UTF-8 become U+FFFD, and text of more than
// most bytes is cut.
func Clean(s string, most int) string {
	cut := len(s) > most
	if cut {
		for s = s[:most]; len(s) > 0; s = s[:len(s)-1] { // do not cut a character
			if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
				break
			}
		}
	}
	s = masked(s)
	if cut {
		s += "…"
	}
	return s
}

// maxQuoted is the number of bytes of a name or value that a message repeats.
const maxQuoted = 60

// Name formats a name of another party for an error message: as it is if it is
// short and printable, otherwise quoted and cut.
func Name(s string) string {
	if len(s) <= maxQuoted && masked(s) == s {
		return s
	}
	return Quote(s)
}

// Quote quotes and cuts a value of another party.
func Quote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(s)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}

// IsLine reports whether s is one line of valid UTF-8 without control characters.
func IsLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// masked replaces control, escape and bidirectional characters and invalid UTF-8.
func masked(s string) string { return strings.Map(printable, s) }

func printable(r rune) rune {
	if strconv.IsPrint(r) {
		return r
	}
	return utf8.RuneError
}

// Redact replaces secrets in text that another party sent: a peer may echo the
// credential of the request. Secrets of less than eight bytes are ignored; they
// would be words of the text.
func Redact(s string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= 8 {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	return s
}
