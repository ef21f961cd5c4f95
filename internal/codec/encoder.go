package codec

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Encoder appends JSON to B.
type Encoder struct {
	B     []byte
	obj   *Object
	names []string // written so far, recorded only if the object keeps members with a field
}

// Frame is the state of the outer object while an inner one is written.
type Frame struct {
	obj   *Object
	names []string
}

// Open starts an object whose members without a field are in o. The frame is for
// Close.
func (e *Encoder) Open(o *Object) Frame {
	f := Frame{e.obj, e.names}
	e.obj, e.names = o, nil
	e.B = append(e.B, '{')
	return f
}

// Close writes the members without a field and the mismatches whose field was not
// written, ends the object and returns to the outer one.
func (e *Encoder) Close(f Frame) {
	kept := members(e.obj)
	e.obj = nil // only the names of fields matter to wrote
	for _, m := range kept {
		if m.kind == form || m.kind != unknown && e.wrote(m.name) {
			continue
		}
		e.Name(m.name)
		e.B = append(e.B, m.raw...)
	}
	e.B = append(e.B, '}')
	e.obj, e.names = f.obj, f.names
}

func (e *Encoder) wrote(name string) bool {
	return slices.Contains(e.names, name)
}

// Float writes the value of the member name, in Close's format if it is unchanged.
func (e *Encoder) Float(name string, v float64) {
	if keepsFields(e.obj) {
		if i := e.obj.kept.find(name); i >= 0 && e.obj.kept.members[i].kind == form {
			raw := e.obj.kept.members[i].raw
			if was, err := strconv.ParseFloat(raw, 64); err == nil && was == v {
				e.B = append(e.B, raw...)
				return
			}
		}
	}
	e.B = AppendFloat(e.B, v)
}

// Has reports whether the bit was set by [Decoder.Seen] when the object was decoded.
func (e *Encoder) Has(bit uint8) bool { return e.obj.seen&(1<<bit) != 0 }

// Name writes the name of a member, after a comma if needed.
func (e *Encoder) Name(name string) {
	if e.B[len(e.B)-1] != '{' {
		e.B = append(e.B, ',')
	}
	if keepsFields(e.obj) {
		e.names = append(e.names, name)
	}
	e.B = AppendString(e.B, name)
	e.B = append(e.B, ':')
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			// U+2028 and U+2029 are escaped for readers that paste JSON into
			// JavaScript, as encoding/json does.
			if r != utf8.RuneError && r != '\u2028' && r != '\u2029' || n > 1 && r == utf8.RuneError {
				i += n
				continue
			}
			b = append(b, s[start:i]...)
			if r == utf8.RuneError {
				b = append(b, "\uFFFD"...)
			} else {
				b = append(b, `\u202`...)
				b = append(b, hexDigits[r&0xF])
			}
			i += n
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&0xF])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// AppendFloat appends a number in the format of encoding/json; NaN and infinities,
// which JSON does not have, become null.
func AppendFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, v, format, -1, 64)
	if format == 'e' {
		// e-09 to e-9
		if n := len(b); n >= 4 && b[n-4] == 'e' && (b[n-3] == '-' || b[n-3] == '+') && b[n-2] == '0' {
			b[n-2] = b[n-1]
			b = b[:n-1]
		}
	}
	return b
}
