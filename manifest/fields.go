package manifest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// fieldDecl is a field as written, and what of it is still to be looked up. Its
// places can be in two files: a tool's parameter changes keys of a field
// elsewhere.
type fieldDecl struct {
	*Field
	typeText string
	typePos  Pos
	fromPos  Pos            // zero when from is not given
	given    map[string]Pos // places of the keys that are checked against the type
	check    string         // of an input that is not sent
}

// copied returns a declaration of its own with the same contents.
func (d *fieldDecl) copied() *fieldDecl {
	c, f := *d, *d.Field
	c.Field, c.given = &f, maps.Clone(d.given)
	return &c
}

// readField reads a field, on top of base if there is one.
func (c *checker) readField(r reader, name, n *yaml.Node, base *fieldDecl) *fieldDecl {
	return c.readFieldAs(r, name, n, base, false)
}

// readFieldAs reads a field, or an input that is accepted and never sent.
func (c *checker) readFieldAs(r reader, name, n *yaml.Node, base *fieldDecl, accepted bool) *fieldDecl {
	d := &fieldDecl{Field: &Field{Name: name.Value, Read: true, Create: true, Update: true}, given: map[string]Pos{}}
	if base != nil {
		d = base.copied()
	}
	d.Pos = r.pos(name)
	c.fields = append(c.fields, d)
	if !fieldName.MatchString(name.Value) {
		r.bad(name, "", "a field must be named with letters, digits and underscores, not %q", name.Value)
	}
	if len(name.Value) > maxName {
		r.bad(name, "models take no longer names", "a field's name has more than %d characters", maxName)
	}
	note := func(key string, read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) { d.given[key] = r.pos(n); read(n) }
	}
	hasType := d.typeText != ""
	known := map[string]func(*yaml.Node){
		"type": func(n *yaml.Node) {
			hasType = true
			r.text(&d.typeText)(n)
			d.typePos, d.Type = r.pos(n), nil
			for key := range d.given { // what does not fit is the new type
				d.given[key] = d.typePos
			}
		},
		"about":      r.text(&d.About),
		"on_create":  r.text(&d.OnCreate),
		"on_update":  r.text(&d.OnUpdate),
		"access":     func(n *yaml.Node) { r.access(n, d.Field) },
		"always":     r.flag(&d.Always),
		"required":   r.flag(&d.Required),
		"nullable":   note("nullable", r.flag(&d.Nullable)),
		"on_request": r.flag(&d.OnRequest),
		"sort":       note("sort", r.flag(&d.Sort)),
		"window":     note("window", r.text(&d.Window)),
		"default":    note("default", r.value(&d.Default)),
		"preset":     note("preset", r.value(&d.Preset)),
		"example":    note("example", r.value(&d.Example)),
		"min":        note("min", r.bound(&d.Min)),
		"max":        note("max", r.bound(&d.Max)),
		"max_length": note("max_length", r.integer(&d.MaxLength)),
		"min_items":  note("min_items", r.integer(&d.MinItems)),
		"max_items":  note("max_items", r.integer(&d.MaxItems)),
		"from":       func(n *yaml.Node) { r.text(&d.From)(n); d.fromPos = r.pos(n) },
		"aliases":    r.words(&d.Aliases),
		"deprecated": r.text(&d.Deprecated),
		"brief":      func(n *yaml.Node) { text := ""; r.text(&text)(n); d.Brief = &text },
		"shown":      func(n *yaml.Node) { d.Shown = Shown(n.Value) },
		"in":         r.place(&d.In),
		"key":        note("key", r.text(&d.Key)),
	}
	if accepted {
		known = map[string]func(*yaml.Node){
			"type": known["type"], "about": known["about"], "example": known["example"], "aliases": known["aliases"], "check": r.text(&d.check),
		}
	}
	isMapping := r.keys(n, "field "+name.Value, known)
	if !hasType && isMapping {
		r.bad(name, "for example type: string", "field %q has no type", name.Value)
	}
	if d.Min != nil && d.Max != nil && *d.Min > *d.Max {
		r.bad(name, "", "field %q has a min above its max", name.Value)
	}
	if d.MaxItems > 0 && d.MinItems > d.MaxItems {
		r.bad(name, "", "field %q has min_items above its max_items", name.Value)
	}
	return d
}

// access reads words out of read, create and update.
func (r *reader) access(n *yaml.Node, f *Field) {
	if r.marked[n] {
		return
	}
	words := strings.Fields(n.Value)
	f.Read = slices.Contains(words, "read")
	f.Create = slices.Contains(words, "create")
	f.Update = slices.Contains(words, "update")
}

func (r *reader) place(to *Place) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.marked[n] {
			*to = Place(n.Value)
		}
	}
}

// finish resolves a field's type and checks what depends on it.
func (c *checker) finish(d *fieldDecl) {
	if d.Type == nil && d.typeText != "" {
		d.Type = c.parseType(d.typePos, d.typeText)
	}
	if d.Type != nil {
		c.checkBounds(d)
	}
}

// checkBounds reports properties that the field's type does not have, and
// values that do not fit it.
func (c *checker) checkBounds(d *fieldDecl) {
	k := d.Type.Kind
	isNumber := k == Integer || k == Number || k == Cents
	text := d.Type
	if k == List {
		text = d.Type.Elem
	}
	isText := text.Kind == String || text.Kind == Line || text.Kind == Address || text.Kind == RichText || text.Kind == Email || text.Kind == Phone || text.Kind == URL
	const numbers, lists, texts = "it is for integer, number and cents", "it is for lists", "it is for texts and lists of texts"
	for _, b := range []struct {
		key, hint string
		ok        bool
	}{
		{"min", numbers, isNumber},
		{"max", numbers, isNumber},
		{"min_items", lists, k == List},
		{"max_items", lists, k == List},
		{"max_length", texts, isText},
		{"sort", "it is for a string or an enum", k == String || k == EnumType},
		{"nullable", "Go has no null for it; make it json", k != ObjectType && k != CustomFields && k != Map},
		{"window", "it is for a string, a search text", k == String},
	} {
		if pos, ok := d.given[b.key]; ok && !b.ok {
			c.ps.add(pos, b.hint, "field %q of type %s cannot have %s", d.Name, d.typeText, b.key)
		}
	}
	for _, v := range []struct {
		key string
		raw json.RawMessage
	}{{"preset", d.Preset}, {"default", d.Default}, {"example", d.Example}} {
		if v.raw != nil && !d.fits(v.raw) {
			c.ps.add(d.given[v.key], fitHint(d.Type), "the %s of field %q does not fit its type, %s", v.key, d.Name, d.typeText)
		}
	}
}

// fitHint says what fits a type.
func fitHint(t *Type) string {
	if t.Kind == List {
		t = t.Elem
	}
	if t.Kind == EnumType {
		return "one of " + strings.Join(t.Enum.Strings(), ", ")
	}
	return ""
}

// values lists the values of a field whose type is an enum.
func (f *Field) values() []string {
	if f.Sort {
		return f.Type.Enum.Orders()
	}
	return f.Type.Enum.Strings()
}

// fits reports whether JSON is of the right sort for the field, roughly.
func (f *Field) fits(raw json.RawMessage) bool {
	var s string
	if f.Sort && f.Type.Kind == EnumType && json.Unmarshal(raw, &s) == nil && slices.Contains(f.values(), s) {
		return true
	}
	return fits(f.Type, raw)
}

// fits reports whether JSON is of the right sort for a type, roughly: the
// schemas check examples in full.
func fits(t *Type, raw json.RawMessage) bool {
	first := byte(0)
	if len(raw) > 0 {
		first = raw[0]
	}
	switch t.Kind {
	case Integer, Cents:
		_, err := strconv.ParseInt(string(raw), 10, 64)
		return err == nil
	case Number:
		return first == '-' || first >= '0' && first <= '9'
	case Boolean:
		return first == 't' || first == 'f'
	case List:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return false
		}
		return !slices.ContainsFunc(list, func(e json.RawMessage) bool { return !fits(t.Elem, e) })
	case EnumType:
		var s string
		return json.Unmarshal(raw, &s) == nil && (t.Enum.Open || slices.Contains(t.Enum.Strings(), s))
	case Map, ObjectType, CustomFields:
		return first == '{'
	case JSON:
		return true
	case String, RichText, Date, DateTime, DateOrDateTime, Email, Phone, URL, Timezone, Line, Address, Segments, Secret, ID:
		return first == '"'
	}
	return false
}

// isText reports whether values are sent as text.
func (t *Type) isText() bool {
	return slices.Contains([]Kind{String, RichText, Date, DateTime, DateOrDateTime, Email, Phone, URL, Timezone, Line, Address, Segments, Secret, ID, EnumType}, t.Kind)
}
