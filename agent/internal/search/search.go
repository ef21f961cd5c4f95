// Package search finds tools for what a person wants, without a service: by the words of
// their names, synonyms and descriptions, and by a vocabulary. What a tool is about and
// what it does are told apart: the words say the one, a verb or a question the other.
package search

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit"
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
	docs     []doc
	postings map[string][]posting
	idf      map[string]float64
	names    map[string]bool // words of names, and synonyms of one word
	meanings map[string]meaning
	longest  int             // words of a phrase
	known    map[string]bool // words of the vocabulary, also those of phrases
	spelling spelling
}

// doc is what is known of a tool beside its words.
type doc struct {
	name    string
	partner int // index of the list tool of a get tool and the other way round, or -1
	does    action
	lists   bool
	about   []string // the words of the name that do not say what it does
}

type posting struct {
	doc    int
	weight float64
}

// action is what a tool does, in the terms of those who ask for it.
type action int

const (
	reads action = iota
	creates
	updates
	deletes
	kindsOfActions
)

type actions [kindsOfActions]float64

func (a actions) or(b actions) actions {
	for i, w := range b {
		a[i] = max(a[i], w)
	}
	return a
}

// verbs are the words of names that only say what a tool does.
var verbs = map[string]action{"list": reads, "get": reads, "create": creates, "update": updates, "delete": deletes}

// Weights of the places where a word occurs, and of the words that a query does not say
// itself.
const (
	inName     = 2.0
	inSynonym  = 1.6
	inSentence = 0.6
	inText     = 0.15

	meant         = 0.9 // by a word
	meantByPhrase = 1.2
	meantByID     = 1.5
	inPhrase      = 0.2  // by a word of a phrase that means something else
	hinted        = 0.65 // by a word that only tells of it
	beside        = 0.5  // a word of which the meaning counts more
	misspelled    = 0.8

	saturation = 1.2
	phrase     = 1.5 // all words of a synonym

	forAction = 0.9 // more for what a query wants done
	forList   = 1.2 // more than for the get tool of the same records
	least     = 0.1 // of the best score

	forNothing = 0.5 // left of a tool of which a query does not say a word of the name
)

// New indexes tools. The lexicon maps words to those that tools are described with, as
// that of a catalog does; it may be nil.
func New(tools []*tool.Tool, lexicon map[string][]string) *Index {
	x := &Index{
		docs: make([]doc, len(tools)), postings: map[string][]posting{}, idf: map[string]float64{},
		names: map[string]bool{}, meanings: map[string]meaning{}, known: map[string]bool{}, spelling: spelling{},
	}
	for from, to := range lexicon {
		x.mean(termsOf(from), meaningOf(strings.Join(to, " "), 1))
	}
	for _, p := range vocabulary() {
		x.mean(p.terms, p.meaning)
	}
	strong := map[string]int{}
	pairs := map[string]int{} // what list and get tools have in common
	for i, t := range tools {
		x.docs[i] = x.add(i, t, strong)
		d := &x.docs[i]
		if d.does != reads {
			continue
		}
		base := strings.Join(d.about, " ")
		if j, ok := pairs[base]; ok && x.docs[j].partner < 0 {
			d.partner, x.docs[j].partner = j, i
		}
		pairs[base] = i
	}
	n := float64(len(tools))
	for key, list := range x.postings {
		df := float64(cmp.Or(strong[key], len(list)))
		x.idf[key] = math.Log(1 + (n-df+0.5)/(df+0.5))
	}
	right := map[string]bool{}
	for key := range x.meanings {
		if !strings.Contains(key, " ") {
			right[key] = true
		}
	}
	maps.Copy(right, x.names)
	for key := range right {
		x.spelling.add(key)
	}
	return x
}

// mean adds what a word or phrase stands for.
func (x *Index) mean(terms []term, m meaning) {
	x.longest = max(x.longest, len(terms))
	x.meanings[gram(terms)] = m
	for _, t := range terms {
		x.known[t.stem] = true
	}
}

func (x *Index) add(i int, t *tool.Tool, strong map[string]int) doc {
	d := doc{name: t.Name, partner: -1, does: actionOf(t), lists: strings.HasSuffix(t.Name, "_list")}
	weights := map[string]float64{}
	add := func(text string, w float64) []term {
		list := termsOf(text)
		for _, s := range list {
			if !s.silent {
				weights[s.stem] += w
			}
		}
		return list
	}
	name := strings.Split(strings.TrimPrefix(t.Name, "close_"), "_")
	for _, w := range name {
		if _, ok := verbs[w]; !ok {
			d.about = append(d.about, stem(w))
		}
	}
	for j, s := range d.about {
		// Of a long name each word says less.
		weights[s] += inName * math.Sqrt(2/float64(len(d.about)+1))
		if j == 0 || t.Method == "" || j < len(name)-1 { // the last one is a verb, such as render
			x.names[s] = true
		}
	}
	for _, s := range t.Info.Synonyms {
		// A word of a phrase alone says little: the board of "new deal board".
		list := add(s, inSynonym)
		if len(list) == 1 {
			x.names[list[0].stem] = true
			continue
		}
		x.longest = max(x.longest, len(list))
		key := "=" + gram(list)
		x.postings[key] = append(x.postings[key], posting{i, phrase})
	}
	for s := range weights {
		strong[s]++
	}
	first, rest, _ := strings.Cut(t.Info.Description, ". ")
	add(first, inSentence)
	add(rest, inText)
	for s, w := range weights {
		x.postings[s] = append(x.postings[s], posting{i, w / (w + saturation)})
	}
	return d
}

func actionOf(t *tool.Tool) action {
	if a, ok := verbs[t.Name[strings.LastIndexByte(t.Name, '_')+1:]]; ok {
		return a
	}
	switch {
	case t.Effect == closekit.Read:
		return reads
	case t.Method == http.MethodDelete, t.Method == "" && t.Effect == closekit.Destructive:
		return deletes
	case t.Method == http.MethodPut, t.Method == http.MethodPatch:
		return updates
	}
	return creates
}

// query is what words say.
type query struct {
	about map[string]float64
	docs  map[int]float64 // of which all words of a synonym are said
	does  actions
	fits  bool
	id    bool // of one record
}

// Search returns the best tools for words, at most n, best first. It returns none if
// nothing fits, rather than the least bad.
func (x *Index) Search(words string, n int) []Hit {
	q := x.read(words)
	if !q.fits {
		return nil
	}
	scores := make([]float64, len(x.docs))
	for s, weight := range q.about {
		for _, p := range x.postings[s] {
			scores[p.doc] += weight * x.idf[s] * p.weight
		}
	}
	for i, s := range q.docs {
		scores[i] += s
	}
	for i := range scores {
		d := &x.docs[i]
		said := 0
		for _, s := range d.about {
			if q.about[s] > 0 {
				said++
			}
		}
		scores[i] *= forNothing + (1-forNothing)*float64(said)/float64(max(1, len(d.about)))
		scores[i] *= 1 + forAction*q.does[d.does]
	}
	return x.hits(scores, n, q.id)
}

// read finds out what words say.
func (x *Index) read(words string) query {
	q := query{about: map[string]float64{}, docs: map[int]float64{}}
	terms := termsOf(words)
	weights := make([]float64, len(terms))
	for i := range terms {
		weights[i] = x.correct(&terms[i])
	}
	give := func(s string, weight float64) bool {
		if _, ok := x.postings[s]; !ok {
			return false
		}
		q.about[s] = max(q.about[s], weight)
		return true
	}
	var phrases actions
	covered := make([]bool, len(terms))
	for size := min(x.longest, len(terms)); size >= 1; size-- {
		for i := 0; i+size <= len(terms); i++ {
			key := gram(terms[i : i+size])
			if size > 1 {
				for _, p := range x.postings["="+key] {
					q.docs[p.doc] += p.weight * x.idf["="+key]
					q.fits = true
				}
			}
			m, ok := x.meanings[key]
			if !ok || !slices.Contains(covered[i:i+size], false) {
				if size == 1 {
					for _, s := range m.about { // a word of a phrase may mean its own all the same
						give(s, meant*m.weight*inPhrase)
					}
				}
				continue
			}
			weight := meant * weights[i]
			switch {
			case size > 1:
				weight = meantByPhrase
			case terms[i].silent:
				weight *= beside
			}
			weight *= m.weight
			for _, s := range m.about {
				if give(s, weight) && (size > 1 || !terms[i].silent) {
					q.fits = true
				}
			}
			if size == 1 {
				q.does = q.does.or(m.does)
			} else {
				phrases = phrases.or(m.does)
				for j := i; j < i+size; j++ {
					covered[j] = true
				}
			}
		}
	}
	for i, t := range terms {
		if t.silent {
			continue
		}
		weight := weights[i]
		m, means := x.meanings[t.stem]
		verb := means && len(m.about) == 0
		switch {
		case verb:
			weight *= beside * beside // it is in a synonym
		case means || covered[i]:
			weight *= beside // what it means counts more than the word
		}
		if t.id {
			weight, q.id = meantByID, true
		}
		if give(t.stem, weight) && x.names[t.stem] && !verb {
			q.fits = true
		}
	}
	if !q.fits && x.onlyNames(terms) {
		// What is called by its name is a company or a person.
		q.fits = give("lead", meant)
		q.fits = give("contact", meant*beside) || q.fits
	}
	if asks(words) {
		for a := range q.does {
			q.does[a] /= 2
		}
		q.does[reads] = 1
	}
	q.does = q.does.or(phrases)
	return q
}

// onlyNames reports whether terms are a verb and names, as in "delete Marlow".
func (x *Index) onlyNames(terms []term) bool {
	verb, name := false, false
	for _, t := range terms {
		m, ok := x.meanings[t.stem]
		switch {
		case t.proper:
			name = true
		case t.silent:
		case ok && len(m.about) == 0:
			verb = true
		default:
			return false
		}
	}
	return verb && name
}

// correct replaces a misspelled word, and returns its weight.
func (x *Index) correct(t *term) float64 {
	if t.id {
		if to, ok := kinds[t.stem]; ok {
			t.stem = to
		}
		return 1
	}
	if _, ok := x.postings[t.stem]; ok || t.silent || t.proper || x.known[t.stem] {
		return 1
	}
	if s := x.spelling.nearest(t.stem); s != "" {
		t.stem = s
		return misspelled
	}
	return 1
}

// hits ranks tools, a list tool and its get tool as one: under the name of the list tool,
// unless the words are rather about a single record.
func (x *Index) hits(scores []float64, n int, one bool) []Hit {
	var list []Hit
	best := slices.Max(append([]float64{0}, scores...))
	for i, s := range scores {
		h := Hit{Name: x.docs[i].name, Score: s}
		if p := x.docs[i].partner; p >= 0 {
			asList, asGet := s, scores[p]
			if !x.docs[i].lists {
				asList, asGet = asGet, asList
			}
			if leads := asList*forList >= asGet && !one; leads != x.docs[i].lists {
				continue
			}
			h.Also, h.Score = []string{x.docs[p].name}, max(s, scores[p])
		}
		if h.Score > least*best {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}

// asks reports whether words ask for something rather than wanting it done.
func asks(words string) bool {
	words = strings.ToLower(strings.TrimSpace(words))
	for _, polite := range []string{"how do i ", "how can i ", "how to ", "can you ", "could you ", "would you ", "will you ", "please ", "i want to ", "i need to ", "i'd like to ", "let's "} {
		if rest, ok := strings.CutPrefix(words, polite); ok {
			words = rest
		}
	}
	first, _, _ := strings.Cut(words, " ")
	return slices.Contains([]string{
		"what", "what's", "which", "who", "whose", "who's", "whom", "how", "when", "where", "why", "is", "are", "do", "does", "did", "has", "have", "was", "were",
		"show", "list", "all", "every", "read", "find", "look", "give", "see", "get", "fetch", "check", "any", "tell", "view", "display", "search", "count",
	}, first)
}
