// Package preview has what the previews of calls are made with: text in which nothing
// is hidden, values of records as people read them, and a layout for terminals.
package preview

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible returns text in which every character can be seen: what is invisible, moves
// the cursor or changes the direction of writing is replaced by its code point, as in
// ‹U+202E›. Line feeds and tabs stay. It also reports whether it replaced something.
func Visible(s string) (string, bool) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	changed := false
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "‹0x%02X›", s[i])
			changed = true
		case hidden(r):
			fmt.Fprintf(&b, "‹U+%04X›", r)
			changed = true
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String(), changed
}

// hidden reports whether a reader would not see the character, or not see where it is.
func hidden(r rune) bool {
	switch r {
	case '\n', '\t':
		return false
	case 0x00A0: // a space to the eye
		return false
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0: // fillers that draw nothing
		return true
	case 0xFE0F: // asks for the colored form of an emoji
		return false
	}
	switch {
	case r >= 0xFE00 && r <= 0xFE0E, r >= 0xE0100 && r <= 0xE01EF, r >= 0x180B && r <= 0x180F: // variation selectors
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) || !unicode.IsGraphic(r)
}

// Cut returns at most most characters of s, with the number of those left out.
func Cut(s string, most int) (string, bool) {
	n := utf8.RuneCountInString(s)
	if n <= most {
		return s, false
	}
	end := 0
	for range most {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return fmt.Sprintf("%s … %s more characters", s[:end], Count(n-most)), true
}

// Count returns a number with separators: 2,140.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// scripts are those whose letters look like those of others.
var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"Latin", unicode.Latin},
	{"Cyrillic", unicode.Cyrillic},
	{"Greek", unicode.Greek},
	{"Armenian", unicode.Armenian},
	{"Hebrew", unicode.Hebrew},
	{"Arabic", unicode.Arabic},
	{"Cherokee", unicode.Cherokee},
	{"Georgian", unicode.Georgian},
	{"Lisu", unicode.Lisu},
}

// Suspicious returns why an email address or URL may not be what it looks like, or "".
func Suspicious(address string) string {
	local, domain := "", address
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		local, domain = address[:i], address[i+1:]
	} else if _, after, ok := strings.Cut(address, "://"); ok {
		domain, _, _ = strings.Cut(after, "/")
	}
	for _, part := range strings.FieldsFunc(domain, func(r rune) bool { return r == '.' || r == '>' || r == ':' }) {
		switch found := scriptsOf(part); {
		case len(found) > 1:
			return fmt.Sprintf("the domain mixes letters of %s, which can look the same", strings.Join(found, " and "))
		case len(found) == 1 && found[0] != "Latin":
			return fmt.Sprintf("the domain is written in %s letters, which can look like Latin ones", found[0])
		case strings.HasPrefix(strings.ToLower(part), "xn--"):
			return "the domain stands for one in other letters, which can look like a known one"
		}
	}
	if found := scriptsOf(local); len(found) > 1 {
		return fmt.Sprintf("the name before the @ mixes letters of %s, which can look the same", strings.Join(found, " and "))
	}
	return ""
}

func scriptsOf(s string) []string {
	var found []string
	other := false
	for _, x := range scripts {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(x.table, r) }) {
			found = append(found, x.name)
		}
	}
	for _, r := range s {
		if r > 0x7f && unicode.IsLetter(r) && !unicode.IsOneOf(tables(), r) {
			other = true
		}
	}
	if other {
		found = append(found, "another script")
	}
	return found
}

func tables() []*unicode.RangeTable {
	list := make([]*unicode.RangeTable, len(scripts))
	for i, x := range scripts {
		list[i] = x.table
	}
	return list
}
