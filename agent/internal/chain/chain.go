// Package chain links the records of an audit log, so that a change shows, and writes
// what a record contains.
package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/closekit/closekit/agent"
)

// Head is the end of a chain: the position and hash of the last record.
type Head struct {
	Seq  int64
	Hash [32]byte
}

// Entry is a record in a chain. The hash is over the digest of the payload and not the
// payload, so that the payload can be erased; the payload has a digest of what is sealed,
// so that it can be sealed again with another key.
type Entry struct {
	Seq     int64
	Prev    [32]byte
	Digest  [32]byte
	Hash    [32]byte
	Payload []byte // nil if it was erased
	Sealed         // what the payload has a digest of
}

// Head returns the end of a chain that ends with e.
func (e *Entry) Head() Head { return Head{e.Seq, e.Hash} }

// Next returns the entry after head.
func Next(head Head, payload []byte, sealed Sealed) Entry {
	e := Entry{Seq: head.Seq + 1, Prev: head.Hash, Digest: sha256.Sum256(payload), Payload: payload, Sealed: sealed}
	e.Hash = e.sum()
	return e
}

func (e *Entry) sum() [32]byte {
	b := append([]byte("closekit audit\n"), make([]byte, 8)...)
	binary.BigEndian.PutUint64(b[len(b)-8:], uint64(e.Seq)) //nolint:gosec // positions are positive
	b = append(append(b, e.Prev[:]...), e.Digest[:]...)
	return sha256.Sum256(b)
}

// Verifier checks the entries of a chain in their order.
type Verifier struct {
	Vault  agent.Vault // opens what is sealed; nil only checks that it is there
	Report agent.ChainReport
	head   Head
}

// Check checks the next entry, which is at a line of a file, or 0.
func (v *Verifier) Check(e *Entry, line int64) error {
	if line == 0 {
		line = e.Seq
	}
	if why := v.refuse(e); why != "" {
		return &agent.ChainError{Line: line, Why: why}
	}
	if v.Report.Records == 0 {
		v.Report.First = e.Seq
	}
	if e.Payload == nil {
		v.Report.Erased++
	}
	v.Report.Records++
	v.Report.Last, v.Report.Head = e.Seq, agent.Digest(e.Hash)
	v.head = e.Head()
	return nil
}

func (v *Verifier) refuse(e *Entry) string {
	switch first := v.Report.Records == 0; {
	case e.Seq < 1:
		return fmt.Sprintf("its position is %d", e.Seq)
	case first && e.Seq == 1 && e.Prev != [32]byte{}:
		return "it is the first one and names one before it"
	case !first && e.Seq != v.head.Seq+1:
		return fmt.Sprintf("its position is %d, and %d comes here: records were removed, inserted or moved", e.Seq, v.head.Seq+1)
	case !first && e.Prev != v.head.Hash:
		return "it does not follow the record before it"
	case e.Hash != e.sum():
		return "its hash is not that of its position and digest"
	case e.Payload != nil && e.Digest != sha256.Sum256(e.Payload):
		return "its content was changed"
	}
	return e.checkSealed(v.Vault)
}

// Head returns the end of what was checked.
func (v *Verifier) Head() Head { return v.head }
