package codec

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with the input of a call.
type Problem struct {
	Path     string `json:"path"`               // contacts[0].emails[1].email
	Expected string `json:"expected"`           // what belongs there
	Received string `json:"received,omitempty"` // what was given, shortened
	Hint     string `json:"hint,omitempty"`     // what to do
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Expected)
	if p.Received != "" {
		b.WriteString(", got " + p.Received)
	}
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Walker visits the fields of parameters. When it sends, it checks every value
// and writes it to the path, the query or the body in the same pass; when it
// decodes, it fills the fields from a tool's JSON input.
type Walker struct {
	Enc      Encoder
	Problems []Problem

	spec     *Spec
	decoding bool
	members  []Member // of the object that is being decoded
	names    []string // of the fields that a nested object can have
	path     []string
	depth    int

	query     []byte
	pathVals  []string
	pathNames []string
	set       [4]uint64
	fields    []*Field // of the parameters, in the order of the walk
	words     []word
}

type word struct {
	field int
	value string
}

// Member is one member of an object that is decoded strictly.
type Member struct {
	Name string
	Raw  []byte
	used bool
}

// walkers are free for use; see freeList.
var walkers freeList[*Walker]

// NewWalker takes a walker from the pool.
func NewWalker(s *Spec) *Walker {
	w, ok := walkers.take()
	if !ok {
		w = new(Walker)
	}
	w.spec = s
	return w
}

// Free returns the walker, and with it the memory of Body and Query, to the
// pool.
func (w *Walker) Free() {
	const keep = 64 << 10
	b, q := w.Enc.B[:0], w.query[:0]
	if cap(b) > keep {
		b = nil
	}
	*w = Walker{Enc: Encoder{B: b}, query: q, words: w.words[:0], pathVals: w.pathVals[:0], pathNames: w.pathNames[:0], fields: w.fields[:0]}
	walkers.give(w)
}

// Send checks p and encodes it. The outcome is in Problems, Body and Query.
func (w *Walker) Send(p Params) {
	w.Enc.B = append(w.Enc.B[:0], '{')
	w.decoding, w.fields = false, w.fields[:0]
	p.Walk(w)
	w.Enc.B = append(w.Enc.B, '}')
	w.checkRules()
}

// Body is the encoded body, an empty object if no parameter goes there.
func (w *Walker) Body() []byte { return w.Enc.B }

// Query is the encoded query string.
func (w *Walker) Query() []byte { return w.query }

// AppendPath appends a path template with its parameters filled in and escaped.
func (w *Walker) AppendPath(b []byte, template string) []byte {
	for {
		i := strings.IndexByte(template, '{')
		if i < 0 {
			return append(b, template...)
		}
		j := i + strings.IndexByte(template[i:], '}')
		b = append(b, template[:i]...)
		for k, n := range w.pathNames {
			if n == template[i+1:j] {
				b = append(b, url.PathEscape(w.pathVals[k])...)
			}
		}
		template = template[j+1:]
	}
}

// Decoding reports whether fields are filled; otherwise they are sent.
func (w *Walker) Decoding() bool { return w.decoding }

// Begin notes that the walk has come to field f. It reports false when the
// field does not take part: in a nested object, one that is not written here.
func (w *Walker) Begin(f *Field) bool {
	if w.depth == 0 {
		w.fields = append(w.fields, f)
		return true
	}
	access := OnCreate
	if w.spec.Update {
		access = OnUpdate
	}
	if f.Flags&access == 0 {
		return false
	}
	if w.decoding {
		w.names = append(w.names, f.Name)
	}
	return true
}

func (w *Walker) given() {
	if w.depth == 0 {
		n := len(w.fields) - 1
		w.set[n>>6] |= 1 << (n & 63)
	}
}

func (w *Walker) has(n uint8) bool { return w.set[n>>6]&(1<<(n&63)) != 0 }

func (w *Walker) word(v string) {
	if w.depth == 0 {
		w.words = append(w.words, word{len(w.fields) - 1, v})
	}
}

// Absent handles a field that was not given.
func (w *Walker) Absent(f *Field) {
	switch {
	case f.Preset != "":
		w.given()
		w.Start(f)
		w.Enc.B = append(w.Enc.B, f.Preset...)
		if len(w.spec.Rules) > 0 {
			w.word(strings.Trim(f.Preset, `"`))
		}
	case f.Flags&Required != 0:
		w.Report(f.Name, "is required", "", fromHint(f))
	}
}

// Null handles a field that was given as null.
func (w *Walker) Null(f *Field) {
	if w.spec.Update { // otherwise there is nothing that it could clear
		w.given()
	}
	if f.Flags&Nullable == 0 || f.In == Path {
		w.Report(f.Name, "cannot be null", "null", "leave it out instead")
		return
	}
	if f.In == Query {
		// On Close's older endpoints an empty value means null.
		w.param(f.Name, "")
		return
	}
	w.Start(f)
	w.Enc.B = append(w.Enc.B, "null"...)
}

// Start writes the name of a body member; the value follows.
func (w *Walker) Start(f *Field) { w.Enc.Name(f.Name) }

// param adds a query parameter.
func (w *Walker) param(name, value string) {
	if len(w.query) > 0 {
		w.query = append(w.query, '&')
	}
	w.query = append(w.query, name...) // names are plain ASCII words
	w.query = append(w.query, '=')
	w.query = appendQuery(w.query, value)
}

func appendQuery(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~', c == ',', c == ':':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return b
}

// Text sends a text value.
func (w *Walker) Text(f *Field, v string) {
	w.given()
	if len(w.spec.Rules) > 0 {
		w.word(v)
	}
	w.CheckText(f, f.Name, v)
	w.checkLength(f, v)
	switch f.In {
	case Path:
		w.pathNames = append(w.pathNames, f.Name)
		w.pathVals = append(w.pathVals, v)
	case Query:
		w.param(f.Name, v)
	default:
		w.Start(f)
		w.AppendText(f, v)
	}
}

// AppendText appends a text value to the body.
func (w *Walker) AppendText(f *Field, v string) {
	if f.Kind == RichText && !isWrapped(v) {
		v = "<body>" + v + "</body>"
	}
	w.Enc.B = AppendString(w.Enc.B, v)
}

// isWrapped reports whether rich text starts with a body element.
func isWrapped(v string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(v, " \t\r\n"), "<body")
	return ok && (rest == "" || strings.ContainsRune("> \t\r\n/", rune(rest[0])))
}

// Int sends an integer.
func (w *Walker) Int(f *Field, v int64) {
	w.given()
	if f.Flags&(Bounded|MinOnly) != 0 && v < f.Min || f.Flags&Bounded != 0 && v > f.Max {
		w.Report(f.Name, "must be "+boundsText(f), strconv.FormatInt(v, 10), "")
	}
	if f.In == Query {
		w.param(f.Name, strconv.FormatInt(v, 10))
		return
	}
	w.Start(f)
	w.Enc.B = strconv.AppendInt(w.Enc.B, v, 10)
}

// Float sends a number.
func (w *Walker) Float(f *Field, v float64) {
	w.given()
	if v != v || v-v != 0 {
		w.Report(f.Name, "must be a finite number", fmt.Sprint(v), "")
	} else if f.Flags&(Bounded|MinOnly) != 0 && v < float64(f.Min) || f.Flags&Bounded != 0 && v > float64(f.Max) {
		w.Report(f.Name, "must be "+boundsText(f), fmt.Sprint(v), "")
	}
	if f.In == Query {
		w.param(f.Name, string(AppendFloat(nil, v)))
		return
	}
	w.Start(f)
	w.Enc.B = AppendFloat(w.Enc.B, v)
}

func boundsText(f *Field) string {
	switch {
	case f.Flags&MinOnly != 0 && f.Min == 0:
		return "0 or more"
	case f.Flags&MinOnly != 0:
		return fmt.Sprintf("%d or more", f.Min)
	}
	return fmt.Sprintf("from %d to %d", f.Min, f.Max)
}

// Bool sends a boolean.
func (w *Walker) Bool(f *Field, v bool) {
	w.given()
	if f.In == Query {
		w.param(f.Name, strconv.FormatBool(v))
		return
	}
	w.Start(f)
	w.Enc.B = strconv.AppendBool(w.Enc.B, v)
}

// JSON sends a raw value.
func (w *Walker) JSON(f *Field, v []byte) {
	w.given()
	if err := Valid(v); err != nil {
		w.Report(f.Name, "must be valid JSON", err.Error(), "")
		return
	}
	if f.In == Query {
		w.param(f.Name, string(v))
		return
	}
	w.Start(f)
	w.Enc.B = append(w.Enc.B, v...)
}

// Texts sends a list of texts: a JSON array in the body, joined by commas in
// the query.
func (w *Walker) Texts(f *Field, n int, at func(int) string) {
	w.given()
	w.checkLen(f, n)
	if len(w.spec.Rules) > 0 {
		for i := range n {
			w.word(at(i))
		}
	}
	if f.In == Query {
		var b []byte
		for i := range n {
			v := at(i)
			w.CheckText(f, w.Element(f, i), v)
			if strings.Contains(v, ",") {
				w.Report(w.Element(f, i), "must not contain a comma", quote(v), "the list is sent joined by commas")
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, v...)
		}
		w.param(f.Name, string(b))
		return
	}
	w.Start(f)
	w.Enc.B = append(w.Enc.B, '[')
	for i := range n {
		v := at(i)
		w.CheckText(f, w.Element(f, i), v)
		if i > 0 {
			w.Enc.B = append(w.Enc.B, ',')
		}
		w.AppendText(f, v)
	}
	w.Enc.B = append(w.Enc.B, ']')
}

// Element names one element of a list in problems.
func (w *Walker) Element(f *Field, i int) string { return f.Name + "[" + strconv.Itoa(i) + "]" }

func (w *Walker) checkLen(f *Field, n int) {
	switch {
	case f.MaxLen > 0 && n > int(f.MaxLen):
		w.Report(f.Name, fmt.Sprintf("must have at most %d elements", f.MaxLen), fmt.Sprintf("%d", n), "")
	case n < int(f.MinItems):
		w.Report(f.Name, fmt.Sprintf("must have at least %d elements", f.MinItems), fmt.Sprintf("%d", n), "")
	}
}

// Objects sends a list of objects, each walked by walk.
func (w *Walker) Objects(f *Field, n int, walk func(int)) {
	w.given()
	w.checkLen(f, n)
	w.Start(f)
	w.Enc.B = append(w.Enc.B, '[')
	for i := range n {
		if i > 0 {
			w.Enc.B = append(w.Enc.B, ',')
		}
		w.nest(w.Element(f, i), func() { walk(i) })
	}
	w.Enc.B = append(w.Enc.B, ']')
}

// Object sends an object, walked by walk.
func (w *Walker) Object(f *Field, walk func()) {
	w.given()
	w.Start(f)
	w.nest(f.Name, walk)
}

func (w *Walker) nest(name string, walk func()) {
	if w.depth >= MaxDepth {
		w.Report(name, "is nested too deep", "", "")
		return
	}
	w.path = append(w.path, name)
	w.depth++
	w.Enc.B = append(w.Enc.B, '{')
	walk()
	w.Enc.B = append(w.Enc.B, '}')
	w.depth--
	w.path = w.path[:len(w.path)-1]
}

// CustomField sends the value of one custom field.
func (w *Walker) CustomField(f *Field, key string, raw []byte) {
	id, op, dot := strings.Cut(key, ".")
	name := f.Name + "." + key
	switch {
	case !validCustomID(id):
		w.Report(name, "must be named by a custom field id such as cf_…", quote(id), "list the ids with the custom field tools; names are not accepted")
		return
	case dot && op != "add" && op != "remove":
		w.Report(name, "may only end in .add or .remove", quote(op), "")
		return
	case dot && !w.spec.Update:
		w.Report(name, "."+op+" is for updates", "", "give the whole list under "+id)
		return
	}
	if err := Valid(raw); err != nil {
		w.Report(name, "must be valid JSON", err.Error(), "")
		return
	}
	if len(raw) > 0 && raw[0] == '{' {
		w.Report(name, "must be a text, a number, a list of texts or null", sample(raw), "")
		return
	}
	w.given()
	w.Enc.Name("custom." + key)
	w.Enc.B = append(w.Enc.B, raw...)
}

// validCustomID accepts cf_…, the older lcf_… and whatever else looks like an
// id.
func validCustomID(id string) bool {
	prefix, rest, ok := strings.Cut(id, "_")
	return ok && alphanumeric(prefix) && prefix != "" && rest != "" && alphanumeric(rest)
}

// Report adds a problem.
func (w *Walker) Report(name, expected, received, hint string) {
	path := name
	if len(w.path) > 0 {
		path = strings.Join(w.path, ".")
		if name != "" {
			path += "." + name
		}
	}
	w.Problems = append(w.Problems, Problem{path, expected, received, hint})
}

func (w *Walker) checkRules() {
	for i := range w.spec.Rules {
		r := &w.spec.Rules[i]
		n := 0
		for _, f := range r.Fields {
			if w.has(f) {
				n++
			}
		}
		switch r.Kind {
		case ExactlyOne:
			if n != 1 {
				w.Report("", "give exactly one of "+w.ruleNames(r, " or "), count(n), r.About)
			}
		case AtLeastOne:
			if n == 0 {
				w.Report("", "give at least one of "+w.ruleNames(r, " or "), count(n), r.About)
			}
		case AtMostOne:
			if n > 1 {
				w.Report("", "give only one of "+w.ruleNames(r, " and "), count(n), r.About)
			}
		case Differ:
			w.checkDiffer(r)
		case Needs, NeedsOne:
			if !w.has(r.If) || r.Is != "" && !w.holds(r.If, r.Is) {
				continue
			}
			when := w.fields[r.If].Name + " is given"
			if r.Is != "" {
				when = w.fields[r.If].Name + " is " + r.Is
			}
			for _, f := range r.Fields {
				if !w.has(f) {
					w.Report(w.fields[f].Name, "is required when "+when, "", r.About)
				} else if n := len(w.values(f)); r.Kind == NeedsOne && n != 1 {
					w.Report(w.fields[f].Name, "must have exactly one element when "+when, count(n), r.About)
				}
			}
		}
	}
}

func (w *Walker) checkDiffer(r *Rule) {
	for i, f := range r.Fields {
		for _, v := range w.values(f) {
			if slices.ContainsFunc(r.Fields[:i], func(g uint8) bool { return w.holds(g, v) }) {
				w.Report("", "give different values for "+w.ruleNames(r, " and "), quote(v)+" twice", r.About)
				return
			}
		}
	}
}

func count(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n) + " of them"
}

func (w *Walker) ruleNames(r *Rule, sep string) string {
	names := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		names[i] = w.fields[f].Name
	}
	return strings.Join(names, sep)
}

func (w *Walker) holds(field uint8, value string) bool {
	return slices.Contains(w.words, word{int(field), value})
}

// values are the texts of a parameter: one, or the elements of a list.
func (w *Walker) values(field uint8) (list []string) {
	for _, v := range w.words {
		if v.field == int(field) {
			list = append(list, v.value)
		}
	}
	return list
}

// QueryParams gives the query as a JSON object of strings, for the method
// override that long queries need.
func QueryParams(query string) ([]byte, error) {
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"_params":{`)
	for i, name := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, name), ':')
		b = AppendString(b, strings.Join(v[name], ","))
	}
	return append(b, "}}"...), nil
}
