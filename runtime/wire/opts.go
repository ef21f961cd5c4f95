package wire

import (
	"strconv"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// putOpt writes the name and, for null, the value; it reports whether the value
// is still to be written.
func putOpt[T any](e *Encoder, name string, o *runtime.Opt[T]) (v T, ok bool) {
	if o.IsZero() {
		return v, false
	}
	e.Name(name)
	if v, ok = o.Get(); !ok {
		e.B = append(e.B, "null"...)
	}
	return v, ok
}

// walkOpt does what all optional fields share: absence and null, both ways. It
// reports whether a value is to be handled; a nil raw means: send it.
func walkOpt[T any](w *Walker, f *Field, p *runtime.Opt[T]) (raw []byte, v T, ok bool) {
	if w.Decoding() {
		if raw, ok = w.Given(f); ok && codec.IsNull(raw) {
			p.SetNull()
			return nil, v, false
		}
		return raw, v, ok
	}
	switch v, ok = p.Get(); {
	case ok:
	case p.IsNull():
		w.Null(f)
	default:
		w.Absent(f)
	}
	return nil, v, ok
}

type optStr[T ~string] struct{ p *runtime.Opt[T] }

// OptStr is a text.
func OptStr[T ~string](p *runtime.Opt[T]) Slot { return optStr[T]{p} }

func (s optStr[T]) get(d *Decoder, _ uint8) {
	if v, ok := d.Str(); ok {
		s.p.Set(T(v))
		return
	}
	if d.Null() {
		s.p.SetNull()
		return
	}
	s.p.Clear()
	d.Odd(0)
}

func (s optStr[T]) put(e *Encoder, name string, _ uint8) {
	if v, ok := putOpt(e, name, s.p); ok {
		e.B = codec.AppendString(e.B, string(v))
	}
}

func (s optStr[T]) walk(w *Walker, f *Field) {
	raw, v, ok := walkOpt(w, f, s.p)
	switch {
	case !ok:
	case raw != nil:
		if v, ok := w.ReadText(f, f.Name, raw); ok {
			s.p.Set(T(v))
		}
	default:
		w.Text(f, string(v))
	}
}

type optNum[T integer] struct{ p *runtime.Opt[T] }

// OptInt is an integer or an amount.
func OptInt[T integer](p *runtime.Opt[T]) Slot { return optNum[T]{p} }

func (s optNum[T]) get(d *Decoder, _ uint8) {
	if d.Null() {
		s.p.SetNull()
		return
	}
	m := d.Mark()
	if v, ok := d.Int(); ok {
		if int64(T(v)) == v {
			s.p.Set(T(v))
			return
		}
		d.Reset(m) // an int of 32 bits
	}
	s.p.Clear()
	d.Odd(0)
}

func (s optNum[T]) put(e *Encoder, name string, _ uint8) {
	if v, ok := putOpt(e, name, s.p); ok {
		e.B = strconv.AppendInt(e.B, int64(v), 10)
	}
}

func (s optNum[T]) walk(w *Walker, f *Field) {
	raw, v, ok := walkOpt(w, f, s.p)
	switch {
	case !ok:
	case raw != nil:
		s.p.Set(readInt[T](w, f, raw))
	default:
		w.Int(f, int64(v))
	}
}

type optFloat struct{ p *runtime.Opt[float64] }

// OptFloat is a number.
func OptFloat(p *runtime.Opt[float64]) Slot { return optFloat{p} }

func (s optFloat) get(d *Decoder, _ uint8) {
	if d.Null() {
		s.p.SetNull()
		return
	}
	if v, ok := d.Float(); ok {
		s.p.Set(v)
		return
	}
	s.p.Clear()
	d.Odd(0)
}

func (s optFloat) put(e *Encoder, name string, _ uint8) {
	if v, ok := putOpt(e, name, s.p); ok {
		e.Float(name, v)
	}
}

func (s optFloat) walk(w *Walker, f *Field) {
	raw, v, ok := walkOpt(w, f, s.p)
	switch {
	case !ok:
	case raw != nil:
		if v, ok := w.ReadFloat(f, raw); ok {
			s.p.Set(v)
		}
	default:
		w.Float(f, v)
	}
}

type optBool struct{ p *runtime.Opt[bool] }

// OptBool is a boolean.
func OptBool(p *runtime.Opt[bool]) Slot { return optBool{p} }

func (s optBool) get(d *Decoder, _ uint8) {
	if v, ok := d.Bool(); ok {
		s.p.Set(v)
		return
	}
	if d.Null() {
		s.p.SetNull()
		return
	}
	s.p.Clear()
	d.Odd(0)
}

func (s optBool) put(e *Encoder, name string, _ uint8) {
	if v, ok := putOpt(e, name, s.p); ok {
		e.B = strconv.AppendBool(e.B, v)
	}
}

func (s optBool) walk(w *Walker, f *Field) {
	raw, v, ok := walkOpt(w, f, s.p)
	switch {
	case !ok:
	case raw != nil:
		if v, ok := w.ReadBool(f, raw); ok {
			s.p.Set(v)
		}
	default:
		w.Bool(f, v)
	}
}
