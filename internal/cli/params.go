package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// flagSet finds the parameter that a flag names: by its own name, its aliases, and
// by forms that are easier to type, without the leading underscore and with
// dashes for underscores.
type flagSet struct {
	byName map[string]flagTarget
	names  []string // own names and aliases, for suggestions
}

type flagTarget struct {
	key    string // of the JSON input
	schema *schema
}

// flagsOf returns the flags of a tool.
func flagsOf(t *closekit.Tool, input *schema) *flagSet {
	fs := &flagSet{byName: map[string]flagTarget{}}
	for i := range input.Properties {
		p := &input.Properties[i]
		fs.byName[p.name] = flagTarget{p.name, &p.schema}
		fs.names = append(fs.names, p.name)
	}
	for _, a := range t.Info().Aliases {
		p := input.property(a.For)
		if _, taken := fs.byName[a.Name]; taken || p == nil {
			continue
		}
		target := flagTarget{p.name, &p.schema}
		if len(a.Values) > 0 {
			// The tool knows its values, which differ from those of the parameter.
			target = flagTarget{a.Name, &schema{Type: types{"boolean", "string"}, Description: p.Description}}
		}
		fs.byName[a.Name] = target
		fs.names = append(fs.names, a.Name)
	}
	// The easier forms never hide a real name. One that could mean two parameters
	// means none.
	easy := map[string]flagTarget{}
	for _, name := range fs.names {
		key := easier(name)
		if other, ok := easy[key]; ok && other.key != fs.byName[name].key {
			easy[key] = flagTarget{}
			continue
		}
		easy[key] = fs.byName[name]
	}
	for key, target := range easy {
		if _, taken := fs.byName[key]; !taken && target.key != "" {
			fs.byName[key] = target
		}
	}
	return fs
}

// easier returns the form that all variants of a name share.
func easier(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' })
	return strings.Join(parts, "-")
}

func (fs *flagSet) find(name string) (flagTarget, bool) {
	if t, ok := fs.byName[name]; ok {
		return t, true
	}
	t, ok := fs.byName[easier(name)]
	return t, ok
}

// arguments collects parameters that are given as flags.
type arguments struct {
	keys   []string
	values map[string]*argument
}

type argument struct {
	schema *schema
	flag   string
	texts  []string
}

// add takes one flag. Only lists can be given several times.
func (a *arguments) add(flag string, t flagTarget, text string) error {
	if err := codec.CheckText(text); err != nil {
		return wrongInput("--"+flag+": must be valid UTF-8, got "+err.Error(), "set the terminal and the shell to UTF-8")
	}
	if old := a.values[t.key]; old != nil {
		if !t.schema.is("array") {
			return usage(fmt.Sprintf("--%s is given twice", flag), "only lists can be given several times")
		}
		old.texts = append(old.texts, text)
		return nil
	}
	if a.values == nil {
		a.values = map[string]*argument{}
	}
	a.keys = append(a.keys, t.key)
	a.values[t.key] = &argument{t.schema, flag, []string{text}}
	return nil
}

// encode returns the JSON input that the flags describe.
func (a *arguments) encode() (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range a.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := a.values[key].encode()
		if err != nil {
			return nil, err
		}
		b.Write(quoted(key))
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (v *argument) encode() (json.RawMessage, error) {
	if len(v.texts) == 1 && v.texts[0] == "null" {
		return json.RawMessage("null"), nil // the tool knows whether it can be cleared
	}
	if len(v.texts) == 1 && v.texts[0] == `"null"` {
		return quoted("null"), nil
	}
	if !v.schema.is("array") || v.schema.is("string") {
		return v.scalar(v.schema, v.texts[0])
	}
	var items []json.RawMessage
	for _, text := range v.texts {
		trimmed := strings.TrimSpace(text)
		switch {
		case strings.HasPrefix(trimmed, "["):
			var list []json.RawMessage
			if err := v.decode(trimmed, &list); err != nil {
				return nil, err
			}
			items = append(items, list...)
		case trimmed == "":
			// An empty text is an empty list.
		case v.schema.Items != nil && v.schema.Items.is("object"):
			item, err := v.scalar(v.schema.Items, trimmed)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		default:
			for part := range strings.SplitSeq(trimmed, ",") {
				item, err := v.scalar(v.schema.Items, strings.TrimSpace(part))
				if err != nil {
					return nil, err
				}
				items = append(items, item)
			}
		}
	}
	return slices.Concat([]byte("["), bytes.Join(rawToBytes(items), []byte(",")), []byte("]")), nil
}

// scalar converts a text to JSON of the type that the schema asks for. A text that
// does not match stays a string: the tool reports best what it expected.
func (v *argument) scalar(s *schema, text string) (json.RawMessage, error) {
	trimmed := strings.TrimSpace(text)
	switch {
	case s == nil:
	case s.is("boolean"):
		if trimmed == "true" || trimmed == "false" {
			return json.RawMessage(trimmed), nil
		}
	case s.is("object"):
		var raw json.RawMessage
		if s.is("string") && !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
			break
		}
		err := v.decode(trimmed, &raw)
		return raw, err
	case s.is("integer"), s.is("number"):
		if isNumber(trimmed) {
			return json.RawMessage(trimmed), nil
		}
	}
	return quoted(text), nil
}

func (v *argument) decode(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return brokenJSON("--"+v.flag, []byte(text), err)
	}
	return nil
}

func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func rawToBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, raw := range list {
		out[i] = raw
	}
	return out
}

// quoted encodes a text as JSON without touching < > and &.
func quoted(text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can always be encoded
	return bytes.TrimRight(b.Bytes(), "\n")
}

// brokenJSON returns an error about invalid JSON, with its position.
func brokenJSON(where string, text []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return wrongInput(where+": "+err.Error(), "expected a JSON list such as [{…}]")
	}
	at := max(0, min(int(syntax.Offset)-1, len(text)))
	if strings.Contains(syntax.Error(), "unexpected end") {
		at = len(text)
	}
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	column := at - bytes.LastIndexByte(text[:at], '\n')
	what := fmt.Sprintf("%s: invalid JSON at line %d, column %d (byte %d): %s", where, line, column, at+1, syntax.Error())
	hint := "the error comes after " + lastOf(text[:at])
	switch {
	case at == len(text):
		hint = "it ends too early: a quote, bracket or brace is not closed"
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("'")):
		hint = "this shell passes the single quotes on; quote in another way, or give the JSON on standard input with -"
	case !bytes.ContainsRune(text, '"'):
		hint = "put JSON in single quotes, so that the shell keeps its double quotes; or give it on standard input with -"
	}
	return wrongInput(what, hint)
}

// lastOf returns the end of a text, on one line.
func lastOf(text []byte) string {
	const most = 40
	r := []rune(strings.Join(strings.Fields(string(text)), " "))
	if len(r) > most {
		return "… " + string(r[len(r)-most:])
	}
	return string(r)
}

// checkJSON reports the first error in a JSON text.
func checkJSON(where string, text []byte) error {
	var value json.RawMessage
	if err := json.Unmarshal(text, &value); err != nil {
		return brokenJSON(where, text, err)
	}
	return nil
}
