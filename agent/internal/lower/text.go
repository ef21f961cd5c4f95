package lower

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/words"
)

// toolText returns the description of the tool: in the lean profile two sentences, and
// one more if it is a rule between parameters that a schema cannot say.
func (l *lowering) toolText(s *tool.Schema, clears bool) string {
	text := strings.TrimSuffix(l.tool.Info.Description, " Returns nothing.")
	if l.lean && l.tool.Info.Brief != "" {
		text = l.tool.Info.Brief
	} else if l.lean && text != "" {
		list := sentences(withoutPaging.Replace(text))
		list[0] = filtered.ReplaceAllString(list[0], "")
		text = list[0]
		for _, one := range list[1:min(3, len(list))] {
			if !isObvious(one) {
				text += " " + one
				break
			}
		}
		for _, one := range list[1:] {
			if !strings.Contains(text, one) && rule.MatchString(one) && l.showsAll(s, one) && !l.saysRequired(one) {
				text += " " + one
				break
			}
		}
	}
	if clears && !strings.Contains(strings.ToLower(text), "null clears") {
		text += " Null clears a field."
	}
	return text
}

// withoutPaging leaves out what the executor takes care of.
var withoutPaging = strings.NewReplacer(", page by page", "", " page by page", "")

// filtered matches what names the filters of a list: the parameters do.
var filtered = regexp.MustCompile(`,? filtered by [^.]*`)

// isObvious reports whether a sentence about a tool says what models expect anyway, or
// what the names of the parameters say.
func isObvious(one string) bool {
	return strings.HasPrefix(one, "Returns ") || strings.HasPrefix(one, "Find ids with ") || strings.HasPrefix(one, "Use it when the id is known") ||
		one == "Only what is given changes."
}

// rule matches a sentence about parameters that need each other.
var rule = regexp.MustCompile(`^(Give (at least|exactly) one of|When .* (is|are) required)`)

// showsAll reports whether a sentence names no parameter that is not shown.
func (l *lowering) showsAll(s *tool.Schema, sentence string) bool {
	for _, w := range strings.FieldsFunc(sentence, func(r rune) bool { return strings.ContainsRune(" ,.;", r) }) {
		if s.Property(w) != nil && l.shown[w] != main {
			return false
		}
	}
	return true
}

// saysRequired reports whether the text of a parameter that a sentence names says itself
// when it is required.
func (l *lowering) saysRequired(sentence string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(sentence, func(r rune) bool { return strings.ContainsRune(" ,.;", r) }), func(w string) bool {
		return strings.Contains(strings.ToLower(l.tool.Info.Briefs[w]), "required")
	})
}

// text returns the description of a parameter.
func (l *lowering) text(name string, s *tool.Schema, required bool) string {
	if brief, ok := l.tool.Info.Briefs[name]; ok && l.lean && l.depth == 0 {
		return sentence(brief, l.inWords(name, s))
	}
	var kept []string
	for i, one := range sentences(s.Description) {
		source, isSource := strings.CutPrefix(one, "From ")
		switch {
		case l.lean && sortsBothWays(s) && strings.Contains(one, "with - in front"):
		case isBoilerplate(one), l.lean && strings.Contains(one, "list replaces") && l.saysReplaced(name):
		case isSource && (isImplied(s) || isForImports(s) || isImpliedSource(name, strings.TrimSuffix(source, "."))):
		case isSource:
			kept = append(kept, one)
		case listed(one):
			if one = l.list(one, required); one != "" {
				kept = append(kept, one)
			}
		case informs(one):
			if l.depth == 0 || required || !l.lean {
				kept = append(kept, l.tightened(one, s))
			}
		case l.lean, l.depth > 0, i > 0, isRestated(name, s):
		default:
			kept = append(kept, l.tightened(one, s))
		}
	}
	return sentence(strings.Join(kept, " "), l.inWords(name, s))
}

// sortsBothWays reports whether the values of a parameter show by themselves that - in
// front means descending.
func sortsBothWays(s *tool.Schema) bool {
	values := s.Words()
	return len(values) <= maxEnum && slices.ContainsFunc(values, func(v string) bool { return slices.Contains(values, "-"+v) })
}

// saysReplaced reports whether the lean text of the tool says that a list is replaced.
func (l *lowering) saysReplaced(name string) bool {
	return l.depth == 0 && slices.ContainsFunc(sentences(l.toolText(&tool.Schema{}, false)), func(one string) bool {
		return strings.Contains(one, name) && strings.Contains(one, "replace")
	})
}

// longList is how many values of an open list the lean profile says.
const longList = 20

// list shortens a list of usual values for the lean profile. In an update it refers
// to the tool that creates what is updated.
func (l *lowering) list(one string, required bool) string {
	before, values, _ := strings.Cut(one, "sually one of: ")
	list := strings.Split(strings.TrimSuffix(values, "."), ", ")
	switch {
	case len(list) > longList && isUpdate(l.tool):
		return "As in " + strings.TrimSuffix(l.tool.Name, "_update") + "_create."
	case !l.lean:
	case l.depth > 0 && !required:
		return ""
	case len(list) > longList:
		return before + "sually one of: " + strings.Join(list[:longList], ", ") + ", …"
	}
	return one
}

// tightened leaves out the second half of a sentence if it says nothing more. Of a map,
// the keys matter.
func (l *lowering) tightened(one string, s *tool.Schema) string {
	if _, keys, ok := strings.Cut(one, " by "); ok && l.lean && len(s.Keys) > 0 {
		return "By " + keys
	}
	if first, second, ok := strings.Cut(one, "; "); ok && !informs(second) {
		return first + "."
	}
	return one
}

// isRestated reports whether the text of a parameter that is no more than a reference,
// an operator or a part of paging only repeats its name.
func isRestated(name string, s *tool.Schema) bool {
	_, op, _ := strings.Cut(name, "__")
	return op != "" || slices.Contains(paging, name) || isImpliedSource(name, sourceOf(s))
}

// inWords says a constraint that the format has no keyword for and the text does not
// mention, in one short clause.
func (l *lowering) inWords(name string, s *tool.Schema) string {
	values := s.Words()
	switch {
	case len(values) > maxEnum:
		return "One of " + strconv.Itoa(len(values)) + ", such as " + strings.Join(values[:3], ", ") + "."
	case differOnlyInCase(values):
		return "One of " + strings.Join(values, ", ") + "."
	case s.Format == "date" && !l.dates:
		return "YYYY-MM-DD."
	case s.MaxLength > 0 && s.MaxLength < 1000 && !l.lean:
		return "At most " + strconv.Itoa(s.MaxLength) + " characters."
	case l.lean:
	case s.Items != nil && isAlternatives(s.Items.Pattern) && sourceOf(s) == "":
		return alternatives(s.Items.Pattern)
	case isAlternatives(s.Pattern) && !isImpliedSource(name, sourceOf(s)):
		return alternatives(s.Pattern)
	}
	return ""
}

func isAlternatives(pattern string) bool {
	return strings.HasPrefix(pattern, "^(") && strings.HasSuffix(pattern, ")$") && strings.Contains(pattern, "|")
}

func alternatives(pattern string) string {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "^("), ")$")
	return strings.ReplaceAll(strings.ReplaceAll(pattern, "[A-Za-z0-9]+", "…"), "|", ", ") + "."
}

// sourceOf returns the tool that valid values come from, or "".
func sourceOf(s *tool.Schema) string {
	_, source, _ := strings.Cut(s.Description, "From close_")
	if source, _, ok := strings.Cut(source, "."); ok {
		return "close_" + source
	}
	return ""
}

// isImpliedSource reports whether the name of a parameter already says which tool
// lists valid values: lead_id comes from close_leads_list.
func isImpliedSource(param, source string) bool {
	base, ok := strings.CutSuffix(strings.TrimSuffix(param, "__in"), "_id")
	if !ok || !strings.HasSuffix(source, "_list") {
		return false
	}
	last := words.Split(base)
	have := strings.Join(words.Split(source), " ")
	return len(last) > 0 && strings.Contains(have+" ", last[len(last)-1])
}

// isBoilerplate reports whether a sentence only repeats what format, type or the tool's
// text say.
func isBoilerplate(sentence string) bool {
	switch sentence {
	case "Null clears it.", "ISO 8601 with offset.", "A date (2026-03-31) or ISO 8601 with offset.", "Ask only for what you need.",
		"The fields are selected after the response has come.", "100 is safe everywhere.":
		return true
	}
	return strings.HasPrefix(sentence, "Also accepted as ")
}

// informs reports whether a sentence says more than the name and the type of a
// parameter: units, values, conditions and consequences.
func informs(sentence string) bool { return telling.MatchString(sentence) || listed(sentence) }

func listed(sentence string) bool { return strings.Contains(sentence, "sually one of: ") }

var telling = regexp.MustCompile(`\d|^"|cents|[Ss]econds|percent|bytes|country code|[Rr]equired|[Nn]eeded|need exactly|never|must|list replaces|for good|` +
	`\bsends (it|to)\b|wins over|is refused|XHTML|IANA|two-letter|moves the|only for the type choices|emptied|that stays|` +
	`with - in front|cf_|lets everyone|Only null`)

// sentences splits a text. Every sentence keeps its full stop.
func sentences(text string) []string {
	var list []string
	for text != "" {
		var one string
		one, text = cutSentence(text)
		list = append(list, one)
	}
	return list
}

// cutSentence returns the first sentence and the rest.
func cutSentence(text string) (string, string) {
	if first, rest, ok := strings.Cut(text, ". "); ok {
		return first + ".", rest
	}
	return text, ""
}

// sentence appends a sentence to a text.
func sentence(text, one string) string {
	if text == "" || one == "" {
		return text + one
	}
	return text + " " + one
}
