package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
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
		return redactedValue("", input)
	}
	b := []byte{'{'}
	for d.Open(nil); d.Next(); {
		if len(b) > 1 {
			b = append(b, ',')
		}
		name := string(d.Key())
		b = append(codec.AppendString(b, cutText(cleanText(name))), ':')
		b = append(b, redactedValue(name, d.Raw())...)
	}
	return append(b, '}')
}

// redactedValue returns one value for the log. Most are texts and numbers, which need
// not be decoded as a tree.
func redactedValue(name string, raw []byte) []byte {
	text, isText := codec.Unquote(raw)
	var v any = text
	if !isText {
		var err error
		if v, err = decodeAny(raw); err != nil {
			return []byte(`"[unreadable]"`)
		}
	}
	v = redacted(name, v)
	if text, ok := v.(string); ok {
		return codec.AppendString(nil, text)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`"[unreadable]"`)
	}
	return bytes.TrimSpace(b.Bytes())
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

func redacted(name string, v any) any {
	switch {
	case hasAny(name, secretNames) && secretName.MatchString(name):
		if v == nil {
			return nil
		}
		return "[removed]"
	case hasAny(name, bodyNames) && bodyName.MatchString(name):
		if text, ok := v.(string); ok {
			return fmt.Sprintf("[%d characters]", utf8.RuneCountInString(text))
		}
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
	case string:
		return redactedText(v)
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
	if isRecordID(s) || !hasAny(s, secretTexts) {
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

// hasAny reports whether s contains one of the words, whatever its case. It saves most
// texts the regular expressions, which take longer than the rest of a record.
func hasAny(s string, words []string) bool {
	if len(s) < len("key") {
		return false
	}
	s = strings.ToLower(s)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

// What each match of the expressions below contains, in lower case.
var (
	secretNames = []string{"key", "passw", "secret", "credential", "authorization", "cookie", "token"}
	bodyNames   = []string{"body", "note", "transcript"}
	secretTexts = []string{
		"api_", "bearer", "basic", "eyj", "sk", "pk", "rk", "ghp", "gho", "xox", "akia", "whsec", "private key", "password=", "secret=", "token=", "key=", "signature=", "://",
	}
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
	bodyName   = regexp.MustCompile(`(?i)^(body([_-]?(text|html|preview))?|(text|html)_?body|note(_?html)?|recording_transcript)$`)
	secretText = regexp.MustCompile(`\bapi_[A-Za-z0-9]{6,}(\.[A-Za-z0-9]+)?|` + // of Close
		`(?i:\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,})|` +
		`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|` + // a JSON web token
		`\b(sk|pk|rk|ghp|gho|xox[abprs]|AKIA|whsec)[-_]?[A-Za-z0-9_-]{16,}|` +
		`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)|` +
		`(?i:(password|secret|token|api_?key|signature)=)[^&\s"]+|` +
		`://[^/\s:@]+:[^/\s@]+@`)
)
