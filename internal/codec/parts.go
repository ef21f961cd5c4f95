package codec

import "strings"

// Unquote decodes a JSON text.
func Unquote(raw []byte) (string, bool) {
	d := NewDecoder(raw, false)
	s, ok := d.Str()
	return s, d.End() == nil && ok
}

// IsNull reports whether raw is null.
func IsNull(raw []byte) bool { return string(raw) == "null" }

// Elements splits a JSON array, which is known to be valid.
func Elements(raw []byte) (list [][]byte, ok bool) {
	d := NewDecoder(raw, false)
	if d.Peek() != '[' {
		_ = d.End() // valid, but no array
		return nil, false
	}
	for d.Array(); d.More(); {
		list = append(list, d.Raw())
	}
	return list, d.End() == nil
}

// Members splits a JSON object, which is known to be valid; the last of two
// members with one name wins.
func Members(raw []byte) (map[string][]byte, bool) {
	d := NewDecoder(raw, false)
	if d.Peek() != '{' {
		_ = d.End() // valid, but no object
		return nil, false
	}
	members := map[string][]byte{}
	for d.Open(nil); d.Next(); {
		name := strings.ToValidUTF8(string(d.Key()), "\uFFFD")
		members[name] = d.Raw()
	}
	return members, d.End() == nil
}
