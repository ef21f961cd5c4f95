package agent

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

// bringsOutside reports whether the response of a call can hold text of outsiders. It is the
// rule for calls of models and of the host's code. What a call creates is what it was given,
// unless its fields are selected, by the input or otherwise, such as the name of the lead, or
// it takes a template, which Close fills in. A request that no tool describes can bring
// anything.
func bringsOutside(t *tool.Tool, input json.RawMessage, selected bool) bool {
	switch {
	case t == nil:
		return true
	case !t.Info.Untrusted:
		return false
	case !t.Info.Echoes || selected:
		return true
	}
	object := bytes.HasPrefix(bytes.TrimSpace(input), []byte("{"))
	if object && !bytes.ContainsRune(input, '\\') && !bytes.Contains(input, []byte("template_id")) && !mentionsFields(t, input) {
		return false // most calls: none of the names below is in it, however it is written
	}
	var in map[string]any
	if json.Unmarshal(input, &in) != nil {
		return true
	}
	for name, v := range in {
		if canonicalName(t, name) == "_fields" && v != nil {
			return true
		}
	}
	return takesTemplate(in)
}

// mentionsFields reports whether a selection of fields can be in an input.
func mentionsFields(t *tool.Tool, input []byte) bool {
	for _, a := range t.Info.Aliases {
		if a.For == "_fields" && bytes.Contains(input, []byte(a.Name)) {
			return true
		}
	}
	return bytes.Contains(input, []byte("_fields"))
}

// takesTemplate reports whether JSON names a template, at any depth.
func takesTemplate(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, takesTemplate)
	case map[string]any:
		for name, x := range v {
			if strings.HasSuffix(name, "template_id") && x != nil || takesTemplate(x) {
				return true
			}
		}
	}
	return false
}
