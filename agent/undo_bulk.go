package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

// bulkAfter returns what a bulk edit sets in each record. Of one that adds or removes
// values it is what it adds or removes.
func bulkAfter(input, response json.RawMessage) []After {
	in := preview.Object(input)
	kind := preview.String(in["type"])
	if kind == "" {
		return nil
	}
	if kind == "set_lead_status" {
		return []After{{"status_id", digestOf(in["lead_status_id"])}}
	}
	id := preview.String(in["custom_field_id"])
	if id == "" { // it was named
		id = preview.String(preview.Object(response)["custom_field_id"])
	}
	value := in["custom_field_value"]
	if preview.Empty(value) {
		value = in["custom_field_values"]
	}
	if strings.HasPrefix(kind, "clear_") {
		value = nil
	}
	return []After{{"custom." + id, digestOf(value)}}
}

// keptNames names the records that were kept.
func keptNames(before []Snapshot) string {
	const most = 20
	var names []string
	for i, x := range before {
		if i == most {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %s more", preview.Count(len(before)-most))
		}
		names = append(names, quotedName(x.ID, nameOf(x.JSON)))
	}
	return strings.Join(names, ", ")
}

// bulkEdit plans to restore the records of a bulk edit, one by one.
func (u *undoer) bulkEdit(r Record, t *tool.Tool, x UndoStep) error {
	kind := preview.String(preview.Object(r.Input)["type"])
	var problem string
	field, err := u.fieldOf(r, kind)
	if err != nil {
		return err
	}
	r.After = field
	switch ended, err := u.ended(r, t); {
	case err != nil:
		return err
	case !ended:
		problem = "it has not ended; undo it when it has"
	case len(r.After) != 1:
		problem = "what it has set is not in the audit log"
	}
	if problem != "" {
		x.Problems = []string{problem}
		u.plan.Steps = append(u.plan.Steps, x)
		return nil
	}
	return u.each(r, x, partsOf(r.Before, kind), func(update *tool.Tool, p part) ([]After, error) { return u.set(r, update, p) })
}

// set returns what the edit has set in one record. Of a custom field with several values,
// that depends on those that it had.
func (u *undoer) set(r Record, update *tool.Tool, p part) ([]After, error) {
	field, in := r.After[0].Field, preview.Object(r.Input)
	now, err := u.now(u.s.agent.getOf(update), p.id)
	if err != nil {
		return nil, err
	}
	old, wasList := elements(preview.Object(p.record)[field])
	if _, isList := elements(now[field]); !wasList && !isList || strings.HasPrefix(preview.String(in["type"]), "clear_") {
		return r.After, nil
	}
	given, several := elements(in["custom_field_values"])
	if value := in["custom_field_value"]; !several && !preview.Empty(value) {
		if given, several = elements(value); !several {
			given = []json.RawMessage{value}
		}
	}
	among := func(list []json.RawMessage) func(json.RawMessage) bool {
		return func(x json.RawMessage) bool {
			return slices.ContainsFunc(list, func(y json.RawMessage) bool { return preview.Equal(x, y) })
		}
	}
	switch preview.String(in["custom_field_operation"]) {
	case "add":
		given = slices.Concat(old, slices.DeleteFunc(given, among(old)))
	case "remove":
		given = slices.DeleteFunc(old, among(given))
	}
	list, err := json.Marshal(given)
	return []After{{field, digestOf(list)}}, err
}

// elements returns the elements of a list, and reports whether it is one.
func elements(raw json.RawMessage) (list []json.RawMessage, ok bool) {
	return list, json.Unmarshal(raw, &list) == nil && list != nil
}

// fieldOf returns what an edit has set. Without its outcome, the id of a custom field that
// the call named is looked up.
func (u *undoer) fieldOf(r Record, kind string) ([]After, error) {
	if len(r.After) != 1 || r.After[0].Field != "custom." || len(r.Before) == 0 {
		return r.After, nil
	}
	_, owner, _ := strings.Cut(strings.TrimSuffix(kind, "_custom_field"), "_")
	switch owner {
	case "": // set_custom_field
		owner = "lead"
	case "global": // a shared field, of the records of the query
		owner = strings.TrimSuffix(strings.TrimPrefix(r.Before[0].Tool, "close_"), "_get")
	}
	fields, err := (&directory{session: u.s}).fields(u.ctx, owner)
	if err != nil {
		return nil, fmt.Errorf("looking for the custom field that %s has set: %w", r.ID, err)
	}
	name := preview.String(preview.Object(r.Input)["custom_field_name"])
	found := slices.DeleteFunc(slices.Clone(fields), func(f thing) bool { return !slices.Contains(f.labels, name) })
	if len(found) != 1 {
		return nil, nil
	}
	return []After{{"custom." + found[0].id, r.After[0].Value}}, nil
}

// ended reports whether the job of a bulk action has ended. If its outcome is missing, so is
// its id: then it is any job of the kind.
func (u *undoer) ended(r Record, t *tool.Tool) (bool, error) {
	get := u.of(t, http.MethodGet)
	if get == nil {
		return true, nil
	}
	over := func(job json.RawMessage) bool {
		status := preview.String(preview.Object(job)["status"])
		return status == "done" || status == "error"
	}
	if len(r.IDs) > 0 {
		job, err := u.s.fetch(u.ctx, get, r.IDs[0])
		return err == nil && over(job), err
	}
	list := u.s.agent.at(http.MethodGet, t.Template)
	if list == nil {
		return true, nil
	}
	out, _, err := list.Do(u.ctx, u.s.bare, json.RawMessage("{}"))
	if err != nil {
		return false, fmt.Errorf("looking for a job that %s has started: %w", r.ID, err)
	}
	jobs, _ := elements(preview.Object(out)["data"])
	return !slices.ContainsFunc(jobs, func(job json.RawMessage) bool { return !over(job) }), nil
}

// part is a record that a call has changed, as it was.
type part struct {
	tool   string // that reads it
	id     string
	record json.RawMessage
}

// partsOf returns the records that an edit of a type has changed: those that were kept, or
// what kept leads have of them.
func partsOf(before []Snapshot, kind string) []part {
	list, get := "", ""
	switch {
	case strings.HasSuffix(kind, "_contact_custom_field"):
		list, get = "contacts", "close_contact_get"
	case strings.HasSuffix(kind, "_opportunity_custom_field"):
		list, get = "opportunities", "close_opportunity_get"
	}
	var parts []part
	for _, x := range before {
		if list == "" || x.Tool == get {
			parts = append(parts, part{x.Tool, x.ID, x.JSON})
			continue
		}
		var within []json.RawMessage
		if json.Unmarshal(preview.Object(x.JSON)[list], &within) != nil {
			continue
		}
		for _, raw := range within {
			parts = append(parts, part{get, preview.String(preview.Object(raw)["id"]), raw})
		}
	}
	return parts
}
