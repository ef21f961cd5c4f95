package manifest

import (
	"fmt"
	"slices"
	"strings"
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
	if n := nearest(name, names); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

// nearest returns the name most like s, or "" when none is near, or so many are
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
