package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

// mostChanged is the number of records that one update of many may change: what they
// were is kept in its record of the audit log.
const mostChanged = 500

// TooManyError reports an update of many records that would change more than can be
// kept as they were. Nothing was sent.
type TooManyError struct {
	Tool string
	Most int
}

// Error says how many there may be.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("%s would change more than %d records, and what they were could not be kept; narrow the filters, and change them in several calls", e.Tool, e.Most)
}

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

var errLook = errors.New("only the request is wanted")

// queryOf returns the query with which a call would be sent.
func (s *Session) queryOf(ctx context.Context, t *tool.Tool, input json.RawMessage) (url.Values, error) {
	query := ""
	look := s.bare.With(nil, closekit.WithGuard(func(_ context.Context, req closekit.Request) error {
		query = req.Query
		return errLook
	}))
	if _, _, err := t.Do(ctx, look, input); !errors.Is(err, errLook) {
		return nil, err
	}
	return url.ParseQuery(query)
}

// many reads the records that an update of many would change, as they are now. A tool
// that no other reads records for keeps none.
func (s *Session) many(ctx context.Context, t *tool.Tool, input json.RawMessage) ([]Snapshot, error) {
	list, get, many := s.agent.changesMany(t)
	if !many || list == nil {
		return nil, nil
	}
	query, err := s.queryOf(ctx, t, input)
	if err != nil {
		return nil, err
	}
	const page = 100
	query.Set("_limit", strconv.Itoa(page))
	var snaps []Snapshot
	for {
		query.Set("_skip", strconv.Itoa(len(snaps)))
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
			snaps = append(snaps, snapshot(target{get: get, id: preview.String(preview.Object(record)["id"])}, record))
		}
		switch {
		case len(snaps) > mostChanged || answer.HasMore && len(snaps) == mostChanged:
			return nil, &TooManyError{t.Name, mostChanged}
		case !answer.HasMore || len(answer.Data) == 0:
			return snaps, nil
		}
	}
}

// manyShown shows the records of an update of many: their number, and the first ones.
func (v *viewer) manyShown(snaps []Snapshot) {
	const most = 10
	v.Records = len(snaps)
	v.fact("Records", preview.Count(len(snaps)), false)
	for i, x := range snaps {
		if i == most {
			v.fact("", fmt.Sprintf("and %s more", preview.Count(len(snaps)-most)), false)
			break
		}
		v.fact("", quotedName(x.ID, nameOf(x.JSON)), true)
	}
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
	for _, before := range r.Before {
		update := u.s.agent.updateOf(before.Tool)
		if update == nil {
			continue
		}
		in, err := json.Marshal(map[string]string{idParam(update): before.ID})
		if err != nil {
			return err
		}
		one := r
		one.Input, one.Before = in, []Snapshot{before}
		if err := u.update(one, update, UndoStep{Calls: []string{r.ID}}); err != nil {
			return err
		}
	}
	if len(r.Before) > 0 {
		return nil
	}
	x.What, x.Problems = t.Name, []string{"it has found no record"}
	if list, _, _ := u.s.agent.changesMany(t); list == nil {
		x.Problems = []string{"no tool reads the records that it changes, so that what they were was not kept"}
	}
	u.plan.Steps = append(u.plan.Steps, x)
	return nil
}
