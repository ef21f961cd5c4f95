package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Opt is a value that may be absent, null or present. The zero value is
// absent. In a request, only what is present or null is sent, and null clears
// the stored value. In an answer, absent means that Close did not send the
// member.
//
// An Opt is an ordinary value: copy it freely, compare it with == when T can be
// compared.
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

// Get returns the value, and whether there is one.
func (o Opt[T]) Get() (v T, ok bool) { return o.v, o.state == present }

// Or returns the value, or fallback when there is none.
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

// Set gives the Opt a value.
func (o *Opt[T]) Set(v T) { o.v, o.state = v, present }

// SetNull makes the Opt null.
func (o *Opt[T]) SetNull() { *o = Opt[T]{state: null} }

// Clear makes the Opt absent.
func (o *Opt[T]) Clear() { *o = Opt[T]{} }

// String prints the value, "null", or nothing when absent.
func (o Opt[T]) String() string {
	switch o.state {
	case present:
		return fmt.Sprint(o.v)
	case null:
		return "null"
	}
	return ""
}

// MarshalJSON encodes the value; absent and null are null. Use the tag
// omitzero to leave out an absent one.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.state != present {
		return []byte("null"), nil
	}
	return json.Marshal(o.v)
}

// UnmarshalJSON decodes a value or null.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	if string(bytes.TrimSpace(b)) == "null" {
		o.SetNull()
		return nil
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	o.Set(v)
	return nil
}
