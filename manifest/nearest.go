package manifest

import (
	"fmt"
	"slices"

	"github.com/closekit/closekit/internal/words"
)

func near[T any](name string, in map[string]T) string {
	names := make([]string, 0, len(in))
	for n := range in {
		names = append(names, n)
	}
	slices.Sort(names)
	return didYouMean(name, names)
}

// nearName suggests a tool, parameter or field that does not mean something else, such
// as a merge instead of a search, or the other end of a range.
func nearName(name string, names []string) string {
	if n := words.Parameter(name, names); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

func didYouMean(name string, names []string) string {
	if n := words.Nearest(name, names); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}
