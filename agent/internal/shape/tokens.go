package shape

import "unicode/utf8"

// Tokens estimates how many tokens a text has for a model. It counts by kind of text,
// because a byte of English is a quarter of a token and a byte of an id more than
// half of one. On answers and responses it is within 8 percent of o200k_base, mostly
// above it.
func Tokens(b []byte) int { return (cost(b) + 99) / 100 }

// Costs in hundredths of a token.
const (
	perWord   = 100 // a word of up to seven letters
	perLetter = 20  // each letter beyond them
	perRandom = 70  // a character of an id
	perDigits = 36  // a digit of a number
	perMark   = 48  // a punctuation mark; several in a row are often one token
	perLatin  = 65  // an accented or Cyrillic letter
	perWide   = 130 // a character of three bytes, such as a Chinese one
	perRare   = 300 // a character of four bytes, such as an emoji
)

// cost is the estimate in hundredths of a token.
func cost(b []byte) int {
	sum := 0
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == ' ':
			i++
		case alnum(c):
			n, random, digits := word(b[i:])
			i += n
			switch {
			case digits == n:
				sum += 30 + n*perDigits
			case random:
				sum += 40 + n*perRandom
			default:
				sum += perWord + max(0, n-7)*perLetter
			}
		case c < utf8.RuneSelf:
			sum += perMark
			i++
		default:
			_, n := utf8.DecodeRune(b[i:])
			i += n
			sum += [...]int{0, perWide, perLatin, perWide, perRare}[n]
		}
	}
	return sum
}

func alnum(c byte) bool { return lower(c) || upper(c) || digit(c) }
func lower(c byte) bool { return 'a' <= c && c <= 'z' }
func upper(c byte) bool { return 'A' <= c && c <= 'Z' }
func digit(c byte) bool { return '0' <= c && c <= '9' }

// word returns the length of a run of letters and digits, whether it looks random, and
// how many digits it has.
func word(b []byte) (n int, random bool, digits int) {
	turns := 0
	for n < len(b) && alnum(b[n]) {
		if digit(b[n]) {
			digits++
		}
		if n > 0 && (digit(b[n]) != digit(b[n-1]) || lower(b[n-1]) && upper(b[n])) {
			turns++
		}
		n++
	}
	return n, turns > 1, digits
}
