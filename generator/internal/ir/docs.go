package ir

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/closekit/closekit/manifest"
)

// packageDoc is the comment of the package: what it is, and a map of its areas.
func packageDoc(api *manifest.API, name string) []string {
	doc := paragraphs(
		fmt.Sprintf("Package %s calls the API of %s: one function per tool, typed parameters, typed results.", name, api.Name),
		api.About,
		"A function is named after its tool: close_lead_create is LeadCreate. It takes a context, a [closekit.Client] and its "+
			"parameters; required parameters are plain fields, optional ones are [closekit.Opt], absent unless set, or slices, absent "+
			"when nil. Input is checked before anything is sent. Every list function has an iterator beside it that fetches page "+
			"after page.",
		"Results are ordinary values. A member that "+api.Name+" may leave out is an Opt; members that the manifest does not know are "+
			"kept in the embedded Object, and values of custom fields in CustomFields, so encoding a result returns what "+api.Name+" sent. "+
			"Functions are safe for concurrent use; parameters and results are plain data, safe to read concurrently.",
		api.Doc,
	)
	for _, a := range areasOf(api, "Functions") {
		doc = append(doc, "# "+a.Title)
		doc = append(doc, paragraphs(a.About)...)
		for _, r := range a.Resources {
			var links []string
			for _, t := range r.Tools {
				links = append(links, "["+funcName(t.Name)+"]")
				for _, more := range besides(t) {
					links = append(links, "["+more+"]")
				}
			}
			doc = append(doc, fmt.Sprintf("%s%s: %s", ListItem, r.Title, strings.Join(links, ", ")))
		}
	}
	return doc
}

// area is an area of the API with its resources that have tools.
type area struct {
	manifest.Area
	Resources []*manifest.Resource
}

// areasOf returns the areas in their order. What is in none of them comes last; all of it
// if there are no areas: the other functions, or Functions.
func areasOf(api *manifest.API, what string) (list []area) {
	all := append(slices.Clone(api.Areas), manifest.Area{Title: "Other " + strings.ToLower(what)})
	if len(api.Areas) == 0 {
		all[0].Title = what
	}
	for _, a := range all {
		x := area{Area: a}
		for _, r := range api.Resources {
			if r.Area == a.Name && len(r.Tools) > 0 {
				x.Resources = append(x.Resources, r)
			}
		}
		if len(x.Resources) > 0 {
			list = append(list, x)
		}
	}
	return list
}

// besides are the functions that a tool has beside its own and the iterator.
func besides(t *manifest.Tool) (list []string) {
	fn := funcName(t.Name)
	if t.Waits != nil {
		list = append(list, waitName(fn))
	}
	if t.Totals != nil {
		list = append(list, totalsName(fn))
	}
	return list
}

// opDoc is the comment of a function, in paragraphs.
func (b *builder) opDoc(t *manifest.Tool, fn string) []string {
	own := t.Params
	if t.Returns != nil {
		item := t.Returns
		if item.Kind == manifest.List {
			item = item.Elem
		}
		own = append(slices.Clone(own), item.Object.Fields...)
	}
	second := join(b.text.text(t.Use, own...), strings.Join(manifest.Sentences(b.goRules(t)), " "), b.text.text(t.Cases.Sentence("parameters"), own...))
	if t.Effect&manifest.Sends == manifest.Sends {
		second = join(second, "It may send a message to a customer.")
	}
	second = join(second, t.Marks())
	source := fmt.Sprintf("%s API: %s %s (tool %s) %s", b.api.Name, t.Method, t.Path, t.Name, t.Doc)
	return paragraphs(fn+" "+thirdPerson(b.text.text(t.Does, own...)), second, source)
}

// goRules are the rules of a tool in Go names, to say them in Go documentation.
func (b *builder) goRules(t *manifest.Tool) []manifest.Rule {
	rules := make([]manifest.Rule, len(t.Rules))
	for i, r := range t.Rules {
		r.About = b.text.text(r.About, t.Params...)
		if r.If != "" {
			r.If = fieldName(r.If)
		}
		r.Fields = slices.Clone(r.Fields)
		for j, f := range r.Fields {
			r.Fields[j] = fieldName(f)
		}
		rules[i] = r
	}
	return rules
}

// fieldDoc is the comment of a field, in paragraphs; none where the name says
// all.
func (b *builder) fieldDoc(f *manifest.Field, r role, own []*manifest.Field) []string {
	doc := factsOf(f, r).goDoc()
	for i := range doc {
		doc[i] = b.text.text(doc[i], own...)
	}
	return doc
}

// thirdPerson turns "Create a lead, …" into "creates a lead, …".
func thirdPerson(s string) string {
	verb, rest, _ := strings.Cut(s, " ")
	v := lowerFirst(verb)
	switch {
	case strings.HasSuffix(v, "ch"), strings.HasSuffix(v, "sh"), strings.HasSuffix(v, "s"), strings.HasSuffix(v, "x"), strings.HasSuffix(v, "o"):
		v += "es"
	case strings.HasSuffix(v, "y") && len(v) > 1 && !strings.ContainsRune("aeiou", rune(v[len(v)-2])):
		v = v[:len(v)-1] + "ies"
	default:
		v += "s"
	}
	return v + " " + rest
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || len(s) > n && unicode.IsUpper(rune(s[n])) {
		return s // an initialism
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// typeDoc starts the comment of a type with its name.
func typeDoc(name, about string) string {
	if about == "" {
		return name + " is an object of the API."
	}
	switch first, _, _ := strings.Cut(about, " "); first {
	case "A", "An", "The", "One":
		return name + " is " + lowerFirst(about)
	}
	return name + ": " + lowerFirst(about)
}
