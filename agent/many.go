package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

// changesMany reports whether a tool changes all records that its filters find, which
// its route does not name, and which tools list and read them. If no tool lists them, both are
// nil, and the input names them by their ids.
func (a *Agent) changesMany(t *tool.Tool) (list, get *tool.Tool, many bool) {
	if t == nil || t.Method != http.MethodPut || len(pathParam(t)) > 0 {
		return nil, nil, false
	}
	list = a.at(http.MethodGet, t.Template)
	if list != nil && !list.Lists() { // there is one of it
		return nil, nil, false
	}
	parts := split(t.Template)
	for _, r := range a.paths[http.MethodGet+" "+parts[0]] {
		if list != nil && r.tool.Resource == t.Resource && len(r.parts) == len(parts)+1 && idParam(r.tool) != "" {
			return list, r.tool, true
		}
	}
	return nil, nil, true
}

// namedIn returns how many records an input names in a list, as an update of many does that
// takes ids: the ids in the longest list of them.
func namedIn(input json.RawMessage) (most int) {
	var list []json.RawMessage
	switch m := preview.Object(input); {
	case m != nil:
		for _, raw := range m {
			most = max(most, namedIn(raw))
		}
	case json.Unmarshal(input, &list) == nil:
		ids := map[string]bool{}
		for _, raw := range list {
			if id := preview.String(raw); idPattern.MatchString(id) {
				ids[id] = true
			}
			most = max(most, namedIn(raw), len(ids))
		}
	}
	return most
}

// many reads the records that an update of many would change, as they are now. A tool
// that no other reads records for keeps none.
func (s *Session) many(ctx context.Context, t *tool.Tool, input json.RawMessage) ([]Snapshot, error) {
	list, get, many := s.agent.changesMany(t)
	if !many || list == nil {
		return nil, nil
	}
	call, err := t.Prepare(s.bare, input)
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(call.Query())
	if err != nil {
		return nil, err
	}
	const page = 100
	query.Set("_limit", strconv.Itoa(page))
	k := &keeper{tool: t.Name, instead: "narrow the filters, and change them in several calls"}
	for {
		query.Set("_skip", strconv.Itoa(len(k.list)))
		var answer struct {
			Data    []json.RawMessage `json:"data"`
			HasMore bool              `json:"has_more"`
		}
		err := s.bare.Do(ctx, closekit.Request{Method: http.MethodGet, Path: list.Template, Query: query.Encode()}, func(r closekit.Response) error {
			return json.Unmarshal(r.Body, &answer)
		})
		if err != nil {
			return nil, fmt.Errorf("reading what %s would change: %w", t.Name, err)
		}
		for _, record := range answer.Data {
			if err := k.keep(get.Name, preview.String(preview.Object(record)["id"]), record); err != nil {
				return nil, err
			}
		}
		if err := k.fits(len(k.list), answer.HasMore); err != nil {
			return nil, err
		}
		if !answer.HasMore || len(answer.Data) == 0 {
			return k.list, nil
		}
	}
}

// manyShown shows the records of an update of many: their number, and the first ones.
func (v *viewer) manyShown(snaps []Snapshot) {
	v.fact("Number of records", preview.Count(len(snaps)), false)
	var names []string
	for _, x := range snaps[:min(len(snaps), mostOfSample)] {
		names = append(names, quotedName(x.ID, nameOf(x.JSON)))
	}
	v.sample(names, len(snaps))
}

// updateOf returns the tool that updates the record that another one reads, or nil.
func (a *Agent) updateOf(get string) *tool.Tool {
	if t := a.all[get]; t != nil && idParam(t) != "" {
		return a.at(http.MethodPut, t.Template)
	}
	return nil
}

// manyUpdate plans to restore, record by record, what a call has set in records that its
// route does not name.
func (u *undoer) manyUpdate(r Record, t *tool.Tool, x UndoStep) error {
	if len(r.Before) > 0 {
		return u.each(r, x, partsOf(r.Before, ""), func(*tool.Tool, part) ([]After, error) { return r.After, nil })
	}
	x.What, x.Problems = t.Name, []string{"it has found no record"}
	if list, _, _ := u.s.agent.changesMany(t); list == nil {
		x.Problems = []string{"no tool reads the records that it changes, so that what they were was not kept"}
	}
	u.plan.Steps = append(u.plan.Steps, x)
	return nil
}

// each plans to restore records one by one; set returns what the call has set in one.
func (u *undoer) each(r Record, x UndoStep, parts []part, set func(*tool.Tool, part) ([]After, error)) error {
	for _, part := range slices.Backward(parts) {
		update := u.s.agent.updateOf(part.tool)
		if update == nil {
			x := x
			x.What, x.Problems = r.Tool+" of "+part.id, []string{"no tool changes the record"}
			u.plan.Steps = append(u.plan.Steps, x)
			continue
		}
		one := r
		var err error
		if one.After, err = set(update, part); err != nil {
			return err
		}
		if err := u.restore(one, update, x, part.id, part.record); err != nil {
			return err
		}
	}
	return nil
}
