package closekit

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/codec"
)

// CustomFields are the values of custom fields of one record, by field id
// (cf_…). The zero value has none. In a result they are in the order in which
// Close sent them; in a request, what is set is sent and the rest stays.
//
// It is not safe for concurrent writing.
type CustomFields []CustomField

// CustomField is one value. Make one with Set, Add or Remove of
// [CustomFields].
type CustomField struct {
	// Key is the field's id. In updates it may end in .add or .remove, which
	// change one element of a field with several values.
	Key   string
	Value CustomValue
}

// CustomValue is the value of a custom field: a text, a number, a date, an id,
// a list of them, or null. The zero value is null.
type CustomValue struct{ raw string }

// CustomText is a text, a choice, a date or an id as a value.
func CustomText[T ~string](s T) CustomValue {
	return CustomValue{string(codec.AppendString(nil, string(s)))}
}

// CustomTexts is a list of texts, choices or ids as a value.
func CustomTexts[T ~string](list ...T) CustomValue {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = codec.AppendString(b, string(s))
	}
	return CustomValue{string(append(b, ']'))}
}

// CustomInteger is an integer as a value.
func CustomInteger(n int64) CustomValue { return CustomValue{strconv.FormatInt(n, 10)} }

// CustomNumber is a number as a value; NaN and infinities are null.
func CustomNumber(n float64) CustomValue { return CustomValue{string(codec.AppendFloat(nil, n))} }

// Raw gives the JSON of the value.
func (v CustomValue) Raw() json.RawMessage {
	if v.raw == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(v.raw)
}

// IsNull reports whether the value is null.
func (v CustomValue) IsNull() bool { return v.raw == "" || v.raw == "null" }

// Text gives a text value.
func (v CustomValue) Text() (string, bool) {
	if v.raw == "" || v.raw[0] != '"' {
		return "", false
	}
	d := codec.NewDecoder([]byte(v.raw), false)
	s, ok := d.Str()
	return s, d.End() == nil && ok
}

// Number gives a numeric value; a number that Close keeps as text counts.
func (v CustomValue) Number() (float64, bool) {
	s, ok := v.Text()
	if !ok {
		s = v.raw
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// Texts gives the elements of a list of texts, or one text as a list of one.
func (v CustomValue) Texts() ([]string, bool) {
	if s, ok := v.Text(); ok {
		return []string{s}, true
	}
	if v.raw == "" || v.raw[0] != '[' {
		return nil, false
	}
	d := codec.NewDecoder([]byte(v.raw), false)
	list := []string{}
	ok := d.Array()
	for ok && d.More() {
		var s string
		if s, ok = d.Str(); ok {
			list = append(list, s)
		}
	}
	return list, d.End() == nil && ok
}

// String prints a text bare, anything else as JSON.
func (v CustomValue) String() string {
	if s, ok := v.Text(); ok {
		return s
	}
	return string(v.Raw())
}

// MarshalJSON gives the value's JSON.
func (v CustomValue) MarshalJSON() ([]byte, error) { return v.Raw(), nil }

// UnmarshalJSON takes any JSON.
func (v *CustomValue) UnmarshalJSON(b []byte) error {
	v.raw = string(b)
	return nil
}

// Get gives the value of the field with this id, and whether there is one.
func (c CustomFields) Get(id string) (CustomValue, bool) {
	id = strings.TrimPrefix(id, "custom.")
	for _, f := range slices.Backward(c) { // the last one wins, as in encoding/json
		if f.Key == id {
			return f.Value, true
		}
	}
	return CustomValue{}, false
}

// Set gives the field with this id a value, replacing what c had for it.
func (c *CustomFields) Set(id string, v CustomValue) {
	id = strings.TrimPrefix(id, "custom.")
	for i := range slices.Backward(*c) {
		if (*c)[i].Key == id {
			(*c)[i].Value = v
			return
		}
	}
	*c = append(*c, CustomField{id, v})
}

// Clear sends null for the field with this id, which removes the stored value.
func (c *CustomFields) Clear(id string) { c.Set(id, CustomValue{}) }

// Add adds one element to a field with several values. Updates only.
func (c *CustomFields) Add(id string, v CustomValue) { c.Set(id+".add", v) }

// Remove takes one element out of a field with several values. Updates only.
func (c *CustomFields) Remove(id string, v CustomValue) { c.Set(id+".remove", v) }

// MarshalJSON encodes the values as an object by field id.
func (c CustomFields) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(codec.AppendString(b, f.Key), ':')
		b = append(b, f.Value.Raw()...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON decodes an object by field id; null changes nothing.
func (c *CustomFields) UnmarshalJSON(b []byte) error {
	if err := codec.Valid(b); err != nil {
		return err
	}
	d := codec.NewDecoder(b, false)
	if d.Null() {
		return d.End()
	}
	if d.Peek() != '{' {
		return fmt.Errorf("custom fields: want an object, got %.20q", b)
	}
	*c = (*c)[:0]
	for d.Open(nil); d.Next(); {
		id := string(d.Key())
		c.Set(id, CustomValue{d.RawText()})
	}
	return d.End()
}
