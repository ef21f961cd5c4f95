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

func didYouMean(name string, names []string) string {
	if n := words.Nearest(name, names); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}
