package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
)

// Object is a JSON object. Values inside a stored object are never changed in
// place: a write replaces a whole top-level value, so a copy of the top level is
// a snapshot.
type Object = map[string]any

// The two formats of an instant. Both omit the fraction if it is zero.
const (
	offsetMicros = "2006-01-02T15:04:05.000000+00:00"
	offsetPlain  = "2006-01-02T15:04:05+00:00"
	naiveMicros  = "2006-01-02T15:04:05.000000"
	naivePlain   = "2006-01-02T15:04:05"
	DayLayout    = "2006-01-02"
)

// Stamp formats an instant like the older endpoints.
func Stamp(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format(offsetPlain)
	}
	return t.Format(offsetMicros)
}

// Naive formats an instant like the newer endpoints: in UTC, without an offset.
func Naive(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format(naivePlain)
	}
	return t.Format(naiveMicros)
}

// ParseTime reads an instant with or without offset, or a date. A date means
// the start of the day in zone; an instant without offset is UTC. isDay reports
// whether the text was a date.
func ParseTime(text string, zone *time.Location) (t time.Time, isDay bool, err error) {
	if t, err = time.ParseInLocation(DayLayout, text, zone); err == nil {
		return t, true, nil
	}
	// A plus sign that was not escaped in a query string arrives as a space.
	if i := strings.LastIndexByte(text, ' '); i > len(DayLayout) && len(text)-i <= 6 {
		text = text[:i] + "+" + text[i+1:]
	}
	for _, layout := range [...]string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15:04Z07:00",
	} {
		if t, err = time.Parse(layout, text); err == nil {
			if t.Year() < 1 || t.Year() > 9999 {
				break
			}
			return t, false, nil
		}
	}
	return time.Time{}, false, errors.New("not a date")
}

// DecodeObject reads one JSON object. Integers become int64, other numbers
// stay json.Number.
func DecodeObject(data []byte) (Object, error) {
	v, err := Decode(data)
	if err != nil {
		return nil, err
	}
	o, ok := v.(Object)
	if !ok {
		return nil, ErrNotObject
	}
	return o, nil
}

// ErrNotObject is returned by [DecodeObject] for another JSON value.
var ErrNotObject = errors.New("not a JSON object")

// Decode reads one JSON value, with numbers like [DecodeObject].
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the JSON value")
	}
	return normalize(v), nil
}

func normalize(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		return v
	case Object:
		for k, e := range v {
			v[k] = normalize(e)
		}
	case []any:
		for i, e := range v {
			v[i] = normalize(e)
		}
	}
	return v
}

// Encode never fails for values that the emulator stores.
func Encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{"error": "the emulator could not encode its response"}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Clone returns a deep copy of a value.
func Clone(v any) any {
	switch v := v.(type) {
	case Object:
		out := make(Object, len(v))
		for k, e := range v {
			out[k] = Clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Clone(e)
		}
		return out
	case []Object:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Clone(e)
		}
		return out
	}
	return v
}

// Shallow returns a copy of the top level of an object.
func Shallow(o Object) Object { return maps.Clone(o) }

// String returns v as a string, or "" if it is another type.
func String(v any) string {
	s, _ := v.(string)
	return s
}

// Int returns v as an integer, or 0 if it is another type.
func Int(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case int:
		return int64(v)
	}
	return 0
}

// Bool returns v as a boolean, or false if it is another type.
func Bool(v any) bool {
	b, _ := v.(bool)
	return b
}

// List returns v as a list, or nil if it is another type.
func List(v any) []any {
	l, _ := v.([]any)
	return l
}

// Float returns a JSON number as a float.
func Float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return 0, false
		}
		return f, true
	}
	return 0, false
}

// OrNull turns an empty string into null.
func OrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Text returns a string as it is, null as an empty one and other values as
// JSON.
func Text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	return string(Encode(v))
}
