package recording

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// redactor replaces what must not leave the machine. It is safe for concurrent use.
type redactor struct {
	key  []byte   // of this recording; without it, a replacement can be guessed
	hide []string // longest first
}

func newRedactor(hide []string) *redactor {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	hide = slices.DeleteFunc(slices.Clone(hide), func(s string) bool { return len(s) < minHidden })
	slices.SortFunc(hide, func(a, b string) int { return len(b) - len(a) })
	return &redactor{key, hide}
}

// minHidden is the length from which a value is hidden wherever it occurs.
const minHidden = 4

// mac returns the bytes that replacements of a value are made of.
func (r *redactor) mac(kind, value string) []byte {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(kind + "\x00" + value))
	return h.Sum(nil)
}

func (r *redactor) tag(kind, value string) string { return hex.EncodeToString(r.mac(kind, value)[:6]) }

// The replacements, as a replay recognizes them.
const (
	secretMark = "redacted-"
	emailHost  = "@redacted.example"
)

func (r *redactor) secret(value string) string { return secretMark + r.tag("secret", value) }

func (r *redactor) email(value string) string {
	value = strings.ToLower(strings.TrimRight(value, "."))
	return "person-" + r.tag("email", value) + emailHost
}

// phone returns a number that is none, in the shape of the one that it replaces: with
// a plus sign or without. Digits are all that counts of the original.
func (r *redactor) phone(value string) string {
	digits := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, value)
	m := r.mac("phone", strings.TrimPrefix(digits, "1"))
	number := fmt.Sprintf("1%d555%04d", areas[int(m[0])%len(areas)], (int(m[1])<<8|int(m[2]))%10000)
	if strings.Contains(value, "+") {
		return "+" + number
	}
	return number
}

// areas are area codes of North America, so that a replacement is still a phone number.
var areas = []int{202, 212, 303, 305, 312, 404, 415, 503, 512, 602, 617, 702, 713, 801, 816, 901}

var (
	// secretName matches the names of members, parameters and settings with secrets.
	secretName = regexp.MustCompile(`(?i)pass(word|wd|phrase|code)|secret|token|api[_-]?key|signature|signing|authorization|cookie|credential|private[_-]?key|session[_-]?id|otp$`)
	// setting matches a secret that a text assigns, as in token=abc or "token": "abc".
	setting = regexp.MustCompile(`(?i)([\w.-]*(?:pass(?:word|wd|phrase|code)|secret|token|api[_-]?key|signature|credential|authorization)[\w.-]*(?:\\?["'])?\s*(?:=|:|%3D)\s*(?:\\?["'])?(?:(?:bearer|basic)\s+)?)([^\s"'&,;<>\\]+)`)
	// scheme matches a credential as headers have it.
	scheme = regexp.MustCompile(`(?i)(bearer|basic)(\s+|%20|\+)([A-Za-z0-9._~+/=-]{6,})`)
	// known matches credentials by their form: API keys of Close, JSON Web Tokens, and
	// user names with passwords in URLs.
	known    = regexp.MustCompile(`api_[A-Za-z0-9._-]{8,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?`)
	userinfo = regexp.MustCompile(`(://)([^/\s@"'<>]+)@`)
	email    = regexp.MustCompile(`[^\s@<>()\[\],;:"'\\/?=&%]+(?:%2[bB][^\s@<>()\[\],;:"'\\/?=&%]+)*(?:(?:@|%40)[^\s@<>()\[\],;:"'\\/?=&%!#]+)+`)
	day      = regexp.MustCompile(`(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d{1,9})?)?(?:Z|[+-][01]\d:?[0-5]\d)?)?`)
	number   = regexp.MustCompile(`\+?\(?\d(?:[\s\-.()/\x{00a0}\x{2009}-\x{2015}\x{202f}]{0,3}\d){6,}`)
)

// text redacts a text.
func (r *redactor) text(s string) string {
	for _, h := range r.hide {
		s = strings.ReplaceAll(s, h, r.secret(h))
	}
	s = scheme.ReplaceAllStringFunc(s, func(m string) string {
		part := scheme.FindStringSubmatch(m)
		if own.MatchString(part[3]) {
			return m
		}
		return part[1] + part[2] + r.secret(part[3])
	})
	if strings.ContainsAny(s, "=:") || strings.Contains(s, "%3") { // searching long texts takes long
		s = setting.ReplaceAllStringFunc(s, func(m string) string {
			part := setting.FindStringSubmatch(m)
			if own.MatchString(part[2]) {
				return m
			}
			return part[1] + r.secret(part[2])
		})
	}
	s = known.ReplaceAllStringFunc(s, r.secret)
	if !strings.Contains(s, "@") && !strings.Contains(s, "%40") {
		return r.numbers(s)
	}
	s = userinfo.ReplaceAllStringFunc(s, func(m string) string { return "://" + r.secret(m) + "@" })
	s = email.ReplaceAllStringFunc(s, func(m string) string {
		if own.MatchString(m) {
			return m
		}
		plain := strings.ReplaceAll(m, "%40", "@")
		out := r.email(plain)
		if plain != m {
			return strings.Replace(out, "@", "%40", 1)
		}
		return out
	})
	return r.numbers(s)
}

// own matches what is nothing but a replacement, also as the user of a URL.
var own = regexp.MustCompile(`^(?:` + secretMark + `[0-9a-f]{12}(?:@[^@]*)?|person-[0-9a-f]{12}(?:@|%40)redacted\.example)$`)

// mark matches the replacements, whose digits are not redacted again.
var mark = regexp.MustCompile(`(?:` + secretMark + `|person-)[0-9a-f]{12}`)

// numbers redacts phone numbers: whatever has seven digits and more, but for dates and
// for the replacements.
func (r *redactor) numbers(s string) string {
	found := number.FindAllStringIndex(s, -1)
	if found == nil {
		return s
	}
	keep := mark.FindAllStringIndex(s, -1)
	for _, d := range day.FindAllStringIndex(s, -1) {
		// A match that goes on in digits is the begin of a longer number.
		if !digitAt(s, d[1]) && !digitAt(s, d[0]-1) {
			keep = append(keep, d)
		}
	}
	slices.SortFunc(keep, func(a, b []int) int { return a[0] - b[0] })
	var b strings.Builder
	at := 0
	for _, n := range found {
		for len(keep) > 0 && keep[0][1] < n[1] {
			keep = keep[1:]
		}
		b.WriteString(s[at:n[0]])
		if part := s[n[0]:n[1]]; len(keep) > 0 && keep[0][0] <= n[0] {
			b.WriteString(part)
		} else {
			b.WriteString(r.phone(part))
		}
		at = n[1]
	}
	b.WriteString(s[at:])
	return b.String()
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// query redacts the query of a URL.
func (r *redactor) query(q string) string {
	values, err := url.ParseQuery(q)
	if err != nil {
		return r.text(q)
	}
	out := url.Values{}
	for name, list := range values {
		for _, v := range list {
			out.Add(r.text(name), r.member(name, v))
		}
	}
	return out.Encode()
}

// path redacts the escaped path of a URL.
func (r *redactor) path(p string) string {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil {
			parts[i] = r.text(part)
			continue
		}
		if safe := r.text(plain); safe != plain {
			parts[i] = url.PathEscape(safe)
		}
	}
	return strings.Join(parts, "/")
}

// json redacts a JSON text and makes it one line. Other texts are returned as a text.
func (r *redactor) json(body []byte) (value json.RawMessage, text string) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, ""
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var b bytes.Buffer
	if err := r.value(dec, &b, ""); err != nil || trailing(dec) {
		return nil, r.text(strings.ToValidUTF8(string(body), "\uFFFD"))
	}
	return b.Bytes(), ""
}

func trailing(dec *json.Decoder) bool {
	_, err := dec.Token()
	return err != io.EOF
}

// value copies the value of a member. In a secret member, all texts and numbers are
// secrets. It keeps the order of members, and members that occur twice.
func (r *redactor) value(dec *json.Decoder, b *bytes.Buffer, name string) error {
	tok, err := dec.Token()
	if err != nil {
		return err //nolint:wrapcheck // only whether there is one counts
	}
	switch v := tok.(type) {
	case json.Delim:
		b.WriteRune(rune(v))
		for n := 0; dec.More(); n++ {
			if n > 0 {
				b.WriteByte(',')
			}
			inner := name
			if v == '{' {
				key, err := dec.Token()
				if err != nil {
					return err //nolint:wrapcheck // as above
				}
				text, _ := key.(string)
				if !secretName.MatchString(name) {
					inner = text
				}
				writeString(b, r.text(text))
				b.WriteByte(':')
			}
			if err := r.value(dec, b, inner); err != nil {
				return err
			}
		}
		end, err := dec.Token()
		if err != nil {
			return err //nolint:wrapcheck // as above
		}
		d, _ := end.(json.Delim)
		b.WriteRune(rune(d))
	case string:
		writeString(b, r.member(name, v))
	case json.Number:
		if secretName.MatchString(name) || phoneName.MatchString(name) || r.hidden(v.String()) {
			v = "0"
		}
		b.WriteString(v.String())
	case bool:
		fmt.Fprint(b, v)
	default:
		b.WriteString("null")
	}
	return nil
}

// phoneName matches the names of members with phone numbers, however short.
var phoneName = regexp.MustCompile(`(?i)phone|mobile|fax`)

// member redacts the text of a member or a parameter.
func (r *redactor) member(name, v string) string {
	switch {
	case v == "":
		return v
	case secretName.MatchString(name):
		return r.secret(v)
	case phoneName.MatchString(name) && strings.ContainsAny(v, "0123456789") && !strings.ContainsFunc(v, unicode.IsLetter):
		return r.phone(v)
	}
	return r.text(v)
}

func (r *redactor) hidden(text string) bool {
	return slices.ContainsFunc(r.hide, func(h string) bool { return strings.Contains(text, h) })
}

func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a buffer and a string
	b.Truncate(b.Len() - 1)
}

// header keeps the headers that explain a response.
func (r *redactor) header(get func(string) string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"Content-Type", "Retry-After", "Ratelimit", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"} {
		if v := get(name); v != "" {
			out[name] = strings.Map(func(c rune) rune {
				if unicode.IsControl(c) {
					return -1
				}
				return c
			}, r.text(v))
		}
	}
	return out
}
