package wire

import (
	"slices"
	"strconv"
	"strings"
)

// RuleKind is a kind of cross-field rule.
type RuleKind uint8

// Kinds of rules.
const (
	ExactlyOne RuleKind = iota
	AtLeastOne
	AtMostOne
	Needs    // if parameter If is set (and equal to Is), all Fields are required
	NeedsOne // like Needs, and each of the Fields, lists of strings, has one element
	Differ   // no two of the Fields, strings, are equal
)

// Rule is a cross-field rule. Fields and If are the indexes of parameters, in the
// order of the struct. About is the hint of its problems.
type Rule struct {
	Kind   RuleKind
	Fields []uint8
	If     uint8
	Is     string
	About  string
}

// fieldValue is a string value of a parameter, recorded for the rules.
type fieldValue struct {
	field int
	text  string
}

// Rules are the cross-field rules of an operation.
type Rules []Rule

// Checks are the checks of an operation other than those of its fields: its [Rules],
// or nil. They are in an interface so that a program links the rules only if it has an
// operation with some.
type Checks interface{ check(w *sender) }

func (rules Rules) check(w *sender) {
	for i := range rules {
		r := &rules[i]
		n := 0
		for _, f := range r.Fields {
			if w.has(f) {
				n++
			}
		}
		switch r.Kind {
		case ExactlyOne:
			if n != 1 {
				w.add("", "give exactly one of "+w.ruleNames(r, " or "), count(n), r.About)
			}
		case AtLeastOne:
			if n == 0 {
				w.add("", "give at least one of "+w.ruleNames(r, " or "), count(n), r.About)
			}
		case AtMostOne:
			if n > 1 {
				w.add("", "give only one of "+w.ruleNames(r, " and "), count(n), r.About)
			}
		case Differ:
			w.checkDiffer(r)
		case Needs, NeedsOne:
			w.checkNeeds(r)
		}
	}
}

func (w *sender) checkNeeds(r *Rule) {
	if !w.has(r.If) || r.Is != "" && !w.holds(r.If, r.Is) {
		return
	}
	when := w.fields[r.If].name + " is given"
	if r.Is != "" {
		when = w.fields[r.If].name + " is " + r.Is
	}
	for _, f := range r.Fields {
		if !w.has(f) {
			w.add(w.fields[f].name, "is required when "+when, "", r.About)
		} else if n := len(w.texts(f)); r.Kind == NeedsOne && n != 1 {
			w.add(w.fields[f].name, "must have exactly one element when "+when, count(n), r.About)
		}
	}
}

func (w *sender) checkDiffer(r *Rule) {
	for i, f := range r.Fields {
		for _, v := range w.texts(f) {
			if slices.ContainsFunc(r.Fields[:i], func(g uint8) bool { return w.holds(g, v) }) {
				w.add("", "give different values for "+w.ruleNames(r, " and "), quote(v)+" twice", r.About)
				return
			}
		}
	}
}

func count(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n) + " of them"
}

func (w *sender) ruleNames(r *Rule, sep string) string {
	names := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		names[i] = w.fields[f].name
	}
	return strings.Join(names, sep)
}

func (w *sender) has(n uint8) bool { return w.set[n>>6]&(1<<(n&63)) != 0 }

func (w *sender) holds(field uint8, text string) bool {
	return slices.Contains(w.values, fieldValue{int(field), text})
}

// texts returns the string values of a parameter: one, or the elements of a list.
func (w *sender) texts(field uint8) (list []string) {
	for _, v := range w.values {
		if v.field == int(field) {
			list = append(list, v.text)
		}
	}
	return list
}
