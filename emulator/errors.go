package emulator

import "net/http"

// apiError is an answer other than success.
type apiError struct {
	status int
	body   any
}

func (e *apiError) Error() string { return http.StatusText(e.status) }

// refuse answers with one sentence under "error".
func refuse(status int, text string) *apiError {
	return &apiError{status: status, body: object{"error": text}}
}

// missing answers for an object that does not exist. The word before
// "matching" varies with the kind.
func missing(model string) *apiError {
	return refuse(http.StatusNotFound, "Empty query: "+model+" matching query does not exist.")
}

// problems collects what is wrong with the fields of a request. The zero value
// means nothing is.
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

// wrongList answers with a sentence under "errors".
func wrongList(text string) *apiError {
	return &apiError{status: http.StatusBadRequest, body: object{"errors": []any{text}, "field-errors": object{}}}
}

// Sentences for field errors.
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
