package closekit

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Sentinel errors for errors.Is. An [*Error] matches the one for its status.
var (
	ErrBadRequest      = errors.New("bad request")        // 400, 422
	ErrUnauthorized    = errors.New("unauthorized")       // 401: bad credential, or not permitted
	ErrPaymentRequired = errors.New("payment required")   // 402: a limit of the plan
	ErrForbidden       = errors.New("forbidden")          // 403
	ErrNotFound        = errors.New("not found")          // 404: missing, or not visible to the user
	ErrConflict        = errors.New("conflict")           // 409
	ErrRateLimited     = errors.New("rate limited")       // 429
	ErrServer          = errors.New("server error")       // 5xx
	ErrSkipLimit       = errors.New("skip limit reached") // see SkipLimitError
	ErrCursorExpired   = errors.New("cursor expired")     // 400: a page by cursor was asked for too late; begin again

	// ErrNeedsOAuth is the cause of an [*AuthorizationError]: Close refuses API keys for the
	// operation. Connect an account by OAuth and call as that account, see package
	// runtime/accounts, or use [Bearer].
	ErrNeedsOAuth = errors.New("connect an account by OAuth and call as that account")
)

// Error is a non-2xx response from Close. No format verb prints the body or a
// credential; Body returns the body.
type Error struct {
	Status      int           // HTTP status
	Message     string        // Close's message, shortened; may be empty
	FieldErrors []FieldError  // errors of single fields, the first ten at most
	Tool        string        // close_lead_create
	Method      string        // POST
	Path        string        // path template, /api/v1/lead/{lead_id}/
	Right       string        // that the operation needs; see [Operation]
	RetryAfter  time.Duration // the wait that Close asks for; zero if unknown
	MaybeDone   bool          // a write may have taken effect; see [MaybeDone]
	Hint        string        // advice of this package; may be empty
	more        int           // the number of further field errors
	header      http.Header
	body        []byte
}

// MaybeDone reports whether a write that failed with err may have taken effect, so
// that repeating it could do it twice: check first. It is the field MaybeDone of an
// [*Error], [*TransportError], [*DecodeError] or [*AuthorizationError], and false for
// other errors, for reads, and if the request certainly was not sent or was rejected.
//
// It considers all attempts of the call: a 404 after a 502 may follow a write that
// took effect.
func MaybeDone(err error) bool {
	var (
		refused     *Error
		lost        *TransportError
		undecodable *DecodeError
		denied      *AuthorizationError
	)
	return errors.As(err, &refused) && refused.MaybeDone || errors.As(err, &lost) && lost.MaybeDone ||
		errors.As(err, &undecodable) && undecodable.MaybeDone || errors.As(err, &denied) && denied.MaybeDone
}

// doubt returns the end of the message of an error that has MaybeDone.
func doubt(maybeDone bool) string {
	if maybeDone {
		return " (the request may have succeeded; check before you repeat it)"
	}
	return ""
}

// prefix returns the start of an error message: the name of what it is about, if there
// is one.
func prefix(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}

// FieldError is an error of one field, as reported by Close.
type FieldError struct {
	Field   string // path of the field in Close's names
	Message string
}

// Error describes the request and the response on one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s%s %s: %d %s", prefix(e.Tool), e.Method, e.Path, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += ": " + e.Message
	}
	sep := ": "
	for _, f := range e.FieldErrors {
		s += sep + f.Field + ": " + f.Message //nolint:modernize // ten at most
		sep = "; "
	}
	if e.more > 0 {
		s += fmt.Sprintf("; and %d more", e.more)
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s + doubt(e.MaybeDone)
}

// Is reports whether target is the sentinel error of the status.
func (e *Error) Is(target error) bool {
	switch {
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity:
		return target == ErrBadRequest || target == ErrCursorExpired && e.cursorExpired()
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

// cursorExpired reports whether Close refused a cursor because of its age: that of a search
// lives for 30 seconds.
func (e *Error) cursorExpired() bool {
	for _, f := range e.FieldErrors {
		if strings.HasSuffix(f.Field, "cursor") && strings.Contains(f.Message, "xpired") {
			return true
		}
	}
	return false
}

// Body returns the raw body, at most 1 MiB of it. It may contain customer data.
func (e *Error) Body() []byte { return e.body }

// Header returns the headers of the response.
func (e *Error) Header() http.Header { return e.header }

// Format prints the text of Error for every verb, so that %+v and %#v do not print
// the body.
func (e *Error) Format(s fmt.State, _ rune) { fmt.Fprint(s, e.Error()) }

// IsNotFound reports whether err is a 404 response: the record does not exist, or is
// not visible to the user.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// IsUnauthorized reports whether Close rejected the credential (401). On some older
// endpoints a 401 also means that the user lacks the permission.
func IsUnauthorized(err error) bool { return errors.Is(err, ErrUnauthorized) }

// IsRateLimited reports whether the call failed because of Close's rate limit (429):
// its retries are used up, or the wait is longer than [MaxWait] or the context
// allows.
func IsRateLimited(err error) bool { return errors.Is(err, ErrRateLimited) }

// IsValidation reports whether the input is invalid, according to the checks of
// this SDK before the request was sent, or to Close.
func IsValidation(err error) bool {
	var v *ValidationError
	return errors.As(err, &v) || errors.Is(err, ErrBadRequest)
}

// Problem is one error in the input of a call.
type Problem struct {
	Path     string `json:"path"`               // contacts[0].emails[1].email; empty for the whole input
	Expected string `json:"expected"`           // the expected value, such as "must be a number"
	Received string `json:"received,omitempty"` // the received value, shortened
	Hint     string `json:"hint,omitempty"`     // advice
}

// String returns the problem on one line.
func (p Problem) String() string {
	s := prefix(p.Path) + p.Expected
	if p.Received != "" {
		s += ", got " + p.Received
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// ValidationError lists the errors in the input of a call. The request was not
// sent.
type ValidationError struct {
	Tool     string
	Problems []Problem // the first ten at most
	More     int       // the number of further problems
}

// Error lists the problems, one per line.
func (e *ValidationError) Error() string {
	if len(e.Problems)+e.More == 1 {
		return prefix(e.Tool) + e.Problems[0].String()
	}
	s := fmt.Sprintf("%s%d problems with the input", prefix(e.Tool), len(e.Problems)+e.More)
	for _, p := range e.Problems {
		s += "\n  " + p.String() //nolint:modernize // ten at most
	}
	if e.More > 0 {
		s += fmt.Sprintf("\n  and %d more", e.More)
	}
	return s
}

// DecodeError is a 2xx response whose body cannot be decoded: it is not JSON,
// truncated, too large, or, with strict decoding, of another type than documented.
// The operation itself succeeded, unless something other than Close responded.
type DecodeError struct {
	Tool        string
	Status      int
	ContentType string
	MaybeDone   bool // true for every write; see [MaybeDone]
	Err         error
	body        []byte
}

// Error describes the error without printing the body.
func (e *DecodeError) Error() string {
	msg := fmt.Sprintf("%scannot decode the response (status %d", prefix(e.Tool), e.Status)
	if e.ContentType != "" {
		msg += ", " + e.ContentType
	}
	msg += "): " + e.Err.Error()
	if strings.Contains(e.ContentType, "html") {
		msg += " (the response is a web page, not JSON; check the base URL and any proxy)"
	}
	return msg + doubt(e.MaybeDone)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// Body returns the raw body, at most 1 MiB of it. It may contain customer data.
func (e *DecodeError) Body() []byte { return e.body }

// Format prints the text of Error for every verb.
func (e *DecodeError) Format(s fmt.State, _ rune) { fmt.Fprint(s, e.Error()) }

// TransportError is a request without a complete response: no connection, a broken
// connection, a redirect to another host, or a context that ended.
type TransportError struct {
	Tool, Method, Path string
	MaybeDone          bool // a write may have taken effect; see [MaybeDone]
	Err                error
}

// Error describes the request and its error.
func (e *TransportError) Error() string {
	return fmt.Sprintf("%s%s %s: %v", prefix(e.Tool), e.Method, e.Path, e.Err) + doubt(e.MaybeDone)
}

// Unwrap returns the cause, such as context.Canceled.
func (e *TransportError) Unwrap() error { return e.Err }

// AuthorizationError reports that there is no credential for the call: none is
// configured, or the user must reconnect the account. Reason says which and
// contains no secret.
type AuthorizationError struct {
	Tool      string
	Reason    string
	MaybeDone bool // an earlier attempt of the call may have taken effect; see [MaybeDone]
	Err       error
}

// Error describes what is missing.
func (e *AuthorizationError) Error() string {
	msg := prefix(e.Tool) + "authorization needed: " + e.Reason
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg + doubt(e.MaybeDone)
}

// Unwrap returns the cause.
func (e *AuthorizationError) Unwrap() error { return e.Err }
