package shape

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// writer writes records as JSON in which nulls and what is empty are left out, texts
// and lists are cut, and secrets do not appear.
type writer struct {
	b     []byte
	start int
	limit int // characters of a text; lists and objects are cut in proportion
	most  int // bytes of a record
	cut   []string
	gone  int // members that were left out
}

// secrets are members that no model may see.
var secrets = []string{"signature_key", "api_key", "access_token", "refresh_token", "client_secret", "password"}

func secret(name string) bool { return slices.Contains(secrets, name) }

// member is a member of an object. Both parts share memory with the response.
type member struct {
	name, raw []byte
}

// membersOf splits an object; ok is false if raw is none.
func membersOf(raw []byte) (list []member, ok bool) {
	d := codec.NewDecoder(raw, false)
	if d.Peek() != '{' {
		_ = d.End() // not an object
		return nil, false
	}
	list = make([]member, 0, min(1+bytes.Count(raw, []byte{','}), 48))
	for d.Open(nil); d.Next(); {
		name := d.Key()
		list = append(list, member{name, d.Raw()})
	}
	return list, d.End() == nil
}

func find(list []member, name string) []byte {
	for _, m := range slices.Backward(list) { // of several, the last counts
		if string(m.name) == name {
			return m.raw
		}
	}
	return nil
}

// pick returns the member that a field shows, and what is shown of it: for
// emails.email, the member emails and the path email.
func pick(list []member, f closekit.ShowField) (name string, raw []byte, path string) {
	name, raw = f.Name, find(list, f.Name)
	if raw == nil {
		if name, path, _ = strings.Cut(f.Name, "."); path != "" {
			raw = find(list, name)
		}
	}
	return name, raw, path
}

// cutAt remembers that a field was cut.
func (w *writer) cutAt(field string) {
	if field != "" && !slices.Contains(w.cut, field) {
		w.cut = append(w.cut, field)
	}
}

// object writes an object, or what show selects of it, and reports whether anything
// was written. top is the field of the record that it is in.
func (w *writer) object(list []member, show []closekit.ShowField, top string) bool {
	before := len(w.b)
	w.b = append(w.b, '{')
	open := len(w.b)
	if show == nil {
		show = make([]closekit.ShowField, 0, len(list))
		if find(list, "id") != nil {
			show = append(show, closekit.ShowField{Name: "id"}) // whatever else does not fit
		}
		for i, m := range list {
			if name := string(m.name); name != "id" && find(list[i+1:], name) == nil {
				show = append(show, closekit.ShowField{Name: name})
			}
		}
	}
	formatted := w.limit < wide && !empty(find(list, "value_formatted")) && slices.ContainsFunc(show, func(f closekit.ShowField) bool { return f.Name == "value_formatted" })
	count := 0
	for _, f := range show {
		name, raw, path := pick(list, f)
		switch {
		case empty(raw), secret(name), formatted && name == "value":
			continue
		case count >= max(4, w.limit/4), len(w.b)-w.start > w.most:
			w.gone++
			continue
		}
		field := top
		if field == "" {
			field = name
		}
		at := len(w.b)
		if at > open {
			w.b = append(w.b, ',')
		}
		w.b, _ = appendText(w.b, name, 100)
		w.b = append(w.b, ':')
		if !w.value(raw, f, path, field, name) {
			w.b = w.b[:at]
			continue
		}
		count++
	}
	if len(w.b) == open {
		w.b = w.b[:before]
		return false
	}
	w.b = append(w.b, '}')
	return true
}

// empty reports whether a value says nothing.
func empty(raw []byte) bool {
	switch string(raw) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// value writes a value. If path is set, that member of it, or of each of its elements,
// stands for it. name is set if it is a member.
func (w *writer) value(raw []byte, f closekit.ShowField, path, top, name string) bool {
	if empty(raw) {
		return false
	}
	switch raw[0] {
	case '[':
		return w.elements(raw, f, path, top)
	case '{':
		list, _ := membersOf(raw)
		if path != "" {
			next, rest, _ := strings.Cut(path, ".")
			return w.value(find(list, next), f, rest, top, "")
		}
		return w.object(list, f.Show, top)
	case '"':
		if moment, ok := utc(raw); ok {
			w.b = append(append(w.b, moment...), `Z"`...)
			break
		}
		if len(raw) <= w.limit && simple(raw) {
			w.b = append(w.b, raw...)
			break
		}
		s, _ := codec.Unquote(raw)
		w.text(s, name, top)
	default:
		w.b = append(w.b, raw[:min(len(raw), 40)]...)
	}
	return true
}

// utc returns the beginning of a time of Close, up to its seconds. Close writes
// "2026-06-19T12:05:28.327000+00:00", which is half again as many tokens as with Z.
func utc(raw []byte) (moment []byte, ok bool) {
	const layout, offset = `"0000-00-00T00:00:00`, `+00:00"`
	if len(raw) < len(layout)+len(offset) || len(raw) > len(layout)+len(".000000000")+len(offset) {
		return nil, false
	}
	for i := range len(layout) {
		if c := layout[i]; raw[i] != c && (c != '0' || !digit(raw[i])) {
			return nil, false
		}
	}
	fraction, ok := bytes.CutSuffix(raw[len(layout):], []byte(offset))
	if !ok || len(fraction) > 0 && (fraction[0] != '.' || len(fraction) == 1) {
		return nil, false
	}
	for _, c := range fraction[min(1, len(fraction)):] {
		if !digit(c) {
			return nil, false
		}
	}
	return raw[:len(layout)], true
}

// simple reports whether a JSON string is written as it is: visible ASCII without
// escapes.
func simple(raw []byte) bool {
	for _, c := range raw {
		if c < 0x20 || c > 0x7e || c == '\\' {
			return false
		}
	}
	return true
}

// text writes a text, and behind it how much was cut.
func (w *writer) text(s, name, top string) {
	limit := w.limit
	if name == "id" || strings.HasSuffix(name, "_id") {
		limit = max(limit, 80)
	}
	if len(s) > limit && len(s)-limit < 40 && utf8.RuneCountInString(s) <= limit+40 && w.limit >= wide {
		limit += 40 // to say that it is cut would be longer
	}
	var rest int
	if w.b, rest = appendText(w.b, s, limit); rest == 0 {
		return
	}
	w.cutAt(top)
	if name != "" {
		w.b = append(w.b, ',')
		w.b, _ = appendText(w.b, name+"_cut", 100)
		w.b = append(w.b, `:"`+Thousands(rest)+` more characters"`...)
	}
}

// elements writes a list.
func (w *writer) elements(raw []byte, f closekit.ShowField, path, top string) bool {
	all, _ := codec.Elements(raw)
	most := max(1, w.limit/10)
	if f.Max > 0 {
		most = min(most, f.Max)
	}
	before := len(w.b)
	w.b = append(w.b, '[')
	open := len(w.b)
	people := flat(f.Show)
	for i, e := range all {
		if i == most || len(w.b)-w.start > w.most {
			w.cutAt(top)
			if len(w.b) > open {
				w.b = append(w.b, ',')
			}
			w.b = append(w.b, `"+`+Thousands(len(all)-i)+` more"`...)
			break
		}
		at := len(w.b)
		if at > open {
			w.b = append(w.b, ',')
		}
		if people && w.person(e) {
			continue
		}
		if !w.value(e, closekit.ShowField{Show: f.Show}, path, top, "") {
			w.b = w.b[:at]
		}
	}
	if len(w.b) == open {
		w.b = w.b[:before]
		return false
	}
	w.b = append(w.b, ']')
	return true
}

// flat reports whether what is shown of a person fits into a short text.
func flat(show []closekit.ShowField) bool {
	if len(show) < 2 || show[0].Name != "id" {
		return false
	}
	return !slices.ContainsFunc(show[1:], func(f closekit.ShowField) bool {
		return !slices.Contains([]string{"name", "title", "emails.email", "phones.phone"}, f.Name)
	})
}

// person writes a contact as "Ann Lee, CTO <ann@acme.example> +16505550142 cont_x". A
// name that could be read as an address or an id is not written so.
func (w *writer) person(raw []byte) bool {
	list, ok := membersOf(raw)
	id, _ := codec.Unquote(find(list, "id"))
	if !ok || !strings.HasPrefix(id, "cont_") || len(id) > 80 {
		return false
	}
	name, _ := codec.Unquote(find(list, "name"))
	title, _ := codec.Unquote(find(list, "title"))
	text := name
	if title != "" {
		text += ", " + title
	}
	if len(text) > 100 || strings.ContainsAny(text, "<>_+@") {
		return false
	}
	mails, more := firsts(find(list, "emails"), "email")
	phones, other := firsts(find(list, "phones"), "phone")
	for _, m := range mails {
		if len(m) > 100 || strings.ContainsAny(m, "<> ") {
			return false
		}
		text += " <" + m + ">"
	}
	for _, p := range phones {
		if len(p) > 40 || strings.ContainsAny(p, "<>_@") {
			return false
		}
		text += " " + p
	}
	if more+other > 0 {
		text += " (+" + Thousands(more+other) + " more)"
		w.cutAt("contacts")
	}
	w.b, _ = appendText(w.b, strings.TrimPrefix(text+" "+id, " "), 1000)
	return true
}

// firsts returns the first two addresses of a list, and how many more there are.
func firsts(raw []byte, name string) (list []string, more int) {
	if empty(raw) {
		return nil, 0
	}
	all, _ := codec.Elements(raw)
	for _, e := range all {
		m, _ := membersOf(e)
		s, _ := codec.Unquote(find(m, name))
		switch {
		case s == "":
		case len(list) == 2:
			more++
		default:
			list = append(list, s)
		}
	}
	return list, more
}
