package codec

import "strings"

// Nearest returns the word most like v, or "" if none is near.
func Nearest(v string, words []string) string {
	best, score := "", len(v)/2+1
	low := strings.ToLower(v)
	for _, w := range words {
		if strings.EqualFold(v, w) {
			return w
		}
		if d := distance(low, strings.ToLower(w), score); d < score {
			best, score = w, d
		}
	}
	return best
}

// distance counts the edits from a to b, transpositions as one; limit or more
// is not told apart.
func distance(a, b string, limit int) int {
	if abs := len(a) - len(b); abs >= limit || -abs >= limit {
		return limit
	}
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
