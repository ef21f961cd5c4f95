package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
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
// length. Keys come back sorted.
func Redact(input json.RawMessage) json.RawMessage {
	if len(input) == 0 {
		return nil
	}
	v, err := decodeAny(input)
	if err != nil {
		v = fmt.Sprintf("[%d bytes that are no JSON]", len(input))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(redacted("", v)); err != nil {
		return json.RawMessage(`"[unreadable]"`)
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
	case secretName.MatchString(name):
		if v == nil {
			return nil
		}
		return "[removed]"
	case bodyName.MatchString(name):
		if text, ok := v.(string); ok {
			return fmt.Sprintf("[%d characters]", utf8.RuneCountInString(text))
		}
	}
	switch v := v.(type) {
	case map[string]any:
		clean := make(map[string]any, len(v))
		for k, x := range v {
			clean[cutText(secretText.ReplaceAllString(k, "[removed]"))] = redacted(k, x)
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
	return cutText(secretText.ReplaceAllString(s, "[removed]"))
}

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
