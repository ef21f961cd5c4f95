package agent

import (
	"context"
	"encoding/json"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
)

func (s *Session) preview(ctx context.Context, t *tool.Tool, input json.RawMessage, e closekit.Effect) (Preview, []Snapshot, error) {
	snaps, err := s.snapshots(ctx, t, input)
	v := Preview{Title: t.Info.Title, Facts: []Fact{{"Input", string(input), true}}, Records: 1}
	for _, x := range snaps {
		v.Facts = append(v.Facts, Fact{x.ID, string(x.JSON), true})
	}
	return v, snaps, err
}

func (s *Session) snapshots(ctx context.Context, t *tool.Tool, input json.RawMessage) ([]Snapshot, error) {
	return nil, nil
}

func moneyChange(p *planned) int64 { return 0 }

// Redact returns input for the audit log.
func Redact(input json.RawMessage) json.RawMessage { return input }
