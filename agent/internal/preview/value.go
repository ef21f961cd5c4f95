package preview

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Object returns the members of a JSON object, or nil.
func Object(raw json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// String returns the text of a JSON string, or "".
func String(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Empty reports whether a value is missing, null, or has nothing in it.
func Empty(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", `""`, "[]", "{}":
		return true
	}
	return false
}

// Equal reports whether two JSON values are the same. A missing one is null.
func Equal(a, b json.RawMessage) bool { return canonical(a) == canonical(b) }

func canonical(raw json.RawMessage) string {
	v, ok := parse(raw)
	if !ok {
		return string(raw)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(b)
}

func parse(raw json.RawMessage) (any, bool) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	return v, d.Decode(&v) == nil
}

// Value returns a JSON value as people read it: text without quotes, the elements of a
// list one per line, an object as "name: value; …". Ids get their names by name, which
// returns "" for those it does not know.
func Value(raw json.RawMessage, name func(id string) string) string {
	v, ok := parse(raw)
	if !ok {
		return string(raw)
	}
	return written(v, name, 0)
}

func written(v any, name func(string) string, depth int) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case json.Number:
		return v.String()
	case string:
		if n := name(v); n != "" {
			return n
		}
		if v == "" {
			return "nothing"
		}
		return v
	case []any:
		lines := make([]string, len(v))
		for i, x := range v {
			lines[i] = written(x, name, depth+1)
		}
		if len(lines) == 0 {
			return "nothing"
		}
		if depth > 0 {
			return "[" + strings.Join(lines, ", ") + "]"
		}
		return strings.Join(lines, "\n")
	case map[string]any:
		return object(v, name, depth)
	}
	return ""
}

func object(m map[string]any, name func(string) string, depth int) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	parts := make([]string, 0, len(keys))
	for _, k := range keys {
		label := k
		if n := name(k); n != "" {
			label = n
		}
		parts = append(parts, label+": "+written(m[k], name, depth+1))
	}
	switch {
	case len(parts) == 0:
		return "nothing"
	case depth > 1:
		return "(" + strings.Join(parts, "; ") + ")"
	}
	return strings.Join(parts, "; ")
}

// Members returns the named member of an object, or of each object in a list; with
// several names, objects of those members. Without names it returns raw.
func Members(raw json.RawMessage, one string, several []string) json.RawMessage {
	if one == "" && len(several) == 0 {
		return raw
	}
	v, ok := parse(raw)
	if !ok {
		return raw
	}
	pick := func(x any) any {
		m, ok := x.(map[string]any)
		switch {
		case !ok:
			return x
		case one != "":
			return m[one]
		}
		kept := map[string]any{}
		for _, name := range several {
			kept[name] = m[name]
		}
		return kept
	}
	if list, ok := v.([]any); ok {
		for i, x := range list {
			list[i] = pick(x)
		}
	} else {
		v = pick(v)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// Label returns the name of a field as people read it: lead_id becomes Lead, body_text
// becomes Body text.
func Label(field string) string {
	s := strings.ReplaceAll(strings.TrimSuffix(strings.Trim(field, "_"), "_id"), "_", " ")
	if s == "" {
		return field
	}
	for long, short := range map[string]string{"html": "HTML", "url": "URL", "id": "id", "sms": "SMS", "ssl": "SSL"} {
		words := strings.Split(s, " ")
		for i, w := range words {
			if w == long {
				words[i] = short
			}
		}
		s = strings.Join(words, " ")
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
