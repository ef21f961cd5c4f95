package wire

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/markup"
	"github.com/closekit/closekit/internal/words"
)

// reader fills parameters from a tool's JSON input, strictly: an unknown parameter,
// a parameter that is set twice or a value of another type is a problem. Unambiguous
// mistakes of models are corrected: aliases are renamed, a list or object inside a
// JSON string is parsed, a list of strings in the query may be joined by commas, and
// plain text in place of rich text is escaped.
type reader struct {
	report
	op      *Operation
	invalid bool            // the input cannot be read at all
	members []jsonMember    // of the current object
	texts   strings.Builder // memory for strings
}

// jsonMember is one member of an object of the input.
type jsonMember struct {
	name string
	raw  []byte
	used bool
}

// read fills the parameters at v.
func (r *reader) read(input []byte, s *plan, v unsafe.Pointer) {
	if input = bytes.TrimSpace(bom.Trim(input)); len(input) == 0 {
		input = []byte("{}")
	}
	bad := codec.CheckJSONText(input)
	if errors.Is(bad, bom.ErrUTF16) {
		r.add("", "input must be a JSON object", "UTF-16", bad.Error())
		return
	}
	if err := codec.Valid(input); err != nil {
		r.add("", "input must be a JSON object", err.Error(), "")
		return
	}
	ms, ok := r.object(input)
	if !ok {
		r.add("", "input must be a JSON object", sample(input), "")
		return
	}
	if bad != nil {
		r.badText(ms, bad)
		return
	}
	r.rename(ms)
	r.members = ms
	r.texts.Grow(min(len(input), 1<<10))
	r.walk(s, v)
	r.unknown(s)
}

// badText reports text that has no meaning, with the parameter that has it.
func (r *reader) badText(ms []jsonMember, bad error) {
	name := ""
	for _, m := range ms {
		if codec.CheckJSONText(m.raw) != nil {
			name = m.name
			break
		}
	}
	expected := "must be valid text"
	if name == "" {
		expected = "input must be valid text"
	}
	r.add(name, expected, bad.Error(), "send UTF-8, and write the characters themselves")
	r.invalid = true
}

// known appends the names of the fields of an object.
func (r *reader) known(s *plan, list []string) []string {
	if s.base != nil {
		list = r.known(s.base, list)
	}
	for i := range s.members {
		if f := s.members[i].in; f != nil && (r.depth == 0 || f.flags&r.op.access() != 0) {
			list = append(list, f.name)
		}
	}
	return list
}

// unknown reports the members without a field.
func (r *reader) unknown(s *plan) {
	var names []string
	for i := range r.members {
		m := &r.members[i]
		if m.used {
			continue
		}
		if r.full() { // looking for a near name takes time
			r.more++
			continue
		}
		if names == nil {
			names = r.known(s, nil)
			for j := range r.op.Aliases {
				if r.depth == 0 {
					names = append(names, r.op.Aliases[j].Name)
				}
			}
		}
		var hint string
		if near := words.Parameter(m.name, names); near != "" {
			hint = "did you mean " + strconv.Quote(near) + "?"
		} else if len(names) > 0 {
			hint = "the parameters are " + words.List(names)
		} else {
			hint = "the tool takes no parameters"
		}
		r.add(m.name, "is not a known parameter", "", hint)
	}
}

// object splits valid JSON into the members of an object, and reports whether raw is
// one.
func (r *reader) object(raw []byte) ([]jsonMember, bool) {
	d := codec.NewDecoder(raw, false)
	defer d.End() //nolint:errcheck // the caller has validated raw
	if d.Peek() != '{' {
		return nil, false
	}
	const usual = 16
	ms := make([]jsonMember, 0, usual)
	seen := names{}
	for d.Open(nil); d.Next(); {
		name := d.Text(d.Key())
		twice := seen.add(name, len(ms), func(i int) string { return ms[i].name })
		if twice {
			r.add(name, "is given twice", "", "")
		}
		ms = append(ms, jsonMember{name: name, raw: d.Raw(), used: twice})
	}
	return ms, true
}

// names is a set of the names of members, which is empty while they are few: looking
// at the members is faster.
type names map[string]struct{}

// add adds a name and reports whether one of the n names before it, which at returns,
// is the same.
func (x *names) add(name string, n int, at func(int) string) bool {
	const few = 32
	if n < few {
		for i := range n {
			if at(i) == name {
				return true
			}
		}
		return false
	}
	if *x == nil {
		*x = make(names, 2*few)
		for i := range n {
			(*x)[at(i)] = struct{}{}
		}
	}
	if _, ok := (*x)[name]; ok {
		return true
	}
	(*x)[name] = struct{}{}
	return false
}

// rename replaces aliases with their parameters.
func (r *reader) rename(ms []jsonMember) {
	for i := range ms {
		for _, a := range r.op.Aliases {
			if a.Name != ms[i].name || ms[i].used {
				continue
			}
			if codec.IsNull(ms[i].raw) && (a.Map != nil || !r.op.Updates()) {
				ms[i].used = true // absent
				break
			}
			if slices.ContainsFunc(ms, func(m jsonMember) bool { return m.name == a.For }) {
				r.add(a.Name, "is another name for "+a.For+", which is given too", "", "give only one")
				ms[i].used = true
				break
			}
			if a.Map != nil && !a.convert(&ms[i]) {
				r.add(a.Name, "must be one of "+a.froms(), sample(ms[i].raw), "or use "+a.For)
				ms[i].used = true
				break
			}
			ms[i].name = a.For
			break
		}
	}
}

func (a *Alias) convert(m *jsonMember) bool {
	for _, v := range a.Map {
		if v.From == string(m.raw) {
			m.raw = []byte(v.To)
			return true
		}
	}
	return false
}

func (a *Alias) froms() string {
	names := make([]string, len(a.Map))
	for i, v := range a.Map {
		names[i] = v.From
	}
	return strings.Join(names, ", ")
}

// sample shortens JSON for a problem.
func sample(raw []byte) string {
	const most = 60
	return words.Clean(string(raw[:min(len(raw), most+1)]), most)
}

// given returns the JSON of a field, and reports whether it is set.
func (r *reader) given(f *field) ([]byte, bool) {
	for i := range r.members {
		if m := &r.members[i]; m.name == f.name && !m.used {
			m.used = true
			return m.raw, true
		}
	}
	return nil, false
}

// text reads a string.
func (r *reader) text(f *field, name string, raw []byte) (string, bool) {
	s, ok := r.unquote(raw)
	if !ok {
		var hint string
		if f.id != nil {
			hint = fromHint(f)
		}
		r.add(name, "must be a string", sample(raw), hint)
	}
	if f.kind == richText {
		s = markup.Guess(s)
	}
	return s, ok
}

// unquote decodes a string. Those of an input share memory.
func (r *reader) unquote(raw []byte) (string, bool) {
	const long = 256
	if n := len(raw) - 2; n < 0 || n > long || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 || r.texts.Cap()-r.texts.Len() < n {
		return codec.Unquote(raw)
	}
	i := r.texts.Len()
	r.texts.Write(raw[1 : len(raw)-1])
	return r.texts.String()[i:], true
}

// int64 reads an integer.
func (r *reader) int64(f *field, raw []byte, cents bool) (int64, bool) {
	d := codec.NewDecoder(raw, false)
	v, ok := d.Int()
	if d.End() == nil && ok {
		return v, true
	}
	expected, hint := "must be an integer", ""
	number, err := strconv.ParseFloat(string(raw), 64)
	// 120000.0 is an integer too, but an amount with a point is one in dollars.
	point := cents && bytes.IndexByte(raw, '.') >= 0
	if err == nil && !point && number < 1<<53 && number > -1<<53 && number == math.Trunc(number) {
		return int64(number), true
	}
	if cents {
		expected = "must be an integer amount in cents"
		hint = "write $12,000 as 1200000"
		if digits, frac, ok := strings.Cut(string(raw), "."); ok && err == nil && !strings.ContainsAny(frac, "eE") {
			frac = strings.TrimRight(frac, "0")
			frac += "00"[:max(0, 2-len(frac))]
			if n, err := strconv.ParseInt(digits+frac, 10, 64); err == nil && len(frac) == 2 {
				hint = "write " + digits + "." + frac + " dollars as " + strconv.FormatInt(n, 10)
			}
		}
	}
	r.add(f.name, expected, sample(raw), hint)
	return 0, false
}

// int reads an integer in the range of int.
func (r *reader) int(f *field, raw []byte) (int, bool) {
	n, ok := r.int64(f, raw, false)
	if ok && int64(int(n)) != n {
		r.add(f.name, "is too large", string(raw), "")
	}
	return int(n), ok
}

// float reads a number.
func (r *reader) float(f *field, raw []byte) (float64, bool) {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		if v, err := strconv.ParseFloat(string(raw), 64); err == nil {
			return v, true
		}
	}
	r.add(f.name, "must be a number", sample(raw), "")
	return 0, false
}

// bool reads a boolean.
func (r *reader) bool(f *field, raw []byte) (v, ok bool) {
	switch string(raw) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	r.add(f.name, "must be true or false", sample(raw), "")
	return false, false
}

// list reads an array into its elements' JSON.
func (r *reader) list(f *field, raw []byte, texts bool) ([][]byte, bool) {
	if s, ok := codec.Unquote(raw); ok {
		if list := inner(s, "["); list != nil {
			raw = list
		} else if texts && f.in == inQuery {
			var list [][]byte
			for part := range strings.SplitSeq(s, ",") {
				list = append(list, codec.AppendString(nil, strings.TrimSpace(part)))
			}
			return list, true
		}
	}
	list, ok := codec.Elements(raw)
	if !ok {
		hint := ""
		if texts && raw[0] == '"' {
			hint = `give a list such as ["a", "b"], also for one`
		}
		r.add(f.name, "must be a list", sample(raw), hint)
		return nil, false
	}
	if list == nil {
		list = [][]byte{}
	}
	return list, true
}

// nested fills the object at v.
func (r *reader) nested(name string, raw []byte, s *plan, v unsafe.Pointer) {
	raw = repairObject(raw)
	if len(raw) == 0 || raw[0] != '{' {
		r.add(name, "must be an object", sample(raw), "")
		return
	}
	if !r.enter(name) {
		return
	}
	outer := r.members
	r.members, _ = r.object(raw)
	r.walk(s, v)
	for i := range r.members {
		m := &r.members[i]
		// Responses have read-only members, and what was read can be sent back.
		m.used = m.used || s.readOnly(m.name)
	}
	r.unknown(s)
	r.members = outer
	r.leave()
}

// fields splits the object of a field into its members.
func (r *reader) fields(f *field, raw []byte) []jsonMember {
	raw = repairObject(raw)
	r.path = append(r.path, f.name)
	ms, ok := r.object(raw)
	r.path = r.path[:len(r.path)-1]
	if !ok {
		r.add(f.name, "must be an object", sample(raw), "")
	}
	return ms
}

func repairObject(raw []byte) []byte {
	if s, ok := codec.Unquote(raw); ok {
		if object := inner(s, "{"); object != nil {
			return object
		}
	}
	return raw
}

// inner returns the list or object that a string contains as JSON, nil if there is
// none.
func inner(s, open string) []byte {
	t := []byte(strings.TrimSpace(s))
	if !strings.HasPrefix(string(t), open) || codec.Valid(t) != nil || codec.CheckJSONText(t) != nil {
		return nil
	}
	return t
}
