package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is the deepest nesting of values.
const MaxDepth = 200

var (
	errSyntax   = errors.New("invalid JSON")
	errDepth    = errors.New("JSON nested too deep")
	errTrailing = errors.New("data after the JSON value")
)

// SyntaxError reports invalid JSON.
type SyntaxError struct {
	Offset int // in bytes from the start
	Err    error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%v at byte %d", e.Err, e.Offset) }

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// MismatchError reports a value of an unexpected type. Only a strict decoder
// returns it.
type MismatchError struct {
	Member string
	Offset int
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("member %.60q has an unexpected type (byte %d)", e.Member, e.Offset)
}

// Decoder is a pull decoder over a whole body. It keeps its first error; after it,
// every read returns a zero value.
//
// Strings are copied out of the body, so that the body's buffer can be reused. Short
// strings share chunks of 1 KiB, so a string keeps at most that much memory alive.
type Decoder struct {
	b        []byte
	i        int
	key      []byte
	err      error
	obj      *Object // the object that is being read
	depth    int
	first    bool
	strict   bool
	cache    [256]string
	arena    strings.Builder
	interned bool
	// Orders caches the order of members by type and outlives End. Blocks is
	// memory for the elements of lists; End drops it.
	Orders, Blocks []any

	ctx  context.Context //nolint:containedctx // of one read; see Watch
	work uint            // objects, arrays and members since the context was looked at
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// NewDecoder takes a decoder from the pool. If strict is true, a member of an
// unexpected type is an error instead of a kept mismatch.
func NewDecoder(body []byte, strict bool) *Decoder {
	d := decoders.Get().(*Decoder)
	d.b, d.strict = body, strict
	return d
}

// Watch makes reading stop with the error of ctx once ctx ends.
func (d *Decoder) Watch(ctx context.Context) { d.ctx = ctx }

// pace looks at the context after every few thousand steps.
func (d *Decoder) pace() {
	if d.work++; d.work&0xFFF == 0 && d.ctx != nil {
		d.stop()
	}
}

func (d *Decoder) stop() {
	if err := d.ctx.Err(); err != nil && d.err == nil {
		d.err, d.i = context.Cause(d.ctx), len(d.b)
	}
}

// End checks that only white space is left, puts the decoder back into the pool and
// returns the first error.
func (d *Decoder) End() error {
	err := d.err
	if err == nil {
		if d.ws(); d.i != len(d.b) {
			err = &SyntaxError{d.i, errTrailing}
		}
	}
	if d.interned {
		clear(d.cache[:])
	}
	d.b, d.i, d.key, d.err, d.obj, d.depth, d.first, d.interned, d.arena = nil, 0, nil, nil, nil, 0, false, false, strings.Builder{}
	d.Blocks, d.ctx, d.work = nil, nil, 0
	decoders.Put(d)
	return err
}

// Err returns the first error so far.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) fail(err error) {
	if d.err == nil {
		d.err = &SyntaxError{min(d.i, len(d.b)), err}
	}
	d.i = len(d.b)
}

func (d *Decoder) ws() {
	for d.i < len(d.b) {
		switch d.b[d.i] {
		case ' ', '\n', '\t', '\r':
			d.i++
		default:
			return
		}
	}
}

// Peek returns the next byte that is not white space, 0 at the end.
func (d *Decoder) Peek() byte {
	if d.i < len(d.b) {
		if c := d.b[d.i]; c > ' ' {
			return c
		}
	}
	return d.peekSlow()
}

// peekSlow is the slow path of Peek: white space, or the end.
func (d *Decoder) peekSlow() byte {
	d.ws()
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	d.fail(errSyntax)
	return 0
}

// Null consumes a null and reports whether there was one.
func (d *Decoder) Null() bool {
	if d.Peek() != 'n' {
		return false
	}
	d.lit("null")
	return true
}

func (d *Decoder) lit(s string) {
	if len(d.b)-d.i >= len(s) && string(d.b[d.i:d.i+len(s)]) == s {
		d.i += len(s)
		return
	}
	d.fail(errSyntax)
}

func (d *Decoder) open(c byte) bool {
	if d.Peek() != c {
		d.fail(errSyntax)
		return false
	}
	if d.depth++; d.depth > MaxDepth {
		d.fail(errDepth)
		return false
	}
	d.i++
	d.first = true
	d.pace()
	return d.err == nil
}

func (d *Decoder) more(end byte) bool {
	c := d.Peek()
	if c == end {
		d.i++
		d.depth--
		d.first = false
		return false
	}
	if d.first {
		d.first = false
		return d.err == nil
	}
	if c != ',' {
		d.fail(errSyntax)
		return false
	}
	d.i++
	// A comma must be followed by a value.
	if c = d.Peek(); c == end {
		d.fail(errSyntax)
	}
	return d.err == nil
}

// Open enters an object whose unknown members go to o.
func (d *Decoder) Open(o *Object) {
	d.obj = o
	d.open('{')
}

// Next moves to the next member of the object and leaves its name in Key.
func (d *Decoder) Next() bool {
	if !d.more('}') {
		return false
	}
	if d.Peek() != '"' {
		d.fail(errSyntax)
		return false
	}
	k, esc, _ := d.rawString()
	if esc {
		k = unescape(k)
	}
	d.key = k
	if d.i < len(d.b) && d.b[d.i] == ':' || d.Peek() == ':' {
		d.i++
		return d.err == nil
	}
	d.fail(errSyntax)
	return false
}

// NextIs moves to the next member if it has this name, without white space or
// escapes; otherwise it does not move. The objects of a response mostly have their
// members in the same order, and comparing with the expected name is much faster
// than reading and looking up a name.
func (d *Decoder) NextIs(name string) bool {
	i, b := d.i, d.b
	if !d.first {
		if i >= len(b) || b[i] != ',' {
			return false
		}
		i++
	}
	end := i + len(name) + 3
	if end > len(b) || b[i] != '"' || b[end-1] != ':' || b[end-2] != '"' || string(b[i+1:end-2]) != name {
		return false
	}
	d.key, d.i, d.first = b[i+1:end-2], end, false
	return d.err == nil
}

// Offset returns the number of bytes that have been read.
func (d *Decoder) Offset() int { return d.i }

// Rest returns the number of bytes that have not been read.
func (d *Decoder) Rest() int { return len(d.b) - d.i }

// Key returns the name of the member that Next moved to. It is valid until the next
// read.
func (d *Decoder) Key() []byte { return d.key }

// Name returns Key as text: with U+FFFD for every byte that is not UTF-8, as in strings.
func (d *Decoder) Name() string {
	if utf8.Valid(d.key) {
		return string(d.key)
	}
	return string([]rune(string(d.key)))
}

// Enter returns the current object, for Leave: reading a nested value changes the
// object to which unknown members go.
func (d *Decoder) Enter() *Object { return d.obj }

// Leave makes o, from Enter, the current object again.
func (d *Decoder) Leave(o *Object) { d.obj = o }

// Seen records the bit of a field, so that encoding distinguishes zero from absent,
// and null from absent; see [Encoder.Has].
func (d *Decoder) Seen(bit uint8) { d.obj.seen |= 1 << bit }

// Keep stores the current member, which has no field, in the object.
func (d *Decoder) Keep() {
	d.pace()
	name := d.name()
	addMember(d.obj, name, d.rawCopy(), unknown)
}

// Mismatch stores the current member, whose value has an unexpected type, in the
// object. If the field has a bit, it then counts as absent; bit is 0 for others.
func (d *Decoder) Mismatch(bit uint8) {
	if d.strict && d.err == nil {
		d.err = &MismatchError{string(d.key), d.i}
		d.i = len(d.b)
		return
	}
	name := d.name()
	if d.obj == nil {
		d.Skip()
		return
	}
	d.obj.seen &^= 1 << bit
	addMember(d.obj, name, d.rawCopy(), mismatch)
}

func (d *Decoder) name() string {
	if len(d.key) >= 8 && len(d.key) <= 64 {
		return d.intern(d.key)
	}
	return d.text(d.key)
}

func (d *Decoder) rawCopy() string {
	r := d.Raw()
	if !utf8.Valid(r) {
		return string([]rune(string(r))) // U+FFFD for every invalid byte
	}
	return d.text(r)
}

// Mark is a position for Reset.
type Mark struct {
	i, depth int
	key      []byte
}

// Mark returns the current position, for Reset in case the value does not match its
// field: one element of a list may have an unexpected type.
func (d *Decoder) Mark() Mark { return Mark{d.i, d.depth, d.key} }

// Reset goes back to a mark, unless the JSON is invalid.
func (d *Decoder) Reset(m Mark) {
	if d.err == nil {
		d.i, d.depth, d.key, d.first = m.i, m.depth, m.key, false
	}
}

// Array enters an array.
func (d *Decoder) Array() bool { return d.open('[') }

// More reports whether the array has another element.
func (d *Decoder) More() bool { return d.more(']') }

const (
	lo = 0x0101010101010101
	hi = 0x8080808080808080
)

// rawString returns the bytes between the quotes, and reports whether they contain
// escapes and whether all of them are ASCII.
func (d *Decoder) rawString() (s []byte, esc, ascii bool) {
	d.i++
	start, i, b := d.i, d.i, d.b
	ascii = true
	for {
		// Eight bytes at a time, until one is a quote, a backslash, a control
		// character or not ASCII.
		for len(b)-i >= 8 {
			w := binary.LittleEndian.Uint64(b[i : i+8])
			q, s := w^(lo*'"'), w^(lo*'\\')
			if m := (((q - lo) &^ q) | ((s - lo) &^ s) | ((w - lo*0x20) &^ w) | w) & hi; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			d.i = i
			d.fail(errSyntax)
			return nil, false, true
		}
		switch c := b[i]; {
		case c == '"':
			d.i = i + 1
			return b[start:i], esc, ascii
		case c == '\\':
			esc = true
			n := escapeLen(b[i:])
			if n == 0 {
				d.i = i
				d.fail(errSyntax)
				return nil, false, true
			}
			i += n
		case c < 0x20:
			d.i = i
			d.fail(errSyntax)
			return nil, false, true
		default:
			ascii = ascii && c < 0x80
			i++
		}
	}
}

// escapeLen returns the length of the escape at the start of b, 0 if it is invalid.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hex4(b[2:]) < 0 {
			return 0
		}
		return 6
	}
	return 0
}

func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape replaces the escapes in a string that rawString accepted.
func unescape(s []byte) []byte { return appendUnescaped(make([]byte, 0, len(s)), s) }

func appendUnescaped(out, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			out = append(out, c)
			i++
			continue
		}
		switch c = s[i+1]; c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'u':
			r := hex4(s[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				r2 := rune(-1)
				if i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u' {
					r2 = hex4(s[i+2:])
				}
				if r = utf16.DecodeRune(r, r2); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
		i += 2
	}
	return out
}

// chunk is the size of the chunks that short strings are copied into.
const chunk = 1024

// Text copies b out of the body.
func (d *Decoder) Text(b []byte) string { return d.text(b) }

// text copies b into the arena.
func (d *Decoder) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > chunk/4 {
		return string(b)
	}
	if d.arena.Cap()-d.arena.Len() < len(b) {
		d.arena = strings.Builder{}
		// A small response needs only a small chunk.
		d.arena.Grow(max(len(b), min(chunk, len(d.b)-d.i+len(b))))
	}
	n := d.arena.Len()
	d.arena.Write(b)
	return d.arena.String()[n:]
}

// intern returns a shared copy of a recent string: ids of the organization and its
// users repeat in every object.
func (d *Decoder) intern(s []byte) string {
	if len(d.b) < 4096 { // little repeats in a small response
		return d.text(s)
	}
	d.interned = true
	a, b := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[len(s)-8:])
	p := &d.cache[((a^bits.RotateLeft64(b, 31))*0x9e3779b97f4a7c15)>>56]
	if *p != string(s) {
		*p = d.text(s)
	}
	return *p
}

// Str reads a string; ok is false, and the value unread, if the value is not one.
func (d *Decoder) Str() (s string, ok bool) {
	if d.Peek() != '"' {
		return "", false
	}
	b, esc, ascii := d.rawString()
	if esc {
		var buf [256]byte
		b = appendUnescaped(buf[:0], b)
	}
	// Enum values and ids repeat in every object, instants and numbers do not.
	if len(b) >= 8 && len(b) <= 64 && b[0] > '9' {
		s = d.intern(b)
	} else {
		s = d.text(b)
	}
	if !ascii && !utf8.ValidString(s) {
		s = string([]rune(s)) // U+FFFD for every invalid byte, as in encoding/json
	}
	return s, true
}

// Bool reads a boolean; ok is false, and the value unread, if the value is not one.
func (d *Decoder) Bool() (v, ok bool) {
	switch d.Peek() {
	case 't':
		d.lit("true")
		return true, true
	case 'f':
		d.lit("false")
		return false, true
	}
	return false, false
}

// number reads a number and returns its bytes, nil if the value is not one.
func (d *Decoder) number() []byte {
	c := d.Peek()
	if c != '-' && (c < '0' || c > '9') {
		return nil
	}
	s := d.i
	i, b := d.i, d.b
	digits := func() bool {
		n := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > n
	}
	ok := true
	if c == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		ok = digits()
	}
	if ok && i < len(b) && b[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		ok = digits()
	}
	d.i = i
	if !ok {
		d.fail(errSyntax)
		return nil
	}
	return b[s:i]
}

// Int reads an integer; ok is false, and the value unread, if the value is not an
// integer that an int64 represents exactly.
func (d *Decoder) Int() (v int64, ok bool) {
	mark := d.i
	n := d.number()
	if n == nil {
		return 0, false
	}
	m := n
	if m[0] == '-' {
		m = m[1:]
	}
	if len(m) < 18 {
		for _, c := range m {
			if c < '0' || c > '9' {
				d.i = mark
				return 0, false
			}
			v = v*10 + int64(c-'0')
		}
		if len(m) < len(n) {
			if v == 0 { // -0 would be encoded as 0
				d.i = mark
				return 0, false
			}
			v = -v
		}
		return v, true
	}
	v, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		d.i = mark
		return 0, false
	}
	return v, true
}

// Float reads a number; ok is false, and the value unread, if the value is not a
// number in the range of float64. A format that encoding would not reproduce, such
// as 1.0, is kept in the object.
func (d *Decoder) Float() (v float64, ok bool) {
	mark := d.i
	n := d.number()
	if n == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(n), 64)
	var buf [32]byte
	if err != nil {
		d.i = mark
		return 0, false
	}
	if d.obj != nil && string(AppendFloat(buf[:0], v)) != string(n) {
		addMember(d.obj, d.name(), d.text(n), form)
	}
	return v, true
}

// Raw returns the bytes of the next value; they share the body's memory.
func (d *Decoder) Raw() []byte {
	d.Peek()
	s := min(d.i, len(d.b))
	d.Skip()
	if d.err != nil {
		return nil
	}
	return d.b[s:d.i]
}

// RawText returns a copy of the bytes of the next value.
func (d *Decoder) RawText() string { return d.rawCopy() }

// Skip skips the next value, checking it.
func (d *Decoder) Skip() {
	switch d.Peek() {
	case '"':
		d.rawString()
	case '{':
		key := d.key
		if d.open('{') {
			for d.Next() {
				d.Skip()
			}
		}
		d.key = key
	case '[':
		if d.open('[') {
			for d.more(']') {
				d.Skip()
			}
		}
	case 't':
		d.lit("true")
	case 'f':
		d.lit("false")
	case 'n':
		d.lit("null")
	default:
		if d.number() == nil {
			d.fail(errSyntax)
		}
	}
}

// Valid returns the first error in b, nil if b is one JSON value.
func Valid(b []byte) error {
	d := NewDecoder(b, false)
	d.Skip()
	return d.End()
}

// Expect estimates the length of a list from the size of its first n elements, which
// start at the mark.
func (d *Decoder) Expect(m Mark, n int) int {
	if n == 0 {
		return 1
	}
	perItem := max(1, (d.i-m.i)/n)
	return n + 1 + min((len(d.b)-d.i)/perItem, 1000)
}
