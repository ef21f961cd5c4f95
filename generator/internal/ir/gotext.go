package ir

import (
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// goText turns what the manifest says in Close's names into a text for Go
// programmers: tools become links to their functions, and names of parameters
// and fields become Go names. Names in quotes, and those with a dot, a slash or a
// minus before them, are values and stay.
type goText struct {
	tools  map[string]string // function of a tool
	fields map[string]bool   // names with an underscore
}

func newGoText(api *manifest.API) *goText {
	g := &goText{tools: map[string]string{}, fields: map[string]bool{"has_more": true, "total_results": true}}
	see := func(fields []*manifest.Field) {
		for _, f := range fields {
			g.fields[f.Name] = g.fields[f.Name] || strings.Contains(f.Name, "_")
		}
	}
	for _, r := range api.Resources {
		for _, o := range r.Types {
			see(o.Fields)
		}
		for _, t := range r.Tools {
			g.tools[t.Name] = funcName(t.Name)
			see(t.Params)
		}
	}
	return g
}

var identifier = regexp.MustCompile(`[A-Za-z0-9_]+`)

// text translates a text about something with these fields. A field whose name
// is a single word is only recognized where a sentence begins with it, and in an
// enumeration that begins there.
func (g *goText) text(text string, own ...*manifest.Field) string {
	leading := leadingNames(text, own)
	var b strings.Builder
	end := 0
	for _, at := range identifier.FindAllStringIndex(text, -1) {
		between, word, after := text[end:at[0]], text[at[0]:at[1]], text[at[1]:]
		b.WriteString(between)
		end = at[1]
		isValue := between != "" && strings.ContainsAny(between[len(between)-1:], `".-/<`) ||
			strings.HasPrefix(after, "…") || len(after) > 1 && after[0] == '.' && after[1] != ' '
		switch fn := g.tools[word]; {
		case fn != "":
			b.WriteString("[" + fn + "]")
		case !isValue && (g.fields[word] || leading[at[0]]):
			b.WriteString(fieldName(word))
		default:
			b.WriteString(word)
		}
	}
	b.WriteString(text[end:])
	return b.String()
}

// leadingNames finds the names of fields that a sentence begins with, by their
// places.
func leadingNames(text string, own []*manifest.Field) map[int]bool {
	places := map[int]bool{}
	for start := 0; start >= 0; {
		at := start
		for {
			word := identifier.FindString(text[at:])
			if !strings.HasPrefix(text[at:], word) || !slices.ContainsFunc(own, func(f *manifest.Field) bool { return f.Name == word }) {
				break
			}
			places[at] = true
			at += len(word)
			i := slices.IndexFunc(conjunctions, func(c string) bool { return strings.HasPrefix(text[at:], c) })
			if i < 0 {
				break
			}
			at += len(conjunctions[i])
		}
		next := strings.Index(text[at:], ". ")
		if next < 0 {
			break
		}
		start = at + next + len(". ")
	}
	return places
}

var conjunctions = []string{", and ", ", or ", ", ", " and ", " or "}
