package closekit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/words"
)

// maxSuggestions is the number of tools that are suggested for an unknown name.
const maxSuggestions = 3

// wanted is what a name asks for: a verb and what it is about.
type wanted struct {
	verb  string   // as written
	class string   // the usual verb for it
	nouns []string // sorted
	text  string   // all words, joined
}

// meaning reads words. The first verb decides.
func meaning(list []string) wanted {
	w := wanted{text: strings.Join(list, "")}
	for _, word := range list {
		if class := words.Verb(word); class != "" && w.verb == "" {
			w.verb, w.class = word, class
		} else if !slices.Contains(w.nouns, word) {
			w.nouns = append(w.nouns, word)
		}
	}
	slices.Sort(w.nouns)
	return w
}

// known is a tool with the meanings of its name and its synonyms.
type known struct {
	tool    *Tool
	name    wanted
	phrases []wanted
}

// suggest returns the tools that a wrong name may mean, the best first. None of them
// does more than the name asks for: a tool that writes has the same meaning, and if
// there is none, tools that read are suggested.
func (c *Catalog) suggest(name string) []string {
	const longest = 128
	if len(name) > longest || len(c.List) == 0 {
		return nil
	}
	all := c.Tools()
	var prefix string
	if len(all) > 0 {
		prefix, _, _ = strings.Cut(all[0].Name, "_")
	}
	strip := func(s string) []string {
		list := words.Split(s)
		if len(list) > 1 && list[0] == prefix {
			list = list[1:]
		}
		return list
	}
	var tools []known
	var nouns, aliases []string
	for _, t := range all {
		k := known{tool: t, name: meaning(strip(t.Name))}
		nouns = append(nouns, k.name.nouns...)
		for _, s := range t.Info().Synonyms {
			p := meaning(words.Split(s))
			k.phrases = append(k.phrases, p)
			aliases = append(aliases, p.nouns...)
		}
		tools = append(tools, k)
	}
	list := strip(name)
	for _, k := range tools {
		if strings.Join(list, " ") == strings.Join(strip(k.tool.Name), " ") {
			return []string{k.tool.Name} // it differs only in case, number and separators
		}
	}
	return correct(list, nouns, aliases).best(tools)
}

// correct reads the words of a name and corrects what is misspelled. Without a verb,
// words that no tool knows may be one; they are left out, and without a verb only
// tools that read are suggested.
func correct(list, nouns, aliases []string) wanted {
	hasVerb := slices.ContainsFunc(list, func(s string) bool { return words.Verb(s) != "" })
	for i, word := range list {
		if words.Verb(word) != "" || slices.Contains(nouns, word) || slices.Contains(aliases, word) {
			continue
		}
		if verb := words.MisspelledVerb(word); verb != "" && !hasVerb {
			list[i], hasVerb = verb, true
		} else if noun := words.Misspelled(word, nouns); noun != "" {
			list[i] = noun
		}
	}
	text := strings.Join(list, "")
	if !hasVerb {
		list = slices.DeleteFunc(list, func(s string) bool { return !slices.Contains(nouns, s) && !slices.Contains(aliases, s) })
	}
	w := meaning(list)
	w.text = text
	return w
}

// best ranks the tools.
func (w wanted) best(tools []known) []string {
	type candidate struct {
		tool  *Tool
		score int
	}
	var reads, writes []candidate
	for _, k := range tools {
		if w.verb != "" && w.verb == k.name.verb && slices.Equal(w.nouns, k.name.nouns) {
			return []string{k.tool.Name} // the same words, misspelled or in another order
		}
		score := w.score(k, tools)
		switch {
		case score == 0:
		case k.tool.Effect == Read:
			reads = append(reads, candidate{k.tool, score})
		case w.mayWrite(k, score) && (score >= byPhrase || !w.isPart(tools)):
			writes = append(writes, candidate{k.tool, score})
		}
	}
	isOne := func(c candidate) int { // lists first, unless one object is asked for
		if w.class != "get" && strings.HasSuffix(c.tool.Path, "}/") {
			return 1
		}
		return 0
	}
	order := func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(isOne(a), isOne(b)), cmp.Compare(a.tool.Name, b.tool.Name))
	}
	slices.SortStableFunc(reads, order)
	slices.SortStableFunc(writes, order)
	list := reads
	if len(writes) > 0 {
		// Only those that match best, after a tool that reads and matches as well.
		isWorse := func(c candidate) bool { return c.score < writes[0].score }
		list = append(slices.DeleteFunc(reads, isWorse), slices.DeleteFunc(slices.Clone(writes), isWorse)...)
	}
	var names []string
	for _, c := range list {
		if len(names) < maxSuggestions && c.score*2 > list[0].score {
			names = append(names, c.tool.Name)
		}
	}
	return names
}

// isPart reports whether the noun is a part of that of a tool. It is then too vague
// for a synonym.
func (w wanted) isPart(tools []known) bool {
	return slices.ContainsFunc(tools, func(k known) bool {
		return !slices.ContainsFunc(w.nouns, func(n string) bool { return !slices.Contains(k.name.nouns, n) })
	})
}

// Scores: how well the noun matches, and one point for the verb.
const (
	byPart    = 1 // the noun is a part of that of the tool
	byAlias   = 2 // the noun is one of the synonyms for what the tool is about
	byPhrase  = 4 // verb and noun are one of the synonyms of the tool
	byName    = 6 // the noun is that of the tool
	byWording = 8 // the words are one of the synonyms
)

// score says how well a tool matches; 0 is not at all.
func (w wanted) score(k known, tools []known) int {
	verb := 0
	if w.class == k.name.class {
		verb = 1
	}
	for _, p := range k.phrases {
		if w.text == p.text || w.verb != "" && w.verb == p.verb && len(w.nouns) > 0 && slices.Equal(w.nouns, p.nouns) {
			return byWording
		}
	}
	switch {
	case len(w.nouns) == 0:
		return 0
	case slices.Equal(w.nouns, k.name.nouns):
		return byName + verb
	case slices.ContainsFunc(k.phrases, func(p wanted) bool { return p.class == w.class && slices.Equal(w.nouns, p.nouns) }):
		return byPhrase + verb
	}
	for _, o := range tools {
		if !slices.Equal(o.name.nouns, k.name.nouns) {
			continue
		}
		// "edit company" makes company another word for what lead_update is about.
		if slices.ContainsFunc(o.phrases, func(p wanted) bool {
			return (p.class == "" || p.class == o.name.class) && slices.Equal(w.nouns, p.nouns)
		}) {
			return byAlias + verb
		}
	}
	for _, noun := range w.nouns {
		if !slices.Contains(k.name.nouns, noun) {
			return 0
		}
	}
	return byPart + verb
}

// mayWrite reports whether a tool that writes does no more than what is asked for.
func (w wanted) mayWrite(k known, score int) bool {
	if score < byAlias {
		return false
	}
	t, isSame := k.tool, w.class != "" && w.class == k.name.class
	isAsked := score == byWording && w.class != ""
	switch {
	case t.Effect.Has(Destructive):
		return (w.class == "delete" || w.class == "merge") && isSame && score >= byPhrase
	case t.Effect.Has(Sends) && w.class == "send":
		return k.name.class == "create" && slices.Equal(w.nouns, k.name.nouns)
	case t.Effect.Has(Sends):
		return isSame && score >= byName || isAsked && (w.class == "enroll" || isSame)
	}
	return isSame || isAsked && w.class != "delete" && w.class != "merge"
}
