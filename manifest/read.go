package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// reader decodes nodes strictly: every key must be known, every value of the
// right kind. It collects problems and goes on.
type reader struct {
	file string
	ps   *Problems
	key  *string // whose value is being read, to name it in problems
}

func newReader(file string, ps *Problems) reader { return reader{file, ps, new(string)} }

func (r *reader) pos(n *yaml.Node) Pos { return Pos{r.file, n.Line, n.Column} }

func (r *reader) bad(n *yaml.Node, hint, format string, args ...any) {
	r.ps.add(r.pos(n), hint, format, args...)
}

// keys reads a mapping with one function per known key. What names the
// mapping in problems. It gives false when the node is no mapping at all.
func (r *reader) keys(n *yaml.Node, what string, known map[string]func(*yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		r.bad(n, "", "%s must be a mapping, not %s", what, kindName(n))
		return false
	}
	for _, kv := range pairs(n) {
		read, ok := known[kv[0].Value]
		if !ok {
			words := make([]string, 0, len(known))
			for k := range known {
				words = append(words, k)
			}
			slices.Sort(words)
			hint := "known are " + strings.Join(words, ", ")
			if near := nearest(kv[0].Value, words); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			r.bad(kv[0], hint, "%s has no key %q", what, kv[0].Value)
			continue
		}
		*r.key = kv[0].Value
		read(kv[1])
	}
	return true
}

// each reads a mapping of names.
func (r *reader) each(n *yaml.Node, what string, read func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.bad(n, "", "%s must be a mapping, not %s", what, kindName(n))
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
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			r.bad(n, "", "%s must be a text, not %s", *r.key, kindName(n))
			return
		}
		s := strings.Join(strings.Fields(n.Value), " ")
		if s == "" {
			r.bad(n, "leave the key out", "%s is empty", *r.key)
			return
		}
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
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			r.bad(n, "", "%s must be true or false, not %s", *r.key, kindName(n))
			return
		}
		*to = isTrue(n)
	}
}

// isTrue reads a boolean, which YAML also lets one write True or TRUE.
func isTrue(n *yaml.Node) bool { return strings.EqualFold(n.Value, "true") }

func (r *reader) integer(to *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || v < 0 || !json.Valid([]byte(n.Value)) {
			r.bad(n, "", "%s must be an integer of 0 or more, not %s", *r.key, kindName(n))
			return
		}
		*to = v
	}
}

func (r *reader) bound(to **int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || !json.Valid([]byte(n.Value)) {
			r.bad(n, "", "%s must be an integer, not %s", *r.key, kindName(n))
			return
		}
		*to = &v
	}
}

func (r *reader) words(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.bad(n, "write [a, b]", "%s must be a list, not %s", *r.key, kindName(n))
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

// nearest gives the word most like s, or "" when none is near, or so many are
// to be compared that it would take long.
func nearest(s string, words []string) string {
	best, score := "", max(2, len(s)/3)+1
	if len(words) > maxEntries/2 {
		return ""
	}
	for _, w := range words {
		if d := distance(strings.ToLower(s), strings.ToLower(w), score); d < score {
			best, score = w, d
		}
	}
	return best
}

// distance counts the edits from a to b, as far as enough.
func distance(a, b string, enough int) int {
	if len(a) > maxName || len(b) > maxName {
		return maxName
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag, least := row[0], i
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diag, row[j] = row[j], min(row[j]+1, row[j-1]+1, diag+cost)
			least = min(least, row[j])
		}
		if least >= enough {
			return least
		}
	}
	return row[len(b)]
}
