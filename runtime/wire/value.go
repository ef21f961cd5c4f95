package wire

import (
	"slices"
	"strings"
	"unicode"
)

// value returns v as Close writes it. Close ignores a value in another case without
// an error, so a value of an open set is replaced with the only known one that it
// equals but for case and separators, and a descending order gets its sign.
func (f *field) value(v string) string {
	switch {
	case f.is(sorts):
		return f.order(v)
	case f.enum != nil && !f.is(open):
		return v // another one is a problem, with a hint
	case f.is(open):
		return f.known(v)
	}
	return v
}

// known returns the only value of the set that is v but for case and separators, v
// if there is none.
func (f *field) known(v string) string {
	if slices.Contains(f.enum, v) {
		return v
	}
	found := ""
	for _, e := range f.enum {
		if alike(e, v) {
			if found != "" {
				return v
			}
			found = e
		}
	}
	if found == "" {
		return v
	}
	return found
}

// order rewrites each part of "value desc, date_won asc" to the form of Close,
// "-value,date_won".
func (f *field) order(v string) string {
	if name, sign, ok := direction(v); ok && slices.Contains(f.enum, f.known(name)) {
		return sign + f.known(name)
	}
	parts := strings.Split(v, ",")
	for i, part := range parts {
		name, sign, ok := direction(strings.TrimSpace(part))
		if !ok {
			return v
		}
		parts[i] = sign + f.known(name)
	}
	return strings.Join(parts, ",")
}

// direction splits "-value", "value desc" or "value:asc" into the name and the sign.
// It reports false if the two contradict each other.
func direction(part string) (name, sign string, ok bool) {
	name, descending := strings.CutPrefix(part, "-")
	i := max(strings.LastIndexByte(name, ' '), strings.LastIndexByte(name, ':'))
	word := ""
	if i >= 0 {
		word = strings.ToLower(name[i+1:])
	}
	switch word {
	case "desc", "descending":
		name, descending = strings.TrimSpace(name[:i]), true
	case "asc", "ascending":
		if descending {
			return "", "", false
		}
		name = strings.TrimSpace(name[:i])
	}
	if descending {
		sign = "-"
	}
	return name, sign, true
}

// hint returns the advice for a word that is no value, "" for other words.
func (f *field) hint(v string) string {
	if f.hints == nil {
		return ""
	}
	for lines := f.hints(); lines != ""; {
		var line string
		line, lines, _ = strings.Cut(lines, "\n")
		list, advice, _ := strings.Cut(line, ": ")
		for list != "" {
			var word string
			if word, list, _ = strings.Cut(list, " "); alike(word, v) {
				return advice
			}
		}
	}
	return ""
}

// alike reports whether two words differ only in case and in the characters between
// their parts.
func alike(a, b string) bool { return strings.Map(letter, a) == strings.Map(letter, b) }

// letter returns a character in lower case, -1 for one between the parts of a word.
func letter(r rune) rune {
	if r == '_' || r == '-' || r == ' ' {
		return -1
	}
	return unicode.ToLower(r)
}
