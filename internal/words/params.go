package words

import (
	"slices"
	"strconv"
	"strings"
)

// Parameter returns the parameter that a wrong name probably means, "" if there is
// none: it never returns one that means something else, such as the other end of a
// range.
func Parameter(name string, known []string) string {
	if len(name) > maxLength || len(known) > maxCandidates || name == "" {
		return ""
	}
	base, operator := cutOperator(name)
	if operator != nil {
		for _, b := range []string{base, "date_" + base, base + "_at"} {
			for _, op := range operator {
				if slices.Contains(known, b+"__"+op) {
					return b + "__" + op
				}
			}
		}
	}
	list := Split(name)
	for _, isSame := range []func([]string) bool{
		func(other []string) bool { return strings.Join(other, "") == strings.Join(list, "") },
		func(other []string) bool { return sameWords(other, list) },
		func(other []string) bool { return sameWords(without(other, "id"), list) },
		func(other []string) bool { return sameWords(other, without(list, "cent")) },
		func(other []string) bool { return misspelledAlike(list, other) },
	} {
		found := ""
		for _, k := range known {
			_, suffix, _ := strings.Cut(k, "__")
			_, own, _ := strings.Cut(name, "__")
			if suffix != own || !isSame(Split(k)) {
				continue
			}
			if found != "" {
				return ""
			}
			found = k
		}
		if found != "" {
			return found
		}
	}
	return ""
}

// cutOperator cuts the end of a name that says which end of a range is meant, and
// returns the operators for it, the best first.
func cutOperator(name string) (string, []string) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return name, nil
	}
	base := strings.TrimRight(name[:i], "_")
	switch strings.ToLower(name[i+1:]) {
	case "from", "since", "start", "min":
		return base, []string{"gte", "gt"}
	case "after":
		return base, []string{"gt", "gte"}
	case "to", "until", "end", "max":
		return base, []string{"lte", "lt"}
	case "before":
		return base, []string{"lt", "lte"}
	}
	return name, nil
}

func without(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == word })
}

func sameWords(a, b []string) bool {
	return len(a) > 0 && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// misspelledAlike reports whether each word of a name is the other one or a
// misspelling of it.
func misspelledAlike(list, other []string) bool {
	if len(list) != len(other) {
		return false
	}
	for i, word := range list {
		limit := 2
		if len(word) >= 8 {
			limit = 3
		}
		if word != other[i] && (len(word) < 3 || distance(word, other[i], limit) >= limit || opposite(word, other[i])) {
			return false
		}
	}
	return true
}

// List joins names for a message: at most eight, and the number of the others.
func List(names []string) string {
	const most = 8
	if n := len(names); n > most {
		return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(n-most) + " more"
	}
	return strings.Join(names, ", ")
}
