package runtime

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit/runtime/internal/codec"
)

// newError reads whatever body came with a status that is no success: JSON in
// any of Close's forms, HTML from a proxy, or nothing.
func newError(op *Operation, path string, resp *http.Response, body []byte) *Error {
	e := &Error{
		Status: resp.StatusCode, Tool: op.Tool, Method: op.Method, Path: path,
		RetryAfter: retryAfter(resp.StatusCode, resp.Header), header: resp.Header, body: body,
	}
	var parts struct {
		Error       json.RawMessage `json:"error"`
		Errors      json.RawMessage `json:"errors"`
		FieldErrors json.RawMessage `json:"field-errors"`
	}
	isJSON := codec.Valid(body) == nil && json.Unmarshal(body, &parts) == nil
	if isJSON {
		e.Message = firstText(0, parts.Error, parts.Errors)
		if len(parts.FieldErrors) > 0 {
			e.FieldErrors = appendFieldErrors(nil, "", parts.FieldErrors, 0)
		}
	}
	e.Hint = hint(e, isJSON, strings.Contains(resp.Header.Get("Content-Type"), "html"))
	return e
}

func hint(e *Error, isJSON, isHTML bool) string {
	switch {
	case isHTML || !isJSON && e.Status == http.StatusNotFound:
		return "the answer is not Close's; check the base URL and any proxy"
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

// firstText gives the first text of error and errors, which are a text, a list
// of texts, or something else.
func firstText(depth int, raws ...json.RawMessage) string {
	for _, raw := range raws {
		var s string
		var list []json.RawMessage
		switch {
		case len(raw) == 0:
		case json.Unmarshal(raw, &s) == nil && s != "":
			return short(s)
		case depth < maxNesting && json.Unmarshal(raw, &list) == nil:
			if t := firstText(depth+1, list...); t != "" {
				return t
			}
		case string(raw) != "null" && raw[0] == '{':
			return short(string(raw))
		}
	}
	return ""
}

// maxNesting is how deep into an error body we look.
const maxNesting = 16

// appendFieldErrors flattens what Close nests for lists and objects:
// {"contacts": {"errors": {"0": {…}}}}.
func appendFieldErrors(list []FieldError, path string, raw json.RawMessage, depth int) []FieldError {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if s == "" { // or null
			return list
		}
		return append(list, FieldError{path, short(s)})
	}
	var elems []json.RawMessage
	if depth < maxNesting && json.Unmarshal(raw, &elems) == nil {
		for _, el := range elems {
			list = appendFieldErrors(list, path, el, depth+1)
		}
		return list
	}
	var members map[string]json.RawMessage
	if depth < maxNesting && json.Unmarshal(raw, &members) == nil {
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

// short keeps messages of a size that fits a log line, on one line.
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
