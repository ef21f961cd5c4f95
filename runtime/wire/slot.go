package wire

import (
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
)

// slot is the Go type of a field.
type slot uint8

// Slots. A plain slot, one without Opt, is a field that is always present in
// responses, or required in requests: if it is null or of another type in a
// response, it stays zero and the value is kept as a mismatch.
const (
	slotStr      slot = iota + 1 // ~string
	slotInt                      // int
	slotCents                    // closekit.Cents
	slotFloat                    // float64
	slotBool                     // bool
	slotOptStr                   // closekit.Opt of a ~string
	slotOptInt                   // closekit.Opt[int]
	slotOptCents                 // closekit.Opt[closekit.Cents]
	slotOptFloat                 // closekit.Opt[float64]
	slotOptBool                  // closekit.Opt[bool]
	slotRaw                      // json.RawMessage
	slotStrs                     // slice of a ~string
	slotRaws                     // []json.RawMessage
	slotList                     // slice of a generated struct
	slotObj                      // pointer to a generated struct
	slotMapStr                   // map[string] of a ~string
	slotMapInt                   // map[string]int
	slotMapFloat                 // map[string]float64
	slotMapRaw                   // map[string]json.RawMessage
	slotCustom                   // closekit.CustomFields
)

// needsBit reports whether a slot needs a bit: a plain scalar to distinguish zero
// from absent, a list, object or map to distinguish null from absent.
func needsBit(s slot) bool {
	return s <= slotBool || s > slotRaw && s != slotCustom
}

// slotOf returns the slot of a type, 0 if it has none.
func slotOf(t reflect.Type) slot {
	switch t.Kind() { //nolint:exhaustive // other kinds have no slot
	case reflect.String:
		return slotStr
	case reflect.Int:
		return slotInt
	case reflect.Int64:
		return slotCents
	case reflect.Float64:
		return slotFloat
	case reflect.Bool:
		return slotBool
	case reflect.Struct:
		// Only a closekit.Opt has a value and a byte for its state.
		if t.NumField() == 2 && t.Field(1).Type.Kind() == reflect.Uint8 {
			if s := slotOf(t.Field(0).Type); s != 0 && s <= slotBool {
				return s + slotOptStr - slotStr
			}
		}
	case reflect.Slice:
		if t == reflect.TypeFor[closekit.CustomFields]() {
			return slotCustom
		}
		switch t.Elem().Kind() { //nolint:exhaustive // other kinds have no slot
		case reflect.String:
			return slotStrs
		case reflect.Uint8:
			return slotRaw
		case reflect.Slice:
			return slotRaws
		case reflect.Struct:
			return slotList
		}
	case reflect.Pointer:
		return slotObj
	case reflect.Map:
		switch t.Elem().Kind() { //nolint:exhaustive // other kinds have no slot
		case reflect.String:
			return slotMapStr
		case reflect.Int:
			return slotMapInt
		case reflect.Float64:
			return slotMapFloat
		case reflect.Slice:
			return slotMapRaw
		}
	}
	return 0
}

// textOf returns the type of the strings in a field, nil if it has none.
func textOf(s slot, t reflect.Type) reflect.Type {
	switch s { //nolint:exhaustive // other slots have no strings
	case slotStr:
		return t
	case slotOptStr:
		return t.Field(0).Type
	case slotStrs:
		return t.Elem()
	}
	return nil
}

// slice is the memory layout of a slice.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

// grow returns a list with capacity for n elements, the first k copied from old.
func grow(list reflect.Type, old unsafe.Pointer, k, n int) slice {
	var made slice
	v := reflect.NewAt(list, unsafe.Pointer(&made)).Elem()
	v.Grow(n)
	if k > 0 {
		made.len = k
		was := slice{old, k, k}
		reflect.Copy(v, reflect.NewAt(list, unsafe.Pointer(&was)).Elem())
	}
	return made
}

// none is the data of a slice that is empty but not nil.
func none() unsafe.Pointer { return unsafe.Pointer(&nothing) }

var nothing struct{}

// as returns a pointer to the field of a member in the struct at v.
func as[T any](v unsafe.Pointer, m *member) *T { return (*T)(unsafe.Add(v, m.at)) }

// appendCustom appends the JSON of a custom field's value, without checking for an
// earlier one. The memory of a closekit.CustomValue is a string with its JSON.
func appendCustom(c *closekit.CustomFields, key, raw string) {
	*c = append(*c, closekit.CustomField{Key: key})
	*(*string)(unsafe.Pointer(&(*c)[len(*c)-1].Value)) = raw
}
