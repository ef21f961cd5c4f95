package records

import (
	"fmt"
	"strings"
	"time"
)

// AmbiguousError reports that several records match, so that none was chosen and none
// was created.
type AmbiguousError struct {
	Kind string // lead or contact
	IDs  []string
}

// Error names the records.
func (e *AmbiguousError) Error() string {
	ids := e.IDs
	more := ""
	if len(ids) > 10 {
		ids, more = ids[:10], fmt.Sprintf(" and %d more", len(ids)-10)
	}
	return fmt.Sprintf("%d records of the kind %s match: %s%s; merge them, or use the id of one", len(e.IDs), e.Kind, strings.Join(ids, ", "), more)
}

// InDoubtError reports that a record may have been created without a response: it is
// neither in the search nor in the event log yet, and is not created again before
// Until.
type InDoubtError struct {
	Until time.Time
	Err   error // of the attempt
}

// Error says when to try again.
func (e *InDoubtError) Error() string {
	return fmt.Sprintf("the record may have been created; try again after %s, when the search will know: %v", e.Until.UTC().Format(time.RFC3339), e.Err)
}

// Unwrap returns the error of the attempt.
func (e *InDoubtError) Unwrap() error { return e.Err }

// ChangedError reports that a record is not as it was read, so that the update was
// not carried out.
type ChangedError struct {
	Fields []string // names that differ, sorted
	Record any      // the record as it is now, such as a *closeapi.Lead
}

// Error names the fields.
func (e *ChangedError) Error() string {
	return "not updated, because the record has changed since it was read: " + strings.Join(e.Fields, ", ")
}
