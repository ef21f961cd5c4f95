package codec

import (
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

// MaxDepth is how deep values may be nested.
const MaxDepth = 200

var (
	errSyntax   = errors.New("invalid JSON")
	errDepth    = errors.New("JSON nested too deep")
	errTrailing = errors.New("data after the JSON value")
)

// SyntaxError says where JSON is broken.
type SyntaxError struct {
	Offset int // in bytes from the start
	Err    error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%v at byte %d", e.Err, e.Offset) }

// Unwrap gives the reason.
func (e *SyntaxError) Unwrap() error { return e.Err }

// MismatchError is a value of the wrong kind, reported by a strict decoder.
type MismatchError struct {
	Member string
	Offset int
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("member %q has an unexpected type (byte %d)", e.Member, e.Offset)
}

// Decoder is a pull decoder over a whole body. Its first error sticks; after
// it every read gives zero values.
//
// Strings are copied out of the body, so that the body's buffer can be reused:
// short ones into chunks of a kilobyte, so that a kept string keeps at most
// that much memory alive.
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
	// Orders is what readers remember about types from one use of the decoder
	// to the next; Blocks is memory they share out, for one use only.
	Orders, Blocks []any
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// NewDecoder takes a decoder from the pool. Strict makes a member of the wrong
// type an error instead of a kept oddity.
func NewDecoder(body []byte, strict bool) *Decoder {
	d := decoders.Get().(*Decoder)
	d.b, d.strict = body, strict
	return d
}

// End checks that nothing but white space is left, returns the decoder to the
// pool and gives the first error.
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
	d.Blocks = nil
	decoders.Put(d)
	return err
}

// Err is the first error so far.
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

// Peek gives the next byte that is not white space, 0 at the end.
func (d *Decoder) Peek() byte {
	if d.i < len(d.b) {
		if c := d.b[d.i]; c > ' ' {
			return c
		}
	}
	return d.peekOn()
}

// peekOn is Peek where there is white space or the end.
func (d *Decoder) peekOn() byte {
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
	return true
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
	// A comma must be followed by a value, not by the end.
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

// NextIs moves to the next member if its name is the given one and no white
// space or escape stands in the way; otherwise it moves nowhere. Objects of one
// answer mostly have their members in the same order, and comparing with the
// expected name is much faster than reading any name.
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

// Offset is how much of the body has been read, Rest how much has not.
func (d *Decoder) Offset() int { return d.i }

// Rest is the other half of Offset.
func (d *Decoder) Rest() int { return len(d.b) - d.i }

// Key is the name of the member that Next moved to; valid until the next read.
func (d *Decoder) Key() []byte { return d.key }

// Enter and Leave bracket the reading of a nested value, so that the members
// of the outer object go on to the outer object afterwards.
func (d *Decoder) Enter() *Object { return d.obj }

// Leave is the other half of Enter.
func (d *Decoder) Leave(o *Object) { d.obj = o }

// Seen marks a plain field as present, so that encoding knows an absent one
// from a zero one.
func (d *Decoder) Seen(bit uint8) { d.obj.seen |= 1 << bit }

// Keep stores the current member, whose name is not known, in the object.
func (d *Decoder) Keep() {
	name := d.name()
	addMember(d.obj, name, d.rawCopy(), unknown)
}

// Odd stores the current member, whose value has an unexpected type, in the
// object. Bit is the number of a plain field, which then counts as absent, or
// 0.
func (d *Decoder) Odd(bit uint8) {
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
		return string([]rune(string(r))) // U+FFFD for every bad byte
	}
	return d.text(r)
}

// Mark is a place to go back to.
type Mark struct {
	i, depth int
	key      []byte
}

// Mark remembers the start of a value, for the case that it turns out to be
// odd, for example a list with one element of the wrong type.
func (d *Decoder) Mark() Mark { return Mark{d.i, d.depth, d.key} }

// Reset goes back to a mark, unless the JSON is broken.
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

// rawString returns what stands between the quotes, whether it has escapes and
// whether all of it is ASCII.
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

// escapeLen is the length of the escape at the start of b, 0 if it is broken.
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

// unescape resolves the escapes of a string that rawString accepted.
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

// chunk is the size of the pieces that short strings are copied into.
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
		// A small answer gets a small chunk.
		d.arena.Grow(max(len(b), min(chunk, len(d.b)-d.i+len(b))))
	}
	n := d.arena.Len()
	d.arena.Write(b)
	return d.arena.String()[n:]
}

// intern gives one copy of a string seen lately: ids of the organization and
// its users come back in every object.
func (d *Decoder) intern(s []byte) string {
	if len(d.b) < 4096 { // nothing much comes back in a small answer
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

// Str reads a string; ok is false when the value is of another kind, which is
// then still unread.
func (d *Decoder) Str() (s string, ok bool) {
	if d.Peek() != '"' {
		return "", false
	}
	b, esc, ascii := d.rawString()
	if esc {
		var buf [256]byte
		b = appendUnescaped(buf[:0], b)
	}
	// Words and ids come back in every object, instants and numbers do not.
	if len(b) >= 8 && len(b) <= 64 && b[0] > '9' {
		s = d.intern(b)
	} else {
		s = d.text(b)
	}
	if !ascii && !utf8.ValidString(s) {
		s = string([]rune(s)) // U+FFFD for every bad byte, as in encoding/json
	}
	return s, true
}

// Bool reads true or false.
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

// number returns the text of a number, nil if the value is not one.
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

// Int reads an integer; ok is false, and the value unread, when the value is
// not one that an int64 holds exactly.
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
			if v == 0 { // -0 would come back as 0
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

// Float reads a number; ok is false, and the value unread, when the value is
// not one that a float64 can hold. A spelling that encoding would not give back,
// such as 1.0, is kept in the object.
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

// RawText returns a copy of the next value's text.
func (d *Decoder) RawText() string { return d.rawCopy() }

// Skip passes over the next value, checking it.
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

// Valid reports the first error in a JSON text, nil if it is one value.
func Valid(b []byte) error {
	d := NewDecoder(b, false)
	d.Skip()
	return d.End()
}

// Expect guesses how many elements a list has in all, from how much of the body
// the first n since the mark took.
func (d *Decoder) Expect(m Mark, n int) int {
	if n == 0 {
		return 1
	}
	perItem := max(1, (d.i-m.i)/n)
	return n + 1 + min((len(d.b)-d.i)/perItem, 1000)
}
