package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/internal/querytext"
)

// What the audit log keeps of the records of one bulk action.
const (
	mostOfBulk      = 500     // records
	mostBytesOfBulk = 4 << 20 // of all of them together
)

// BulkError reports a bulk edit or deletion whose records cannot be kept in the audit log.
// Nothing was sent.
type BulkError struct {
	Tool string
	Why  string
}

// Error says why, and how a person does it.
func (e *BulkError) Error() string {
	return fmt.Sprintf("%s is not carried out: %s; a person can do it with closekit call %[1]s … --undo FILE", e.Tool, e.Why)
}

// ModelText is the text for the model.
func (e *BulkError) ModelText() string {
	return fmt.Sprintf("Nothing was sent: %s. Narrow the query with the user, or tell them that a person can do it with: closekit call %s … --undo FILE", e.Why, e.Tool)
}

// keeps reports whether the records that a call changes must be kept before. What the
// host's code does in bulk has the brake of its own call.
func (p *planned) keeps() bool {
	return p.tool != nil && p.tool.Keeps && !strings.HasPrefix(p.id, hostPrefix)
}

// confirmed returns the number of records that a call of a bulk action confirms.
func (p *planned) confirmed() (n int64) {
	if json.Unmarshal(preview.Object(p.input)["confirm_count"], &n) != nil {
		return 0
	}
	return n
}

// keepable refuses a call whose records cannot be kept, before a person is asked.
func (s *Session) keepable(p *planned) error {
	if !p.keeps() {
		return nil
	}
	if len(s.agent.sinks) == 0 {
		return &BulkError{p.tool.Name, "this program keeps no audit log, so nothing could be restored"}
	}
	if n := p.confirmed(); n > mostOfBulk {
		return &BulkError{p.tool.Name, fmt.Sprintf("it is about %s records, and the audit log keeps at most %d of one call", preview.Count(int(n)), mostOfBulk)}
	}
	return nil
}

// beforeBulk keeps the records that a bulk action changes, as they are.
func (s *Session) beforeBulk(ctx context.Context, p *planned) error {
	scope, err := p.tool.Scope(p.input)
	if err != nil {
		return err
	}
	size := 0
	p.before = []Snapshot{}
	err = scope.Records(ctx, s.bare, int(p.confirmed()), func(r closekit.BulkRecord, record json.RawMessage) error {
		record = withoutSecrets(record)
		if size += len(record); size > mostBytesOfBulk {
			return &BulkError{p.tool.Name, fmt.Sprintf("its records are larger than the %d MB that the audit log keeps of one call", mostBytesOfBulk>>20)}
		}
		p.before = append(p.before, Snapshot{Tool: r.Reader(), ID: r.ID, JSON: record})
		return nil
	})
	var own *BulkError
	if err != nil && !errors.As(err, &own) {
		err = fmt.Errorf("keeping the records for an undo: %w", err)
	}
	return err
}

// mostOfSample is how many records a preview of a bulk action names.
const mostOfSample = 10

// bulk shows what a bulk action is about.
func (v *viewer) bulk(ctx context.Context) error {
	scope, err := v.tool.Scope(v.raw)
	if err != nil || scope == nil {
		return err
	}
	seen, err := scope.Look(ctx, v.s.bare, mostOfSample)
	if err != nil {
		return err
	}
	v.Records = seen.Count
	kind := strings.ReplaceAll(seen.Kind, ".", " ")
	if seen.Everything {
		v.warn("ALL RECORDS OF THE KIND: it is about every %s of the organization, %s in all.", kind, preview.Count(seen.Count))
	}
	v.fact("Number of records", preview.Count(seen.Count)+", of the kind "+kind, false)
	v.fact("Query in words", querytext.String(scope.Query), true)
	var names []string
	for _, r := range seen.Sample {
		names = append(names, quotedName(r.ID, r.Name))
	}
	if more := seen.Count - len(seen.Sample); more > 0 && len(names) > 0 {
		names = append(names, fmt.Sprintf("and %s more", preview.Count(more)))
	}
	v.fact("Records", strings.Join(names, "\n"), true)
	return nil
}
