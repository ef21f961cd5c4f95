// Package markup tells rich text from plain text, and makes the form of rich text
// that Close stores: XHTML in one body element.
package markup

import (
	"slices"
	"strings"
)

// allowed are the elements of Close's rich text, and those around it in a document.
var allowed = []string{
	"h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "b", "strong", "i", "em", "u", "s", "code", "a", "img", "hr", "span", "br",
	"html", "head", "meta", "title", "body",
}

// PlainText returns rich text that shows text as it is, with its line breaks.
func PlainText(text string) string {
	b := []byte("<body><p>")
	for i := range len(text) {
		switch c := text[i]; {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n': // the \n follows
		case c == '\n', c == '\r':
			b = append(b, "<br/>"...)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, "</p></body>"...))
}

// Wrap puts markup into a body element, unless it has one or is a document.
func Wrap(markup string) string {
	if isDocument(markup) {
		return markup
	}
	return "<body>" + markup + "</body>"
}

// isDocument reports whether markup starts with a body or a document.
func isDocument(markup string) bool {
	rest := strings.TrimLeft(markup, " \t\r\n\uFEFF")
	for strings.HasPrefix(rest, "<!--") || strings.HasPrefix(rest, "<?") {
		end := "-->"
		if rest[1] == '?' {
			end = "?>"
		}
		_, after, ok := strings.Cut(rest, end)
		if !ok {
			return false
		}
		rest = strings.TrimLeft(after, " \t\r\n")
	}
	for _, start := range []string{"<body", "<html", "<!doctype"} {
		if len(rest) >= len(start) && strings.ToLower(rest[:len(start)]) == start {
			rest = rest[len(start):]
			return rest == "" || strings.ContainsRune("> \t\r\n/", rune(rest[0]))
		}
	}
	return false
}

// Guess returns the rich text for a text that may be either. It is markup if every
// tag is one that Close allows; otherwise it is plain text, and all of it is escaped.
// Stray < and & in markup are escaped, too.
func Guess(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		n := strings.IndexAny(text[i:], "<&")
		if n < 0 {
			b.WriteString(text[i:])
			break
		}
		b.WriteString(text[i : i+n])
		i += n
		if text[i] == '&' {
			b.WriteByte('&')
			if i++; !isEntity(text[i:]) {
				b.WriteString("amp;")
			}
			continue
		}
		size, ok := tag(text[i:])
		switch {
		case !ok:
			return PlainText(text)
		case size == 0:
			b.WriteString("&lt;")
			i++
		default:
			b.WriteString(text[i : i+size])
			i += size
		}
	}
	return b.String()
}

// tag returns the length of the tag or comment at the start of s, 0 if its < is only
// a character. It returns false for a tag that Close does not allow.
func tag(s string) (size int, ok bool) {
	if strings.HasPrefix(s, "<!--") {
		end := strings.Index(s, "-->")
		return end + len("-->"), end >= 0
	}
	i := 1
	switch {
	case i == len(s):
		return 0, true
	case s[i] == '/', s[i] == '!', s[i] == '?':
		i++
	}
	start := i
	for i < len(s) && (isLetter(s[i]) || i > start && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	name := strings.ToLower(s[start:i])
	if name == "" {
		return 0, i == 1 // 5 < 6, but not </ or <?
	}
	doctype := s[1] == '!' && name == "doctype" || s[1] == '?' && name == "xml"
	if !doctype && (s[1] == '!' || s[1] == '?' || !slices.Contains(allowed, name)) {
		return 0, false
	}
	end, ok := attributes(s[i:], doctype)
	return i + end, ok
}

// attributes returns the length of the rest of a tag. Attributes must have values:
// "a <b and c> d" has no tag. A doctype has words instead.
func attributes(s string, doctype bool) (size int, ok bool) {
	i := 0
	for {
		space := i
		for i < len(s) && strings.IndexByte(" \t\r\n", s[i]) >= 0 {
			i++
		}
		switch {
		case i == len(s):
			return 0, false
		case s[i] == '>':
			return i + 1, true
		case s[i] == '/' || s[i] == '?':
			i++
			continue
		case space == i && i > 0 && s[i-1] != '"' && s[i-1] != '\'', space == i && i == 0:
			return 0, false
		}
		value := doctype && (s[i] == '"' || s[i] == '\'')
		if !value {
			name := i
			for i < len(s) && (isLetter(s[i]) || s[i] >= '0' && s[i] <= '9' || strings.IndexByte("-_:.", s[i]) >= 0) {
				i++
			}
			if i == name {
				return 0, false
			}
			if value = i < len(s) && s[i] == '='; value {
				i++
			} else if !doctype {
				return 0, false
			}
		}
		if value {
			n := valueLen(s[i:])
			if n == 0 {
				return 0, false
			}
			i += n
		}
	}
}

// valueLen returns the length of the attribute's value at the start of s.
func valueLen(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '"' || s[0] == '\'' {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return 0
		}
		return end + 2
	}
	n := strings.IndexAny(s, " \t\r\n>\"'<")
	return max(n, 0)
}

// isEntity reports whether s, after an &, is the rest of a character reference.
func isEntity(s string) bool {
	end := strings.IndexByte(s[:min(len(s), 33)], ';')
	if end < 1 {
		return false
	}
	name := s[:end]
	if number, ok := strings.CutPrefix(name, "#"); ok {
		digits := "0123456789"
		if hex := strings.TrimLeft(number, "xX"); len(number)-len(hex) == 1 {
			number, digits = hex, "0123456789abcdefABCDEF"
		}
		return number != "" && strings.Trim(number, digits) == ""
	}
	for i := range len(name) {
		if !isLetter(name[i]) && (i == 0 || name[i] < '0' || name[i] > '9') {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
