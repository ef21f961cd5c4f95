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

// CustomFields are the values of the custom fields of one record, by field id
// (cf_…). The zero value has none. In a result they are in the order in which
// Close sent them; in a request, only the values that are set are sent.
//
// It is safe for concurrent reading, but not for concurrent writing.
type CustomFields []CustomField

// CustomField is the value of one custom field. The methods Set, Clear, Add and
// Remove of [CustomFields] create it.
type CustomField struct {
	// Key is the field's id. In updates it may end in .add or .remove, which
	// change one element of a field with several values.
	Key   string
	Value CustomValue
}

// CustomValue is the value of a custom field: a string (a text, choice, date or
// id), a number, a list of them, or null. The zero value is null.
type CustomValue struct{ raw string }

// CustomText returns the value of a text, choice, date or id field. A request refuses
// text that is not UTF-8.
func CustomText[T ~string](s T) CustomValue {
	return CustomValue{string(codec.AppendAnyString(nil, string(s)))}
}

// CustomTexts returns the value of a field with several texts, choices or ids.
func CustomTexts[T ~string](list ...T) CustomValue {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = codec.AppendAnyString(b, string(s))
	}
	return CustomValue{string(append(b, ']'))}
}

// CustomInteger returns an integer as the value of a number field.
func CustomInteger(n int64) CustomValue { return CustomValue{strconv.FormatInt(n, 10)} }

// CustomNumber returns the value of a number field; NaN and infinities become null.
func CustomNumber(n float64) CustomValue { return CustomValue{string(codec.AppendFloat(nil, n))} }

// Raw returns the JSON of the value.
func (v CustomValue) Raw() json.RawMessage {
	if v.raw == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(v.raw)
}

// IsNull reports whether the value is null.
func (v CustomValue) IsNull() bool { return v.raw == "" || v.raw == "null" }

// Text returns the value if it is a string, and reports whether it is one.
func (v CustomValue) Text() (string, bool) {
	if v.raw == "" || v.raw[0] != '"' {
		return "", false
	}
	d := codec.NewDecoder([]byte(v.raw), false)
	s, ok := d.Str()
	return s, d.End() == nil && ok
}

// Number returns the value if it is a number, and reports whether it is one. It
// also parses a number that Close stores as a string.
func (v CustomValue) Number() (float64, bool) {
	s, ok := v.Text()
	if !ok {
		s = v.raw
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// Texts returns the elements of a list of strings, or a single string as a list of
// one, and reports whether the value is either.
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

// String returns a string value without quotes, and any other value as JSON.
func (v CustomValue) String() string {
	if s, ok := v.Text(); ok {
		return s
	}
	return string(v.Raw())
}

// MarshalJSON returns the JSON of the value.
func (v CustomValue) MarshalJSON() ([]byte, error) { return v.Raw(), nil }

// UnmarshalJSON accepts any JSON value.
func (v *CustomValue) UnmarshalJSON(b []byte) error {
	v.raw = string(b)
	return nil
}

// Get returns the value of the field with this id, and reports whether there is
// one.
func (c CustomFields) Get(id string) (CustomValue, bool) {
	id = strings.TrimPrefix(id, "custom.")
	for _, f := range slices.Backward(c) { // the last one is used, as in encoding/json
		if f.Key == id {
			return f.Value, true
		}
	}
	return CustomValue{}, false
}

// Set sets the value of the field with this id, replacing an earlier one.
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

// Clear sets the field with this id to null, which removes the stored value in
// Close.
func (c *CustomFields) Clear(id string) { c.Set(id, CustomValue{}) }

// Add adds one element to a field with several values. It is for updates only.
func (c *CustomFields) Add(id string, v CustomValue) { c.Set(id+".add", v) }

// Remove removes one element from a field with several values. It is for updates
// only.
func (c *CustomFields) Remove(id string, v CustomValue) { c.Set(id+".remove", v) }

// MarshalJSON encodes the values as a JSON object whose members are named by field
// id.
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

// UnmarshalJSON decodes a JSON object whose members are named by field id; null
// changes nothing.
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
	at := map[string]int{} // Set would look for every field among all others
	for d.Open(nil); d.Next(); {
		f := CustomField{strings.TrimPrefix(string(d.Key()), "custom."), CustomValue{d.RawText()}}
		if i, ok := at[f.Key]; ok {
			(*c)[i] = f
			continue
		}
		at[f.Key] = len(*c)
		*c = append(*c, f)
	}
	return d.End()
}
