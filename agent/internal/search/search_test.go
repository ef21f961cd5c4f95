package search_test

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent/internal/search"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/closeapi/tools"
)

func all() []*tool.Tool {
	var list []*tool.Tool
	for _, t := range tools.All() {
		list = append(list, tool.OfCatalog(t))
	}
	return list
}

type question struct {
	want []string // none: nothing fits
	text string
	held bool // in the half that tuning must not look at
}

func questions(t *testing.T, file string) []question {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []question
	for s := bufio.NewScanner(f); s.Scan(); {
		want, text, ok := strings.Cut(s.Text(), "\t")
		if !ok {
			continue
		}
		h := fnv.New32a()
		h.Write([]byte(text))
		q := question{text: text, held: h.Sum32()%2 == 1}
		if want != "-" {
			q.want = strings.Split(want, "|")
		}
		list = append(list, q)
	}
	return list
}

// found reports whether a wanted tool is among the first n hits.
func found(hits []search.Hit, want []string, n int) bool {
	return slices.ContainsFunc(hits[:min(n, len(hits))], func(h search.Hit) bool {
		return slices.ContainsFunc(append([]string{h.Name}, h.Also...), func(name string) bool { return slices.Contains(want, name) })
	})
}

// TestRecall measures how often the tool that a question needs is among the first
// five hits. Misses are told only of the half that may be looked at.
func TestRecall(t *testing.T) {
	t.Parallel()
	x := search.New(all(), tools.Catalog().Lexicon())
	type counts struct{ asked, first, five, ten, empty, rejected int }
	var halves [2]counts
	for _, q := range questions(t, "questions.txt") {
		half := &halves[0]
		if q.held {
			half = &halves[1]
		}
		hits := x.Search(q.text, 10)
		if q.want == nil {
			half.empty++
			if len(hits) == 0 {
				half.rejected++
			} else if !q.held {
				t.Logf("%q fits nothing, got %v", q.text, hits[:min(2, len(hits))])
			}
			continue
		}
		half.asked++
		if found(hits, q.want, 1) {
			half.first++
		}
		if found(hits, q.want, 10) {
			half.ten++
		}
		if found(hits, q.want, 5) {
			half.five++
		} else if !q.held {
			t.Logf("%q: want %v, got %v", q.text, q.want, hits[:min(5, len(hits))])
		}
	}
	for i, name := range []string{"tuned", "held out"} {
		c := halves[i]
		recall := float64(c.five) / float64(c.asked)
		t.Logf("%s: %d questions, recall@1 %.3f, @5 %.3f, @10 %.3f; %d of %d that fit nothing got nothing",
			name, c.asked, float64(c.first)/float64(c.asked), recall, float64(c.ten)/float64(c.asked), c.rejected, c.empty)
		if recall < 0.92 {
			t.Errorf("%s: recall@5 is %.3f, want 0.92 at least", name, recall)
		}
		if c.asked < 80 {
			t.Errorf("%s: %d questions, want 80 at least", name, c.asked)
		}
	}
	if rejected, empty := halves[0].rejected+halves[1].rejected, halves[0].empty+halves[1].empty; rejected*10 < empty*8 {
		t.Errorf("%d of %d questions that fit nothing got nothing, want 80 %% at least", rejected, empty)
	}
}

// TestRecallOfFresh measures the questions that were written afterwards, set by set.
func TestRecallOfFresh(t *testing.T) {
	t.Parallel()
	list := all()
	x := search.New(list, tools.Catalog().Lexicon())
	for _, file := range []string{"fresh.txt", "fresh2.txt", "fresh3.txt", "fresh4.txt"} {
		var asked, first, five, ten, empty, rejected int
		for _, q := range questions(t, file) {
			hits := x.Search(q.text, 10)
			if q.want == nil {
				empty++
				if len(hits) == 0 {
					rejected++
				} else {
					t.Logf("%q fits nothing, got %v", q.text, hits[:min(2, len(hits))])
				}
				continue
			}
			if !slices.ContainsFunc(list, func(one *tool.Tool) bool { return slices.Contains(q.want, one.Name) }) {
				continue
			}
			asked++
			if found(hits, q.want, 1) {
				first++
			}
			if found(hits, q.want, 10) {
				ten++
			}
			if found(hits, q.want, 5) {
				five++
			} else {
				t.Logf("%q: want %v, got %v", q.text, q.want, hits[:min(5, len(hits))])
			}
		}
		recall := float64(five) / float64(asked)
		t.Logf("%s: %d questions, recall@1 %.3f, @5 %.3f, @10 %.3f; %d of %d that fit nothing got nothing", file, asked, float64(first)/float64(asked), recall, float64(ten)/float64(asked), rejected, empty)
		if asked < 50 || recall < 0.92 {
			t.Errorf("%s: recall@5 of %d questions is %.3f, want 0.92 at least", file, asked, recall)
		}
		if rejected*10 < empty*8 {
			t.Errorf("%s: %d of %d questions that fit nothing got nothing, want 80 %% at least", file, rejected, empty)
		}
	}
}

// TestBestHit tests what the ranking goes by, one question for each.
func TestBestHit(t *testing.T) {
	t.Parallel()
	x := search.New(all(), tools.Catalog().Lexicon())
	for _, c := range []struct{ why, words, want string }{
		{"a misspelled word", "create an oppertunity", "close_opportunity_create"},
		{"swapped letters", "delete the emial", "close_email_delete"},
		{"the kind of an id", "remove cont_9f2", "close_contact_delete"},
		{"an id with the name of its kind", "which one is user_77", "close_user_get"},
		{"the name of a person and a verb", "delete Marlow", "close_contact_delete"},
		{"a verb that comes late", "the enrollment of Tom, please pause", "close_sequence_subscription_update"},
		{"a polite request is no question", "can you add a note", "close_note_create"},
		{"a near neighbor whose name says more", "create a field on contacts", "close_custom_field_contact_create"},
		{"a near neighbor whose name says less", "create a contact", "close_contact_create"},
		{"a phrase means something else than its words", "what is Ann's phone number", "close_contact_get"},
	} {
		hits := x.Search(c.words, 5)
		if !found(hits, []string{c.want}, 1) {
			t.Errorf("%s: %q: got %v, want %s first", c.why, c.words, hits, c.want)
		}
	}
}

// TestPairs tests that a list tool and its get tool come together and only once.
func TestPairs(t *testing.T) {
	t.Parallel()
	hits := search.New(all(), tools.Catalog().Lexicon()).Search("which notes do we have on Acme", 10)
	if len(hits) == 0 || hits[0].Name != "close_notes_list" || !slices.Equal(hits[0].Also, []string{"close_note_get"}) {
		t.Errorf("got %+v, want close_notes_list with close_note_get first", hits)
	}
	seen := map[string]bool{}
	for _, h := range hits {
		for _, name := range append([]string{h.Name}, h.Also...) {
			if seen[name] {
				t.Errorf("%s occurs twice", name)
			}
			seen[name] = true
		}
	}
}

func TestNothingAsked(t *testing.T) {
	t.Parallel()
	x := search.New(all(), tools.Catalog().Lexicon())
	for _, words := range []string{"", " ", "the", "?!", "create", "xyzzy"} {
		if hits := x.Search(words, 5); len(hits) > 0 {
			t.Errorf("%q: got %v, want nothing", words, hits)
		}
	}
	if hits := search.New(nil, nil).Search("note", 5); len(hits) > 0 {
		t.Errorf("no tools: got %v", hits)
	}
}

// TestNames tests that a name may be that of a company or of a person, and that it is
// not enough with words that mean nothing here.
func TestNames(t *testing.T) {
	t.Parallel()
	x := search.New(all(), tools.Catalog().Lexicon())
	hits := x.Search("please delete Marlow", 3)
	for _, want := range []string{"close_lead_delete", "close_contact_delete"} {
		if !found(hits, []string{want}, 2) {
			t.Errorf("got %v, want %s among the first two", hits, want)
		}
	}
	for _, words := range []string{"Marlow", "paint Marlow", "delete the wallpaper of Marlow"} {
		if hits := x.Search(words, 5); len(hits) > 0 {
			t.Errorf("%q: got %v, want nothing", words, hits)
		}
	}
}

// copies returns the tools of the catalog and others of the same words, n together.
func copies(n int) []*tool.Tool {
	list := all()
	for i := 0; len(list) < n; i++ {
		one := *list[i]
		one.Name = fmt.Sprintf("close_kind%d_%s", i, strings.TrimPrefix(one.Name, "close_"))
		list = append(list, &one)
	}
	return list
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{81, 301} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			list := copies(n)
			for b.Loop() {
				search.New(list, tools.Catalog().Lexicon())
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{81, 301} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			x := search.New(copies(n), tools.Catalog().Lexicon())
			for b.Loop() {
				x.Search("push the closing date of the Acme deal to end of June", 5)
			}
		})
	}
}
