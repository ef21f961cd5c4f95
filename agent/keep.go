package agent

import (
	"encoding/json"
	"fmt"

	"github.com/closekit/closekit/agent/internal/preview"
)

// What the audit log keeps of the records of one call.
const (
	mostKept      = 500     // records
	mostBytesKept = 4 << 20 // of all of them together
)

// KeepError reports a change of many records that cannot be kept in the audit log as they
// were. Nothing was sent.
type KeepError struct {
	Tool    string
	Why     string
	Instead string // what can be done
}

// Error says why, and what to do instead.
func (e *KeepError) Error() string {
	return fmt.Sprintf("%s is not carried out: %s; %s", e.Tool, e.Why, e.Instead)
}

// keeper collects the records that a call changes, as they are.
type keeper struct {
	tool, instead string
	list          []Snapshot
	size          int
}

// fits returns an error if n records, or more than n, are too many.
func (k *keeper) fits(n int, more bool) error {
	if n < mostKept || n == mostKept && !more {
		return nil
	}
	number := preview.Count(n)
	if more {
		number = "more than " + number
	}
	return k.refuse(fmt.Sprintf("it is about %s records, and the audit log keeps at most %d of one call", number, mostKept))
}

// keep adds a record that the tool get reads.
func (k *keeper) keep(get, id string, record json.RawMessage) error {
	record = withoutSecrets(record)
	if k.size += len(record); k.size > mostBytesKept {
		return k.refuse(fmt.Sprintf("its records are larger than the %d MB that the audit log keeps of one call", mostBytesKept>>20))
	}
	k.list = append(k.list, Snapshot{Tool: get, ID: id, JSON: record})
	return nil
}

func (k *keeper) refuse(why string) error { return &KeepError{k.tool, why, k.instead} }
