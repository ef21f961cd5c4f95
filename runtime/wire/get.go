package wire

import (
	"encoding/json"

	"github.com/closekit/closekit/runtime"
)

// GetStr reads a text that is always there; bit is its number.
func GetStr[T ~string](d *Decoder, p *T, bit uint8) {
	if s, ok := d.Str(); ok {
		*p = T(s)
		d.Seen(bit)
		return
	}
	d.Odd()
}

// GetOptStr reads a text.
func GetOptStr[T ~string](d *Decoder, p *runtime.Opt[T]) {
	if s, ok := d.Str(); ok {
		p.Set(T(s))
		return
	}
	if d.Null() {
		p.SetNull()
		return
	}
	d.Odd()
}

// GetInt reads an integer that is always there; bit is its number.
func GetInt[T integer](d *Decoder, p *T, bit uint8) {
	if n, ok := d.Int(); ok && int64(T(n)) == n {
		*p = T(n)
		d.Seen(bit)
		return
	}
	d.Odd()
}

// GetOptInt reads an integer.
func GetOptInt[T integer](d *Decoder, p *runtime.Opt[T]) {
	if d.Null() {
		p.SetNull()
		return
	}
	if n, ok := d.Int(); ok && int64(T(n)) == n {
		p.Set(T(n))
		return
	}
	d.Odd()
}

// GetFloat reads a number that is always there; bit is its number.
func GetFloat(d *Decoder, p *float64, bit uint8) {
	if n, ok := d.Float(); ok {
		*p = n
		d.Seen(bit)
		return
	}
	d.Odd()
}

// GetOptFloat reads a number.
func GetOptFloat(d *Decoder, p *runtime.Opt[float64]) {
	if d.Null() {
		p.SetNull()
		return
	}
	if n, ok := d.Float(); ok {
		p.Set(n)
		return
	}
	d.Odd()
}

// GetBool reads a boolean that is always there; bit is its number.
func GetBool(d *Decoder, p *bool, bit uint8) {
	if v, ok := d.Bool(); ok {
		*p = v
		d.Seen(bit)
		return
	}
	d.Odd()
}

// GetOptBool reads a boolean.
func GetOptBool(d *Decoder, p *runtime.Opt[bool]) {
	if v, ok := d.Bool(); ok {
		p.Set(v)
		return
	}
	if d.Null() {
		p.SetNull()
		return
	}
	d.Odd()
}

// GetRaw reads any JSON.
func GetRaw(d *Decoder, p *json.RawMessage) { *p = json.RawMessage(d.RawText()) }

// GetStrs reads a list of texts.
func GetStrs[T ~string](d *Decoder, p *[]T) {
	m := d.Mark()
	if d.Peek() != '[' {
		d.Odd()
		return
	}
	list := []T{}
	for d.Array(); d.More(); {
		s, ok := d.Str()
		if !ok {
			d.Reset(m)
			d.Odd()
			return
		}
		list = append(list, T(s))
	}
	*p = list
}

// GetRaws reads a list of any JSON.
func GetRaws(d *Decoder, p *[]json.RawMessage) {
	if d.Peek() != '[' {
		d.Odd()
		return
	}
	list := []json.RawMessage{}
	for d.Array(); d.More(); {
		list = append(list, json.RawMessage(d.RawText()))
	}
	*p = list
}

// GetList reads a list of objects.
func GetList[T any](d *Decoder, p *[]T, decode func(*Decoder, *T)) {
	m := d.Mark()
	if d.Peek() != '[' {
		d.Odd()
		return
	}
	outer := d.Enter()
	list := []T{}
	for d.Array(); d.More(); {
		if d.Peek() != '{' {
			d.Leave(outer)
			d.Reset(m)
			d.Odd()
			return
		}
		var zero T
		list = append(list, zero)
		decode(d, &list[len(list)-1])
	}
	d.Leave(outer)
	*p = list
}

// GetObj reads an object.
func GetObj[T any](d *Decoder, p **T, decode func(*Decoder, *T)) {
	if d.Peek() != '{' {
		d.Odd()
		return
	}
	outer := d.Enter()
	v := new(T)
	decode(d, v)
	d.Leave(outer)
	*p = v
}

// GetMap reads an object whose members all have values of one kind, each read
// by get, which reports false for a value of another kind.
func GetMap[T any](d *Decoder, p *map[string]T, get func(*Decoder) (T, bool)) {
	m := d.Mark()
	if d.Peek() != '{' {
		d.Odd()
		return
	}
	outer := d.Enter()
	values := map[string]T{}
	for d.Open(outer); d.Next(); {
		name := string(d.Key())
		v, ok := get(d)
		if !ok {
			d.Reset(m)
			d.Odd()
			return
		}
		values[name] = v
	}
	*p = values
}

// Elements of maps.
func MapStr[T ~string](d *Decoder) (T, bool) { s, ok := d.Str(); return T(s), ok }

// MapInt reads an integer of a map.
func MapInt[T integer](d *Decoder) (T, bool) { n, ok := d.Int(); return T(n), ok }

// MapRaw reads any JSON of a map.
func MapRaw(d *Decoder) (json.RawMessage, bool) { return json.RawMessage(d.RawText()), true }

// GetCustom keeps an unknown member: a custom field in c, anything else in the
// object.
func GetCustom(d *Decoder, c *runtime.CustomFields) {
	const prefix = "custom."
	key := d.Key()
	if len(key) <= len(prefix) || string(key[:len(prefix)]) != prefix {
		d.Keep()
		return
	}
	if *c == nil {
		*c = make(runtime.CustomFields, 0, 8)
	}
	c.Append(d.Text(key[len(prefix):]), d.RawText())
}
