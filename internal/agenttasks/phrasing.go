package agenttasks

import (
	_ "embed"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
)

// Phrasing is how a rep may say what they want.
type Phrasing struct {
	Texts []string // three ways; the first is that of the task
	Terse string
	Noisy string // with typing errors and what is beside the point
	// Less leaves out the parameter Param of a call: the model must ask for it.
	Less, Param string
}

// phrasings has a block per task: its name after #, two more ways to say it after =, a
// terse one after -, and after ? the parameter that is left out, a colon and the text.
//
//go:embed phrasings.txt
var phrasings string

var readPhrasings = sync.OnceValue(func() map[string]Phrasing {
	all := map[string]Phrasing{}
	for block := range strings.SplitSeq(phrasings, "\n# ") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(block, "# "), "\n")
		var w Phrasing
		for line := range strings.SplitSeq(rest, "\n") {
			switch kind, text, _ := strings.Cut(line, " "); kind {
			case "=":
				w.Texts = append(w.Texts, text)
			case "-":
				w.Terse = text
			case "?":
				w.Param, w.Less, _ = strings.Cut(text, ": ")
			}
		}
		all[name] = w
	}
	return all
})

// Phrasing returns the ways to say a task.
func (t *Task) Phrasing() Phrasing {
	name := t.Name
	if t.Family == "hostile" {
		name = t.Text
	}
	w := readPhrasings()[name]
	w.Texts = append([]string{t.Text}, w.Texts...)
	w.Noisy = noisy(t.Text)
	return w
}

var chatter = [][2]string{
	{"hey, sorry, on the train and the line is bad - ", " ... anyway thx!! (the coffee here is awful)"},
	{"So. Long day, two more meetings, and my battery is at 4 percent. ", " Oh and happy Friday or whatever day it is."},
	{"quick one before I forget, my daughter has a recital at six: ", " ok bye"},
}

// noisy returns a text with typing errors in long words of small letters and with
// chatter around it. Names, numbers and addresses stay as they are.
func noisy(text string) string {
	h := fnv.New64a()
	h.Write([]byte(text))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1)) //nolint:gosec // the same text each time
	words := strings.Split(text, " ")
	for i, w := range words {
		plain := len(w) > 4 && strings.IndexFunc(w, func(c rune) bool { return c < 'a' || c > 'z' }) < 0
		if plain && rng.IntN(3) == 0 {
			at := 1 + rng.IntN(len(w)-3)
			words[i] = w[:at] + w[at+1:at+2] + w[at:at+1] + w[at+2:]
		}
	}
	c := chatter[rng.IntN(len(chatter))]
	return c[0] + strings.Join(words, " ") + c[1]
}
