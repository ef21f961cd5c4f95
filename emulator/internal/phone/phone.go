package phone

import "strings"

// Number is a phone number.
type Number struct {
	// E164 is the number with a plus sign and the calling code.
	E164 string
	// Formatted is the number as people read it.
	Formatted string
	// Country is the ISO 3166-1 code, or empty if the digits do not tell it.
	Country string
}

// Bounds of the number of digits, with the calling code.
const (
	minDigits = 5
	maxDigits = 15
)

// separators may stand between digits.
const separators = " \t\u00a0\u202f-\u2010\u2011\u2012\u2013.()/"

// Parse reads a number in international notation, or in the notation of North
// America, whose numbers need no calling code.
func Parse(text string) (Number, bool) {
	digits, international, ok := dial(text)
	if !ok {
		return Number{}, false
	}
	if !international {
		switch {
		case len(digits) == 11 && digits[0] == '1':
		case len(digits) == 10:
			digits = "1" + digits
		default:
			return Number{}, false
		}
		if !northAmerican(digits[1:]) {
			return Number{}, false
		}
	}
	code, country := callingCode(digits)
	if code == "" || len(digits) < minDigits || len(digits) > maxDigits || len(digits) == len(code) {
		return Number{}, false
	}
	n := Number{E164: "+" + digits, Country: country}
	national := digits[len(code):]
	if code == "1" {
		n.Country = ""
		if northAmerican(national) {
			n.Country = areaCountry(national[:3])
			national = national[:3] + "-" + national[3:6] + "-" + national[6:]
		}
	}
	n.Formatted = "+" + code + " " + national
	return n, true
}

// dial returns the digits that would be dialed after the plus sign, and reports
// whether the text has a calling code.
func dial(text string) (digits string, international, ok bool) {
	s := strings.TrimSpace(text)
	if len(s) > 4 && strings.EqualFold(s[:4], "tel:") {
		s = s[4:]
	}
	if rest, plus := strings.CutPrefix(s, "+"); plus {
		s, international = rest, true
	}
	bare := strings.Map(func(r rune) rune {
		if strings.ContainsRune(separators, r) {
			return -1
		}
		return r
	}, s)
	if !international {
		for _, exit := range []string{"00", "011"} {
			if rest, has := strings.CutPrefix(bare, exit); has && len(rest) >= 8 {
				international = true
				s = strings.TrimLeft(s, separators)
				for n := len(exit); n > 0; s = s[1:] {
					if s[0] >= '0' && s[0] <= '9' {
						n--
					}
				}
				break
			}
		}
	}
	if international && !strings.HasPrefix(strings.TrimLeft(s, separators), "39") {
		s = strings.Replace(s, "(0)", "", 1) // dialed inside the country only, except in Italy
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune(separators, r):
			return "", false, false
		}
	}
	return b.String(), international, b.Len() > 0
}

// northAmerican reports whether ten digits are a number of the North American
// Numbering Plan.
func northAmerican(national string) bool {
	return len(national) == 10 && national[0] >= '2' && national[3] >= '2'
}

// Digits returns the digits of a text, and reports whether it has at least
// seven of them and nothing but them and what is written between them.
func Digits(text string) (string, bool) {
	var b strings.Builder
	for i, r := range strings.TrimSpace(text) {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && i == 0, strings.ContainsRune(separators, r):
		default:
			return "", false
		}
	}
	return b.String(), b.Len() >= 7 && b.Len() <= maxDigits+3
}

// Matches reports whether a stored number is the one that was asked for in any
// notation: with its calling code, or as it is dialed inside its country, or the
// beginning of it.
func Matches(stored, asked string) bool {
	have, _, ok := dial(stored)
	if !ok {
		return strings.EqualFold(strings.TrimSpace(stored), strings.TrimSpace(asked))
	}
	want, international, ok := dial(asked)
	if !ok {
		return false
	}
	if international {
		return strings.HasPrefix(have, want)
	}
	code, _ := callingCode(have)
	national := strings.TrimPrefix(have, code)
	trunk := strings.TrimLeft(want, "0")
	if strings.HasPrefix(have, want) || trunk != "" && strings.HasPrefix(national, trunk) {
		return true
	}
	return len(trunk) >= 7 && strings.HasSuffix(national, trunk) // without its area code
}

// Run returns the length of the phone number that a text begins with, or 0. A
// number has at least seven digits and ends where a word ends.
func Run(text string) int {
	end, digits, open := 0, 0, 0
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
			end = i + 1
		case r == '+' && i == 0:
		case r == '(':
			open++
		case r == ')':
			if open--; open < 0 {
				return finish(text, end, digits)
			}
		case strings.ContainsRune(separators, r):
		default:
			return finish(text, end, digits)
		}
	}
	return finish(text, end, digits)
}

// finish returns end if a phone number ends there.
func finish(text string, end, digits int) int {
	if digits < 7 || digits > maxDigits+3 || strings.Count(text[:end], "(") != strings.Count(text[:end], ")") {
		return 0
	}
	if rest := text[end:]; rest != "" && !strings.ContainsAny(rest[:1], " \t\r\n,)") && !strings.HasPrefix(rest, "\u00a0") {
		return 0
	}
	return end
}
