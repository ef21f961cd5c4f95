package codec

// Unquote decodes a JSON string, and reports whether raw is one.
func Unquote(raw []byte) (string, bool) {
	d := NewDecoder(raw, false)
	s, ok := d.Str()
	return s, d.End() == nil && ok
}

// IsNull reports whether raw is null.
func IsNull(raw []byte) bool { return string(raw) == "null" }

// Elements splits valid JSON into the elements of an array, and reports whether raw
// is one.
func Elements(raw []byte) (list [][]byte, ok bool) {
	d := NewDecoder(raw, false)
	if d.Peek() != '[' {
		_ = d.End() // the input is valid
		return nil, false
	}
	for d.Array(); d.More(); {
		list = append(list, d.Raw())
	}
	return list, d.End() == nil
}

// Members splits valid JSON into the members of an object, and reports whether raw
// is one. Of several members with the same name, the last one is used.
func Members(raw []byte) (map[string][]byte, bool) {
	d := NewDecoder(raw, false)
	if d.Peek() != '{' {
		_ = d.End() // the input is valid
		return nil, false
	}
	members := map[string][]byte{}
	for d.Open(nil); d.Next(); {
		name := d.Name()
		members[name] = d.Raw()
	}
	return members, d.End() == nil
}
