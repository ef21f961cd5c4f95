package search

import (
	"fmt"
	"strings"
	"testing"
)

// TestVocabulary tests that a phrase has one meaning, and that a tool or a verb has the
// words that it is to mean.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, w := range vocabulary() {
		to := strings.Join(w.meaning.about, " ") + fmt.Sprint(w.meaning.does)
		key := gram(w.terms)
		if key == "" {
			t.Errorf("%s: %q has no words", w.section, w.text)
		}
		if was, ok := seen[key]; ok && was != to {
			t.Errorf("%s: %q stands for %s and for %s", w.section, w.text, to, was)
		}
		seen[key] = to
		if w.section == "wanted" && len(w.meaning.about) > 0 {
			t.Errorf("wanted: %q stands for %v, which is no verb of names", w.text, w.meaning.about)
		}
	}
	if n := len(seen); n < 500 {
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
