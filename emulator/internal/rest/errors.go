package rest

import "net/http"

// Error is an error response.
type Error struct {
	Status int
	Body   any
}

// Error returns the text of the status.
func (e *Error) Error() string { return http.StatusText(e.Status) }

// Refuse returns an error with one sentence under "error".
func Refuse(status int, text string) *Error {
	return &Error{Status: status, Body: object{"error": text}}
}

// Missing returns the error for an object that does not exist. The word before
// "matching" depends on the resource.
func Missing(model string) *Error {
	return Refuse(http.StatusNotFound, "Empty query: "+model+" matching query does not exist.")
}

// Problems collects the errors in the fields of a request. The zero value has
// none.
type Problems map[string]any

// Add adds an error for a field, unless it has one.
func (p *Problems) Add(field string, what any) {
	if *p == nil {
		*p = Problems{}
	}
	if _, ok := (*p)[field]; !ok {
		(*p)[field] = what
	}
}

// Err returns the response for the problems, or nil if there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Status: http.StatusBadRequest, Body: object{"errors": []any{}, "field-errors": object(p)}}
}

// FieldError returns the error for a single field.
func FieldError(field, what string) error {
	return Problems{field: what}.Err()
}

// WrongList returns an error with one sentence under "errors".
func WrongList(text string) *Error {
	return &Error{Status: http.StatusBadRequest, Body: object{"errors": []any{text}, "field-errors": object{}}}
}

// Messages of field errors.
const (
	MsgRequired  = "This field is required."
	MsgNoObject  = "Object does not exist."
	MsgNotNull   = "This field may not be null."
	MsgNotDate   = "Not a valid date or date-time."
	MsgNotChoice = "Not a valid choice."
)

// MsgType returns the message for a value of the wrong type.
func MsgType(name string) string { return "Value must be of " + name + " type." }

// UnknownURL returns the error for a path without a resource.
func UnknownURL() *Error {
	return Refuse(http.StatusNotFound, "The requested URL was not found on the server.")
}
