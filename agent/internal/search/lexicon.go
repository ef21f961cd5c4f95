package search

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed vocabulary.txt
var vocabularyText string

// worded is a word or phrase with its meaning.
type worded struct {
	section string // called, said or wanted
	text    string
	terms   []term
	meaning meaning
}

// vocabulary returns the words and phrases of all catalogs.
var vocabulary = sync.OnceValue(func() []worded {
	var all []worded
	section := ""
	for line := range strings.Lines(vocabularyText) {
		line = strings.TrimSpace(line)
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "["), "] "); ok && strings.HasPrefix(line, "[") {
			section = name
			continue
		}
		to, list, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		weight := 1.0
		if section == "said" {
			weight = hinted
		}
		m := meaningOf(to, weight)
		for from := range strings.SplitSeq(list, ", ") {
			all = append(all, worded{section, from, termsOf(from), m})
		}
	}
	return all
})

// meaning is what a word or phrase of the vocabulary stands for.
type meaning struct {
	about  []string
	does   actions
	weight float64
}

func meaningOf(to string, weight float64) meaning {
	m := meaning{weight: weight}
	for w := range strings.FieldsSeq(to) {
		if a, ok := verbs[w]; ok {
			m.does[a] = 1
		} else {
			m.about = append(m.about, stem(w))
		}
	}
	return m
}

// kinds are the beginnings of ids that are no word of the name of a tool.
var kinds = map[string]string{
	"cont": "contact", "oppo": "opportunity", "acti": "activity", "pip": "pipelin", "stat": "status", "seq": "sequenc", "sub": "subscription", "cf": "field",
	"comm": "comment", "whsub": "webhook", "tmpl": "templat", "orga": "organization", "memb": "membership",
}
