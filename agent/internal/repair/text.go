package repair

import (
	"strings"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
)

// read parses the input, and text that means one JSON object although it is not
// JSON: JSON text in a string or a code fence, trailing commas, and the notation of
// Python. The repair of the text, if there is one, is in why.
func read(input []byte) (n *node, why string, ok bool) {
	text := strings.TrimSpace(string(bom.Trim(input)))
	for range 3 { // a string in a fence in a string at most
		if text == "" || text == "null" {
			return &node{kind: '{'}, "no input is an input without parameters", true
		}
		n, ok = parse([]byte(text))
		switch {
		case ok && n.kind == '{':
			return n, why, true
		case ok && n.kind == '"':
			text, why = strings.TrimSpace(n.text), "the JSON was inside a string"
			continue
		case ok || codec.Valid([]byte(text)) == nil:
			return nil, "", false // another value, or an object with a name twice
		}
		if inner, isFence := unfence(text); isFence {
			text, why = inner, "the JSON was in a code fence"
			continue
		}
		fixed, isJSON := plainJSON(text)
		if !isJSON {
			return nil, "", false
		}
		if n, ok = parse([]byte(fixed)); !ok || n.kind != '{' {
			return nil, "", false
		}
		return n, "the text was almost JSON", true
	}
	return nil, "", false
}

// unfence returns the text in a code fence that encloses everything.
func unfence(s string) (string, bool) {
	rest, open := strings.CutPrefix(s, "```")
	inner, closed := strings.CutSuffix(rest, "```")
	if !open || !closed || strings.Contains(inner, "```") {
		return "", false
	}
	language := 0
	for language < len(inner) && (inner[language] >= 'a' && inner[language] <= 'z' || inner[language] >= 'A' && inner[language] <= 'Z' || inner[language] == '5') {
		language++
	}
	return strings.TrimSpace(inner[language:]), true
}

// plainJSON rewrites text in one pass: commas before an end go, strings in single
// quotes get double ones, True, False and None become JSON, and names without quotes
// get some. It reports false if there is no text with one reading.
func plainJSON(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s) + 16)
	single := strings.Contains(s, "'") && !strings.Contains(s, `"`)
	before := byte('{') // the last character that is not white space
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"':
			end := stringEnd(s, i)
			if end < 0 {
				return "", false
			}
			b.WriteString(s[i:end])
			i, before = end, '"'
			continue
		case c == '\'':
			if !single || !strings.ContainsRune("{[,:", rune(before)) {
				return "", false
			}
			end := i + 1
			for ; end < len(s) && s[end] != '\''; end++ {
				if s[end] == '\\' || s[end] == '\n' { // an escape has another meaning there
					return "", false
				}
			}
			if end == len(s) || !strings.ContainsRune("}],:", rune(next(s, end+1))) {
				return "", false // an apostrophe
			}
			b.WriteString(string(codec.AppendString(nil, s[i+1:end])))
			i, before = end+1, '"'
			continue
		case c == ',':
			if n := next(s, i+1); n == '}' || n == ']' {
				if strings.ContainsRune("{[,:", rune(before)) {
					return "", false
				}
				i++
				continue
			}
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
			end := i
			for end < len(s) && (s[end] == '_' || s[end] == '.' || s[end] >= '0' && s[end] <= '9' || s[end] >= 'a' && s[end] <= 'z' || s[end] >= 'A' && s[end] <= 'Z') {
				end++
			}
			word := s[i:end]
			if before >= '0' && before <= '9' || before == '.' || before == '-' || before == '+' {
				b.WriteString(word) // the exponent of a number
			} else if (before == '{' || before == ',') && next(s, end) == ':' {
				b.WriteString(`"` + word + `"`)
			} else if literal, ok := map[string]string{"True": "true", "False": "false", "None": "null", "true": "true", "false": "false", "null": "null"}[word]; ok {
				b.WriteString(literal)
			} else {
				return "", false
			}
			i, before = end, 'a'
			continue
		}
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			before = c
		}
		b.WriteByte(c)
		i++
	}
	return b.String(), true
}

// stringEnd returns the index after the string that starts at i, or -1.
func stringEnd(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return -1
}

// next returns the next character that is not white space, 0 at the end.
func next(s string, i int) byte {
	for ; i < len(s); i++ {
		if c := s[i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}
