package logging

import (
	"encoding"
	"encoding/json"
	"log/slog"
	"reflect"
)

// ReplaceAttr is for the ReplaceAttr of [slog.HandlerOptions]. It logs results of
// closekit, and lists of them, as JSON without secrets, with both handlers of
// log/slog: a text handler alone prints the fields of the items of a list, and a
// JSON handler alone encodes a result with its secrets. Other values stay.
func ReplaceAttr(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindAny {
		return a
	}
	v := reflect.ValueOf(a.Value.Any())
	if one, ok := result(v); ok {
		a.Value = slog.AnyValue(one)
		return a
	}
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return a
	}
	list := make([]logged, v.Len())
	for i := range list {
		one, ok := result(v.Index(i))
		if !ok {
			return a
		}
		list[i] = one
	}
	if len(list) > 0 {
		a.Value = slog.AnyValue(logged{join(list)})
	}
	return a
}

// logged is a result as both handlers print it.
type logged struct{ json json.RawMessage }

func (l logged) MarshalText() ([]byte, error) { return l.json, nil }

func (l logged) MarshalJSON() ([]byte, error) { return l.json, nil }

// result returns the text of a value that is JSON both in a text and in a JSON log.
func result(v reflect.Value) (logged, bool) {
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return logged{}, false
	}
	text, isText := reflect.TypeAssert[encoding.TextMarshaler](v)
	_, isJSON := reflect.TypeAssert[json.Marshaler](v)
	if !isText || !isJSON {
		return logged{}, false
	}
	b, err := text.MarshalText()
	if err != nil || len(b) == 0 || b[0] != '{' || !json.Valid(b) {
		return logged{}, false
	}
	return logged{b}, true
}

func join(list []logged) json.RawMessage {
	b := []byte{'['}
	for i, l := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, l.json...)
	}
	return append(b, ']')
}
