package closekit

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/httpx"
)

// newError parses the body of a non-2xx response: JSON in any of Close's forms,
// HTML from a proxy, or nothing.
func newError(prefix string, k *call, resp *http.Response, body []byte, now time.Time) *Error {
	op := k.op()
	e := &Error{
		Status: resp.StatusCode, Tool: op.Tool, Method: op.Method, Path: prefix + op.Path, MaybeDone: k.maybeDone,
		RetryAfter: httpx.RetryAfter(resp.StatusCode, resp.Header, now), header: resp.Header, body: body,
	}
	isJSON := codec.Valid(body) == nil
	if isJSON {
		parts, _ := codec.Members(body)
		e.Message = short(strings.Join(messages(nil, 0, parts["error"], parts["errors"], parts["message"]), "; "))
		if fields := parts["field-errors"]; len(fields) > 0 {
			e.FieldErrors = appendFieldErrors(nil, "", fields, 0)
		}
	}
	e.Hint = hint(e, isJSON, strings.Contains(resp.Header.Get("Content-Type"), "html"))
	return e
}

func hint(e *Error, isJSON, isHTML bool) string {
	switch {
	case isHTML && (e.Status == http.StatusTooManyRequests || e.Status >= 500):
		return "the service is busy or unavailable; wait and try again"
	case isHTML || !isJSON && e.Status == http.StatusNotFound:
		return "the response did not come from Close; check the base URL and any proxy"
	case e.Status == http.StatusUnauthorized:
		return "check the API key or token; on some endpoints it also means that the user lacks the permission"
	case e.Status == http.StatusPaymentRequired:
		return "a limit of the organization's plan"
	case e.Status == http.StatusForbidden:
		return "the user lacks the permission"
	case e.Status == http.StatusNotFound:
		return "it does not exist, or the user may not see it"
	}
	return ""
}

// messages appends the distinct messages in the members of an error body to list. Each
// of them is a string, a list of strings, or another value.
func messages(list []string, depth int, raws ...[]byte) []string {
	for _, raw := range raws {
		if len(raw) == 0 || depth == maxNesting {
			continue
		}
		text := ""
		switch raw[0] {
		case '"':
			text, _ = codec.Unquote(raw)
		case '[':
			elems, _ := codec.Elements(raw)
			list = messages(list, depth+1, elems...)
		case '{':
			text = string(raw)
		}
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
		if len(list) == maxMessages {
			return list
		}
	}
	return list
}

const (
	maxNesting  = 16 // deepest nesting that is read in an error body
	maxMessages = 20 // largest number of messages that are kept
)

// appendFieldErrors flattens the errors that Close nests for lists and objects:
// {"contacts": {"errors": {"0": {…}}}}.
func appendFieldErrors(list []FieldError, path string, raw []byte, depth int) []FieldError {
	if text, ok := codec.Unquote(raw); ok || codec.IsNull(raw) {
		if text == "" {
			return list
		}
		return append(list, FieldError{path, short(text)})
	}
	if elems, ok := codec.Elements(raw); ok && depth < maxNesting {
		for _, el := range elems {
			list = appendFieldErrors(list, path, el, depth+1)
		}
		return list
	}
	if members, ok := codec.Members(raw); ok && depth < maxNesting {
		for _, name := range slices.Sorted(maps.Keys(members)) {
			sub := name
			switch {
			case depth == 0 || path == "":
			case name == "errors", name == "field-errors":
				sub = path
			default:
				sub = path + "." + name
			}
			list = appendFieldErrors(list, sub, members[name], depth+1)
		}
		return list
	}
	return append(list, FieldError{path, short(string(raw))})
}

// short shortens a message to one log line.
func short(s string) string {
	const most = 500
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = s[:most]
		for len(s) > 0 {
			if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
				break
			}
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return s
}
