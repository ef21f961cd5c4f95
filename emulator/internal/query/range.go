package query

import "slices"

// Range returns the conditions of a query that bound a field of times, which has these
// names, from below and from above. only reports whether the query selects by nothing
// else. The query must compile.
func Range[T any](q *Query, s Schema[T], names ...string) (since, before []func(T) bool, only bool) {
	terms, ok := q.root.(and)
	if !ok {
		terms = and{q.root}
	}
	only = len(q.slices) == 0
	for _, n := range terms {
		c, ok := n.(condition)
		if n == nil {
			continue
		}
		if !ok || !slices.Contains(names, c.field) || len(c.values) != 1 || c.op == ":" || c.op == "=" {
			only = false
			continue
		}
		holds, err := s.compileCondition(c)
		if err != nil {
			only = false
			continue
		}
		bound := func(object T) bool { return holds(&subject[T]{object: object}) }
		if c.op[0] == '>' {
			since = append(since, bound)
		} else {
			before = append(before, bound)
		}
	}
	return since, before, only
}
