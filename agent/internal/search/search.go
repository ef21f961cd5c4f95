// Package search finds tools for what a person wants, without a service: by the words of
// their names, synonyms and first sentences, and by a lexicon.
package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/closekit/closekit/agent/internal/tool"
)

// Hit is a tool that was found.
type Hit struct {
	Name  string
	Also  []string // the get tool of a list tool, or the other way round
	Score float64
}

// Index is a search index. It is read-only after New, and safe for concurrent use.
type Index struct {
	tools    []string
	partner  []int // index of the list tool of a get tool and the other way round, or -1
	reads    []bool
	postings map[string][]posting
	idf      map[string]float64
	names    map[string]bool // words of names, and synonyms of one word
	lexicon  map[string][]string
}

type posting struct {
	doc    int
	weight float64
}

// Weights of the places where a word occurs, and of the words that a query does not
// say itself.
const (
	inName     = 2.0
	inSynonym  = 2.0
	inSentence = 0.6
	inText     = 0.15

	meant         = 0.9 // from the lexicon
	meantByPhrase = 1.2
	asked         = 0.5 // a question reads

	saturation = 1.2
	phrase     = 1.5 // all words of a synonym
)

// New indexes tools. The lexicon maps words to those that tools are described with, as
// that of a catalog does; it may be nil.
func New(tools []*tool.Tool, lexicon map[string][]string) *Index {
	x := &Index{
		postings: map[string][]posting{}, idf: map[string]float64{}, lexicon: map[string][]string{}, names: map[string]bool{},
		partner: make([]int, len(tools)), reads: make([]bool, len(tools)),
	}
	for from, to := range lexicon {
		x.lexicon[strings.Join(stemsAll(from), " ")] = stems(strings.Join(to, " "))
	}
	for from, to := range phrases {
		x.lexicon[strings.Join(stemsAll(from), " ")] = stems(to)
	}
	stem := map[string]int{} // what list and get tools have in common
	for i, t := range tools {
		x.tools = append(x.tools, t.Name)
		x.partner[i] = -1
		x.add(i, t)
		name := stems(strings.ReplaceAll(t.Name, "_", " "))
		last := name[len(name)-1]
		x.reads[i] = last == "list" || last == "get"
		if !x.reads[i] {
			continue
		}
		base := strings.Join(name[:len(name)-1], " ")
		if j, ok := stem[base]; ok {
			x.partner[i], x.partner[j] = j, i
		}
		stem[base] = i
	}
	n := float64(len(tools))
	for term, list := range x.postings {
		x.idf[term] = math.Log(1 + (n-float64(len(list))+0.5)/(float64(len(list))+0.5))
	}
	return x
}

func (x *Index) add(doc int, t *tool.Tool) {
	weights := map[string]float64{}
	add := func(text string, w float64) []string {
		list := stems(text)
		for _, s := range list {
			weights[s] += w
		}
		return list
	}
	name := strings.ReplaceAll(strings.TrimPrefix(t.Name, "close_"), "_", " ")
	// Of a long name each word says less.
	for _, s := range add(name, inName*math.Sqrt(2/float64(max(2, len(stems(name)))))) {
		x.names[s] = true
	}
	for _, s := range t.Info.Synonyms {
		// A word of a phrase alone says little: the board of "new deal board".
		if list := add(s, inSynonym); len(list) == 1 {
			x.names[list[0]] = true
		}
		if words := stemsAll(s); len(words) > 1 {
			gram := "=" + strings.Join(words, " ")
			x.postings[gram] = append(x.postings[gram], posting{doc, phrase})
		}
	}
	first, rest, _ := strings.Cut(t.Info.Description, ". ")
	add(first, inSentence)
	add(rest, inText)
	for s, w := range weights {
		x.postings[s] = append(x.postings[s], posting{doc, w / (w + saturation)})
	}
}

// Search returns the best tools for words, at most n, best first. It returns none if
// nothing fits, rather than the least bad.
func (x *Index) Search(words string, n int) []Hit {
	words = strings.ToLower(words)
	terms := stemsAll(words) // phrases may have silent words
	scores := make([]float64, len(x.tools))
	used := map[string]float64{}
	give := func(term string, weight float64) bool {
		list, ok := x.postings[term]
		if !ok {
			return false
		}
		if weight <= used[term] {
			return true
		}
		weight, used[term] = weight-used[term], weight
		for _, p := range list {
			scores[p.doc] += weight * x.idf[term] * p.weight
		}
		return true
	}
	fits := false
	covered := make([]bool, len(terms))
	for size := 3; size >= 1; size-- {
		for i := 0; i+size <= len(terms); i++ {
			gram := strings.Join(terms[i:i+size], " ")
			if size > 1 && give("="+gram, 1) {
				fits = true
			}
			for _, m := range x.lexicon[gram] {
				if slices.Contains(covered[i:i+size], true) && size == 1 {
					break // a phrase means something else than its words
				}
				weight := meant
				if size > 1 {
					weight = meantByPhrase
				}
				if give(m, weight) && !actions[m] && !times[gram] {
					fits = true
				}
			}
			if size > 1 && x.lexicon[gram] != nil {
				for j := i; j < i+size; j++ {
					covered[j] = true
				}
			}
		}
	}
	for i, t := range terms {
		if isSilent(t) {
			continue
		}
		weight := 1.0
		if covered[i] || x.lexicon[t] != nil {
			weight = 0.5 // what it means counts more than the word
		}
		if give(t, weight) && x.names[t] && !actions[t] {
			fits = true
		}
	}
	if isQuestion(words) {
		for i := range scores {
			if x.reads[i] && scores[i] > 0 {
				scores[i] *= 1 + asked
			}
		}
	}
	if !fits {
		return nil
	}
	return x.hits(scores, n)
}

// hits ranks tools, a list tool and its get tool as one.
func (x *Index) hits(scores []float64, n int) []Hit {
	var list []Hit
	best := slices.Max(append([]float64{0}, scores...))
	for i, s := range scores {
		p := x.partner[i]
		if s <= 0.2*best || p >= 0 && (scores[p] > s || scores[p] == s && p < i) {
			continue
		}
		h := Hit{Name: x.tools[i], Score: s}
		if p >= 0 {
			h.Also = []string{x.tools[p]}
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}

// isQuestion reports whether words ask for something rather than wanting it done.
func isQuestion(words string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(words), " ")
	return slices.Contains([]string{
		"what", "what's", "which", "who", "whose", "who's", "how", "when", "where", "why", "is", "are", "do", "does", "did", "has", "have", "was",
		"show", "list", "all", "every", "read", "find", "look", "give", "open", "see", "get", "fetch", "check",
	}, first)
}

// actions are the words of names that say what is done, and not with what. A question
// that has no other word does not tell which tool it needs.
var actions = map[string]bool{}

// times are words that tell when, and so fit anything.
var times = map[string]bool{"today": true, "tomorrow": true}

// silent are words that say nothing about tools.
var silent = map[string]bool{}

func init() {
	for w := range strings.FieldsSeq("create get list update delete merge add new find show read change edit remove open save send set") {
		actions[stem(w)] = true
	}
	for w := range strings.FieldsSeq("a an and any are as at be but by can could did do does down every for from had has have he her him his how i if in into " +
		"is it its just let many may me much my no not of off on one or our out over please shall she should so some than that the their them there these they times " +
		"this those to too up us use used want was we were what when where which will with would you your close") {
		silent[w] = true
	}
}

// stems splits a text into words without endings, and leaves out the silent ones.
func stems(text string) []string {
	return slices.DeleteFunc(stemsAll(text), isSilent)
}

// isSilent reports whether a stem is that of a silent word, which phrases may have.
func isSilent(stem string) bool { return stem[0] == '~' }

var joined = strings.NewReplacer("-", "", "'", "")

func stemsAll(text string) []string {
	var list []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-' }) {
		w = strings.TrimSuffix(strings.Trim(w, "'-"), "'s")
		w = joined.Replace(w)
		switch {
		case w == "":
		case silent[w]:
			list = append(list, "~"+w)
		default:
			list = append(list, stem(w))
		}
	}
	return list
}

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
