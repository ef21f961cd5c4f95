package auditlog

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/internal/chain"
)

// line is a line of a log.
type line struct{ entry chain.Entry }

// text is a line as it is written.
type text struct {
	Seq    int64           `json:"seq"`
	Prev   string          `json:"prev"`
	Digest string          `json:"digest"`
	Hash   string          `json:"hash"`
	Erased bool            `json:"erased,omitempty"`
	Record json.RawMessage `json:"record,omitempty"`
	Key    uint32          `json:"key,omitempty"`
	Sealed []byte          `json:"sealed,omitempty"`
}

func encode(e *chain.Entry) ([]byte, error) {
	b, err := json.Marshal(text{e.Seq, hex.EncodeToString(e.Prev[:]), hex.EncodeToString(e.Digest[:]), hex.EncodeToString(e.Hash[:]), e.Payload == nil, e.Payload, e.Key, e.Blob})
	return append(b, '\n'), err
}

// decode reads a line. A key that it does not know, or has twice, would be content
// that no hash covers.
func decode(b []byte) (*line, string) {
	var t text
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return nil, "it is no line of an audit log"
	}
	l := &line{chain.Entry{Seq: t.Seq, Payload: t.Record, Sealed: chain.Sealed{Key: t.Key, Blob: t.Sealed}}}
	for _, f := range []struct {
		text string
		to   *[32]byte
	}{{t.Prev, &l.entry.Prev}, {t.Digest, &l.entry.Digest}, {t.Hash, &l.entry.Hash}} {
		digest, err := agent.ParseDigest(f.text)
		if err != nil {
			return nil, "one of its hashes has not 64 hexadecimal digits"
		}
		*f.to = digest
	}
	if t.Erased != (t.Record == nil) {
		return nil, "it has no record, and does not say that it was erased"
	}
	if again, err := encode(&l.entry); err != nil || !bytes.Equal(again, append(slices.Clip(b), '\n')) {
		return nil, "it is not written as this package writes"
	}
	return l, ""
}

// tornError reports that the last line has no end.
type tornError struct {
	line, bytes int64
}

func (e *tornError) Error() string {
	return fmt.Sprintf("the last line, %d, is cut: a crash does that while a record is written, and opening the log for writing removes it", e.line)
}

// scan visits the lines of a log, and returns how many bytes the complete ones have.
func scan(r io.Reader, visit func(l *line, number int64) error) (size int64, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	for number := int64(1); ; number++ {
		b, err := br.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && len(b) == 0:
			return size, nil
		case errors.Is(err, io.EOF):
			return size, &tornError{number, int64(len(b))}
		case err != nil:
			return size, err
		}
		l, why := decode(b[:len(b)-1])
		if why != "" {
			return size, &agent.ChainError{Line: number, Why: why}
		}
		if err := visit(l, number); err != nil {
			return size, err
		}
		size += int64(len(b))
	}
}

// Verify reads a log and checks that it is what was written. The first line that is
// not is an [*agent.ChainError]. The report covers what comes before it.
func Verify(r io.Reader) (agent.ChainReport, error) {
	report, _, err := VerifyWith(r, agent.Digest{})
	return report, err
}

// VerifyWith is [Verify], and reports whether head, the head of an earlier report, is
// still in the log: if not, lines were cut off its end, or pruned from its beginning.
func VerifyWith(r io.Reader, head agent.Digest) (report agent.ChainReport, found bool, err error) {
	var v chain.Verifier
	_, err = scan(r, func(l *line, number int64) error {
		found = found || agent.Digest(l.entry.Hash) == head
		return v.Check(&l.entry, number)
	})
	var torn *tornError
	if errors.As(err, &torn) {
		err = &agent.ChainError{Line: torn.line, Why: "it is cut: a crash does that while a record is written, and opening the log for writing removes it"}
	}
	return v.Report, found, err
}

// Read returns the records of a log, as [Log.Records] does. It does not verify them. A
// last line that is cut, or being written, is left out.
func Read(r io.Reader, q agent.RunQuery, v agent.Vault) ([]agent.Record, error) {
	var list []agent.Record
	q.Run, q.Account = chain.Text(q.Run), chain.Text(q.Account)
	_, err := scan(r, func(l *line, number int64) error {
		if l.entry.Payload == nil {
			return nil
		}
		record, err := chain.Decode(l.entry.Payload, chain.Sealed{}, nil)
		if err == nil && q.Selects(&record) {
			if record, err = chain.Decode(l.entry.Payload, l.entry.Sealed, v); err == nil {
				list = append(list, record)
			}
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		return nil
	})
	var torn *tornError
	if err != nil && !errors.As(err, &torn) {
		return nil, fmt.Errorf("auditlog: %w", err)
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[len(list)-q.Limit:]
	}
	return list, nil
}
