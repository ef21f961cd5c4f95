package search

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// term is a word of a query or a text.
type term struct {
	stem   string
	silent bool // says nothing about tools, but phrases may have it
	proper bool // a name of a person or company, by its capital letter
	id     bool // the first part of an id, which says what kind it is
}

// silentWords returns the words that say nothing about tools.
var silentWords = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq("a an and any are as at be but by can could did do does down for from had has have he her him his how i if in into " +
		"is it its just let many may me much my no not of off on one or our out over please shall she should so some than that the their them there these they times " +
		"this those to too up us use used want was we were what when where which who whom whose why will with would you your close am been being also about") {
		m[w] = true
	}
	return m
})

// termsOf splits a text into terms.
func termsOf(text string) []term {
	var list []term
	silent := silentWords()
	for i, w := range strings.FieldsFunc(text, isBetween) {
		first, _ := utf8.DecodeRuneInString(w)
		proper := i > 0 && unicode.IsUpper(first)
		w = strings.ToLower(w)
		kind, rest, isID := strings.Cut(w, "_")
		switch {
		case isID && strings.ContainsAny(rest, "0123456789"):
			list = append(list, term{stem: stem(kind), id: true})
		case isID:
			list = append(list, termsOf(strings.ReplaceAll(w, "_", " "))...)
		default:
			if strings.ContainsAny(w, "'-") {
				w = joined.Replace(strings.TrimSuffix(strings.Trim(w, "'-"), "'s"))
			}
			if w != "" {
				list = append(list, term{stem: stem(w), silent: silent[w], proper: proper})
			}
		}
	}
	return list
}

func isBetween(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-' && r != '_'
}

var joined = strings.NewReplacer("-", "", "'", "")

// gram returns terms as one key.
func gram(list []term) string {
	if len(list) == 1 {
		return list[0].stem
	}
	stems := make([]string, len(list))
	for i, t := range list {
		stems[i] = t.stem
	}
	return strings.Join(stems, " ")
}

// stem returns a word without its ending.
func stem(w string) string {
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "sses"), len(w) > 4 && (strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "ches")):
		return w[:len(w)-2]
	case len(w) > 5 && strings.HasSuffix(w, "ing"):
		w = w[:len(w)-3]
	case len(w) > 4 && strings.HasSuffix(w, "ed"):
		w = w[:len(w)-2]
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us"):
		w = w[:len(w)-1]
	default:
		return strings.TrimSuffix(w, "e")
	}
	if n := len(w); n > 3 && w[n-1] == w[n-2] && !strings.ContainsRune("ls", rune(w[n-1])) {
		w = w[:n-1]
	}
	return strings.TrimSuffix(w, "e")
}
