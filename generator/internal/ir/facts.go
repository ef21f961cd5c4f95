package ir

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// role is what a field is used for; what holds for it depends on that.
type role uint8

const (
	inResult role = iota // of a response
	inCreate             // of a POST
	inUpdate             // of a PUT
	inFilter             // of a GET or DELETE
)

// roleOf is the role of a tool's parameters.
func roleOf(t *manifest.Tool) role {
	switch {
	case t.Update:
		return inUpdate
	case t.Method == http.MethodPost:
		return inCreate
	}
	return inFilter
}

// fieldFacts are what is true of a field in one role. Go documentation, schemas and
// reference pages each print those that their form does not show otherwise, and
// nothing else.
type fieldFacts struct {
	About      string // the meaning
	Unit       string
	Format     string // how a text is written
	Values     string // the usual values of an open enum
	Bounds     string
	Default    string // what holds when it is left out
	From       string // tool that finds values
	Null       string // what null does
	OnRequest  string
	Deprecated string

	Nullable bool            // null may be sent, or may come
	Required bool            // must be sent
	Applied  json.RawMessage // value that holds when it is left out; nil for none

	Min, Max                      *int64
	MaxLength, MinItems, MaxItems int
	Sort                          bool // the values come with - in front too
}

// factsOf says everything about a field in a role.
func factsOf(f *manifest.Field, r role) fieldFacts {
	s := fieldFacts{
		About: f.About, Required: f.Required && f.Preset == nil, Nullable: f.Nullable,
		Min: f.Min, Max: f.Max, MaxLength: f.MaxLength, MinItems: f.MinItems, MaxItems: f.MaxItems, Sort: f.Sort,
	}
	if f.In == manifest.InQuery && !strings.HasPrefix(f.Name, "_") {
		// A query cannot say an empty list, and a filter that is left out finds
		// everything instead of nothing.
		s.MinItems = max(f.MinItems, 1)
	}
	if f.Deprecated != "" {
		s.Deprecated = "Deprecated: " + f.Deprecated
	}
	switch r {
	case inResult:
		s.Required, s.Nullable = false, !f.Always
		if f.OnRequest {
			s.OnRequest = "Comes only when named in _fields."
		}
		return s
	case inCreate:
		s.About = join(s.About, f.OnCreate)
	case inUpdate:
		s.About = join(s.About, f.OnUpdate)
		if f.Nullable && !strings.Contains(strings.ToLower(s.About), "null") {
			s.Null = "Null clears it."
		}
	case inFilter:
	}
	t := f.Type
	if t.Kind == manifest.List {
		t = t.Elem
	}
	switch {
	case t.Kind == manifest.Cents && !strings.Contains(f.About, "cents"):
		s.Unit = "In cents."
	case t.Kind == manifest.RichText && !strings.Contains(f.About, "XHTML"):
		s.Unit = "An XHTML subset (p, ul, ol, li, b, i, a)."
	case t.Kind == manifest.DateTime:
		s.Format = "ISO 8601 with offset."
	case t.Kind == manifest.DateOrDateTime:
		s.Format = "A date (2026-03-31) or ISO 8601 with offset."
	case t.Kind == manifest.EnumType && t.Enum.Open:
		s.Values = "Usually one of: " + strings.Join(t.Enum.Strings(), ", ") + "."
	case t.Kind == manifest.ID && t.ID != nil:
		from := f.From
		if from == "" {
			from = t.ID.From
		}
		if from != "" && !strings.Contains(f.About, from) {
			s.From = "From " + from + "."
		}
	}
	s.Bounds = s.bounds()
	if s.Applied = f.Preset; s.Applied == nil {
		s.Applied = f.Default
	}
	if s.Applied != nil {
		s.Default = fmt.Sprintf("Defaults to %s.", strings.Trim(string(s.Applied), `"`))
	}
	return s
}

// bounds says how large a value may be.
func (s fieldFacts) bounds() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case s.Min != nil && s.Max != nil:
		add("From %d to %d.", *s.Min, *s.Max)
	case s.Min != nil:
		add("At least %d.", *s.Min)
	case s.Max != nil:
		add("At most %d.", *s.Max)
	}
	if s.MaxLength > 0 {
		add("At most %d characters.", s.MaxLength)
	}
	if s.MaxItems > 0 {
		add("At most %d entries.", s.MaxItems)
	}
	return strings.Join(parts, " ")
}

// goDoc is the comment of a field in Go, in paragraphs. Its Go type shows the
// format, and its own type the values.
func (s fieldFacts) goDoc() []string {
	required := ""
	if s.Required {
		required = "Required."
	}
	return paragraphs(join(s.About, s.Unit, s.Bounds, s.Default, s.Null, s.OnRequest, required), s.Deprecated)
}

// forModels is the description in a schema, whose keywords show the bounds, the
// default and what is required.
func (s fieldFacts) forModels(name string) string {
	about := s.About
	if about == "" {
		about = humanize(name)
	}
	return join(about, s.Unit, s.Format, s.Values, s.From, s.Null, s.Deprecated)
}

// ofResult is the description in the schema of a result.
func (s fieldFacts) ofResult() string { return join(s.About, s.OnRequest, s.Deprecated) }

// onPage is the text on a reference page, whose other columns show the type and
// what is required.
func (s fieldFacts) onPage() string {
	return join(s.About, s.Unit, s.Bounds, s.Default, s.Null, s.OnRequest, s.Deprecated)
}

// humanize makes a sentence of a field's name.
func humanize(name string) string {
	s := strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '_' }), " ")
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// paragraphs leaves out empty ones.
func paragraphs(parts ...string) []string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

func join(parts ...string) string { return strings.Join(paragraphs(parts...), " ") }
