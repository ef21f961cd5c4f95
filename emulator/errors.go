package emulator

import "net/http"

// apiError is an error response.
type apiError struct {
	status int
	body   any
}

func (e *apiError) Error() string { return http.StatusText(e.status) }

// refuse returns an error with one sentence under "error".
func refuse(status int, text string) *apiError {
	return &apiError{status: status, body: object{"error": text}}
}

// missing returns the error for an object that does not exist. The word before
// "matching" depends on the resource.
func missing(model string) *apiError {
	return refuse(http.StatusNotFound, "Empty query: "+model+" matching query does not exist.")
}

// problems collects the errors in the fields of a request. The zero value has
// none.
type problems map[string]any

func (p *problems) add(field string, what any) {
	if *p == nil {
		*p = problems{}
	}
	if _, ok := (*p)[field]; !ok {
		(*p)[field] = what
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &apiError{status: http.StatusBadRequest, body: object{"errors": []any{}, "field-errors": object(p)}}
}

func fieldError(field, what string) error {
	return problems{field: what}.err()
}

// wrongList returns an error with one sentence under "errors".
func wrongList(text string) *apiError {
	return &apiError{status: http.StatusBadRequest, body: object{"errors": []any{text}, "field-errors": object{}}}
}

// Messages of field errors.
const (
	errRequired  = "This field is required."
	errNoObject  = "Object does not exist."
	errNotNull   = "This field may not be null."
	errNotDate   = "Not a valid date or date-time."
	errNotChoice = "Not a valid choice."
)

func errType(name string) string { return "Value must be of " + name + " type." }

func unknownURL() *apiError {
	return refuse(http.StatusNotFound, "The requested URL was not found on the server.")
}
