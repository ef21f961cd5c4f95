package modeltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/rules"
)

// reader reads a request and collects what the provider refuses.
type reader struct {
	Request
	definitions []json.RawMessage
	turns       []turn
	stored      map[string][]turn
	signed      bool // calls have the signatures of Gemini
	tolerant    bool // see [Server.Tolerate]
	problems    []string
}

func (q *reader) say(format string, args ...any) {
	q.problems = append(q.problems, fmt.Sprintf(format, args...))
}

// object reads an object, and says which members it must not have or lacks. The names
// are separated by spaces.
func (q *reader) object(at string, raw json.RawMessage, must, may string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		q.say("%s: must be an object", at)
		return nil
	}
	needed := strings.Fields(must)
	known := append(strings.Fields(may), needed...)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, name) {
			q.say("%s: unknown member %s", at, name)
		}
	}
	for _, name := range needed {
		if m[name] == nil {
			q.say("%s: lacks %s", at, name)
		}
	}
	return m
}

func (q *reader) list(at string, raw json.RawMessage) []json.RawMessage {
	if raw == nil {
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		q.say("%s: must be a list", at)
	}
	return list
}

func (q *reader) text(at string, raw json.RawMessage) (s string) {
	if err := json.Unmarshal(raw, &s); err != nil {
		q.say("%s: must be a string", at)
	}
	return s
}

func (q *reader) flag(at string, raw json.RawMessage) (b bool) {
	if raw != nil && json.Unmarshal(raw, &b) != nil {
		q.say("%s: must be true or false", at)
	}
	return b
}

// parts reads content that is a string, or a list of parts of type text.
func (q *reader) parts(at string, raw json.RawMessage, types ...string) string {
	if len(raw) > 0 && raw[0] == '"' {
		return q.text(at, raw)
	}
	var texts []string
	for i, one := range q.list(at, raw) {
		here := fmt.Sprintf("%s[%d]", at, i)
		p := q.object(here, one, "type text", "cache_control annotations citations logprobs")
		if t := q.text(here+".type", p["type"]); !slices.Contains(types, t) {
			q.say("%s: the type %q is not known here", here, t)
		}
		texts = append(texts, q.text(here+".text", p["text"]))
	}
	return strings.Join(texts, "\n")
}

// checkTools holds the definitions to the rules of the provider.
func (q *reader) checkTools(target string) {
	list := make([]json.RawMessage, len(q.definitions))
	for i, d := range q.definitions {
		list[i] = unescape(d)
		for _, one := range read(d) {
			q.Tools, q.Definitions = append(q.Tools, one.Name), append(q.Definitions, one)
		}
	}
	for _, p := range rules.Request(target, list) {
		q.say("tools: %s", p)
	}
}

// unescape takes back the escapes for HTML that encoding/json writes. They are legal
// for a provider; the rules refuse them because they cost tokens in definitions.
func unescape(raw json.RawMessage) json.RawMessage {
	for _, r := range []struct{ from, to string }{{`\u003c`, "<"}, {`\u003e`, ">"}, {`\u0026`, "&"}} {
		raw = bytes.ReplaceAll(raw, []byte(r.from), []byte(r.to))
	}
	return raw
}

// read returns the tools that a provider finds in a definition: one, or those of a
// namespace.
func read(raw json.RawMessage) []Definition {
	type function struct {
		Definition
		Parameters, ParametersJSONSchema json.RawMessage
		InputSchema                      json.RawMessage `json:"input_schema"`
	}
	var d struct {
		function
		Function function
		ToolSpec struct {
			Definition
			InputSchema struct{ JSON json.RawMessage }
		}
		Tools []json.RawMessage
	}
	if json.Unmarshal(raw, &d) != nil {
		return nil
	}
	if len(d.Tools) > 0 {
		var list []Definition
		for _, t := range d.Tools {
			list = append(list, read(t)...)
		}
		return list
	}
	t := Definition{Name: d.Name + d.Function.Name + d.ToolSpec.Name, Description: d.Description + d.Function.Description + d.ToolSpec.Description}
	for _, schema := range []json.RawMessage{d.Parameters, d.ParametersJSONSchema, d.InputSchema, d.Function.Parameters, d.ToolSpec.InputSchema.JSON} {
		if schema != nil {
			t.Schema = schema
		}
	}
	return []Definition{t}
}

func isObject(text string) bool {
	var m map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &m) == nil && m != nil
}
