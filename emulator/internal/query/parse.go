package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/closekit/closekit/emulator/internal/phone"
)

// Bounds of a search text.
const (
	maxLength = 64 << 10
	maxDepth  = 100
)

// Error is a search text that is not understood.
type Error struct{ Text string }

// Error returns what is wrong, and with which part.
func (e *Error) Error() string { return e.Text }

func problem(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// quote quotes a part of a search text in an error, and cuts it.
func quote(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "\ufffd")
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "..."
	}
	return strconv.Quote(s)
}

// Parse reads a search text.
func Parse(s string) (*Query, error) {
	if len(s) > maxLength {
		return nil, problem("The query is longer than %d bytes.", maxLength)
	}
	if !utf8.ValidString(s) {
		return nil, problem("The query is not valid UTF-8.")
	}
	p := &parser{s: s, query: &Query{}}
	p.space()
	if p.end() {
		return p.query, nil
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, problem("The query has a %s without a matching opening parenthesis.", quote(p.s[p.i:p.i+1]))
	}
	p.query.root = root
	return p.query, nil
}

// parser reads a search text from the position i.
type parser struct {
	s     string
	i     int
	depth int
	bound int // expressions around the position that forbid sort and slice
	query *Query
}

func (p *parser) end() bool { return p.i >= len(p.s) }

// rest returns the text that has not been read.
func (p *parser) rest() string { return p.s[p.i:] }

func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\u00a0' }

// space skips what separates terms.
func (p *parser) space() {
	p.i += len(p.rest()) - len(strings.TrimLeftFunc(p.rest(), func(r rune) bool { return isSpace(r) || r == ',' }))
}

// blank skips spaces, and reports whether there were any.
func (p *parser) blank() bool {
	n := len(p.rest()) - len(strings.TrimLeftFunc(p.rest(), isSpace))
	p.i += n
	return n > 0
}

// operators of conditions; a longer one precedes its beginning.
var operators = []string{":", "!=", "<=", ">=", "==", "=", "<", ">"}

// keyword reads a word that is a keyword, and reports whether there was one.
func (p *parser) keyword(name string) bool {
	rest := p.rest()
	if len(rest) < len(name) || !strings.EqualFold(rest[:len(name)], name) {
		return false
	}
	if next, _ := utf8.DecodeRuneInString(rest[len(name):]); len(rest) > len(name) && !isSpace(next) && !strings.ContainsRune(`()"`, next) {
		return false
	}
	p.i += len(name)
	return true
}

// at reports whether a keyword follows, without reading it.
func (p *parser) at(names ...string) bool {
	from := p.i
	defer func() { p.i = from }()
	return slices.ContainsFunc(names, p.keyword)
}

func (p *parser) or() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, problem("The query has more than %d nested expressions.", maxDepth)
	}
	defer func() { p.depth-- }()
	var list or
	for {
		n, err := p.and()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.keyword("or") {
			break
		}
		p.space()
		if p.end() || p.rest()[0] == ')' || p.at("or") {
			return nil, problem(`The query has an "or" without a term after it.`)
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	for _, n := range list {
		if l, ok := n.(and); ok && len(l) == 0 {
			return nil, problem(`The query has a sort or slice as an operand of "or".`)
		}
	}
	return list, nil
}

// and reads terms up to the end, a closing parenthesis or an "or".
func (p *parser) and() (node, error) {
	list := and{}
	for first := true; ; first = false {
		p.space()
		if p.end() || p.rest()[0] == ')' {
			break
		}
		if p.at("or") {
			if first {
				return nil, problem(`The query has an "or" without a term before it.`)
			}
			break
		}
		if p.keyword("and") {
			p.space()
			if first || p.end() || p.rest()[0] == ')' || p.at("or", "and") {
				return nil, problem(`The query has an "and" without a term on both sides.`)
			}
		}
		n, err := p.term()
		if err != nil {
			return nil, err
		}
		if n != nil {
			list = append(list, n)
		}
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return list, nil
}

// term reads one term with what negates it. The result is nil for a term that
// selects nothing, such as a sort.
func (p *parser) term() (node, error) {
	negations := 0
	for {
		switch rest := p.rest(); {
		case p.keyword("not"):
			p.space()
			if p.end() || p.rest()[0] == ')' || p.at("or", "and") {
				return nil, problem(`The query has a "not" without a term after it.`)
			}
			negations++
			continue
		case len(rest) > 1 && rest[0] == '-' && !strings.ContainsAny(rest[1:2], " \t\r\n,)"):
			p.i++
			negations++
			continue
		}
		break
	}
	if negations > 0 {
		p.bound++
		defer func() { p.bound-- }()
	}
	n, err := p.primary()
	if err != nil || negations%2 == 0 {
		return n, err
	}
	return not{n}, nil
}

func (p *parser) primary() (node, error) {
	if n := phone.Run(p.rest()); n > 0 {
		number := p.rest()[:n]
		p.i += n
		return phoneText(number), nil
	}
	switch p.rest()[0] {
	case '(':
		return p.group()
	case '"':
		phrase, err := p.phrase()
		if err != nil {
			return nil, err
		}
		return p.afterName(phrase)
	}
	for _, op := range operators {
		if strings.HasPrefix(p.rest(), op) {
			return nil, problem("The query has a %s without a field before it.", quote(op))
		}
	}
	name := p.word()
	if rest := p.rest(); strings.HasSuffix(name, ".") && rest != "" && rest[0] == '"' { // custom."Team Size"
		quoted, err := p.phrase()
		if err != nil {
			return nil, err
		}
		name += quoted.raw
	}
	if name == "*" {
		return anything{}, nil
	}
	return p.afterName(newOperand(name, false))
}

// phoneText selects a phone number, or the words in which it was written.
func phoneText(number string) node {
	words := and{}
	for _, w := range strings.FieldsFunc(number, func(r rune) bool { return isSpace(r) || r == '(' || r == ')' }) {
		words = append(words, text{newOperand(w, false)})
	}
	return or{text{newOperand(number, true)}, words}
}

func (p *parser) group() (node, error) {
	p.i++
	p.bound++
	defer func() { p.bound-- }()
	p.space()
	if !p.end() && p.rest()[0] == ')' {
		return nil, problem(`The query has empty parentheses "()".`)
	}
	at := p.i
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.end() {
		return nil, problem("The query has no closing parenthesis after %s.", quote("("+p.s[at:]))
	}
	p.i++
	return n, nil
}

// phrase reads a quoted text, in which a backslash may precede a quote or a
// backslash.
func (p *parser) phrase() (operand, error) {
	from := p.i
	var b strings.Builder
	for p.i++; !p.end(); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return newOperand(b.String(), true), nil
		case c == '\\' && p.i+1 < len(p.s) && (p.s[p.i+1] == '"' || p.s[p.i+1] == '\\'):
			p.i++
			b.WriteByte(p.s[p.i])
		default:
			b.WriteByte(c)
		}
	}
	return operand{}, problem("The query has no closing quote after %s.", quote(p.s[from:]))
}

// word reads up to a space or a sign with a meaning. A URL is one word.
func (p *parser) word() string {
	from := p.i
	url := false
	for p.i < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.rest())
		if isSpace(r) || strings.ContainsRune(`,()"`, r) {
			break
		}
		if !url && strings.ContainsRune(":=<>", r) || r == '!' && strings.HasPrefix(p.rest(), "!=") {
			if p.i > from && strings.HasPrefix(p.rest(), "://") {
				url = true
			} else {
				break
			}
		}
		p.i += n
	}
	return p.s[from:p.i]
}

// afterName decides whether a word or phrase is the field of a condition.
func (p *parser) afterName(name operand) (node, error) {
	from := p.i
	p.blank()
	negated := p.keyword("not")
	p.blank()
	if p.keyword("in") {
		p.blank()
		if !p.end() && p.rest()[0] == '(' {
			values, err := p.list(name.raw)
			if err != nil {
				return nil, err
			}
			c := condition{name.folded, "=", values}
			if negated {
				return not{c}, nil
			}
			return c, nil
		}
	}
	p.i = from
	p.blank()
	for _, op := range operators {
		if rest, ok := strings.CutPrefix(p.rest(), op); ok && !strings.HasPrefix(rest, "//") {
			p.i += len(op)
			return p.condition(name, op)
		}
	}
	p.i = from
	if strings.Trim(name.folded, " *") == "" {
		return nil, problem("The query has the empty phrase %s.", quote(name.raw))
	}
	if rest := p.rest(); rest != "" && rest[0] == '(' && !name.quoted {
		return nil, problem("The query has %s, which is not supported: there are no searches within related objects; put a space between two terms, or a colon after a field.", quote(name.raw+"("))
	}
	return text{name}, nil
}

// condition reads what follows a field and an operator.
func (p *parser) condition(name operand, op string) (node, error) {
	field := name.folded
	spaced := p.blank()
	if p.end() || spaced && p.at("or", "and", "not") || strings.ContainsAny(p.rest()[:1], `),:=<>`) {
		return nil, problem("The query has no value after %s.", quote(name.raw+op))
	}
	switch field {
	case "sort", "slice", "has":
		if op != ":" {
			return nil, problem("The query has %s, which takes a colon.", quote(name.raw+op))
		}
		return p.special(field)
	}
	var values []operand
	var err error
	switch n := phone.Run(p.rest()); {
	case n > 0 && strings.Contains(field, "phone"):
		values = []operand{newOperand(p.rest()[:n], true)}
		p.i += n
	case p.rest()[0] == '(':
		values, err = p.list(name.raw)
	default:
		values = make([]operand, 1)
		values[0], err = p.readOperand()
	}
	if err != nil {
		return nil, err
	}
	switch op {
	case "!=":
		return not{condition{field, "=", values}}, nil
	case "==":
		op = "="
	}
	if len(values) > 1 && op != ":" && op != "=" {
		return nil, problem("The query compares %s with several values.", quote(name.raw))
	}
	return condition{field, op, values}, nil
}

// readOperand reads one value.
func (p *parser) readOperand() (operand, error) {
	if p.rest()[0] == '"' {
		return p.phrase()
	}
	from := p.i
	for p.i < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.rest())
		if isSpace(r) || strings.ContainsRune(`,()"`, r) {
			break
		}
		p.i += n
	}
	return newOperand(p.s[from:p.i], false), nil
}

// list reads values in parentheses, between which are commas or "or".
func (p *parser) list(field string) ([]operand, error) {
	from := p.i
	var values []operand
	for {
		p.i++ // the parenthesis or the comma
		p.blank()
		if p.end() || p.rest()[0] == ')' && len(values) == 0 {
			break
		}
		if strings.ContainsAny(p.rest()[:1], "(),") {
			return nil, problem("The query has %s where a value for %s is expected.", quote(p.rest()[:1]), quote(field))
		}
		v, err := p.readOperand()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		p.blank()
		switch {
		case p.end():
		case p.rest()[0] == ')':
			p.i++
			return values, nil
		case p.rest()[0] == ',':
		case p.keyword("or"):
			p.i--
		default:
			return nil, problem("The query has no comma before %s in the values for %s.", quote(p.rest()), quote(field))
		}
		if p.end() {
			break
		}
	}
	if !p.end() {
		return nil, problem("The query has no values for %s in the parentheses.", quote(field))
	}
	return nil, problem("The query has no closing parenthesis after %s.", quote(field+" "+p.s[from:]))
}

// special reads the value of sort, slice or has.
func (p *parser) special(field string) (node, error) {
	from := p.i
	for p.i < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.rest())
		if r == '"' {
			if _, err := p.phrase(); err != nil {
				return nil, err
			}
			continue
		}
		if isSpace(r) || r == '(' || r == ')' || r == ',' && field != "sort" {
			break
		}
		p.i += n
	}
	raw := p.s[from:p.i]
	if field == "has" {
		name := fold(unquote(raw))
		if name == "" {
			return nil, problem("The query has no field after %s.", quote("has:"))
		}
		return has{name}, nil
	}
	if p.bound > 0 {
		return nil, problem("The query has %s in parentheses or after a negation.", quote(field+":"+raw))
	}
	if field == "slice" {
		number, of, ok := strings.Cut(raw, "/")
		n, err1 := strconv.Atoi(number)
		m, err2 := strconv.Atoi(of)
		if !ok || err1 != nil || err2 != nil || n < 1 || n > m {
			return nil, problem("The query has %s, which is not of the form slice:1/10.", quote("slice:"+raw))
		}
		p.query.slices = append(p.query.slices, slice{n, m})
		return nil, nil
	}
	for name := range strings.SplitSeq(strings.TrimRight(raw, ","), ",") {
		rest, descending := strings.CutPrefix(name, "-")
		o := Order{fold(unquote(rest)), descending}
		if o.Field == "" {
			return nil, problem("The query has %s, which names no field.", quote("sort:"+raw))
		}
		p.query.Sorts = append(p.query.Sorts, o)
	}
	return nil, nil
}

func unquote(s string) string { return strings.ReplaceAll(s, `"`, "") }

func newOperand(raw string, quoted bool) operand { return operand{raw, fold(raw), quoted} }

// fold returns a text in the form in which texts are compared.
func fold(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if isSpace(r) {
			return ' '
		}
		return r
	}, s))
}
