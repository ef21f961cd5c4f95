package closekit

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/internal/words"
)

// newError parses the body of a non-2xx response: JSON in any of Close's forms,
// HTML from a proxy, or nothing.
//
// The peer may have echoed the credential, which neither the error nor its body
// repeats.
func newError(prefix string, k *call, resp *http.Response, body []byte, now time.Time) *Error {
	op := k.op()
	cred := k.cred
	body = []byte(cred.redact(string(body)))
	e := &Error{
		Status: resp.StatusCode, Tool: op.Tool, Method: op.Method, Path: prefix + op.Path, Right: op.Right, MaybeDone: k.maybeDone,
		RetryAfter: httpx.RetryAfter(resp.StatusCode, resp.Header, now), header: resp.Header, body: body,
	}
	text := bom.Trim(body)
	isJSON := codec.Valid(text) == nil
	if isJSON {
		parts, _ := codec.Members(text)
		e.Message = short(cred.redact(strings.Join(messages(nil, 0, parts["error"], parts["errors"], parts["message"]), "; ")))
		if fields := parts["field-errors"]; len(fields) > 0 {
			f := fieldErrors{cred: cred}
			f.read("", fields, 0)
			e.FieldErrors, e.more = f.list, f.more
		}
	}
	e.Hint = hint(e, isJSON, strings.Contains(resp.Header.Get("Content-Type"), "html"))
	if e.Hint == noPermission && e.Right != "" {
		e.Hint = "the user lacks " + e.Right
	}
	return e
}

const noPermission = "the user lacks the permission"

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
		return noPermission
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
	maxNesting     = 16 // deepest nesting that is read in an error body
	maxMessages    = 20 // largest number of messages that are kept
	maxFieldErrors = 10 // largest number of field errors that are kept
)

// fieldErrors collects the errors of fields.
type fieldErrors struct {
	list []FieldError
	more int // errors beyond maxFieldErrors
	cred Credential
}

func (f *fieldErrors) add(path, message string) {
	if len(f.list) == maxFieldErrors {
		f.more++
		return
	}
	f.list = append(f.list, FieldError{words.Name(f.cred.redact(path)), short(f.cred.redact(message))})
}

// read flattens the errors that Close nests for lists and objects:
// {"contacts": {"errors": {"0": {…}}}}.
func (f *fieldErrors) read(path string, raw []byte, depth int) {
	if text, ok := codec.Unquote(raw); ok || codec.IsNull(raw) {
		if text != "" {
			f.add(path, text)
		}
		return
	}
	if elems, ok := codec.Elements(raw); ok && depth < maxNesting {
		for _, el := range elems {
			f.read(path, el, depth+1)
		}
		return
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
			f.read(sub, members[name], depth+1)
		}
		return
	}
	f.add(path, string(raw))
}

// short shortens a message to one log line without control characters.
func short(s string) string {
	return words.Clean(strings.Join(strings.Fields(s), " "), 500)
}

// cleanError is an error whose text repeats text of the peer, made safe.
type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }
func (e *cleanError) Unwrap() error { return e.err }

// clean returns err with a text that repeats neither the credential nor control
// characters, nor more of the peer's text than a log line has.
func clean(err error, cred Credential) error {
	text := err.Error()
	if safe := words.Clean(cred.redact(text), 1000); safe != text {
		return &cleanError{safe, err}
	}
	return err
}
