package wire

import (
	"encoding/json"
	"strconv"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// A plain slot is a field that is always there in answers, or required in
// requests. When it is null or of another type in an answer, it stays zero and
// the value is kept as a misfit.

type str[T ~string] struct{ p *T }

// Str is a plain text.
func Str[T ~string](p *T) Slot { return str[T]{p} }

func (s str[T]) get(d *Decoder, bit uint8) {
	if v, ok := d.Str(); ok {
		*s.p = T(v)
		d.Seen(bit)
		return
	}
	*s.p = ""
	d.Odd(bit)
}

func (s str[T]) put(e *Encoder, name string, bit uint8) {
	if *s.p != "" || e.Has(bit) {
		e.Name(name)
		e.B = codec.AppendString(e.B, string(*s.p))
	}
}

func (s str[T]) walk(w *Walker, f *Field) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		v, _ := w.ReadText(f, f.Name, raw)
		*s.p = T(v)
	case *s.p == "":
		w.Absent(f)
	default:
		w.Text(f, string(*s.p))
	}
}

type num[T integer] struct{ p *T }

// Int is a plain integer or amount.
func Int[T integer](p *T) Slot { return num[T]{p} }

func (s num[T]) get(d *Decoder, bit uint8) {
	m := d.Mark()
	if v, ok := d.Int(); ok {
		if int64(T(v)) == v {
			*s.p = T(v)
			d.Seen(bit)
			return
		}
		d.Reset(m) // an int of 32 bits
	}
	*s.p = 0
	d.Odd(bit)
}

func (s num[T]) put(e *Encoder, name string, bit uint8) {
	if *s.p != 0 || e.Has(bit) {
		e.Name(name)
		e.B = strconv.AppendInt(e.B, int64(*s.p), 10)
	}
}

func (s num[T]) walk(w *Walker, f *Field) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		*s.p = readInt[T](w, f, raw)
	default:
		w.Int(f, int64(*s.p))
	}
}

type float struct{ p *float64 }

// Float is a plain number.
func Float(p *float64) Slot { return float{p} }

func (s float) get(d *Decoder, bit uint8) {
	if v, ok := d.Float(); ok {
		*s.p = v
		d.Seen(bit)
		return
	}
	*s.p = 0
	d.Odd(bit)
}

func (s float) put(e *Encoder, name string, bit uint8) {
	if *s.p != 0 || e.Has(bit) {
		e.Name(name)
		e.Float(name, *s.p)
	}
}

func (s float) walk(w *Walker, f *Field) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		*s.p, _ = w.ReadFloat(f, raw)
	default:
		w.Float(f, *s.p)
	}
}

type boolean struct{ p *bool }

// Bool is a plain boolean.
func Bool(p *bool) Slot { return boolean{p} }

func (s boolean) get(d *Decoder, bit uint8) {
	if v, ok := d.Bool(); ok {
		*s.p = v
		d.Seen(bit)
		return
	}
	*s.p = false
	d.Odd(bit)
}

func (s boolean) put(e *Encoder, name string, bit uint8) {
	if *s.p || e.Has(bit) {
		e.Name(name)
		e.B = strconv.AppendBool(e.B, *s.p)
	}
}

func (s boolean) walk(w *Walker, f *Field) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		*s.p, _ = w.ReadBool(f, raw)
	default:
		w.Bool(f, *s.p)
	}
}

// walkPlain does what all plain fields share. A nil raw means: send the value.
func walkPlain(w *Walker, f *Field) (raw []byte, ok bool) {
	if !w.Decoding() {
		return nil, true
	}
	raw, ok = w.Given(f)
	switch {
	case !ok && f.Preset == "":
		w.Absent(f) // a number that is not given could not be told from zero later
	case ok && codec.IsNull(raw):
		w.Report(f.Name, "cannot be null", "null", "")
		return nil, false
	}
	return raw, ok
}

type raw struct{ p *json.RawMessage }

// Raw is any JSON.
func Raw(p *json.RawMessage) Slot { return raw{p} }

func (s raw) get(d *Decoder, _ uint8) { *s.p = json.RawMessage(d.RawText()) }

func (s raw) put(e *Encoder, name string, _ uint8) {
	if len(*s.p) > 0 {
		e.Name(name)
		e.B = append(e.B, *s.p...)
	}
}

func (s raw) walk(w *Walker, f *Field) {
	switch {
	case w.Decoding():
		if v, ok := w.Given(f); ok {
			*s.p = append(json.RawMessage(nil), v...)
		}
	case len(*s.p) == 0:
		w.Absent(f)
	case codec.IsNull(*s.p):
		w.Null(f)
	default:
		w.JSON(f, *s.p)
	}
}

func readInt[T integer](w *Walker, f *Field, raw []byte) T {
	var zero T
	_, cents := any(zero).(runtime.Cents)
	n, ok := w.ReadInt(f, raw, cents)
	if ok && int64(T(n)) != n {
		w.Report(f.Name, "is too large", string(raw), "")
	}
	return T(n)
}
