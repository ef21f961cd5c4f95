package wire

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/words"
)

// checkLength checks the length of a string that is not an element of a list.
func (w *sender) checkLength(f *field, v string) {
	if f.maxLen > 0 && len(v) > int(f.maxLen) {
		if n := utf8.RuneCountInString(v); n > int(f.maxLen) {
			w.add(f.name, "must have at most "+strconv.Itoa(int(f.maxLen))+" characters", strconv.Itoa(n), "")
		}
	}
}

// checkText checks a string against its field, except for its length.
func (w *sender) checkText(f *field, name, v string) {
	if f.id != nil {
		w.checkID(f, name, v)
		return
	}
	if err := codec.CheckText(v); err != nil {
		w.add(name, "must be valid UTF-8", err.Error(), "")
		return
	}
	if f.in == inPath && (v == "" || v == "." || v == "..") {
		w.add(name, `must not be empty, "." or ".."`, quote(v), fromHint(f))
		return
	}
	if f.is(sorts) {
		w.checkOrder(f, name, v)
	} else if f.enum != nil && !slices.Contains(f.enum, v) && w.refused(f, name, v) {
		return
	}
	if f.kind == plain || f.kind == richText {
		return
	}
	if w.depth > 0 && isStored(f.kind, v) {
		return
	}
	if expected := checkKind(f.kind, v); expected != "" {
		w.add(name, expected, quote(v), "")
	}
}

// refused checks a value that is not in the set of its field, and reports whether it
// is a problem. An open set refuses only words for which it has a hint.
func (w *sender) refused(f *field, name, v string) bool {
	if w.full() && !f.is(open) {
		w.more++
		return true
	}
	hint := f.hint(v)
	if f.is(open) && hint == "" {
		return false
	}
	if hint == "" {
		near := f.known(v)
		if near == v && w.nearest != nil {
			near = w.nearest(v, f.enum)
		}
		if hint = fromHint(f); near != v && near != "" {
			hint = "did you mean " + strconv.Quote(near) + "?"
		}
	}
	expected := "must be one of " + strings.Join(f.enum, ", ")
	if f.is(sorts) {
		expected += descends
	}
	w.add(name, expected, quote(v), hint)
	return true
}

const descends = ", with - in front for descending order"

// checkOrder checks what to sort by. Close ignores a field that it cannot sort by,
// without an error.
func (w *sender) checkOrder(f *field, name, v string) {
	for more := true; more; {
		var part string
		part, v, more = strings.Cut(v, ",")
		if by, _, ok := direction(part); !ok {
			w.add(name, "must be a field to sort by"+descends, quote(part), "give one order only")
		} else if f.enum != nil && !slices.Contains(f.enum, by) {
			w.refused(f, name, by)
		}
	}
}

// checkKind returns what was expected if v does not match, or "".
func checkKind(k kind, v string) string {
	switch k {
	case date:
		if !codec.IsDate(v) {
			return "must be a date such as 2026-03-31"
		}
	case dateTime:
		if _, ok := codec.ParseTime(v); !ok || codec.IsDate(v) {
			return "must be a time with offset such as 2026-03-31T15:04:05Z"
		}
	case dateOrDateTime:
		if _, ok := codec.ParseTime(v); !ok {
			return "must be a date such as 2026-03-31 or a time such as 2026-03-31T15:04:05Z"
		}
	case email, address:
		return checkEmail(v)
	case line:
		if strings.ContainsAny(v, "\r\n") {
			return "must be one line"
		}
	case phone:
		if !strings.ContainsAny(v, "0123456789") {
			return "must be a phone number, best with country code such as +14155550123"
		}
	case webAddress:
		u, err := url.Parse(v)
		if err != nil || v == "" || strings.ContainsAny(v, " \r\n\t") || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" && !strings.Contains(u.Scheme, ".") { // example.com:8080
			return "must be a web address such as https://example.com"
		}
	case timezone:
		if v == "" || strings.ContainsAny(v, " \r\n") {
			return "must be a time zone name such as America/New_York"
		}
	case segments:
		if v = "/" + v + "/"; strings.Contains(v, "//") || strings.Contains(v, "/./") || strings.Contains(v, "/../") {
			return "must be parts of a path, joined by slashes, none of them empty or dots"
		}
	case plain, richText:
	}
	return ""
}

// checkEmail checks an address, which may have a display name: a line break or a
// second address would change who receives an email.
func checkEmail(v string) string {
	at, comma, quoted := 0, false, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c < ' ', c == 0x7F:
			return "must be an email address on one line"
		case quoted:
		case c == ',' || c == ';':
			comma = true
		case c == '@':
			at++
		}
	}
	switch last := strings.LastIndexByte(v, '@'); {
	case at > 1 || comma && at > 0:
		return `must be an email address, and only one; quote a name with a comma, such as "Lee, Ann" <ann@acme.example>`
	case at == 0 || quoted || last < 1 || last == len(v)-1:
		return "must be an email address"
	}
	return ""
}

// isStored reports whether Close itself stores v, which checkKind rejects, in the
// lists of records: phone numbers such as anonymous, which come from calls, and web
// addresses such as linkedin:ann, which come from integrations. Such a value must
// not keep the list it was read in from being sent back.
func isStored(k kind, v string) bool {
	switch k { //nolint:exhaustive // others have one form
	case phone:
		return v != "" && words.IsLine(v)
	case webAddress:
		scheme, _, ok := strings.Cut(v, ":")
		return ok && alphanumeric(scheme) && words.IsLine(v) && !strings.ContainsAny(v, " <>\"") && !slices.Contains(scripts, strings.ToLower(scheme))
	}
	return false
}

// scripts are the schemes of addresses that run in a browser.
var scripts = []string{"", "javascript", "vbscript", "data"}

func (w *sender) checkID(f *field, name, v string) {
	k := f.id
	if slices.Contains(k.Literals, v) {
		return
	}
	prefix, rest, _ := strings.Cut(v, "_")
	wrong, other := prefix == "" || rest == "" || !alphanumeric(prefix) || !alphanumeric(rest), ""
	if !wrong && len(k.Prefixes) > 0 && !slices.Contains(k.Prefixes, prefix) {
		for _, p := range k.Known {
			if p.Prefix == prefix {
				wrong, other = true, ", "+idOf(p.Kind)
				break
			}
		}
		// An unknown prefix passes: Close adds kinds of ids without notice.
	}
	if wrong {
		w.add(name, expectedID(k), quote(v)+other, fromHint(f))
	}
}

// idOf returns what an id of a kind is called.
func idOf(kind string) string {
	return words.WithArticle(strings.ReplaceAll(kind, "_", " ")) + " id"
}

func alphanumeric(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func fromHint(f *field) string {
	from := f.from
	if f.id != nil {
		if from == "" {
			from = f.id.From
		}
		if from != "" && f.id.About != "" {
			return "find one with " + from + ". " + f.id.About
		}
	}
	if from == "" {
		return ""
	}
	return "find one with " + from
}

// quote quotes and shortens a received value.
func quote(v string) string { return words.Quote(v) }

func expectedID(k *closekit.IDKind) string {
	if len(k.Prefixes) > 0 {
		return "must be " + idOf(k.Name) + " such as " + k.Prefixes[0] + "_…"
	}
	return "must be an id"
}
