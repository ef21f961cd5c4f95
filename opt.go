package closekit

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"

	"github.com/closekit/closekit/internal/codec"
)

// Opt is a value that may be absent, null or present. The zero value is absent. In
// a request, an absent value is not sent, and null clears the stored value. In a
// response, absent means that Close did not send the member.
//
// An Opt may be copied, and compared with == if T is comparable.
type Opt[T any] struct {
	v     T
	state uint8
}

const (
	absent uint8 = iota
	null
	present
)

// Some returns an Opt with a value.
func Some[T any](v T) Opt[T] { return Opt[T]{v, present} }

// Null returns an Opt that is null: in a request it clears the stored value.
func Null[T any]() Opt[T] { return Opt[T]{state: null} }

// Get returns the value, and reports whether it is present.
func (o Opt[T]) Get() (v T, ok bool) { return o.v, o.state == present }

// Or returns the value, or fallback if the value is absent or null.
func (o Opt[T]) Or(fallback T) T {
	if o.state == present {
		return o.v
	}
	return fallback
}

// IsNull reports whether the Opt is null.
func (o Opt[T]) IsNull() bool { return o.state == null }

// IsZero reports whether the Opt is absent; encoding/json's omitzero uses it.
func (o Opt[T]) IsZero() bool { return o.state == absent }

// The compiler makes each of the following methods four times for every T. Without
// noinline, all four would have the whole body.

// String formats the value. It returns "null" for null and "" for absent.
//
//go:noinline
func (o Opt[T]) String() string { return formatOpt(o.v, o.state) }

// MarshalJSON encodes the value; absent and null are null. Use the tag omitzero to
// omit an absent value. T must be a string, number or boolean type, or implement
// MarshalJSON, as all types of this module do; another T is an error. (Package
// encoding/json is not used, so that programs without it do not link it.)
//
//go:noinline
func (o Opt[T]) MarshalJSON() ([]byte, error) { return marshalOpt(o.v, o.state) }

// UnmarshalJSON decodes a value or null; T is restricted as for MarshalJSON.
//
//go:noinline
func (o *Opt[T]) UnmarshalJSON(b []byte) error { return unmarshalOpt(b, &o.v, &o.state) }

// The rest is not generic, so that it is compiled once instead of once per type.

func formatOpt(value any, state uint8) string {
	switch state {
	case present:
		return fmt.Sprint(value)
	case null:
		return "null"
	}
	return ""
}

func marshalOpt(value any, state uint8) ([]byte, error) {
	if state != present {
		return []byte("null"), nil
	}
	if m, ok := value.(interface{ MarshalJSON() ([]byte, error) }); ok {
		return m.MarshalJSON()
	}
	switch v := reflect.ValueOf(value); v.Kind() { //nolint:exhaustive // other kinds are rejected
	case reflect.String:
		return codec.AppendString(nil, v.String()), nil
	case reflect.Bool:
		return strconv.AppendBool(nil, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(nil, v.Int(), 10), nil
	case reflect.Float32, reflect.Float64:
		return codec.AppendFloat(nil, v.Float()), nil
	}
	return nil, fmt.Errorf("closekit.Opt of %T has no JSON form", value)
}

// unmarshalOpt decodes b into the value that to points to.
func unmarshalOpt(b []byte, to any, state *uint8) error {
	b = bytes.TrimSpace(b)
	if codec.IsNull(b) {
		reflect.ValueOf(to).Elem().SetZero()
		*state = null
		return nil
	}
	if err := unmarshalValue(b, to); err != nil {
		return err
	}
	*state = present
	return nil
}

func unmarshalValue(b []byte, to any) error {
	if m, ok := to.(interface{ UnmarshalJSON([]byte) error }); ok {
		return m.UnmarshalJSON(b)
	}
	fits := false
	v := reflect.ValueOf(to).Elem()
	switch v.Kind() { //nolint:exhaustive // other kinds are rejected
	case reflect.String:
		var text string
		if text, fits = codec.Unquote(b); fits {
			v.SetString(text)
		}
	case reflect.Bool:
		if fits = string(b) == "true" || string(b) == "false"; fits {
			v.SetBool(b[0] == 't')
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(string(b), 10, v.Type().Bits())
		if fits = err == nil; fits {
			v.SetInt(n)
		}
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(string(b), 64)
		if fits = err == nil && codec.Valid(b) == nil; fits {
			v.SetFloat(n)
		}
	}
	if !fits {
		return fmt.Errorf("%.40q is no %v in JSON", b, v.Type())
	}
	return nil
}
