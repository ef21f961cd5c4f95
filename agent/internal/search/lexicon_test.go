package search

import (
	"maps"
	"strings"
	"testing"
)

// TestVocabulary tests that a phrase has one meaning, and that a tool or a verb has the
// words that it is to mean.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, table := range map[string]map[string]string{"called": called, "saidOf": saidOf, "wanted": wanted} {
		for to, list := range table {
			for from := range strings.SplitSeq(list, ", ") {
				key := gram(termsOf(from))
				if key == "" {
					t.Errorf("%s: %q: %q has no words", name, to, from)
				}
				if was, ok := seen[key]; ok && was != to {
					t.Errorf("%s: %q stands for %q and for %q", name, from, to, was)
				}
				seen[key] = to
			}
		}
	}
	for to := range wanted {
		if _, ok := verbs[to]; !ok {
			t.Errorf("wanted: %q is no verb of names", to)
		}
	}
	if n := len(maps.Collect(maps.All(seen))); n < 500 {
		t.Errorf("the vocabulary has %d words and phrases, want 500 at least", n)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	s := spelling{}
	for _, w := range []string{"contact", "opportunity", "email", "pipelin", "sequenc", "note"} {
		s.add(w)
	}
	for word, want := range map[string]string{
		"contcat": "contact", "conatct": "contact", "contct": "contact", "contaact": "contact", "oppertunty": "opportunity", "emial": "email",
		"emaik": "", // a short word with another letter may be another word
		"notes": "", "ponote": "", "context": "", "xcontact": "", "": "", "c": "",
		strings.Repeat("c", 40): "",
	} {
		if word == "" {
			continue
		}
		if got := s.nearest(word); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
