package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/querytext"
)

// byHost reports whether the host's code makes the call, on the client of the session.
func (p *planned) byHost() bool { return strings.HasPrefix(p.id, hostPrefix) }

// keeps reports whether the records that a call changes must be kept before. What the
// host's code does in bulk has the brake of its own call.
func (p *planned) keeps() bool { return p.tool != nil && p.tool.Keeps && !p.byHost() }

// bulkKeeper returns a keeper of the records of a bulk action.
func bulkKeeper(t *tool.Tool) *keeper {
	return &keeper{tool: t.Name, list: []Snapshot{}, instead: "narrow the query with the user, or tell them that a person can do it with: closekit call " + t.Name + " … --undo FILE"}
}

// keepable refuses a call whose records cannot be kept. It is asked before a person is, and
// again before the call, which another program can carry out.
func (s *Session) keepable(p *planned) error {
	if !p.keeps() {
		return nil
	}
	scope, confirmed, err := p.tool.Scope(p.input)
	if err != nil {
		return err
	}
	keeps := func(k Sink) bool {
		k2, ok := k.(SnapshotSink)
		return ok && k2.KeepsSnapshots()
	}
	k := bulkKeeper(p.tool)
	switch {
	case len(s.agent.sinks) == 0:
		return k.refuse("this program keeps no audit log, so nothing could be restored")
	case !slices.ContainsFunc(s.agent.sinks, keeps):
		return k.refuse("the audit log of this program does not keep records as they were, so nothing could be restored; it needs a vault, or a sink that is an agent.SnapshotSink")
	}
	if err := scope.CanKeep(); err != nil {
		return k.refuse(err.Error())
	}
	return k.fits(confirmed.Count, false)
}

// beforeBulk counts the records that a bulk action is about, and keeps those that it
// changes as they are.
func (s *Session) beforeBulk(ctx context.Context, p *planned) error {
	scope, confirmed, err := p.tool.Scope(p.input)
	if err != nil {
		return err
	}
	p.records = confirmed.Count
	if p.byHost() {
		return s.countBulk(ctx, p, scope)
	}
	if !p.keeps() {
		return nil
	}
	if err := s.keepable(p); err != nil {
		return err
	}
	k := bulkKeeper(p.tool)
	err = scope.Records(ctx, s.bare, confirmed.Count, func(r closekit.BulkRecord, record json.RawMessage) error {
		return k.keep(r.Reader(), r.ID, record)
	})
	p.before = k.list
	var own *KeepError
	if err != nil && !errors.As(err, &own) {
		err = fmt.Errorf("keeping the records for an undo: %w", err)
	}
	return err
}

// countBulk counts the records of a bulk action of the host's code, if a limit needs their
// number: what was confirmed there is not in the request.
func (s *Session) countBulk(ctx context.Context, p *planned, scope *closekit.BulkScope) error {
	if !slices.ContainsFunc(limitsOf(s.agent.policy), func(l Limit) bool { return l.What == Writes || l.What == Sends }) {
		return nil
	}
	seen, err := scope.Look(ctx, s.bare, 0)
	if err != nil {
		return fmt.Errorf("counting the records for the limits: %w", err)
	}
	p.records = seen.Count
	return nil
}

// bulk shows what a bulk action is about.
func (v *viewer) bulk(ctx context.Context) error {
	scope, _, err := v.tool.Scope(v.raw)
	if err != nil || scope == nil {
		return err
	}
	seen, err := scope.Look(ctx, v.s.bare, mostOfSample)
	if err != nil {
		return err
	}
	kind := strings.ReplaceAll(seen.Kind, ".", " ")
	if seen.Everything {
		v.warn("ALL RECORDS OF THE KIND: it is about every %s of the organization, %s in all.", kind, preview.Count(seen.Count))
	}
	number := preview.Count(seen.Count)
	if seen.Found > seen.Count {
		number += " of the " + preview.Count(seen.Found) + " that the query finds"
	}
	v.fact("Number of records", number+", of the kind "+kind, false)
	v.fact("Query in words", querytext.String(scope.Query), true)
	var names []string
	for _, r := range seen.Sample {
		names = append(names, quotedName(r.ID, r.Name))
	}
	v.sample(names, seen.Count)
	return nil
}

// mostOfSample is how many records a preview of a change of many names.
const mostOfSample = 10

// sample shows the first of n records by their names.
func (v *viewer) sample(names []string, n int) {
	v.Records = n
	names = names[:min(len(names), mostOfSample)]
	if more := n - len(names); more > 0 && len(names) > 0 {
		names = append(slices.Clip(names), fmt.Sprintf("and %s more", preview.Count(more)))
	}
	v.fact("Records", strings.Join(names, "\n"), true)
}
