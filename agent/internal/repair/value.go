package repair

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/words"
)

// patterns caches the compiled patterns of schemas, which are few.
var patterns sync.Map

func pattern(p string) *regexp.Regexp {
	if re, ok := patterns.Load(p); ok {
		return re.(*regexp.Regexp) //nolint:forcetypeassert // only these are stored
	}
	re, err := regexp.Compile(p)
	if err != nil {
		re = regexp.MustCompile(`$^`) // matches nothing
	}
	patterns.Store(p, re)
	return re
}

const maxID = 128

// isID reports whether v is an id, or a list of ids, as the schema wants it. An id of
// a kind that the schema does not name is none.
func isID(s *tool.Schema, v *node) bool {
	if s.Is("array") && s.Items != nil {
		if v.kind == '[' {
			return len(v.list) > 0 && !slices.ContainsFunc(v.list, func(e *node) bool { return !isID(s.Items, e) })
		}
		s = s.Items
	}
	if s.Pattern == "" || v.kind != '"' {
		return false
	}
	if _, ok := linkedID(s.Pattern, v.text); ok {
		return true
	}
	id := strings.TrimSpace(v.text)
	return len(id) <= maxID && pattern(s.Pattern).MatchString(id)
}

func matchAny(keys []tool.Property, name string) bool {
	return len(name) <= maxID && slices.ContainsFunc(keys, func(k tool.Property) bool { return pattern(k.Name).MatchString(name) })
}

// isMe reports whether v means the user that the account belongs to.
func isMe(v *node) bool {
	return v.kind == '"' && len(v.text) <= 12 && slices.Contains([]string{"me", "@me", "myself", "current_user"}, strings.ToLower(strings.TrimSpace(v.text)))
}

// linkedID returns the id in a link to Close's app, if it has exactly one of this
// kind.
func linkedID(p, link string) (string, bool) {
	const longest = 2048
	link = strings.TrimSpace(link)
	if len(link) > longest || !strings.Contains(link, "app.close.com/") {
		return "", false
	}
	if rest, ok := strings.CutPrefix(link, "app.close.com/"); ok {
		link = "https://app.close.com/" + rest
	}
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host != "app.close.com" || u.User != nil {
		return "", false
	}
	found := ""
	rest := strings.TrimPrefix(link[strings.Index(link, "app.close.com/"):], "app.close.com/")
	for part := range strings.FieldsFuncSeq(rest, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) {
		if !strings.Contains(part, "_") || !pattern(p).MatchString(part) || part == found {
			continue
		}
		if found != "" {
			return "", false
		}
		found = part
	}
	return found, found != ""
}

// matches is a rough check whether a text can be a value of a format.
func matches(format, v string) bool {
	switch format {
	case "email", "address":
		at := strings.LastIndexByte(v, '@')
		return at > 0 && at < len(v)-1 && strings.Count(v, "@") == 1
	case "phone":
		return strings.ContainsAny(v, "0123456789") && strings.Trim(v, "+0123456789 ()-./") == ""
	case "uri":
		return strings.Contains(v, ".") && !strings.ContainsAny(v, " ,\n")
	}
	return false
}

// value repairs the value of a member, and reports whether the member means that
// the parameter is not set.
func (r *run) value(x *names, s *tool.Schema, m *member, path string, required bool) (drop bool) {
	v := m.value
	if v.kind == '"' && r.empty(s, v.text) && !required {
		r.add(path, v.text, "", "empty means not set")
		return true
	}
	switch s.Single() {
	case "array":
		r.array(s, v, path)
	case "object":
		r.inner(s, v, path)
	case "integer":
		r.integer(s, v, path)
	case "boolean":
		r.boolean(v, path)
	case "string":
		if v.kind == '[' && s.Pattern != "" {
			if in := m.name + "__in"; len(v.list) > 1 && r.lists() && x.props[in] != nil && !x.taken[in] {
				x.taken[in] = true
				r.add(path, m.name, in, "several values go there")
				m.name = in
				r.array(x.props[in], v, path)
				return false
			}
			if len(v.list) == 1 && v.list[0].kind == '"' {
				*v = *v.list[0]
				r.add(path, "a list of one", v.text, "it takes one value")
			}
		}
		r.string(s, v, path)
	}
	return false
}

// empty reports whether a text means that the parameter is not set: where an empty
// text is no value, and nothing is there yet that it could clear.
func (r *run) empty(s *tool.Schema, text string) bool {
	if !r.fills() && !r.lists() || s.Single() == "" {
		return false
	}
	isText := s.Is("string") && s.Pattern == "" && len(s.Enum) == 0 && (s.Format == "" || s.Format == "html")
	if isText || s.Is("object") {
		return false
	}
	text = strings.TrimSpace(text)
	return text == "" || text == "null" || text == "None"
}

func (r *run) array(s *tool.Schema, v *node, path string) {
	items := s.Items
	if items == nil {
		return
	}
	one := items.Single()
	if v.kind == '"' {
		text := strings.TrimSpace(v.text)
		if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
			inner, ok := parse([]byte(text))
			if !ok {
				if fixed, isJSON := plainJSON(text); isJSON {
					inner, ok = parse([]byte(fixed))
				}
			}
			if !ok || inner.kind != '[' && (inner.kind != '{' || one != "object") {
				return
			}
			*v = *inner
			r.add(path, "JSON text", "a list", "the JSON was inside a string")
		}
	}
	switch {
	case v.kind == '[':
	case v.kind == '{' && one == "object":
		v.wrap()
		r.add(path, "one object", "a list", "it takes a list")
	case v.kind == '{' && items.Format == "address":
		v.wrap()
	case v.kind != '"' || r.lists() && one == "string" && items.Pattern == "" && len(items.Enum) == 0:
		return // the tool reads lists in the query itself
	case r.lists() && one == "string":
		r.split(v, ",")
	default:
		format := items.Format
		if one == "object" {
			if len(items.Required) != 1 {
				return
			}
			format = items.Property(items.Required[0]).Format
		}
		text := v.text
		switch {
		case format == "email" || format == "address":
			if !splitAddresses(v) {
				return
			}
		case one == "object" && matches(format, text), one == "string" && items.Pattern != "" && !strings.Contains(text, ","):
			v.wrap()
		case one == "string" && r.fills() && !strings.ContainsAny(text, ",;\n") && text != "":
			v.wrap()
		default:
			return // one name of several, or a list that would replace what is there
		}
		r.add(path, text, "a list", "it takes a list")
	}
	for i, e := range v.list {
		r.element(items, e, path+"["+strconv.Itoa(i)+"]")
	}
}

// split splits a list in a text.
func (r *run) split(v *node, sep string) {
	var list []*node
	for part := range strings.SplitSeq(v.text, sep) {
		list = append(list, textNode(strings.TrimSpace(part)))
	}
	*v = node{kind: '[', list: list}
}

// splitAddresses makes a list of the addresses in a text if each part has one.
func splitAddresses(v *node) bool {
	text := v.text
	if matches("email", text) && !strings.Contains(text, ";") {
		v.wrap()
		return true
	}
	if strings.ContainsAny(text, "\"\n\r") {
		return false
	}
	var list []*node
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == ';' }) {
		part = strings.TrimSpace(part)
		if !matches("email", part) {
			return false
		}
		list = append(list, textNode(part))
	}
	if len(list) == 0 {
		return false
	}
	*v = node{kind: '[', list: list}
	return true
}

func (r *run) element(s *tool.Schema, e *node, path string) {
	if s.Single() == "object" {
		if e.kind == '"' && len(s.Required) == 1 && matches(s.Property(s.Required[0]).Format, e.text) {
			text := *e
			*e = *object(s.Required[0], &text)
			r.add(path, text.text, "{"+s.Required[0]+"}", "it takes objects")
		}
		r.inner(s, e, path)
		return
	}
	if s.Format == "address" && e.kind == '{' {
		r.address(e, path)
		return
	}
	m := member{"", e}
	r.value(&names{index: &index{}}, s, &m, path, true)
}

var plainName = regexp.MustCompile(`^[\pL\pM' .-]{1,60}$`)

// address reads an address with a name that is written as an object.
func (r *run) address(e *node, path string) {
	email, name := e.find("email"), e.find("name")
	n := 1
	if name != nil {
		n = 2
	}
	if email == nil || email.kind != '"' || len(e.members) != n || !matches("email", email.text) || strings.ContainsAny(email.text, "<> ") {
		return
	}
	text := email.text
	if name != nil {
		if name.kind != '"' || !plainName.MatchString(name.text) {
			return
		}
		text = name.text + " <" + email.text + ">"
	}
	e.set(text)
	r.add(path, "an object", text, "it takes an address as text")
}

// inner repairs a nested object.
func (r *run) inner(s *tool.Schema, v *node, path string) {
	if v.kind == '"' && strings.HasPrefix(strings.TrimSpace(v.text), "{") {
		if o, ok := parse([]byte(v.text)); ok && o.kind == '{' {
			*v = *o
			r.add(path, "JSON text", "an object", "the JSON was inside a string")
		}
	}
	if v.kind == '[' && len(s.Keys) > 0 {
		r.pairs(s, v, path)
	}
	if v.kind == '{' {
		r.object(s, v, path, false)
	}
}

// pairs reads a list of {"id": …, "value": …} as a map.
func (r *run) pairs(s *tool.Schema, v *node, path string) {
	o := &node{kind: '{'}
	seen := map[string]bool{}
	for _, e := range v.list {
		id, value := e.find("id"), e.find("value")
		if id == nil || value == nil || len(e.members) != 2 || id.kind != '"' || seen[id.text] || !matchAny(s.Keys, id.text) {
			return
		}
		seen[id.text] = true
		o.members = append(o.members, &member{id.text, value})
	}
	*v = *o
	r.add(path, "a list of pairs", "an object by id", "it takes an object")
}

var (
	digits = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,15})$`)
	amount = regexp.MustCompile(`^([0-9]{1,3}(,[0-9]{3}){1,4}|[0-9]{1,13})(\.[0-9]{2})?$`)
)

func (r *run) integer(s *tool.Schema, v *node, path string) {
	if v.kind != '"' || len(v.text) > 40 {
		return
	}
	text := strings.TrimSpace(v.text)
	if s.Format == "cents" {
		r.cents(v, text, path)
		return
	}
	number := text
	if strings.Contains(s.Description, "percent") {
		number = strings.TrimSpace(strings.TrimSuffix(number, "%"))
	}
	if digits.MatchString(number) {
		r.add(path, v.text, number, "a number, not text")
		v.literal('0', number)
	}
}

// cents reads an amount with the symbol of the organization's currency, which says
// that it is not in cents. An amount without it has two readings.
func (r *run) cents(v *node, text, path string) {
	if r.facts.Currency == nil || text == "" || text[0] >= '0' && text[0] <= '9' {
		return
	}
	_, symbol, err := r.facts.Currency()
	if err != nil || symbol == "" {
		return
	}
	number, ok := strings.CutPrefix(text, symbol)
	number = strings.TrimSpace(number)
	if !ok || !amount.MatchString(number) {
		return
	}
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(number, ",", ""), ".")
	if fraction == "" {
		fraction = "00"
	}
	cents, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || cents > math.MaxInt64/2 {
		return
	}
	r.add(path, v.text, strconv.FormatInt(cents, 10), "the amount in cents")
	v.literal('0', strconv.FormatInt(cents, 10))
}

func (r *run) boolean(v *node, path string) {
	if v.kind != '"' || len(v.text) > 8 {
		return
	}
	literal := map[string]string{"true": "true", "yes": "true", "false": "false", "no": "false"}[strings.ToLower(strings.TrimSpace(v.text))]
	if literal == "" {
		return
	}
	r.add(path, v.text, literal, "a boolean, not text")
	v.literal('t', literal)
}

func (r *run) string(s *tool.Schema, v *node, path string) {
	isText := s.Pattern == "" && s.Format == "" && len(s.Enum) == 0
	if v.kind == '0' && isText && digits.Match(v.raw) {
		r.add(path, string(v.raw), strconv.Quote(string(v.raw)), "text, not a number")
		v.set(string(v.raw))
		return
	}
	if v.kind != '"' || isText {
		return
	}
	switch {
	case len(s.Enum) > 0:
		r.enum(s, v, path)
	case s.Pattern != "":
		r.id(s, v, path)
	default:
		r.time(s.Format, v, path)
		if trimmed := strings.TrimSpace(v.text); trimmed != v.text && (s.Format == "email" || s.Format == "uri") {
			r.add(path, v.text, trimmed, "without spaces")
			v.set(trimmed)
		}
	}
}

// enum finds the value that is written differently.
func (r *run) enum(s *tool.Schema, v *node, path string) {
	list := s.Words()
	if slices.Contains(list, v.text) || len(v.text) > maxName {
		return
	}
	found := ""
	f := fold(strings.ToLower(strings.TrimSpace(v.text)))
	for _, word := range list {
		if fold(strings.ToLower(word)) != f {
			continue
		}
		if found != "" {
			return
		}
		found = word
	}
	if found != "" {
		r.add(path, v.text, found, "another spelling")
		v.set(found)
	}
}

// id takes an id out of spaces or a link, and puts the user's id for me.
func (r *run) id(s *tool.Schema, v *node, path string) {
	text := strings.TrimSpace(v.text)
	if id, ok := linkedID(s.Pattern, text); ok {
		r.add(path, v.text, id, "the id in the link")
		v.set(id)
		return
	}
	if isMe(v) && (strings.Contains(s.Pattern, "user_") || strings.HasPrefix(path, "user_id__in")) && r.facts.User != nil {
		if id, err := r.facts.User(); err == nil && pattern(s.Pattern).MatchString(id) {
			r.add(path, v.text, id, "the current user")
			v.set(id)
		}
		return
	}
	if text != v.text && len(text) <= maxID && pattern(s.Pattern).MatchString(text) {
		r.add(path, v.text, text, "without spaces")
		v.set(text)
	}
}

// add notes a repair.
func (r *run) add(path, from, to, why string) {
	const (
		most      = 60
		mostNoted = 50
	)
	if len(r.repairs) == mostNoted {
		r.repairs[mostNoted-1] = Repair{Why: "more corrections like these"}
		return
	}
	r.repairs = append(r.repairs, Repair{words.Clean(path, most), words.Clean(from, most), words.Clean(to, most), why})
}
