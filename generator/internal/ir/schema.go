package ir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// object is a JSON object whose members keep their order, because models see
// them in it and because equal input must give equal bytes.
type object []member

type member struct {
	name  string
	value any
}

func (o *object) set(name string, value any) { *o = append(*o, member{name, value}) }

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is json.Marshal without the escaping of <, > and &.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// maxObjects is how many objects a schema may write out. Types that hold each
// other in many ways would otherwise grow without end.
const maxObjects = 2000

// walk is the way through the types of the schema of one input.
type walk struct {
	role    role
	stack   []*manifest.Object // those around the present one
	count   int
	written map[any]string   // enums and objects in the present shape, with the first member that has them
	path    []string         // of the present member
	of      *manifest.Object // whose records the members outside of all objects are about, or nil
	kinds   [][2]string      // paths of ids and custom fields, with the kind of their records
}

// kind notes that the present member names records of a kind, or holds their custom
// fields. The schemas of ids tell their prefix, which several kinds can have.
func (w *walk) kind(k *manifest.IDKind) {
	if path := strings.Join(w.path, "."); k != nil && !slices.ContainsFunc(w.kinds, func(x [2]string) bool { return x[0] == path }) {
		w.kinds = append(w.kinds, [2]string{path, k.Name})
	}
}

// record returns the kind of the records whose members are being written, or nil.
func (w *walk) record() *manifest.IDKind {
	o := w.of
	if len(w.stack) > 0 {
		o = w.stack[len(w.stack)-1]
	}
	if o == nil {
		return nil
	}
	if id := o.Field("id"); id != nil {
		return id.Type.ID
	}
	return nil
}

// enter reports whether to write out an object: not inside itself, and not when
// there are too many.
func (w *walk) enter(o *manifest.Object) bool {
	if slices.Contains(w.stack, o) || w.count > maxObjects {
		return false
	}
	w.stack = append(w.stack, o)
	w.count++
	return true
}

func (w *walk) leave() { w.stack = w.stack[:len(w.stack)-1] }

func (w *walk) finish(s object) (json.RawMessage, error) {
	if w.count > maxObjects {
		return nil, fmt.Errorf("it would hold more than %d objects; make the type of a nested field json", maxObjects)
	}
	return encode(s)
}

// inputSchema is the canonical schema of a tool's input: only keywords that
// every model API understands or that exporters can lower. With it comes what it does
// not say: the kinds of records that members name, by path.
func inputSchema(t *manifest.Tool) (json.RawMessage, [][2]string, error) {
	w := &walk{role: roleOf(t)}
	if t.Returns != nil {
		w.of = t.Returns.Object
	}
	var sent members
	for _, p := range t.Params {
		sent.add(w, p, alsoAccepted(t, p))
	}
	for _, a := range t.Accepts {
		if !a.Sent {
			sent.add(w, a.Field, "")
		}
	}
	schema, err := w.finish(append(object{{"type", "object"}}, sent.schema()...))
	return schema, w.kinds, err
}

// members are what may be sent in an object.
type members struct {
	properties object
	required   []string
}

// add adds a field; more is said about it beyond its facts.
func (m *members) add(w *walk, f *manifest.Field, more string) {
	w.path = append(w.path, f.Name)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	facts := factsOf(f, w.role)
	m.properties.set(f.Name, w.field(f, facts, join(facts.forModels(f.Name), more)))
	if facts.Required {
		m.required = append(m.required, f.Name)
	}
}

func (m *members) schema() object {
	s := object{{"properties", m.properties}}
	if m.properties == nil {
		s[0].value = object{}
	}
	if len(m.required) > 0 {
		s.set("required", m.required)
	}
	s.set("additionalProperties", false)
	return s
}

// alsoAccepted names the aliases that the tool itself gives a parameter, whose
// values can differ.
func alsoAccepted(t *manifest.Tool, p *manifest.Field) string {
	var also []string
	for _, a := range t.Aliases {
		if a.For == p.Name && !slices.Contains(p.Aliases, a.Name) {
			also = append(also, a.Name)
		}
	}
	if len(also) == 0 {
		return ""
	}
	return "Also accepted as " + strings.Join(also, " or ") + "."
}

// field is the schema of a parameter or of a member that is sent.
func (w *walk) field(f *manifest.Field, facts fieldFacts, about string) object {
	s := w.typ(f.Type, facts)
	if facts.Nullable {
		for i := range s {
			switch s[i].name {
			case "type":
				if one, ok := s[i].value.(string); ok {
					s[i].value = []string{one, "null"}
				}
			case "enum":
				values := []any{}
				for _, v := range s[i].value.([]string) {
					values = append(values, v)
				}
				s[i].value = append(values, nil)
			}
		}
	}
	if len(s) > 1 && s[1].name == "description" { // of the object itself
		s[1].value = join(about, s[1].value.(string))
	} else if about != "" {
		s = slices.Insert(s, min(1, len(s)), member{"description", about})
	}
	if facts.Applied != nil {
		s.set("default", facts.Applied)
	}
	if f.Example != nil {
		s.set("examples", []json.RawMessage{f.Example})
	}
	return s
}

var anyJSON = []string{"string", "number", "boolean", "object", "array", "null"}

// annotations are the formats of ours: JSON Schema ignores a format that it does not
// know, and programs that prepare input for a tool learn what a string is.
var annotations = map[manifest.Kind]string{
	manifest.RichText:       "html",
	manifest.DateOrDateTime: "date-or-date-time",
	manifest.Phone:          "phone",
	manifest.Timezone:       "timezone",
	manifest.Address:        "address",
}

// typ is the schema of a type, with the bounds of the field that has it.
func (w *walk) typ(t *manifest.Type, facts fieldFacts) object {
	s := object{}
	length := func() {
		if facts.MaxLength > 0 {
			s.set("maxLength", facts.MaxLength)
		}
	}
	switch t.Kind {
	case manifest.Integer:
		s.set("type", "integer")
		bounds(&s, facts)
	case manifest.Cents:
		s.set("type", "integer")
		s.set("format", "cents")
		bounds(&s, facts)
	case manifest.Number:
		s.set("type", "number")
		bounds(&s, facts)
	case manifest.Boolean:
		s.set("type", "boolean")
	case manifest.Date:
		s.set("type", "string")
		s.set("format", "date")
	case manifest.DateTime:
		s.set("type", "string")
		s.set("format", "date-time")
	case manifest.Email:
		s.set("type", "string")
		s.set("format", "email")
		length()
	case manifest.URL:
		s.set("type", "string")
		s.set("format", "uri")
		length()
	case manifest.EnumType:
		s.set("type", "string")
		switch {
		case t.Enum.Open:
		case facts.Sort:
			s.set("enum", t.Enum.Orders())
		default:
			s.set("enum", t.Enum.Strings())
		}
	case manifest.ID:
		w.kind(t.ID)
		s.set("type", "string")
		s.set("pattern", idPattern(t.ID))
	case manifest.JSON:
		s.set("type", anyJSON)
	case manifest.List:
		s.set("type", "array")
		s.set("items", w.typ(t.Elem, facts))
		if facts.MinItems > 0 {
			s.set("minItems", facts.MinItems)
		}
		if facts.MaxItems > 0 {
			s.set("maxItems", facts.MaxItems)
		}
	case manifest.Map:
		s.set("type", "object")
		s.set("additionalProperties", w.typ(t.Elem, facts))
	case manifest.CustomFields:
		w.kind(w.record())
		key := `^[a-z]+_[A-Za-z0-9]+$`
		if w.role == inUpdate {
			key = `^[a-z]+_[A-Za-z0-9]+(\.(add|remove))?$`
		}
		value := object{}
		value.set("type", []string{"string", "number", "boolean", "array", "null"})
		items := object{}
		items.set("type", "string")
		value.set("items", items)
		s.set("type", "object")
		s.set("patternProperties", object{{key, value}})
		s.set("additionalProperties", false)
	case manifest.ObjectType:
		return w.object(t.Object)
	case manifest.String, manifest.Line, manifest.Segments, manifest.Secret:
		s.set("type", "string")
		length()
	case manifest.RichText, manifest.DateOrDateTime, manifest.Phone, manifest.Timezone, manifest.Address:
		s.set("type", "string")
		s.set("format", annotations[t.Kind])
		length()
	}
	return s
}

func bounds(s *object, facts fieldFacts) {
	if facts.Min != nil {
		s.set("minimum", *facts.Min)
	}
	if facts.Max != nil {
		s.set("maximum", *facts.Max)
	}
}

func idPattern(k *manifest.IDKind) string {
	const rest = "_[A-Za-z0-9]+"
	switch {
	case k == nil || k.Name == "custom_field":
		return "^[a-z0-9]+" + rest + "$"
	case len(k.Prefixes) == 1 && len(k.Literals) == 0:
		return "^" + k.Prefixes[0] + rest + "$"
	}
	alts := slices.Clone(k.Literals)
	for _, p := range k.Prefixes {
		alts = append(alts, p+rest)
	}
	return "^(" + strings.Join(alts, "|") + ")$"
}

// object is the schema of an object that is sent: what may be written,
// nothing else.
func (w *walk) object(o *manifest.Object) object {
	if o.Brief && !slices.Contains(w.stack, o) {
		return w.open(o, w.shape(o))
	}
	if !w.enter(o) {
		return w.open(o, "As the "+humanName(o.Name)+" around it.")
	}
	defer w.leave()
	s := object{{"type", "object"}}
	if about := o.Cases.Sentence("members"); about != "" {
		s.set("description", about)
	}
	var sent members
	for _, f := range o.Fields {
		if w.sends(f) {
			sent.add(w, f, "")
		}
	}
	return append(s, sent.schema()...)
}

// outputSchema is the schema of a tool's response. It promises what the manifest
// knows and allows more, as Close does. Objects are references to definitions.
func (b *builder) outputSchema(t *manifest.Tool) (json.RawMessage, error) {
	from := t.Resource.Name
	switch {
	case t.Returns == nil:
		return encode(object{{"type", "object"}})
	case t.Returns.Kind != manifest.List:
		return encode(b.ref(t.Returns.Object, from))
	}
	props := object{}
	conv := b.api.Conventions
	props.set(conv.Items, object{{"type", "array"}, {"items", b.ref(t.Returns.Elem.Object, from)}})
	if t.Cursor == "" {
		props.set(conv.More, object{{"type", "boolean"}, {"description", "There are more results; ask again with " + conv.Offset + "."}})
	} else {
		props.set(t.Next, object{{"type", []string{"string", "null"}}, {"description", "Cursor of the next page, for " + t.Cursor + "; null after the last one."}})
	}
	props.set(conv.Total, object{{"type", "integer"}, {"description", "How many there are in all, where " + b.api.Name + " counts them."}})
	if t.Totals != nil {
		for _, f := range t.Totals.Fields {
			props.set(f.Name, b.resultField(f, from))
		}
	}
	return encode(object{{"type", "object"}, {"properties", props}})
}

// ref refers from the data file of a resource to the definition of an object.
func (b *builder) ref(o *manifest.Object, from string) object {
	path := "#/$defs/" + o.Name
	if home := b.homes[o]; home != from {
		path = home + ".json" + path
	}
	return object{{"$ref", path}}
}

// definition is the schema of an object that comes in responses.
func (b *builder) definition(o *manifest.Object) (json.RawMessage, error) {
	props := object{}
	for _, f := range o.Fields {
		if f.Read && f.Type.Kind != manifest.CustomFields {
			props.set(f.Name, b.resultField(f, b.homes[o]))
		}
	}
	return encode(object{{"type", "object"}, {"description", o.About}, {"properties", props}})
}

func (b *builder) resultField(f *manifest.Field, from string) object {
	s, facts := b.resultType(f.Type, from), factsOf(f, inResult)
	if facts.Nullable {
		if one, ok := s[0].value.(string); ok && s[0].name == "type" {
			s[0].value = []string{one, "null"}
		} else if s[0].name == "$ref" {
			s = object{{"anyOf", []object{s, {{"type", "null"}}}}}
		}
	}
	if about := facts.ofResult(); about != "" {
		s.set("description", about)
	}
	return s
}

func (b *builder) resultType(t *manifest.Type, from string) object {
	one := func(name string) object { return object{{"type", name}} }
	switch t.Kind {
	case manifest.Integer, manifest.Cents:
		return one("integer")
	case manifest.Number:
		return one("number")
	case manifest.Boolean:
		return one("boolean")
	case manifest.JSON:
		return object{{"type", anyJSON}}
	case manifest.List:
		return object{{"type", "array"}, {"items", b.resultType(t.Elem, from)}}
	case manifest.Map:
		return object{{"type", "object"}, {"additionalProperties", b.resultType(t.Elem, from)}}
	case manifest.ObjectType:
		return b.ref(t.Object, from)
	case manifest.CustomFields:
		return one("object")
	case manifest.String, manifest.RichText, manifest.Date, manifest.DateTime, manifest.DateOrDateTime, manifest.Email,
		manifest.Phone, manifest.URL, manifest.Timezone, manifest.Line, manifest.Address, manifest.Segments, manifest.Secret, manifest.ID, manifest.EnumType:
	}
	return one("string")
}

// description is what a model reads about a tool.
func description(t *manifest.Tool) string {
	parts := []string{t.Does, t.Use, t.Marks()}
	parts = append(parts, manifest.Sentences(t.Rules)...)
	parts = append(parts, t.Cases.Sentence("parameters"))
	if t.Result != "" {
		parts = append(parts, fmt.Sprintf("Returns %s", lowerFirst(t.Result)))
	}
	return join(parts...)
}
