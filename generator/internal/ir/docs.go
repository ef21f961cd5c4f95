package ir

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/closekit/closekit/manifest"
)

func packageDoc(api *manifest.API, name string) string {
	return fmt.Sprintf("Package %s calls the API of %s: one function per tool, typed parameters, typed results.\n\n%s\n\n"+
		"A function is named by its tool: close_lead_create is LeadCreate. It takes a context, a [closekit.Client] and its "+
		"parameters; required parameters are plain fields, optional ones are [closekit.Opt], absent unless set, or slices, absent "+
		"when nil. Input is checked before anything is sent. Every list function has an iterator beside it that fetches page "+
		"after page.\n\n"+
		"Results are ordinary values. A member that Close may leave out is an Opt; members that the manifest does not know are "+
		"kept in the embedded Object, and values of custom fields in CustomFields, so that encoding a result gives back what "+
		"Close sent. Functions are safe for concurrent use; parameters and results are plain data, safe to read concurrently.\n\n%s",
		name, api.Name, api.About, api.Doc)
}

// fieldDoc is the comment of a result's field, empty where the name says all.
func fieldDoc(f *manifest.Field) string {
	doc := f.About
	if f.OnRequest {
		doc = join(doc, "Comes only when named in _fields.")
	}
	if f.Deprecated != "" {
		doc = join(doc, "Deprecated: "+f.Deprecated)
	}
	return doc
}

// paramDoc is the comment of a parameter.
func paramDoc(f *manifest.Field) string {
	doc := join(f.About, Facts(f))
	if f.Required && f.Preset == nil {
		doc = join(doc, "Required.")
	}
	if f.Deprecated != "" {
		doc = join(doc, "Deprecated: "+f.Deprecated)
	}
	return doc
}

// Facts says in words what a field's declaration says about its values.
func Facts(f *manifest.Field) string {
	var facts []string
	add := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	switch {
	case f.Type.Kind == manifest.Cents && !strings.Contains(f.About, "cents"):
		add("In cents.")
	case f.Type.Kind == manifest.RichText:
		add("An XHTML subset.")
	}
	switch {
	case f.Min != nil && f.Max != nil:
		add("From %d to %d.", *f.Min, *f.Max)
	case f.Min != nil:
		add("At least %d.", *f.Min)
	case f.Max != nil:
		add("At most %d.", *f.Max)
	}
	if f.MaxLength > 0 {
		add("At most %d characters.", f.MaxLength)
	}
	if f.MaxItems > 0 {
		add("At most %d.", f.MaxItems)
	}
	if f.Preset != nil {
		add("Sent as %s when absent.", bare(string(f.Preset)))
	} else if f.Default != nil {
		add("Default: %s.", bare(string(f.Default)))
	}
	if f.Nullable {
		add("Null clears it.")
	}
	return strings.Join(facts, " ")
}

func bare(raw string) string { return strings.Trim(raw, `"`) }

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

// opDoc is the comment of a function, in paragraphs.
func opDoc(api *manifest.API, t *manifest.Tool, fn string) []string {
	first := fn + " " + thirdPerson(t.Does)
	second := mentions(api, join(t.Use))
	second = join(second, strings.Join(manifest.Sentences(t.Rules), " "))
	if t.Sends {
		second = join(second, "It may send a message to a customer.")
	}
	doc := []string{first}
	if second != "" {
		doc = append(doc, second)
	}
	return append(doc, fmt.Sprintf("Close API: %s %s (tool %s)\n%s", t.Method, t.Path, t.Name, t.Doc))
}

// mentions turns names of tools into links to their functions.
func mentions(api *manifest.API, text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		name := strings.TrimRight(w, ".,;:)")
		if t := api.Tool(strings.TrimLeft(name, "(")); t != nil {
			words[i] = strings.Replace(w, t.Name, "["+FuncName(t.Name)+"]", 1)
		}
	}
	return strings.Join(words, " ")
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
	case "A", "An", "The", "One", "What", "How", "Where", "Which", "Who", "When", "Whether":
		return name + " is " + lowerFirst(about)
	}
	return name + ": " + lowerFirst(about)
}

func withArticle(s string) string {
	if s == "sms" {
		return "an SMS"
	}
	if strings.ContainsRune("aeio", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}
