package codec

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Decode fills p from a tool's JSON input, strictly: an unknown parameter, a
// parameter given twice or a value of another type is a problem. What cannot
// be misread is repaired: aliases are renamed, a list or object that arrives
// as JSON text inside a string is taken as what the text says, and a list of
// words may arrive joined by commas.
func (w *Walker) Decode(input []byte, p Params) {
	w.decoding, w.fields = true, w.fields[:0]
	if input = bytes.TrimSpace(input); len(input) == 0 {
		input = []byte("{}")
	}
	if err := Valid(input); err != nil {
		w.Report("", "input must be a JSON object", err.Error(), "")
		return
	}
	ms, ok := w.object(input)
	if !ok {
		w.Report("", "input must be a JSON object", sample(input), "")
		return
	}
	w.rename(ms)
	w.members = ms
	p.Walk(w)
	w.unknown(w.known())
	w.members = nil
}

// known lists the names a caller can give, for suggestions.
func (w *Walker) known() []string {
	names := make([]string, 0, len(w.fields)+len(w.spec.Aliases))
	for _, f := range w.fields {
		names = append(names, f.Name)
	}
	for _, a := range w.spec.Aliases {
		names = append(names, a.Name)
	}
	return names
}

func (w *Walker) unknown(known []string) {
	for i := range w.members {
		m := &w.members[i]
		if m.used {
			continue
		}
		var hint string
		if near := Nearest(m.Name, known); near != "" {
			hint = "did you mean " + strconv.Quote(near) + "?"
		} else if len(known) > 0 {
			hint = "known are " + strings.Join(known, ", ")
		} else {
			hint = "it takes none"
		}
		w.Report(m.Name, "is not a known parameter", "", hint)
	}
}

// object splits a JSON object, which is known to be valid, into members.
func (w *Walker) object(raw []byte) ([]Member, bool) {
	d := NewDecoder(raw, false)
	defer d.End() //nolint:errcheck // the text was checked before
	if d.Peek() != '{' {
		return nil, false
	}
	var ms []Member
	d.open('{')
	for d.Next() {
		name := string(d.key)
		twice := slices.ContainsFunc(ms, func(m Member) bool { return m.Name == name })
		if twice {
			w.Report(name, "is given twice", "", "")
		}
		ms = append(ms, Member{Name: name, Raw: d.Raw(), used: twice})
	}
	return ms, true
}

// rename replaces aliases by the names they stand for.
func (w *Walker) rename(ms []Member) {
	for i := range ms {
		for _, a := range w.spec.Aliases {
			if a.Name != ms[i].Name || ms[i].used {
				continue
			}
			if slices.ContainsFunc(ms, func(m Member) bool { return m.Name == a.For }) {
				w.Report(a.Name, "is another name for "+a.For+", which is given too", "", "give only one")
				ms[i].used = true
				break
			}
			if a.Map != nil && !a.convert(&ms[i]) {
				w.Report(a.Name, "must be one of "+a.froms(), sample(ms[i].Raw), "or use "+a.For)
				ms[i].used = true
				break
			}
			ms[i].Name = a.For
			break
		}
	}
}

func (a *Alias) convert(m *Member) bool {
	for _, v := range a.Map {
		if v.From == string(m.Raw) {
			m.Raw = []byte(v.To)
			return true
		}
	}
	return false
}

func (a *Alias) froms() string {
	words := make([]string, len(a.Map))
	for i, v := range a.Map {
		words[i] = v.From
	}
	return strings.Join(words, ", ")
}

// sample shortens JSON for a problem.
func sample(raw []byte) string {
	const most = 60
	s := strings.ToValidUTF8(string(raw), "\uFFFD")
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// Given gives the JSON of a field while decoding. The second result is false
// when it was not given.
func (w *Walker) Given(f *Field) ([]byte, bool) {
	for i := range w.members {
		if m := &w.members[i]; m.Name == f.Name && !m.used {
			m.used = true
			return m.Raw, true
		}
	}
	return nil, false
}

// GivenPrefix calls visit for every member not used yet whose name has the
// prefix.
func (w *Walker) GivenPrefix(prefix string, visit func(name string, raw []byte)) {
	for i := range w.members {
		if m := &w.members[i]; !m.used && strings.HasPrefix(m.Name, prefix) {
			m.used = true
			visit(m.Name, m.Raw)
		}
	}
}

// IsNull reports whether raw is null.
func IsNull(raw []byte) bool { return string(raw) == "null" }

// ReadText decodes a string.
func (w *Walker) ReadText(f *Field, name string, raw []byte) (string, bool) {
	s, ok := unquote(raw)
	if !ok {
		var hint string
		if f.ID != nil {
			hint = fromHint(f)
		}
		w.Report(name, "must be a string", sample(raw), hint)
	}
	return s, ok
}

func unquote(raw []byte) (string, bool) {
	d := NewDecoder(raw, false)
	s, ok := d.Str()
	return s, d.End() == nil && ok
}

// ReadInt decodes an integer.
func (w *Walker) ReadInt(f *Field, raw []byte, cents bool) (int64, bool) {
	d := NewDecoder(raw, false)
	v, ok := d.Int()
	if d.End() == nil && ok {
		return v, true
	}
	expected, hint := "must be an integer", ""
	number, err := strconv.ParseFloat(string(raw), 64)
	if err == nil && number < 1<<53 && number > -1<<53 && number == math.Trunc(number) {
		return int64(number), true // 120000.0 says the same
	}
	if cents {
		expected = "must be an integer amount in cents"
		hint = "write $12,000 as 1200000"
		if digits, frac, ok := strings.Cut(string(raw), "."); ok && err == nil && len(frac) <= 2 && !strings.ContainsAny(frac, "eE") {
			frac = (frac + "0")[:2]
			n, _ := strconv.ParseInt(digits+frac, 10, 64)
			hint = "write " + digits + "." + frac + " dollars as " + strconv.FormatInt(n, 10)
		}
	}
	w.Report(f.Name, expected, sample(raw), hint)
	return 0, false
}

// ReadFloat decodes a number.
func (w *Walker) ReadFloat(f *Field, raw []byte) (float64, bool) {
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		if v, err := strconv.ParseFloat(string(raw), 64); err == nil {
			return v, true
		}
	}
	w.Report(f.Name, "must be a number", sample(raw), "")
	return 0, false
}

// ReadBool decodes a boolean.
func (w *Walker) ReadBool(f *Field, raw []byte) (v, ok bool) {
	switch string(raw) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	w.Report(f.Name, "must be true or false", sample(raw), "")
	return false, false
}

// ReadList decodes an array into its elements' JSON.
func (w *Walker) ReadList(f *Field, raw []byte, texts bool) ([][]byte, bool) {
	if s, ok := unquote(raw); ok {
		if t := strings.TrimSpace(s); strings.HasPrefix(t, "[") && Valid([]byte(t)) == nil {
			raw = []byte(t)
		} else if texts && f.In == Query {
			var list [][]byte
			for part := range strings.SplitSeq(s, ",") {
				list = append(list, AppendString(nil, strings.TrimSpace(part)))
			}
			return list, true
		}
	}
	if raw[0] != '[' {
		w.Report(f.Name, "must be a list", sample(raw), "")
		return nil, false
	}
	d := NewDecoder(raw, false)
	defer d.End() //nolint:errcheck // the text was checked before
	list := [][]byte{}
	if d.Array() {
		for d.More() {
			list = append(list, d.Raw())
		}
	}
	return list, true
}

// ReadObject walks an object with walk while its members are the current ones.
func (w *Walker) ReadObject(name string, raw []byte, walk func()) bool {
	raw = repairObject(raw)
	if w.depth >= MaxDepth {
		w.Report(name, "is nested too deep", "", "")
		return false
	}
	if len(raw) == 0 || raw[0] != '{' {
		w.Report(name, "must be an object", sample(raw), "")
		return false
	}
	outer, names := w.members, w.names
	w.names = nil
	w.path = append(w.path, name)
	w.depth++
	ms, _ := w.object(raw)
	w.members = ms
	walk()
	w.unknown(w.names)
	w.members, w.names = outer, names
	w.depth--
	w.path = w.path[:len(w.path)-1]
	return true
}

// Members decodes an object into its members.
func (w *Walker) Members(f *Field, raw []byte) ([]Member, bool) {
	raw = repairObject(raw)
	w.path = append(w.path, f.Name)
	ms, ok := w.object(raw)
	w.path = w.path[:len(w.path)-1]
	if !ok {
		w.Report(f.Name, "must be an object", sample(raw), "")
	}
	return ms, ok
}

func repairObject(raw []byte) []byte {
	if s, ok := unquote(raw); ok {
		if t := strings.TrimSpace(s); strings.HasPrefix(t, "{") && Valid([]byte(t)) == nil {
			return []byte(t)
		}
	}
	return raw
}
