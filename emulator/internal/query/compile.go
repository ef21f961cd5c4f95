package query

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/phone"
)

// Kind decides how the values of a field are compared.
type Kind int

// Kinds of fields.
const (
	Text   Kind = iota // contains the words of a value
	Exact              // is equal to a value, for ids and fixed words
	Email              // is an address, or contains its host
	Phone              // is a phone number in any notation
	URL                // like Text, without the scheme
	Number             // also <, <=, > and >=
	Time               // also <, <=, > and >=
	User               // id or name of a user; "me" is the caller
	Flag               // is true or false
)

// Field reads the values of a field from an object. Texts are strings, numbers
// float64, times time.Time; a user has two strings, id and name.
type Field[T any] struct {
	Kind   Kind
	Values func(T) []any
}

// Schema says what can be searched in a kind of object.
type Schema[T any] struct {
	// Field returns a field by its folded name.
	Field func(name string) (Field[T], bool)
	// Texts returns the texts in which words are searched.
	Texts func(T) []string
	// ID returns the id of an object.
	ID func(T) string
	// Now and Zone give relative dates and dates without time their meaning.
	Now  time.Time
	Zone *time.Location
	// Me is the id of the caller, and Members returns the ids of the users of a group.
	Me      string
	Members func(group string) []string
	// Kind is the kind of the objects in trees, and Related returns what belongs to one.
	Kind    string
	Related func(kind string) (*Schema[T], func(T) []T, bool)
}

// subject is an object during the evaluation of a query.
type subject[T any] struct {
	object T
	texts  []string
	folded bool
}

// predicate decides about one object.
type predicate[T any] func(*subject[T]) bool

// Compile returns a function that reports whether a query selects an object, or
// an error that names what the schema does not know.
func Compile[T any](q *Query, s Schema[T]) (func(T) bool, error) {
	for _, o := range q.Sorts {
		if _, ok := s.Field(o.Field); !ok {
			return nil, problem("The query sorts by %s, which is not a field.", quote(o.Field))
		}
	}
	selects, err := s.compile(q.root)
	if err != nil {
		return nil, err
	}
	return func(object T) bool {
		for _, part := range q.slices {
			h := fnv.New32a()
			_, _ = h.Write([]byte(s.ID(object)))
			if int(h.Sum32())%part.of != part.number-1 {
				return false
			}
		}
		return selects == nil || selects(&subject[T]{object: object})
	}, nil
}

func (s *Schema[T]) compile(n node) (predicate[T], error) {
	switch n := n.(type) {
	case and:
		list, err := s.compileAll(n)
		return func(o *subject[T]) bool {
			return !slices.ContainsFunc(list, func(f predicate[T]) bool { return !f(o) })
		}, err
	case or:
		list, err := s.compileAll(n)
		return func(o *subject[T]) bool {
			return slices.ContainsFunc(list, func(f predicate[T]) bool { return f(o) })
		}, err
	case not:
		f, err := s.compile(n.of)
		return func(o *subject[T]) bool { return !f(o) }, err
	case text:
		return s.compileText(n.operand), nil
	case has:
		return s.compileHas(n.field)
	case condition:
		return s.compileCondition(n)
	case idIs:
		return func(o *subject[T]) bool { return s.ID(o.object) == n.id }, nil
	case kindIs:
		return func(*subject[T]) bool { return n.kind == s.Kind }, nil
	case words:
		return s.compileWords(n), nil
	case related:
		return s.compileRelated(n)
	case test:
		return s.compileTest(n)
	}
	return func(*subject[T]) bool { return true }, nil
}

func (s *Schema[T]) compileAll(nodes []node) ([]predicate[T], error) {
	list := make([]predicate[T], len(nodes))
	for i, n := range nodes {
		f, err := s.compile(n)
		if err != nil {
			return nil, err
		}
		list[i] = f
	}
	return list, nil
}

// compileText selects objects in which a text occurs anywhere. A phone number
// occurs in any notation.
func (s *Schema[T]) compileText(v operand) predicate[T] {
	_, isPhone := phone.Digits(v.raw)
	return func(o *subject[T]) bool {
		if !o.folded {
			o.texts, o.folded = s.Texts(o.object), true
			for i, t := range o.texts {
				o.texts[i] = fold(t)
			}
		}
		return slices.ContainsFunc(o.texts, func(t string) bool {
			if strings.Contains(v.folded, "@") && !strings.HasSuffix(v.folded, "*") {
				return hasAddress(t, v.folded)
			}
			return hasWords(t, v.folded) || isPhone && looksLikePhone(t) && phone.Matches(t, v.raw)
		})
	}
}

func looksLikePhone(s string) bool {
	_, ok := phone.Digits(s)
	return ok && s[0] == '+'
}

func (s *Schema[T]) compileHas(name string) (predicate[T], error) {
	field, ok := s.Field(name)
	if !ok {
		return nil, unknown(name)
	}
	return func(o *subject[T]) bool { return slices.ContainsFunc(field.Values(o.object), isSet) }, nil
}

// isSet reports whether a value is not empty. A number that counts is empty when
// it is zero.
func isSet(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case Count:
		return v > 0
	}
	return true
}

// Count is the value of a field that counts related objects.
type Count int

func unknown(name string) *Error {
	return problem("The query has the field %s, which does not exist or is not emulated.", quote(name))
}

func (s *Schema[T]) compileCondition(c condition) (predicate[T], error) {
	field, ok := s.Field(c.field)
	if !ok {
		return nil, unknown(c.field)
	}
	tests := make([]func(any) bool, len(c.values))
	for i, v := range c.values {
		test, err := s.test(field.Kind, c, v)
		if err != nil {
			return nil, err
		}
		tests[i] = test
	}
	return func(o *subject[T]) bool {
		return slices.ContainsFunc(field.Values(o.object), func(is any) bool {
			return slices.ContainsFunc(tests, func(test func(any) bool) bool { return test(is) })
		})
	}, nil
}

// test returns the comparison of a field with one value.
func (s *Schema[T]) test(kind Kind, c condition, v operand) (func(any) bool, error) {
	equality := c.op == ":" || c.op == "="
	if equality && v.raw == "*" && !v.quoted {
		return isSet, nil
	}
	switch kind {
	case Number:
		return numberTest(c, v)
	case Time:
		return s.timeTest(c, v)
	}
	if !equality {
		return nil, problem("The query compares %s with %q, but it is neither a number nor a time.", quote(c.field), c.op)
	}
	if kind == Flag {
		return func(is any) bool { b, ok := is.(bool); return ok && strconv.FormatBool(b) == v.folded }, nil
	}
	if kind == User && v.folded == "me" && !v.quoted {
		return func(is any) bool { return is == s.Me }, nil
	}
	if kind == Phone {
		return func(is any) bool {
			number, ok := is.(string)
			return ok && number != "" && (phone.Matches(number, strings.TrimSuffix(v.raw, "*")) || hasWords(fold(number), v.folded))
		}, nil
	}
	return func(is any) bool {
		raw, ok := is.(string)
		return ok && textTest(kind, c.op, fold(raw), v)
	}, nil
}

// textTest compares folded texts.
func textTest(kind Kind, op, is string, v operand) bool {
	want := v.folded
	if kind == URL {
		is, want = withoutScheme(is), withoutScheme(want)
	}
	if kind == Exact || op == "=" || is == want {
		return is == want
	}
	if kind == Email && !strings.HasSuffix(want, "*") {
		switch user, _, address := strings.Cut(want, "@"); {
		case address && user == "":
			return strings.HasSuffix(is, want)
		case address:
			return is == want
		}
	}
	return hasWords(is, want)
}

func withoutScheme(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	return strings.TrimSuffix(s, "/")
}

func holds(op string, order int) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

func numberTest(c condition, v operand) (func(any) bool, error) {
	want, err := strconv.ParseFloat(v.raw, 64)
	if err != nil || want != want || want-want != 0 { //nolint:gocritic // not a number, or infinite
		return nil, problem("The query has %s for %s, which is a number.", quote(v.raw), quote(c.field))
	}
	return func(is any) bool {
		var n float64
		switch is := is.(type) {
		case int64:
			n = float64(is)
		case Count:
			n = float64(is)
		case json.Number:
			n, err = is.Float64()
			if err != nil {
				return false
			}
		default:
			return false
		}
		return holds(c.op, cmp.Compare(n, want))
	}, nil
}

// timeTest compares times. A value without a time of day is a whole period, such
// as a day.
func (s *Schema[T]) timeTest(c condition, v operand) (func(any) bool, error) {
	from, to, ok := period(v.folded, s.Now, s.Zone)
	if !ok {
		return nil, problem("The query has %s for %s, which is a time.", quote(v.raw), quote(c.field))
	}
	return func(is any) bool {
		at, ok := is.(time.Time)
		switch {
		case !ok:
			return false
		case c.op == "<" || c.op == ">=":
			return holds(c.op, at.Compare(from))
		case c.op == "<=" && from.Equal(to), c.op == ">" && from.Equal(to):
			return holds(c.op, at.Compare(from))
		case c.op == "<=":
			return at.Before(to)
		case c.op == ">":
			return !at.Before(to)
		case from.Equal(to):
			return at.Equal(from)
		}
		return !at.Before(from) && at.Before(to)
	}, nil
}

// hasWords reports whether a text contains words at the start of a word. Both are
// folded.
func hasWords(s, words string) bool {
	words = strings.TrimSuffix(words, "*")
	for from := 0; ; {
		i := strings.Index(s[from:], words)
		if i < 0 || words == "" {
			return false
		}
		i += from
		if i == 0 || !wordByte(s[i-1]) || !wordByte(words[0]) {
			return true
		}
		from = i + 1
	}
}

// hasAddress is like hasWords for an email address, which must be complete.
func hasAddress(s, address string) bool {
	for from := 0; ; {
		i := strings.Index(s[from:], address)
		if i < 0 {
			return false
		}
		i += from
		rest := strings.TrimLeft(s[i+len(address):], ".-")
		ends := s[i+len(address):] == rest || rest == "" || rest[0] == ' '
		if (i == 0 || !wordByte(s[i-1])) && ends && (rest == "" || !wordByte(rest[0])) {
			return true
		}
		from = i + 1
	}
}

func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b >= 0x80
}
