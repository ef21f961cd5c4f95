// Package words holds what messages need of the English language and of
// misspelled names.
package words

import (
	"strconv"
	"strings"
	"unicode"
)

// Limits of Nearest. Names longer than maxLength are no typos, and more than
// maxCandidates would take too long to compare.
const (
	maxLength     = 128
	maxCandidates = 1000
)

// Nearest returns the candidate that is most like name, ignoring case, or "" if
// all of them differ in more than a third of its letters. It never returns the
// opposite of name, such as active for inactive.
func Nearest(name string, candidates []string) string {
	if len(name) > maxLength || len(candidates) > maxCandidates {
		return ""
	}
	best, limit := "", max(1, len(name)/3)+1
	low := strings.ToLower(name)
	for _, c := range candidates {
		if strings.EqualFold(name, c) {
			return c
		}
		if d := distance(low, strings.ToLower(c), limit); d < limit && !opposite(low, strings.ToLower(c)) {
			best, limit = c, d
		}
	}
	return best
}

// opposite reports whether one of two words in lower case is the other one negated.
func opposite(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	prefix, ok := strings.CutSuffix(a, b)
	if !ok {
		// incomplete and completed: the end may be misspelled too.
		for _, p := range []string{"un", "in", "not", "dis"} {
			rest, ok := strings.CutPrefix(a, p)
			if ok && len(rest) > 3 && !strings.HasPrefix(b, p) && distance(strings.TrimLeft(rest, "_- "), b, 3) < 3 {
				return true
			}
		}
		return false
	}
	switch strings.TrimRight(prefix, "_- ") {
	case "un", "in", "im", "dis", "de", "non", "no", "not", "never":
		return true
	}
	return false
}

// distance counts the edits from a to b, with a transposition as one. It
// returns limit for limit or more.
func distance(a, b string, limit int) int {
	if abs := len(a) - len(b); abs >= limit || -abs >= limit {
		return limit
	}
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return min(prev[len(b)], limit)
}

// WithArticle puts "a" or "an" before a noun, which can be a link in brackets. An
// initialism is read letter by letter.
func WithArticle(noun string) string {
	if noun == "sms" {
		noun = "SMS"
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(noun, "["), " ")
	first = strings.TrimSuffix(first, "]")
	if first == "" {
		return noun
	}
	vowels := "aeioAEIO" // not u: a user
	if !strings.ContainsFunc(first, unicode.IsLower) {
		vowels = "AEFHILMNORSX"
	}
	if strings.ContainsRune(vowels, rune(first[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// Count returns n with the noun in the singular or the regular plural.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
