package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

const mostNames = 50 // records that a preview reads for their names

// names are the names of the records that a preview refers to.
type names struct {
	s       *Session
	tool    *tool.Tool
	byID    map[string]string
	records map[string]json.RawMessage
	unknown []string // ids that cannot be looked up
	read    int
	lists   bool // whether the lists of names were read
}

func newNames(s *Session, t *tool.Tool) names {
	return names{s: s, tool: t, byID: map[string]string{}, records: map[string]json.RawMessage{}}
}

// show returns an id with the name of its record, or "" for text that is no known id.
func (n *names) show(id string) string {
	name, ok := n.byID[id]
	if !ok {
		return ""
	}
	return name
}

func (n *names) add(id string, record json.RawMessage) {
	n.records[id] = record
	n.byID[id] = quotedName(id, nameOf(record))
}

func quotedName(id, name string) string {
	if name == "" {
		return id
	}
	return fmt.Sprintf("“%s” (%s)", name, id)
}

// nameOf returns what people call a record.
func nameOf(record json.RawMessage) string {
	m := preview.Object(record)
	name := strings.TrimSpace(preview.String(m["first_name"]) + " " + preview.String(m["last_name"]))
	for _, f := range []string{"display_name", "name", "label", "subject", "title", "text", "note", "body", "lead_name", "email", "url"} {
		if name == "" {
			name = preview.String(m[f])
		}
	}
	if money := preview.String(m["value_formatted"]); money != "" {
		name += ", " + preview.String(m["status_label"]) + ", " + money
	}
	name, _ = preview.Cut(strings.Join(strings.Fields(name), " "), 80)
	return name
}

// resolve finds the names of ids. An id that Close does not know, or that no tool
// reads, is shown as it is.
func (n *names) resolve(ctx context.Context, ids []string) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if n.byID[id] != "" {
			continue
		}
		if err := n.find(ctx, id); err != nil {
			return err
		}
		if n.byID[id] == "" {
			n.byID[id] = id
			n.unknown = append(n.unknown, id)
		}
	}
	return nil
}

func (n *names) find(ctx context.Context, id string) error {
	gets := n.s.agent.gets()[prefixOf(id)]
	if len(gets) == 0 {
		return n.listed(ctx)
	}
	// Several kinds of records share a prefix; the tool's own kind comes first.
	own := func(t *tool.Tool) int {
		if t.Resource == n.tool.Resource || strings.TrimPrefix(t.Resource, "custom_fields_") == strings.TrimSuffix(n.tool.Resource, "s") {
			return 0
		}
		return 1
	}
	gets = slices.SortedStableFunc(slices.Values(gets), func(x, y *tool.Tool) int { return own(x) - own(y) })
	for _, get := range gets {
		if n.read == mostNames {
			return nil
		}
		n.read++
		record, err := n.s.fetch(ctx, get, id)
		switch {
		case err == nil:
			n.add(id, record)
			return nil
		case closekit.IsNotFound(err):
		default:
			return err
		}
	}
	return nil
}

// listed reads the records that have no tool of their own, such as statuses and
// connected email accounts: they are parts of the user's organization.
func (n *names) listed(ctx context.Context) error {
	if n.lists {
		return nil
	}
	n.lists = true
	var all any
	err := n.s.bare.Do(ctx, closekit.Request{Method: "GET", Path: "/me/"}, func(r closekit.Response) error { return json.Unmarshal(r.Body, &all) })
	if err != nil {
		return fmt.Errorf("reading names of statuses and accounts: %w", err)
	}
	n.walk(all)
	return nil
}

func (n *names) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			n.walk(x)
		}
	case map[string]any:
		if id, ok := v["id"].(string); ok && n.byID[id] == "" {
			if raw, err := json.Marshal(v); err == nil && nameOf(raw) != "" {
				n.byID[id] = quotedName(id, nameOf(raw))
			}
		}
		for _, x := range v {
			n.walk(x)
		}
	}
}
