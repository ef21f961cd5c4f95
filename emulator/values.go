package emulator

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

// The two formats of an instant. Both omit the fraction if it is zero.
const (
	offsetMicros = "2006-01-02T15:04:05.000000+00:00"
	offsetPlain  = "2006-01-02T15:04:05+00:00"
	naiveMicros  = "2006-01-02T15:04:05.000000"
	naivePlain   = "2006-01-02T15:04:05"
	dayLayout    = "2006-01-02"
)

// stamp formats an instant like the older endpoints.
func stamp(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format(offsetPlain)
	}
	return t.Format(offsetMicros)
}

// naive formats an instant like the newer endpoints: in UTC, without an offset.
func naive(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format(naivePlain)
	}
	return t.Format(naiveMicros)
}

// parseTime reads an instant with or without offset, or a date. A date means
// the start of the day in zone; an instant without offset is UTC. isDay reports
// whether the text was a date.
func parseTime(text string, zone *time.Location) (t time.Time, isDay bool, err error) {
	if t, err = time.ParseInLocation(dayLayout, text, zone); err == nil {
		return t, true, nil
	}
	// A plus sign that was not escaped in a query string arrives as a space.
	if i := strings.LastIndexByte(text, ' '); i > len(dayLayout) && len(text)-i <= 6 {
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

// decodeObject reads one JSON object. Integers become int64, other numbers
// stay json.Number.
func decodeObject(data []byte) (object, error) {
	v, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errNotObject
	}
	return o, nil
}

var errNotObject = errors.New("not a JSON object")

func decodeJSON(data []byte) (any, error) {
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
	case object:
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

// encodeJSON never fails for values that the emulator stores.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{"error": "the emulator could not encode its response"}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// clone returns a deep copy of a value.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	case []object:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

func shallow(o object) object { return maps.Clone(o) }

func str(v any) string {
	s, _ := v.(string)
	return s
}

func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case int:
		return int64(v)
	}
	return 0
}

func truth(v any) bool {
	b, _ := v.(bool)
	return b
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// number returns a JSON number as a float.
func number(v any) (float64, bool) {
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

// orNull turns an empty string into null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// valueText returns a string as it is, null as an empty one and other values as
// JSON.
func valueText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	return string(encodeJSON(v))
}
