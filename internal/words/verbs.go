package words

import (
	"slices"
	"strings"
	"unicode"
)

// Verbs that mean the same, with the usual one first. The words of one row must not
// do more harm than the first.
var verbs = [][]string{
	{"get", "fetch", "read", "show", "view", "retrieve", "describe", "display", "load", "detail", "info"},
	{"list", "search", "find", "query", "all", "index", "browse", "filter", "lookup", "look", "ls", "enumerate"},
	{"create", "add", "new", "make", "insert", "post", "log", "record", "register", "write", "save", "draft", "schedule"},
	{
		"update", "edit", "modify", "change", "patch", "set", "put", "rename", "complete", "finish", "mark", "reopen", "assign", "reassign",
		"delegate", "move", "pause", "resume", "stop", "cancel", "postpone", "snooze", "reschedule", "pin", "unpin", "reorder", "rewrite",
		"win", "lose", "unenroll", "unsubscribe", "restrict", "deactivate", "activate",
	},
	{"delete", "remove", "destroy", "erase", "drop", "discard", "trash"},
	{"merge", "combine", "dedupe", "deduplicate"},
	{"enroll", "subscribe", "start"},
	{"send", "deliver"},
	{"archive", "unarchive"},
	{"render", "preview"},
	{"share"},
	{"upsert"},
}

// Verb returns the usual verb for one that means the same, "" for other words.
func Verb(word string) string {
	for _, row := range verbs {
		if slices.Contains(row, word) {
			return row[0]
		}
	}
	return ""
}

// MisspelledVerb returns the verb that a word differs from in one letter, "" if
// there is none or several of different meaning.
func MisspelledVerb(word string) string {
	found := ""
	for _, row := range verbs {
		for _, v := range row {
			if len(word) >= 3 && len(v) >= 3 && word[0] == v[0] && distance(word, v, 2) < 2 {
				if found != "" && Verb(found) != row[0] {
					return ""
				}
				found = v
			}
		}
	}
	return found
}

// Split splits a name such as close_leads_list, leadsList or "list of leads" into
// its words, in lower case and in the singular. Words that say nothing are left out.
func Split(name string) []string {
	var list []string
	var b strings.Builder
	end := func() {
		if w := b.String(); w != "" && !slices.Contains([]string{"a", "an", "the", "of", "to", "in", "at", "by", "for", "from", "with", "and", "as", "my"}, w) {
			list = append(list, singular(w))
		}
		b.Reset()
	}
	wasLower := false
	for _, r := range strings.NewReplacer("to-do", "todo", "follow-up", "followup").Replace(name) {
		if unicode.IsUpper(r) && wasLower {
			end()
		}
		wasLower = unicode.IsLower(r)
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		} else {
			end()
		}
	}
	end()
	return list
}

func singular(w string) string {
	switch {
	case w == "people":
		return "person"
	case w == "sms", w == "mms", w == "ls", len(w) < 4, strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
		return w
	case strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "uses"):
		return w[:len(w)-2]
	}
	return strings.TrimSuffix(w, "s")
}

// Misspelled returns the only candidate that a word differs from in one letter, in
// two of a long word; "" if there is none, or if the word is the opposite.
func Misspelled(word string, candidates []string) string {
	limit := 2
	if len(word) >= 8 {
		limit = 3
	}
	found, best := "", limit
	if len(word) < 4 {
		return ""
	}
	for _, c := range candidates {
		if d := distance(word, c, limit); c != word && d < limit && d <= best && !opposite(word, c) {
			if d == best && found != c && found != "" {
				return ""
			}
			found, best = c, d
		}
	}
	return found
}
