package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

// UndoPlan is what can be restored of what a run has done, and what cannot.
type UndoPlan struct {
	Run   string
	Steps []UndoStep // the newest call first
}

// UndoStep is about one call of the run, or about one record that several calls have
// changed.
type UndoStep struct {
	Calls []string // ids of the calls, exec_…
	What  string   // close_lead_update of “Acme” (lead_…)
	// Restore is the call that restores, nil if there is nothing to restore or no
	// way to.
	Restore *Invocation
	Fields  []string // that Restore sets to what they were
	// Problems say what is not restored, and why.
	Problems []string
}

// Text returns the plan for a terminal.
func (p UndoPlan) Text() string {
	var b strings.Builder
	if len(p.Steps) == 0 {
		return "The run " + p.Run + " has changed nothing that is in the audit log.\n"
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, visible(s.What))
		switch {
		case s.Restore == nil && len(s.Problems) == 0:
			b.WriteString("   nothing to do: it is as it was\n")
		case s.Restore != nil && len(s.Fields) == 0:
			fmt.Fprintf(&b, "   restore by %s\n", s.Restore.Name)
		case s.Restore != nil:
			fmt.Fprintf(&b, "   restore %s by %s\n", visible(strings.Join(s.Fields, ", ")), s.Restore.Name)
		}
		for _, x := range s.Problems {
			fmt.Fprintf(&b, "   cannot restore: %s\n", visible(x))
		}
	}
	return b.String()
}

func visible(s string) string {
	s, _ = preview.Visible(strings.ReplaceAll(s, "\n", " "))
	return s
}

// afterOf returns what a call has set: the fields of its input, as Close returned them.
func afterOf(p *planned) []After {
	if p.tool != nil && p.tool.Keeps && p.result != nil && p.result.Err == nil {
		return bulkAfter(p.input, p.result.JSON)
	}
	if p.tool == nil || p.effect == closekit.Read || p.result == nil || p.result.Err != nil {
		return nil
	}
	if p.tool.Method != http.MethodPut && len(p.before) != 1 {
		return nil
	}
	record := preview.Object(p.result.JSON)
	var list []After
	if p.tool.Method != http.MethodPut { // a field that was looked up has been set, unless it was there or not wanted
		if id := preview.String(preview.Object(p.input)["field_id"]); strings.HasPrefix(id, "cf_") {
			list = append(list, After{"custom." + id, digestOf(record["value"])})
		}
		return list
	}
	if len(p.before) > 0 && record["id"] == nil && idParam(p.tool) == "" && pathParam(p.tool) == "" { // the response has no record
		record = preview.Object(p.before[0].JSON)
		for f, raw := range preview.Object(p.input) {
			if record[f] != nil {
				record[f] = raw
			}
		}
	}
	for _, f := range fieldsOf(p.input, record) {
		list = append(list, After{f, digestOf(record[f])})
	}
	return list
}

// fieldsOf returns the fields of a record that an input sets, as Close names them.
func fieldsOf(input json.RawMessage, record map[string]json.RawMessage) []string {
	var fields []string
	for name, raw := range preview.Object(input) {
		switch _, same := record[name]; {
		case name == "custom_fields":
			for id := range preview.Object(raw) {
				id, _, _ = strings.Cut(id, ".")
				fields = append(fields, "custom."+id)
			}
		case same:
			fields = append(fields, name)
		case record[name+"_id"] != nil: // a status by its label
			fields = append(fields, name+"_id")
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// meantBy returns what a call would set, as its input gives it: the record of the outcome
// can be missing.
func meantBy(p *planned) []After {
	switch {
	case p.tool == nil || len(p.before) == 0:
		return nil
	case p.tool.Keeps:
		return bulkAfter(p.input, nil)
	case p.tool.Method != http.MethodPut:
		return nil
	}
	record := preview.Object(p.before[0].JSON)
	var list []After
	for name, raw := range preview.Object(p.input) {
		switch {
		case name == idParam(p.tool):
		case name == "custom_fields":
			for id, v := range preview.Object(raw) {
				id, _, _ = strings.Cut(id, ".")
				list = append(list, After{"custom." + id, digestOf(v)})
			}
		case record[name] == nil && record[name+"_id"] != nil: // a status by its label
			list = append(list, After{name + "_id", digestOf(raw)})
		default:
			list = append(list, After{name, digestOf(raw)})
		}
	}
	slices.SortFunc(list, func(a, b After) int { return strings.Compare(a.Field, b.Field) })
	return list
}

func digestOf(raw json.RawMessage) Digest {
	if preview.Empty(raw) {
		raw = json.RawMessage("null") // Close leaves out, or returns null for, what is not set
	}
	return sha256.Sum256(canonical(raw))
}

// UndoPlan returns what can be restored of a run, whose records of the audit log are
// passed in the order in which they were made. It reads the records of Close as they
// are now, and changes nothing. A field is restored if a call of the run has set it, and
// it still has the value that was set.
func (s *Session) UndoPlan(ctx context.Context, records []Record) (UndoPlan, error) {
	var plan UndoPlan
	if len(records) == 0 {
		return plan, errors.New("agent: there are no records of the run; look for its id in the audit log")
	}
	run := records[0].Run
	plan.Run = run
	account, err := s.account(ctx, true)
	if err != nil {
		return plan, err
	}
	u := &undoer{s: s, ctx: ctx, plan: &plan, current: map[string]map[string]json.RawMessage{}, steps: map[string]int{}, restored: map[string]map[string]json.RawMessage{}}
	intents := map[string]Record{}
	for _, r := range records {
		if r.Run != run {
			return plan, fmt.Errorf("agent: the records are of two runs, %s and %s; undo them one after the other, the newest first", run, r.Run)
		}
		if r.Phase == Intent {
			if r.Account.UserID != account.UserID || r.Account.OrganizationID != account.OrganizationID {
				return plan, fmt.Errorf("the run %s is of the account %s: %w", run, r.Account.Name, ErrOtherAccount)
			}
			intents[r.ID] = r
		}
	}
	done := map[string]bool{}
	for _, r := range slices.Backward(records) {
		intent, ok := intents[r.ID]
		if !ok || done[r.ID] {
			continue
		}
		done[r.ID] = true
		if r.Phase == Intent {
			r.Result = "unclear" // there is no outcome
		}
		r.Before, r.Input = intent.Before, intent.Input
		if r.Result == "unclear" {
			r.After = intent.After
		}
		if err := u.step(r); err != nil {
			return plan, err
		}
	}
	u.finish()
	return plan, nil
}

// Undo restores what [Session.UndoPlan] says can be restored, the newest first, as one
// turn of calls through the same gates as those of a model: what needs a person waits
// for one. It is not limited to the tools that the agent offers to its model. It can be
// repeated: what is restored already is left alone. The session must
// be of another run, so that the log of this run stays as it is.
func (s *Session) Undo(ctx context.Context, records []Record) (UndoPlan, []Result, error) {
	if len(records) > 0 && records[0].Run == s.run {
		return UndoPlan{Run: s.run}, nil, errors.New("agent: a run cannot undo itself; use a session without WithRun")
	}
	plan, err := s.UndoPlan(ctx, records)
	if err != nil {
		return plan, nil, err
	}
	var calls []Invocation
	for _, x := range plan.Steps {
		if x.Restore != nil {
			calls = append(calls, *x.Restore)
		}
	}
	if len(calls) == 0 {
		return plan, nil, nil
	}
	return plan, s.CallAll(context.WithValue(ctx, undoing{}, true), calls), nil
}

type undoer struct {
	s        *Session
	ctx      context.Context //nolint:containedctx // of one call
	plan     *UndoPlan
	current  map[string]map[string]json.RawMessage // by id: the record, with what the plan restores; nil if it is gone
	steps    map[string]int                        // by id: the step that restores its fields
	restored map[string]map[string]json.RawMessage // by id: the fields
}

func (u *undoer) step(r Record) error {
	t := u.s.agent.all[r.Tool]
	what := strings.Join(append([]string{r.Tool}, idsOf(r.Input)...), " ")
	x := UndoStep{Calls: []string{r.ID}, What: what}
	var problem string
	edits := t != nil && t.Keeps && preview.Object(r.Input)["type"] != nil
	_, _, many := u.s.agent.changesMany(t)
	switch {
	case r.Result == "refused" || r.Result == "failed" || r.Result == "pending":
		return nil
	case r.Result != "ok" && !r.Effect.Has(closekit.Sends) && (edits && len(r.Before) > 0 || t != nil && t.Method == http.MethodPut):
		return u.fields(r, t, x) // whether it was carried out shows in the records
	case r.Result != "ok" && t != nil && t.Keeps && len(r.Before) > 0:
		problem = "it is not known whether it was carried out; look in Close. The records as they were are in the audit log: " + keptNames(r.Before)
	case r.Result != "ok" && strings.HasPrefix(r.ID, hostPrefix):
		problem = "the program of the agent did it itself, or tried; look in Close"
	case r.Result != "ok":
		problem = "it is not known whether it was carried out; look in Close"
	case t == nil || t.Method == "":
		problem = "the tool is not one of Close"
	case r.Effect.Has(closekit.Sends):
		problem = "what was sent cannot be called back"
	case edits, many, t.Method == http.MethodPut:
		return u.fields(r, t, x)
	case t.Keeps:
		problem = "Close has no way to create records again with the same ids; as they were they are in the audit log: " + keptNames(r.Before)
	case t.Method == http.MethodDelete:
		problem = "Close has no way to create a record again with the same id; its last state is in the audit log"
	case len(r.Before) == 1 && len(r.After) > 0 && u.s.agent.updateOf(r.Before[0].Tool) != nil:
		return u.manyUpdate(r, t, x)
	case idParam(t) == "" && u.deletion(t) != nil && len(r.IDs) > 0:
		return u.creation(r, t, x)
	case strings.Contains(t.Name, "merge"):
		problem = "Close cannot take a merge apart; both leads as they were are in the audit log"
	default:
		problem = "Close has no operation that reverts it"
	}
	x.Problems = []string{problem}
	u.plan.Steps = append(u.plan.Steps, x)
	return nil
}

// fields plans to restore the fields that a call has set.
func (u *undoer) fields(r Record, t *tool.Tool, x UndoStep) error {
	if t.Keeps {
		return u.bulkEdit(r, t, x)
	}
	if _, _, many := u.s.agent.changesMany(t); many {
		return u.manyUpdate(r, t, x)
	}
	return u.update(r, t, x)
}

// deletion returns the tool that deletes what t creates.
func (u *undoer) deletion(t *tool.Tool) *tool.Tool { return u.of(t, http.MethodDelete) }

// of returns the tool with a method for one record of what t creates.
func (u *undoer) of(t *tool.Tool, method string) *tool.Tool {
	for _, o := range u.s.agent.all {
		if o.Method == method && idParam(o) != "" && strings.HasPrefix(o.Template, t.Template) && len(split(o.Template)) == len(split(t.Template))+1 {
			return o
		}
	}
	return nil
}

func (u *undoer) creation(r Record, t *tool.Tool, x UndoStep) error {
	del := u.deletion(t)
	id := r.IDs[0]
	now, err := u.now(u.s.agent.at("GET", del.Template), id)
	switch {
	case err != nil:
		return err
	case now != nil:
		in, err := json.Marshal(map[string]string{idParam(del): id})
		if err != nil {
			return err
		}
		x.What = t.Name + " of " + id
		x.Restore = &Invocation{Name: del.Name, Input: in}
		u.current[id] = nil
	}
	u.plan.Steps = append(u.plan.Steps, x)
	return nil
}

// now returns a record as it is, nil if it is gone.
func (u *undoer) now(get *tool.Tool, id string) (map[string]json.RawMessage, error) {
	if m, ok := u.current[id]; ok {
		return m, nil
	}
	if get == nil {
		return nil, nil
	}
	raw, err := u.s.fetch(u.ctx, get, id)
	if err != nil && !closekit.IsNotFound(err) {
		return nil, err
	}
	u.current[id] = nil
	if err == nil {
		u.current[id] = preview.Object(raw)
	}
	return u.current[id], nil
}

// update plans to restore the fields that an update has set. Updates of one record are
// one step, which restores what the oldest of them has replaced.
func (u *undoer) update(r Record, t *tool.Tool, x UndoStep) error {
	var old json.RawMessage
	if len(r.Before) > 0 {
		old = r.Before[0].JSON
	}
	id := preview.String(preview.Object(r.Input)[idParam(t)])
	if pathParam(t) == "" { // there is one of it
		id = t.Name
	}
	return u.restore(r, t, x, id, old)
}

// restore plans to set the fields of one record to what they were, by the tool t that
// updates it.
func (u *undoer) restore(r Record, t *tool.Tool, x UndoStep, id string, old json.RawMessage) error {
	i, known := u.steps[id]
	if !known {
		i = len(u.plan.Steps)
		u.steps[id] = i
		if x.What = r.Tool + " of " + id; id == t.Name {
			x.What = r.Tool
		}
		u.plan.Steps = append(u.plan.Steps, x)
		u.restored[id] = map[string]json.RawMessage{}
	} else {
		u.plan.Steps[i].Calls = append(u.plan.Steps[i].Calls, r.ID)
	}
	problem := func(format string, args ...any) {
		u.plan.Steps[i].Problems = append(u.plan.Steps[i].Problems, fmt.Sprintf(format, args...))
	}
	get := u.s.agent.getOf(t)
	now, err := u.now(get, id)
	switch {
	case err != nil:
		return err
	case now == nil:
		problem("the record is gone")
		return nil
	case old == nil:
		problem("the record as it was before was not kept, or was too large")
		return nil
	}
	before := preview.Object(old)
	for _, a := range r.After {
		if a.Field == idParam(t) {
			continue
		}
		switch {
		case digestOf(before[a.Field]) == a.Value: // the call has not changed it
		case digestOf(now[a.Field]) == digestOf(before[a.Field]): // restored already
		case digestOf(now[a.Field]) != a.Value && r.Result != "ok":
			problem("%s is not what the call was to set: Close keeps it in another form, or another user has changed it since; it is left as it is", a.Field)
		case digestOf(now[a.Field]) != a.Value:
			problem("%s has been changed since by another user; it is left as it is", a.Field)
		default:
			value, why := u.accepted(t, id, a.Field, before[a.Field])
			if why != "" {
				problem("%s: %s", a.Field, why)
				continue
			}
			now[a.Field] = before[a.Field]
			u.restored[id][a.Field] = value
			u.plan.Steps[i].Restore = &Invocation{Name: t.Name}
		}
	}
	return nil
}

// accepted returns the old value of a field in the form that the tool takes, or why it
// takes none.
func (u *undoer) accepted(t *tool.Tool, id, field string, old json.RawMessage) (value json.RawMessage, why string) {
	if len(old) == 0 {
		old = json.RawMessage("null")
	}
	schema, err := t.Schema()
	if err != nil {
		return nil, err.Error()
	}
	if p := schema.Property(field); p != nil {
		old = fitting(p, old)
	} else if !strings.HasPrefix(field, "custom.") {
		return nil, "Close accepts no value for it"
	}
	if string(old) == `""` {
		return nil, "it was empty, and Close has no way to clear it"
	}
	in, err := inputFor(idParam(t), id, map[string]json.RawMessage{field: old})
	if err == nil {
		err = t.Check(in)
	}
	if err != nil {
		return nil, "Close does not accept the old value back: " + err.Error()
	}
	return old, ""
}

// fitting returns a value without the members that Close returns and does not accept.
func fitting(s *tool.Schema, raw json.RawMessage) json.RawMessage {
	var list []json.RawMessage
	switch m := preview.Object(raw); {
	case m != nil && s.Closed && len(s.Properties) > 0:
		for k, v := range m {
			p := s.Property(k)
			if p == nil || string(v) == "null" && !p.Nullable() {
				delete(m, k)
				continue
			}
			m[k] = fitting(p, v)
		}
		return encoded(m, raw)
	case s.Items != nil && json.Unmarshal(raw, &list) == nil && list != nil:
		for i := range list {
			list[i] = fitting(s.Items, list[i])
		}
		return encoded(list, raw)
	}
	switch {
	case string(raw) == "null" && !s.Nullable() && s.Is("array"):
		return json.RawMessage("[]")
	case string(raw) == `""` && s.Nullable():
		return json.RawMessage("null") // tools clear a text so
	}
	return raw
}

func encoded(v any, otherwise json.RawMessage) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil {
		return otherwise
	}
	return out
}

// inputFor returns the input of an update that sets fields.
func inputFor(param, id string, fields map[string]json.RawMessage) (json.RawMessage, error) {
	in := map[string]any{}
	if param != "" {
		in[param] = id
	}
	custom := map[string]json.RawMessage{}
	for f, v := range fields {
		if name, ok := strings.CutPrefix(f, "custom."); ok {
			custom[name] = v
			in["custom_fields"] = custom
			continue
		}
		in[f] = v
	}
	return json.Marshal(in)
}

// finish makes the calls that restore fields.
func (u *undoer) finish() {
	for id, i := range u.steps {
		x := &u.plan.Steps[i]
		if x.Restore == nil {
			continue
		}
		x.Fields = slices.Sorted(maps.Keys(u.restored[id]))
		in, err := inputFor(idParam(u.s.agent.all[x.Restore.Name]), id, u.restored[id])
		if err != nil || u.current[id] == nil { // a newer step deletes the record
			x.Restore, x.Fields = nil, nil
			continue
		}
		x.Restore.Input = in
	}
}
