package chain

import (
	"encoding/json"

	"github.com/closekit/closekit/agent"
)

// Stored is an entry as databases keep it: with the columns that queries use, which
// repeat what the payload says.
type Stored struct {
	Seq                int64
	Account, Run       []byte
	Prev, Digest, Hash []byte
	Payload            []byte
	Key                *int64 // nil if nothing is sealed
	Blob               []byte
}

// sealed returns what is sealed in it.
func (s *Stored) sealed() Sealed {
	if s.Key == nil {
		return Sealed{Blob: s.Blob}
	}
	return Sealed{uint32(*s.Key), s.Blob} //nolint:gosec // as it was written
}

// Entry returns the entry of a record whose hashes are not needed.
func (s *Stored) Entry() Entry { return Entry{Seq: s.Seq, Payload: s.Payload, Sealed: s.sealed()} }

// Decode reads the record. Without a vault its snapshots are left out.
func (s *Stored) Decode(v agent.Vault) (agent.Record, error) {
	return Decode(s.Payload, s.sealed(), v)
}

// KeyColumn returns the id of a key for a column, nil if nothing is sealed.
func (s Sealed) KeyColumn() any {
	if s.Blob == nil {
		return nil
	}
	return int64(s.Key)
}

// CheckStored checks the next entry, and that the columns say what the payload says.
func (v *Verifier) CheckStored(s *Stored) error {
	e := s.Entry()
	for _, f := range []struct {
		from []byte
		to   *[32]byte
	}{{s.Prev, &e.Prev}, {s.Digest, &e.Digest}, {s.Hash, &e.Hash}} {
		if len(f.from) != len(f.to) {
			return &agent.ChainError{Line: s.Seq, Why: "one of its hashes has the wrong length"}
		}
		*f.to = [32]byte(f.from)
	}
	if err := v.Check(&e, 0); err != nil || s.Payload == nil {
		return err
	}
	var p payload
	if err := json.Unmarshal(s.Payload, &p); err != nil || p.Account != Text(string(s.Account)) || p.Run != Text(string(s.Run)) {
		return &agent.ChainError{Line: s.Seq, Why: "it was moved to another account or run"}
	}
	return nil
}
