package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit/internal/codec"
)

// Longest text of an argument in the audit log, in characters.
const longestLogged = 200

// Redact returns the input of a call for the audit log:
//
//   - credentials are removed: arguments whose name says that they are one, such as
//     signature_key, and texts that look like one;
//   - bodies of messages are replaced by their length;
//   - other texts are cut after 200 characters.
//
// Ids, names, addresses, subjects, amounts and dates stay, because they are what a log
// is read for. Input that is no JSON, which a model may write, is replaced by its
// length.
func Redact(input json.RawMessage) json.RawMessage {
	if len(input) == 0 {
		return nil
	}
	if codec.Valid(input) != nil {
		return codec.AppendString(nil, fmt.Sprintf("[%d bytes that are no JSON]", len(input)))
	}
	d := codec.NewDecoder(input, false)
	defer d.End() //nolint:errcheck // it is valid
	if d.Peek() != '{' {
		return appendRedacted(nil, "", input)
	}
	b := append(make([]byte, 0, len(input)+16), '{')
	for d.Open(nil); d.Next(); {
		if len(b) > 1 {
			b = append(b, ',')
		}
		name := string(d.Key())
		b = append(codec.AppendString(b, cutText(cleanText(name))), ':')
		b = appendRedacted(b, name, d.Raw())
	}
	return append(b, '}')
}

// appendRedacted appends one value for the log. Most are texts, which need not be
// decoded as a tree.
func appendRedacted(b []byte, name string, raw []byte) []byte {
	if text, ok := codec.Unquote(raw); ok {
		return codec.AppendString(b, redactedString(name, text))
	}
	v, err := decodeAny(raw)
	if err != nil {
		return append(b, `"[unreadable]"`...)
	}
	v = redacted(name, v)
	if text, ok := v.(string); ok {
		return codec.AppendString(b, text)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return append(b, `"[unreadable]"`...)
	}
	return append(b, bytes.TrimSpace(out.Bytes())...)
}

// decodeAny decodes exactly one JSON value, keeping numbers as they are written.
func decodeAny(input []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber()
	if err = d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

func isSecret(name string) bool { return secretNames.in(name) && secretName.MatchString(name) }

// isBody reports whether a text with this name is what a message or a note says.
func isBody(name string) bool {
	var space [len("recording_transcript")]byte
	if len(name) > len(space) {
		return false
	}
	plain := space[:0]
	for i := range len(name) {
		if c := name[i]; c != '_' && c != '-' {
			plain = append(plain, lowerByte(c))
		}
	}
	switch string(plain) {
	case "body", "bodytext", "bodyhtml", "bodypreview", "textbody", "htmlbody", "note", "notehtml", "recordingtranscript":
		return true
	}
	return false
}

func redactedString(name, text string) string {
	switch {
	case isSecret(name):
		return "[removed]"
	case isBody(name):
		return "[" + strconv.Itoa(utf8.RuneCountInString(text)) + " characters]"
	}
	return redactedText(text)
}

func redacted(name string, v any) any {
	if text, ok := v.(string); ok {
		return redactedString(name, text)
	}
	if v != nil && isSecret(name) {
		return "[removed]"
	}
	switch v := v.(type) {
	case map[string]any:
		clean := make(map[string]any, len(v))
		for k, x := range v {
			clean[cutText(cleanText(k))] = redacted(k, x)
		}
		return clean
	case []any:
		clean := make([]any, len(v))
		for i, x := range v {
			clean[i] = redacted(name, x)
		}
		return clean
	}
	return v
}

func redactedText(s string) string {
	if t := strings.TrimSpace(s); strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[") { // models write objects as text
		if v, err := decodeAny([]byte(t)); err == nil {
			b, err := json.Marshal(redacted("", v))
			if err != nil {
				return "[unreadable]"
			}
			return cutText(string(b))
		}
	}
	return cutText(cleanText(s))
}

func cleanText(s string) string {
	if isRecordID(s) || !secretTexts.in(s) {
		return s
	}
	return secretText.ReplaceAllString(s, "[removed]")
}

// isRecordID reports whether s is an id of Close and no key with a similar form.
func isRecordID(s string) bool {
	prefix, rest, _ := strings.Cut(s, "_")
	return len(rest) > 20 && !strings.ContainsFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }) &&
		slices.Contains([]string{"lead", "cont", "oppo", "acti", "task", "user", "stat", "pipe", "seq", "sub"}, prefix)
}

// wordSet is a list of words in lower case. Looking for them saves most texts the regular
// expressions, which take longer than the rest of a record.
type wordSet struct {
	list  []string
	first [utf8.RuneSelf]bool // what a word begins with
}

func wordsOf(list ...string) *wordSet {
	w := &wordSet{list: list}
	for _, x := range list {
		w.first[x[0]] = true
	}
	return w
}

// in reports whether s contains one of the words, whatever its case.
func (w *wordSet) in(s string) bool {
	for i := range len(s) {
		switch c := lowerByte(s[i]); {
		case c >= utf8.RuneSelf:
			s = strings.ToLower(s)
			return slices.ContainsFunc(w.list, func(x string) bool { return strings.Contains(s, x) })
		case w.first[c] && slices.ContainsFunc(w.list, func(x string) bool { return begins(s[i:], x) }):
			return true
		}
	}
	return false
}

// begins reports whether s begins with a word in lower case, whatever its case.
func begins(s, word string) bool {
	if len(s) < len(word) {
		return false
	}
	for i := range len(word) {
		if lowerByte(s[i]) != word[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// What each match of the expressions below contains, in lower case.
var (
	secretNames = wordsOf("key", "passw", "secret", "credential", "authorization", "cookie", "token")
	secretTexts = wordsOf("api_", "bearer", "basic", "eyj", "sk", "pk", "rk", "ghp", "gho", "xox", "akia", "whsec", "private key", "password=", "secret=", "token=", "key=", "signature=", "://")
)

// cutText cuts a long text, saying so.
func cutText(s string) string {
	n := utf8.RuneCountInString(s)
	if n <= longestLogged {
		return s
	}
	end := 0
	for range longestLogged {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return fmt.Sprintf("%s… [%d more characters]", s[:end], n-longestLogged)
}

var (
	secretName = regexp.MustCompile(`(?i)signature_?key|api_?key|private_?key|password|passwd|secret|credential|authorization|cookie|(^|_)(access|refresh|bearer|auth|id)?_?token$`)
	secretText = regexp.MustCompile(`\bapi_[A-Za-z0-9]{6,}(\.[A-Za-z0-9]+)?|` + // of Close
		`(?i:\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,})|` +
		`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|` + // a JSON web token
		`\b(sk|pk|rk|ghp|gho|xox[abprs]|AKIA|whsec)[-_]?[A-Za-z0-9_-]{16,}|` +
		`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)|` +
		`(?i:(password|secret|token|api_?key|signature)=)[^&\s"]+|` +
		`://[^/\s:@]+:[^/\s@]+@`)
)
