package shape

import (
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// appendText appends the first limit characters of s as a JSON string, in which
// everything that a reader could not see is escaped: control characters, marks that
// change the direction, characters without width, tags. It returns how many
// characters were left out.
func appendText(b []byte, s string, limit int) ([]byte, int) {
	b = append(b, '"')
	n, start := 0, 0
	for i, r := range s {
		if n == limit {
			rest := utf8.RuneCountInString(s[i:])
			b = append(b, s[start:i]...)
			return append(b, `…"`...), rest
		}
		n++
		size := utf8.RuneLen(r)
		if r == utf8.RuneError && (i+size > len(s) || s[i:i+size] != "\uFFFD") {
			b = append(append(b, s[start:i]...), "\uFFFD"...)
			start = i + 1
			continue
		}
		if plain(r) {
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscaped(b, r)
		start = i + size
	}
	b = append(b, s[start:]...)
	return append(b, '"'), 0
}

func plain(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 0x20 && r != '"' && r != '\\' && r != 0x7f
	}
	return !hidden(r)
}

// hidden reports whether a character cannot be seen, or changes how others are seen.
func hidden(r rune) bool {
	switch {
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
		return true
	case 0xFE00 <= r && r <= 0xFE0E, 0xE0000 <= r && r <= 0xE0FFF, 0x180B <= r && r <= 0x180F: // U+FE0F makes an emoji colored
		return true
	}
	return r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x3164 || r == 0xFFA0
}

func appendEscaped(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return appendUnit(appendUnit(b, high), low)
	}
	return appendUnit(b, r)
}

func appendUnit(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// Quote returns the first limit characters of s as a JSON string without hidden
// characters.
func Quote(s string, limit int) string {
	b, _ := appendText(nil, s, limit)
	return string(b)
}

// Thousands writes a number as in 2,140.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
