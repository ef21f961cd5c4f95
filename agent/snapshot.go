package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

const (
	mostSnapshots  = 4       // records; a merge changes two
	mostOfSnapshot = 1 << 18 // bytes of one record
)

// target is a record that a call changes or deletes.
type target struct {
	param string
	id    string
	get   *tool.Tool // that reads it, or nil
}

// targets returns the records that a call changes: those in the path, all that a merge
// names, the one that a field is looked up for, and the settings that there are once.
func (a *Agent) targets(t *tool.Tool, input json.RawMessage) []target {
	merges := t.Effect.Has(closekit.Destructive)
	if t.Method == "" || t.Method == http.MethodGet {
		return nil
	}
	inPath := strings.Contains(t.Template, "{")
	if !inPath && t.Method == http.MethodPost && !t.Effect.Has(closekit.Overwrite) { // it creates; destructive includes overwrite
		return nil
	}
	in := preview.Object(input)
	var list []target
	if !merges && !inPath {
		if id := preview.String(in["object_id"]); t.Effect.Has(closekit.Overwrite) && len(a.gets()[prefixOf(id)]) > 0 {
			list = append(list, target{"object_id", id, a.gets()[prefixOf(id)][0]})
		}
		if get := a.getOf(t); get != nil {
			list = append(list, target{get: get})
		}
		return list
	}
	for _, part := range split(t.Template) {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			x := target{name, preview.String(in[name]), a.getOf(t)}
			if x.get != nil || idPattern.MatchString(x.id) { // other parts of a path say no record
				list = append(list, x)
			}
		}
	}
	if len(list) > 0 || !merges {
		return list
	}
	schema, err := t.Schema()
	if err != nil {
		return nil
	}
	for _, p := range schema.Properties {
		if id := preview.String(in[p.Name]); idPattern.MatchString(id) {
			for _, get := range a.gets()[prefixOf(id)] {
				if get.Resource == t.Resource { // others are only mentioned
					list = append(list, target{p.Name, id, get})
					break
				}
			}
		}
	}
	return list
}

// getOf returns the tool that reads the record that t changes, if one id is enough for
// it, or none is needed.
func (a *Agent) getOf(t *tool.Tool) *tool.Tool {
	get := a.at(http.MethodGet, t.Template)
	switch {
	case get == nil:
		return nil
	case idParam(get) != "":
		return get
	case t.Method == http.MethodPut && pathParam(get) == "" && !get.Lists():
		return get
	}
	return nil
}

// at returns the tool of a route.
func (a *Agent) at(method, template string) *tool.Tool {
	for _, r := range a.paths[method+" "+split(template)[0]] {
		if r.tool.Template == template {
			return r.tool
		}
	}
	return nil
}

var prefixInPattern = regexp.MustCompile(`([a-z]+)_\[A-Za-z0-9\]`)

// readers returns the tools that read one record, by the prefixes of its ids.
func (a *Agent) readers() map[string][]*tool.Tool {
	byPrefix := map[string][]*tool.Tool{}
	for _, t := range a.all {
		name := idParam(t)
		if t.Method != http.MethodGet || name == "" || !t.ReturnsRecord() {
			continue
		}
		schema, err := t.Schema()
		if err != nil || schema.Property(name) == nil {
			continue
		}
		var prefixes []string
		for _, m := range prefixInPattern.FindAllStringSubmatch(schema.Property(name).Pattern, -1) {
			prefixes = append(prefixes, m[1])
		}
		if strings.HasPrefix(t.Resource, "custom_fields_") {
			prefixes = []string{"cf", "lcf"} // older ids can have others
		}
		for _, p := range prefixes {
			byPrefix[p] = append(byPrefix[p], t)
		}
	}
	for _, list := range byPrefix {
		slices.SortFunc(list, func(x, y *tool.Tool) int { return strings.Compare(x.Name, y.Name) })
	}
	return byPrefix
}

// idParam returns the parameter in the path of a tool for one record, or "".
func idParam(t *tool.Tool) string {
	parts := split(t.Template)
	last := parts[len(parts)-1]
	if strings.Count(t.Template, "{") != 1 || !strings.HasPrefix(last, "{") {
		return ""
	}
	return strings.Trim(last, "{}")
}

// pathParam returns the first parameter in the path of a tool.
func pathParam(t *tool.Tool) string {
	_, rest, _ := strings.Cut(t.Template, "{")
	name, _, _ := strings.Cut(rest, "}")
	return name
}

func prefixOf(id string) string {
	p, _, _ := strings.Cut(id, "_")
	return p
}

// fetch reads a record.
func (s *Session) fetch(ctx context.Context, get *tool.Tool, id string) (json.RawMessage, error) {
	in := []byte("{}")
	if param := pathParam(get); param != "" {
		var err error
		if in, err = json.Marshal(map[string]string{param: id}); err != nil {
			return nil, err
		}
	}
	out, _, err := get.Do(ctx, s.bare, in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", id, err)
	}
	return withoutSecrets(out), nil
}

// withoutSecrets returns a record without keys that sign or authenticate.
func withoutSecrets(record json.RawMessage) json.RawMessage {
	m := preview.Object(record)
	if m["signature_key"] == nil {
		return record
	}
	delete(m, "signature_key")
	out, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	return out
}

// snapshots reads the records that a call changes, as they are now. One that is too
// large to keep has no JSON.
func (s *Session) snapshots(ctx context.Context, t *tool.Tool, input json.RawMessage) ([]Snapshot, error) {
	list, err := s.many(ctx, t, input)
	if err != nil {
		return nil, err
	}
	for _, x := range s.agent.targets(t, input) {
		if x.get == nil || x.id == "" && pathParam(x.get) != "" || len(list) == mostSnapshots {
			continue
		}
		record, err := s.fetch(ctx, x.get, x.id)
		if err != nil {
			return nil, err
		}
		list = append(list, snapshot(x, record))
	}
	return list, nil
}

func snapshot(x target, record json.RawMessage) Snapshot {
	if len(record) > mostOfSnapshot {
		record = nil
	}
	return Snapshot{Tool: x.get.Name, ID: x.id, JSON: record}
}

// counts reports whether a limit needs the records as they are: that of money the old
// value of an opportunity, that of writes how many there are.
func (s *Session) counts(t *tool.Tool) bool {
	_, _, many := s.agent.changesMany(t)
	return slices.ContainsFunc(limitsOf(s.agent.policy), func(l Limit) bool {
		return l.What == Money && (t.Resource == "opportunities" || takesDeals(t)) || l.What == Writes && many
	})
}

// takesDeals reports whether a call deletes opportunities with the lead that they are on. A
// merge moves them.
func takesDeals(t *tool.Tool) bool { return t.Resource == "leads" && t.Method == http.MethodDelete }

// moneyChange returns by how many cents a call changes the values of opportunities. If
// the old value is not known, the whole new value counts.
func moneyChange(p *planned) int64 {
	if p.tool == nil || p.effect == closekit.Read {
		return 0
	}
	if takesDeals(p.tool) {
		return dealsOf(p.before)
	}
	if p.tool.Resource != "opportunities" {
		return 0
	}
	before, known := int64(0), p.tool.Method == http.MethodPost
	for _, x := range p.before {
		if x.JSON != nil {
			known = true
			before, _ = cents(preview.Object(x.JSON)["value"])
		}
	}
	after, given := cents(preview.Object(p.input)["value"])
	switch {
	case p.tool.Method == http.MethodDelete:
		after = 0
	case !given:
		return 0
	case !known:
		before = 0
	}
	return max(after-before, before-after)
}

// dealsOf returns the value of all opportunities of leads.
func dealsOf(leads []Snapshot) (sum int64) {
	for _, x := range leads {
		var deals []map[string]json.RawMessage
		_ = json.Unmarshal(preview.Object(x.JSON)["opportunities"], &deals) // Close always returns a list
		for _, d := range deals {
			value, _ := cents(d["value"])
			sum += max(value, -value)
		}
	}
	return sum
}

func cents(raw json.RawMessage) (int64, bool) {
	var n *int64
	if len(raw) == 0 || json.Unmarshal(raw, &n) != nil {
		return 0, false
	}
	if n == nil {
		return 0, true
	}
	return *n, true
}
