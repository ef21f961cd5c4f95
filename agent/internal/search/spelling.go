package search

// spelling finds the word that a misspelled one was meant to be.
type spelling map[byte][]string // known stems by their first letter

func (s spelling) add(word string) { s[word[0]] = append(s[word[0]], word) }

// nearest returns the known word that takes the fewest changes, or "". Two swapped
// letters are one change. A short word may have no other, a long one may have two.
func (s spelling) nearest(word string) string {
	best, most := "", 1
	switch {
	case len(word) >= 8:
		most = 2
	case len(word) < 5:
		return ""
	}
	for _, known := range s[word[0]] {
		if len(known) < 5 || len(word) < 6 && len(known) != len(word) {
			continue
		}
		d, swapped := distance(word, known, most)
		if d > most || len(word) < 6 && !swapped {
			continue
		}
		if d < most || best == "" || known < best {
			best, most = known, d
		}
	}
	return best
}

// longestWord is how long a word may be to be corrected.
const longestWord = 24

// distance returns how many letters must be added, left out, replaced or swapped to make
// one word of another, or more than most, and whether two letters were swapped.
func distance(a, b string, most int) (int, bool) {
	if max(len(a), len(b)) >= longestWord || len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1, false
	}
	var rows [3][longestWord]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	swapped := false
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d = 1 + min(d, last[j], row[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] && before[j-2]+1 < d {
					d, swapped = before[j-2]+1, true
				}
			}
			row[j] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1, false
		}
		before, last, row = last, row, before
	}
	return last[len(b)], swapped
}
