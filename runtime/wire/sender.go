package wire

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/markup"
)

// sender checks the parameters of one call and writes them to the path, the
// query and the body in one pass.
type sender struct {
	report
	op  *Operation
	enc codec.Encoder // of the body

	query     []byte
	pathVals  []string
	pathNames []string

	resolve bool           // give times without offset the one of zone
	zone    *time.Location // of the user, nil if unknown

	// nearest finds a value for one that is misspelled. It is nil for the typed functions:
	// their callers have constants, and programs would link it for every call.
	nearest func(v string, values []string) string

	// For the rules and effects: the parameters in the order of the walk, which of them are
	// set, and their strings and booleans.
	fields []*field
	set    [4]uint64
	values []fieldValue
}

var senders = sync.Pool{New: func() any { return new(sender) }}

// newSender takes a sender from the pool.
func newSender(op *Operation) *sender {
	w := senders.Get().(*sender)
	w.op = op
	return w
}

// free returns the sender and its memory to the pool.
func (w *sender) free() {
	const keep = 64 << 10
	b, q := w.enc.B[:0], w.query[:0]
	if cap(b) > keep {
		b = nil
	}
	if cap(q) > keep {
		q = nil
	}
	clear(w.pathVals)
	clear(w.values)
	*w = sender{enc: codec.Encoder{B: b}, query: q, values: w.values[:0], pathVals: w.pathVals[:0], pathNames: w.pathNames[:0], fields: w.fields[:0]}
	senders.Put(w)
}

// send checks and encodes the parameters at v.
func (w *sender) send(s *plan, v unsafe.Pointer) {
	w.enc.B = append(w.enc.B, '{')
	w.walk(s, v)
	w.enc.B = append(w.enc.B, '}')
	if w.op.Rules != nil {
		w.op.Rules.check(w)
	}
	if w.op.ByCase != nil {
		w.op.ByCase.check(w)
	}
}

// request returns the encoded request, which does not share the sender's memory.
func (w *sender) request() closekit.Request {
	r := closekit.Request{Operation: &w.op.Operation, Effect: w.effect(), Path: w.fillPath(), Query: string(w.query)}
	if m := w.op.Method; m == "POST" || m == "PUT" {
		r.Body = bytes.Clone(w.enc.B)
	}
	return r
}

// fillPath replaces the names in the path template with the escaped parameters.
func (w *sender) fillPath() string {
	template := w.op.Path
	if len(w.pathNames) == 0 {
		return template
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(template, '{')
		if i < 0 {
			b.WriteString(template)
			return b.String()
		}
		j := i + strings.IndexByte(template[i:], '}')
		if b.Len() == 0 {
			b.Grow(len(template) + 64)
		}
		b.WriteString(template[:i])
		for k, n := range w.pathNames {
			if n == template[i+1:j] {
				b.WriteString(w.pathVals[k])
			}
		}
		template = template[j+1:]
	}
}

// begin starts field f and reports whether it is part of the request: members of
// nested objects may be for creates or updates only.
func (w *sender) begin(f *field) bool {
	if w.depth == 0 {
		w.fields = append(w.fields, f)
		return true
	}
	return f.flags&w.op.access() != 0
}

// access returns the flag of the members of nested objects that the operation
// writes.
func (op *Operation) access() flag {
	if op.Updates() {
		return onUpdate
	}
	return onCreate
}

// given records that the current parameter is set.
func (w *sender) given() {
	if w.depth == 0 {
		n := len(w.fields) - 1
		w.set[n>>6] |= 1 << (n & 63)
	}
}

// note records a string or boolean value for the rules and effects.
func (w *sender) note(v string) {
	if w.depth == 0 && (w.op.Rules != nil || w.op.Effects != nil || w.op.ByCase != nil) {
		w.values = append(w.values, fieldValue{len(w.fields) - 1, v})
	}
}

// absent handles a field that is not set.
func (w *sender) absent(f *field) {
	switch {
	case f.preset != "":
		w.given()
		w.note(strings.TrimSuffix(strings.TrimPrefix(f.preset, `"`), `"`))
		if f.in == inQuery {
			w.param(f.key, f.preset)
			return
		}
		w.enc.Name(f.key)
		w.enc.B = append(w.enc.B, f.preset...)
	case f.is(required):
		w.add(f.name, "is required", "", fromHint(f))
	}
}

// null handles a field that is set to null.
func (w *sender) null(f *field) {
	if w.op.Updates() { // a create has nothing to clear
		w.given()
	}
	if !f.is(nullable) || f.in == inPath {
		w.add(f.name, "cannot be null", "null", "leave it out instead")
		return
	}
	if f.in == inQuery {
		// On Close's older endpoints an empty value means null.
		w.param(f.key, "")
		return
	}
	w.enc.Name(f.key)
	w.enc.B = append(w.enc.B, "null"...)
}

// param adds a query parameter.
func (w *sender) param(name, value string) {
	if len(w.query) > 0 {
		w.query = append(w.query, '&')
	}
	w.query = append(w.query, name...) // names need no escaping
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

// text sends a string.
func (w *sender) text(f *field, v string) {
	v = f.value(v)
	w.given()
	w.note(v)
	w.checkText(f, f.name, v)
	w.checkLength(f, v)
	v = w.instant(f, f.name, v)
	switch f.in {
	case inPath:
		w.pathNames = append(w.pathNames, f.name)
		if v = url.PathEscape(v); f.kind == segments {
			v = strings.ReplaceAll(v, "%2F", "/")
		}
		w.pathVals = append(w.pathVals, v)
	case inQuery:
		w.param(f.key, v)
	default:
		w.enc.Name(f.key)
		w.appendText(f, v)
	}
}

// appendText appends a string to the body.
func (w *sender) appendText(f *field, v string) {
	if f.kind == richText {
		v = markup.Wrap(v)
	}
	w.enc.B = codec.AppendString(w.enc.B, v)
}

// int sends an integer.
func (w *sender) int(f *field, v int64) {
	w.given()
	if f.flags&(bounded|minOnly) != 0 && v < f.min || f.is(bounded) && v > f.max {
		w.add(f.name, "must be "+boundsText(f), strconv.FormatInt(v, 10), "")
	}
	if f.in == inQuery {
		w.param(f.key, strconv.FormatInt(v, 10))
		return
	}
	w.enc.Name(f.key)
	w.enc.B = strconv.AppendInt(w.enc.B, v, 10)
}

// float sends a number.
func (w *sender) float(f *field, v float64) {
	w.given()
	if v != v || v-v != 0 {
		w.add(f.name, "must be a finite number", fmt.Sprint(v), "")
	} else if f.flags&(bounded|minOnly) != 0 && v < float64(f.min) || f.is(bounded) && v > float64(f.max) {
		w.add(f.name, "must be "+boundsText(f), fmt.Sprint(v), "")
	}
	if f.in == inQuery {
		w.param(f.key, string(codec.AppendFloat(nil, v)))
		return
	}
	w.enc.Name(f.key)
	w.enc.B = codec.AppendFloat(w.enc.B, v)
}

func boundsText(f *field) string {
	switch {
	case f.is(minOnly) && f.min == 0:
		return "0 or more"
	case f.is(minOnly):
		return fmt.Sprintf("%d or more", f.min)
	}
	return fmt.Sprintf("from %d to %d", f.min, f.max)
}

// bool sends a boolean.
func (w *sender) bool(f *field, v bool) {
	w.given()
	w.note(strconv.FormatBool(v))
	if f.in == inQuery {
		w.param(f.key, strconv.FormatBool(v))
		return
	}
	w.enc.Name(f.key)
	w.enc.B = strconv.AppendBool(w.enc.B, v)
}

// json sends a raw value.
func (w *sender) json(f *field, v []byte) {
	w.given()
	if err := validJSON(v); err != nil {
		w.add(f.name, "must be valid JSON", err.Error(), "")
		return
	}
	if f.in == inQuery {
		w.param(f.key, string(v))
		return
	}
	w.enc.Name(f.key)
	w.enc.B = append(w.enc.B, v...)
}

// validJSON returns an error for invalid JSON and for text in it that has no meaning.
func validJSON(b []byte) error {
	if err := codec.Valid(b); err != nil {
		return err
	}
	return codec.CheckJSONText(b)
}

// list sends strings: as a JSON array in the body, in the query joined by commas, or
// as one parameter per element if the API wants that.
func (w *sender) list(f *field, list []string) {
	w.given()
	w.checkLen(f, len(list))
	if f.is(open) {
		list = slices.Clone(list)
		for i, v := range list {
			list[i] = f.value(v)
		}
	}
	for _, v := range list {
		w.note(v)
	}
	if f.in == inQuery {
		repeat := w.op.API != nil && w.op.API.RepeatLists
		for i, v := range list {
			name := element(f, i)
			w.checkText(f, name, v)
			if repeat {
				w.param(f.key, v)
			} else if strings.Contains(v, ",") {
				w.add(name, "must not contain a comma", quote(v), "the list is sent joined by commas")
			}
		}
		if !repeat {
			w.param(f.key, strings.Join(list, ","))
		}
		return
	}
	w.enc.Name(f.key)
	w.enc.B = append(w.enc.B, '[')
	for i, v := range list {
		name := element(f, i)
		w.checkText(f, name, v)
		v = w.instant(f, name, v)
		if i > 0 {
			w.enc.B = append(w.enc.B, ',')
		}
		w.appendText(f, v)
	}
	w.enc.B = append(w.enc.B, ']')
}

// element returns the name of a list element for problems.
func element(f *field, i int) string { return f.name + "[" + strconv.Itoa(i) + "]" }

func (w *sender) checkLen(f *field, n int) {
	switch {
	case f.maxLen > 0 && n > int(f.maxLen):
		w.add(f.name, fmt.Sprintf("must have at most %d elements", f.maxLen), strconv.Itoa(n), "")
	case n < int(f.minItems):
		w.add(f.name, fmt.Sprintf("must have at least %d elements", f.minItems), strconv.Itoa(n), "")
	}
}

// objects sends a list of objects.
func (w *sender) objects(f *field, s *plan, list *slice) {
	w.given()
	w.checkLen(f, list.len)
	w.enc.Name(f.key)
	w.enc.B = append(w.enc.B, '[')
	for i := range list.len {
		if i > 0 {
			w.enc.B = append(w.enc.B, ',')
		}
		w.nested(element(f, i), s, unsafe.Add(list.data, uintptr(i)*s.size))
	}
	w.enc.B = append(w.enc.B, ']')
}

// object sends an object.
func (w *sender) object(f *field, s *plan, v unsafe.Pointer) {
	w.given()
	w.enc.Name(f.key)
	w.nested(f.name, s, v)
}

func (w *sender) nested(name string, s *plan, v unsafe.Pointer) {
	w.enc.B = append(w.enc.B, '{')
	if w.enter(name) {
		w.walk(s, v)
		w.leave()
	}
	w.enc.B = append(w.enc.B, '}')
}

// customField sends the value of one custom field.
func (w *sender) customField(f *field, key string, raw []byte) {
	id, op, dot := strings.Cut(key, ".")
	name := f.name + "." + key
	switch {
	case !validCustomID(id):
		w.add(name, "must be named by a custom field id such as cf_…", quote(id), "list the ids with the custom field tools; names are not accepted")
		return
	case dot && op != "add" && op != "remove":
		w.add(name, "may only end in .add or .remove", quote(op), "")
		return
	case dot && !w.op.Updates():
		w.add(name, "."+op+" is for updates", "", "give the whole list under "+id)
		return
	}
	if err := validJSON(raw); err != nil {
		w.add(name, "must be valid JSON", err.Error(), "")
		return
	}
	if len(raw) > 0 && raw[0] == '{' {
		w.add(name, "must be a text, a number, a list of texts or null", sample(raw), "")
		return
	}
	w.given()
	w.enc.Name("custom." + key)
	w.enc.B = append(w.enc.B, raw...)
}

// validCustomID accepts cf_…, the older lcf_… and other strings in the form of an
// id.
func validCustomID(id string) bool {
	prefix, rest, ok := strings.Cut(id, "_")
	return ok && alphanumeric(prefix) && prefix != "" && rest != "" && alphanumeric(rest)
}
