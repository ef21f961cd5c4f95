package lower

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

// shown says where the lean profile has a parameter.
type shown int

const (
	main   shown = iota // in the schema
	more                // named, and taken by the parameter more
	hidden              // not at all; it is still accepted
)

// shownOf says it for all parameters at the top level. Required ones are always main.
func shownOf(t *tool.Tool, s *tool.Schema) map[string]shown {
	where := map[string]shown{}
	for _, p := range s.Properties {
		switch {
		case p.Name == "_fields" && slices.Contains(t.Info.More, "_skip"):
			where[p.Name] = more // with paging, for tasks that say which part they want
		case slices.Contains(t.Info.Hidden, p.Name):
			where[p.Name] = hidden
		case slices.Contains(t.Info.More, p.Name):
			where[p.Name] = more
		default:
			where[p.Name] = main
		}
	}
	return where
}

// rareWithin are properties of nested objects that few tasks need.
var rareWithin = []string{"timezone", "urls"}

// isRareWithin reports whether a property of a nested object is left out of the lean
// profile: also references, which are the parent's.
func isRareWithin(p tool.Property) bool {
	return isForImports(p.Schema) || slices.Contains(rareWithin, p.Name) || isImpliedSource(p.Name, sourceOf(p.Schema))
}

func isDeprecated(s *tool.Schema) bool { return strings.Contains(s.Description, "Deprecated: ") }

func isForImports(s *tool.Schema) bool {
	return strings.Contains(s.Description, "; for imports.") || strings.Contains(s.Description, "only when importing.")
}

// paging are the parameters that choose the part of a response.
var paging = []string{"_fields", "_limit", "_skip"}

// isImplied reports whether leaving the parameter out says the same.
func isImplied(s *tool.Schema) bool {
	for _, text := range []string{"the credential's own is implied", "Defaults to that of the credential", "implied by the path", "It is checked and not sent", "Organization of the task."} {
		if strings.Contains(s.Description, text) {
			return true
		}
	}
	return false
}
