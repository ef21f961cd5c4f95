package manifest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// reader decodes the nodes of a file whose shape was checked. It passes over
// marked nodes, which were reported then, collects further problems and goes on.
type reader struct {
	file   string
	ps     *Problems
	marked map[*yaml.Node]bool
	key    *string // whose value is being read, to name it in problems
}

func (c *checker) reader(file string) reader { return reader{file, c.ps, c.marked, new(string)} }

func (r *reader) pos(n *yaml.Node) Pos { return Pos{r.file, n.Line, n.Column} }

func (r *reader) bad(n *yaml.Node, hint, format string, args ...any) {
	r.ps.add(r.pos(n), hint, format, args...)
}

// keys reads a mapping with one function per known key. It reports false when
// the node is no mapping at all. What names the mapping in problems.
func (r *reader) keys(n *yaml.Node, what string, known map[string]func(*yaml.Node)) bool {
	if r.marked[n] {
		return false
	}
	for _, kv := range pairs(n) {
		read, ok := known[kv[0].Value]
		switch {
		case r.marked[kv[0]]:
		case !ok:
			r.bad(kv[0], knownHint(kv[0].Value, slices.Sorted(maps.Keys(known))), "%s has no key %q", what, kv[0].Value)
		default:
			*r.key = kv[0].Value
			read(kv[1])
		}
	}
	return true
}

// knownHint suggests the known key that is nearest to an unknown one, or all.
func knownHint(key string, known []string) string {
	if near := didYouMean(key, known); near != "" {
		return near
	}
	return "known are " + strings.Join(known, ", ")
}

// each reads a mapping of names.
func (r *reader) each(n *yaml.Node, read func(key, value *yaml.Node)) {
	if r.marked[n] {
		return
	}
	for _, kv := range pairs(n) {
		*r.key = kv[0].Value
		read(kv[0], kv[1])
	}
}

// text reads one paragraph; line breaks in it are spaces.
func (r *reader) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.marked[n] {
			return
		}
		s := strings.Join(strings.Fields(n.Value), " ")
		if i := strings.IndexFunc(s, unprintable); i >= 0 {
			c, _ := utf8.DecodeRuneInString(s[i:])
			r.bad(n, "", "%s has the character %U, which cannot be printed", *r.key, c)
			return
		}
		*to = s
	}
}

// unprintable are characters that cannot stand in Go source.
func unprintable(c rune) bool { return unicode.IsControl(c) || c == '\uFEFF' || c == utf8.RuneError }

func (r *reader) flag(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.marked[n] {
			*to = isTrue(n)
		}
	}
}

// isTrue reads a boolean, which YAML also lets one write True or TRUE.
func isTrue(n *yaml.Node) bool { return strings.EqualFold(n.Value, "true") }

func (r *reader) integer(to *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.marked[n] {
			*to = int(whole(n))
		}
	}
}

func (r *reader) bound(to **int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if !r.marked[n] {
			v := whole(n)
			*to = &v
		}
	}
}

// whole is an integer as JSON may write it, 100 or 1e2, held to what a float64
// holds exactly.
func whole(n *yaml.Node) int64 {
	if v, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
		return v
	}
	v, _ := strconv.ParseFloat(n.Value, 64) // the shape is right; what is too large is bounded below
	return int64(max(-1<<53, min(v, 1<<53)))
}

func (r *reader) words(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.marked[n] {
			return
		}
		*to = make([]string, 0, len(n.Content))
		key := *r.key
		*r.key = "an entry of " + key
		for _, c := range n.Content {
			var s string
			r.text(&s)(c)
			if s != "" && slices.Contains(*to, s) {
				r.bad(c, "", "%s lists %q twice", key, s)
			}
			*to = append(*to, s)
		}
	}
}

// value takes any YAML value as JSON, keys in the order of the file.
func (r *reader) value(to *json.RawMessage) func(*yaml.Node) {
	return func(n *yaml.Node) { *to = r.appendJSON(nil, n) }
}

func (r *reader) appendJSON(b []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		b = append(b, '{')
		for i, kv := range pairs(n) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, kv[0].Value), ':')
			b = r.appendJSON(b, kv[1])
		}
		return append(b, '}')
	case yaml.SequenceNode:
		b = append(b, '[')
		for i, c := range n.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = r.appendJSON(b, c)
		}
		return append(b, ']')
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
	}
	switch n.Tag {
	case "!!null":
		return append(b, "null"...)
	case "!!bool":
		return strconv.AppendBool(b, isTrue(n))
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(b, n.Value...)
		}
		r.bad(n, "quote it if it is a text", "a number must be written as in JSON, not %q", n.Value)
		return append(b, "null"...)
	}
	return appendString(b, n.Value)
}

func appendString(b []byte, s string) []byte {
	var buf strings.Builder
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return append(b, strings.TrimSuffix(buf.String(), "\n")...)
}
