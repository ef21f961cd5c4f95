package agent

import "fmt"

// ChainReport is what the verification of an audit log found. Every record has a hash
// over its position, the hash of the record before it, and a digest of its content; so
// a host that keeps Head can tell later whether anything up to it was changed, removed or
// inserted. A program that can write to the log can cut its end, or make a new one with
// hashes of its own: only a head that is kept elsewhere shows that.
type ChainReport struct {
	Records int64 // with those whose content was erased
	Erased  int64 // content was erased; the chain holds
	First   int64 // position of the first record; more than 1 after earlier ones were pruned
	Last    int64 // position of the last record, 0 if there is none
	Head    Digest
}

// ChainError reports the first record of an audit log that is not what was written.
type ChainError struct {
	Line int64 // of a file; in a database, the position
	Why  string
}

// Error says where the log is not intact, and why.
func (e *ChainError) Error() string {
	return fmt.Sprintf("the audit log is not intact at record %d: %s", e.Line, e.Why)
}
