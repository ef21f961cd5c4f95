package closekit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Sentinel errors for errors.Is. An [*Error] matches the one for its status.
var (
	ErrBadRequest      = errors.New("bad request")      // 400, 422
	ErrUnauthorized    = errors.New("unauthorized")     // 401: bad credential, or not permitted
	ErrPaymentRequired = errors.New("payment required") // 402: a limit of the plan
	ErrForbidden       = errors.New("forbidden")        // 403
	ErrNotFound        = errors.New("not found")        // 404: also what the user may not see
	ErrConflict        = errors.New("conflict")         // 409
	ErrRateLimited     = errors.New("rate limited")     // 429
	ErrServer          = errors.New("server error")     // 5xx
	ErrSkipLimit       = errors.New("skip limit reached")
)

// Error is a non-2xx response from Close. Neither Error nor any way
// of formatting it prints the body or a credential; Body gives the body on
// request.
type Error struct {
	Status      int           // HTTP status
	Message     string        // Close's own words, shortened; empty if it gave none
	FieldErrors []FieldError  // what Close says about single fields
	Tool        string        // close_lead_create
	Method      string        // POST
	Path        string        // path template, /api/v1/lead/{lead_id}/
	RetryAfter  time.Duration // how long Close asks to wait; zero if it does not say
	Hint        string        // what to do about it, in our words; may be empty
	header      http.Header
	body        []byte
}

// prefix names the tool of an error, where there is one.
func prefix(tool string) string {
	if tool == "" {
		return ""
	}
	return tool + ": "
}

// FieldError is what Close says about one field.
type FieldError struct {
	Field   string // path of the field, as Close names it
	Message string
}

// Error says what was refused and why.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s %s: %d %s", prefix(e.Tool), e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for i, f := range e.FieldErrors {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + f.Field + ": " + f.Message)
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Is matches the sentinel of the status.
func (e *Error) Is(target error) bool {
	switch {
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity:
		return target == ErrBadRequest
	case e.Status == http.StatusUnauthorized:
		return target == ErrUnauthorized
	case e.Status == http.StatusPaymentRequired:
		return target == ErrPaymentRequired
	case e.Status == http.StatusForbidden:
		return target == ErrForbidden
	case e.Status == http.StatusNotFound:
		return target == ErrNotFound
	case e.Status == http.StatusConflict:
		return target == ErrConflict
	case e.Status == http.StatusTooManyRequests:
		return target == ErrRateLimited
	case e.Status >= 500:
		return target == ErrServer
	}
	return false
}

// Body returns the raw body, at most a megabyte of it. It may hold customer data.
func (e *Error) Body() []byte { return e.body }

// Header returns the response's headers.
func (e *Error) Header() http.Header { return e.header }

// Format prints what Error says, whatever the verb, so that %+v and %#v show
// no body.
func (e *Error) Format(s fmt.State, _ rune) { fmt.Fprint(s, e.Error()) }

// IsNotFound reports whether err is a 404 of Close: the record does not exist,
// or the user may not see it.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// IsUnauthorized reports whether Close refused the credential (401). On some
// older endpoints it also means that the user has no permission.
func IsUnauthorized(err error) bool { return errors.Is(err, ErrUnauthorized) }

// IsRateLimited reports whether Close asked to slow down (429) for longer than
// the client was willing to wait.
func IsRateLimited(err error) bool { return errors.Is(err, ErrRateLimited) }

// IsValidation reports whether the input was refused, by the checks of this
// SDK before anything was sent or by Close.
func IsValidation(err error) bool {
	var v *ValidationError
	return errors.As(err, &v) || errors.Is(err, ErrBadRequest)
}

// Problem is one thing that is wrong with the input of a call: where, what was
// expected, what was received and what to do.
type Problem struct {
	Path     string `json:"path"`               // contacts[0].emails[1].email; empty for the whole input
	Expected string `json:"expected"`           // what belongs there
	Received string `json:"received,omitempty"` // what was given, shortened
	Hint     string `json:"hint,omitempty"`     // what to do
}

// String says all of it on one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Expected)
	if p.Received != "" {
		b.WriteString(", got " + p.Received)
	}
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// ValidationError says everything that is wrong with the input of a call.
// Nothing was sent.
type ValidationError struct {
	Tool     string
	Problems []Problem
}

// Error lists the problems.
func (e *ValidationError) Error() string {
	if len(e.Problems) == 1 {
		return e.Tool + ": " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problems with the input", e.Tool, len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// DecodeError is a success of Close whose body could not be understood: not
// JSON, cut off, too large, or, with strict decoding, of another type than
// documented. The write itself succeeded.
type DecodeError struct {
	Tool        string
	Status      int
	ContentType string
	Err         error
	body        []byte
}

// Error says what was wrong with the body without printing it.
func (e *DecodeError) Error() string {
	msg := fmt.Sprintf("%scannot read the response (status %d", prefix(e.Tool), e.Status)
	if e.ContentType != "" {
		msg += ", " + e.ContentType
	}
	msg += "): " + e.Err.Error()
	if strings.Contains(e.ContentType, "html") {
		msg += " (a web page came instead of JSON; check the base URL and any proxy)"
	}
	return msg
}

// Unwrap returns the reason.
func (e *DecodeError) Unwrap() error { return e.Err }

// Body returns the raw body, at most a megabyte of it. It may hold customer data.
func (e *DecodeError) Body() []byte { return e.body }

// Format prints what Error says, whatever the verb.
func (e *DecodeError) Format(s fmt.State, _ rune) { fmt.Fprint(s, e.Error()) }

// TransportError is a request that got no response: no connection, a connection
// that broke, a redirect to another host, a context that ended.
type TransportError struct {
	Tool, Method, Path string
	// MaybeDone is true when the request may have reached Close, so that a
	// write may have happened.
	MaybeDone bool
	Err       error
}

// Error says what failed.
func (e *TransportError) Error() string {
	msg := fmt.Sprintf("%s%s %s: %v", prefix(e.Tool), e.Method, e.Path, e.Err)
	if e.MaybeDone && e.Method != http.MethodGet && !errors.Is(e.Err, context.Canceled) {
		msg += " (the request may have been carried out; look before you repeat it)"
	}
	return msg
}

// Unwrap returns the reason, so that errors.Is finds context.Canceled.
func (e *TransportError) Unwrap() error { return e.Err }

// AuthorizationError says that there is no credential to call with: none was
// given, or the account's connection needs its user. Reason says which; it
// holds no secret.
type AuthorizationError struct {
	Tool   string
	Reason string
	Err    error
}

// Error says what is missing.
func (e *AuthorizationError) Error() string {
	msg := prefix(e.Tool) + "authorization needed: " + e.Reason
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the reason.
func (e *AuthorizationError) Unwrap() error { return e.Err }
