package manifest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// verbs are imperatives that would make a second statement of a does. Words
// that are as often nouns or adjectives, such as call and open, are not among them.
var verbs = strings.Fields(`add assign cancel change create delete edit enroll fetch find get hand keep list log
	make merge move pause pin put read remove rename replace reply reschedule resume return search send set show start stop
	store subscribe unpin unsubscribe update upload write`)

// checkDoes checks that does is one imperative sentence with one verb, because
// Go documentation inflects that verb: "Search leads." is "LeadsList searches
// leads."
func (d *toolDecl) checkDoes() {
	last := d.last("does")
	does, at := d.tool.Does, last.at("does")
	if does == "" {
		if !last.broken("does") {
			d.bad(d.key, "one sentence on what it does, for people and models", "tool %q has no does", d.tool.Name)
		}
		return
	}
	first, _ := utf8.DecodeRuneInString(does)
	body := strings.TrimSuffix(does, ".")
	if body == does || !unicode.IsUpper(first) || strings.ContainsAny(body, ";:") || strings.Contains(body, ". ") {
		last.bad(at, "for example Fetch one lead by id.", "does must be one imperative sentence, with a capital and a period")
	}
	words := strings.Fields(body)
	for i, w := range words[min(1, len(words)):] {
		before := words[i]
		follows := slices.Contains([]string{"and", "or", "then"}, before) || strings.HasSuffix(before, ",")
		if w = strings.TrimRight(w, ","); follows && slices.Contains(verbs, w) {
			last.bad(at, "say the rest in use", "does has a second verb, %q", w)
		}
	}
}
