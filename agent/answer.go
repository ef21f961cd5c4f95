package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/shape"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/codec"
)

// selection takes _fields out of the input of a tool that does not have the
// parameter: the answer is reduced to them.
func selection(t *tool.Tool, input json.RawMessage) (json.RawMessage, []string) {
	if !bytes.Contains(input, []byte(`fields"`)) {
		return input, nil
	}
	m, ok := codec.Members(input)
	raw := parameter(t, m, "_fields")
	if !ok || raw == nil || len(m) != count(input) { // a name that occurs twice is refused later
		return input, nil
	}
	fields := namesIn(raw)
	schema, err := t.Schema()
	if err != nil || fields == nil || schema.Property("_fields") != nil {
		return input, fields
	}
	delete(m, "_fields")
	rest := map[string]json.RawMessage{}
	for k, v := range m {
		rest[k] = v
	}
	out, err := json.Marshal(rest)
	if err != nil {
		return input, fields
	}
	return out, fields
}

// parameter returns a parameter, which may have been given by an alias.
func parameter(t *tool.Tool, input map[string][]byte, name string) []byte {
	if raw := input[name]; raw != nil {
		return raw
	}
	for _, a := range t.Info.Aliases {
		if a.For == name && input[a.Name] != nil {
			return input[a.Name]
		}
	}
	return nil
}

// canonicalName returns the name that a name stands for.
func canonicalName(t *tool.Tool, name string) string {
	for _, a := range t.Info.Aliases {
		if a.Name == name {
			return a.For
		}
	}
	return name
}

// count returns the number of members of an object.
func count(input json.RawMessage) (n int) {
	d := codec.NewDecoder(input, false)
	defer d.End() //nolint:errcheck // it was read before
	for d.Open(nil); d.Next(); n++ {
		d.Skip()
	}
	return n
}

// namesIn reads a list of names, or names in a text.
func namesIn(raw []byte) []string {
	if raw == nil {
		return nil
	}
	var list []string
	if text, ok := codec.Unquote(raw); ok {
		list = strings.Split(text, ",")
	} else if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// asking returns the input to send: a read without a selection asks for the fields
// that are shown.
func (p *planned) asking() json.RawMessage {
	show := p.tool.Info.Show
	if p.effect != closekit.Read || p.fields == nil && len(show) == 0 {
		return p.input
	}
	if schema, err := p.tool.Schema(); err != nil || schema.Property("_fields") == nil {
		return p.input
	}
	if p.fields != nil {
		return p.withID()
	}
	input := strings.TrimSpace(string(p.input))
	open, ok := strings.CutSuffix(input, "}")
	if !ok {
		return p.input
	}
	b := []byte(strings.TrimRight(open, " \t\r\n"))
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = append(b, `"_fields":["id"`...)
	for i, f := range show {
		name, _, _ := strings.Cut(f.Name, ".")
		if name == "id" || slices.ContainsFunc(show[:i], func(o closekit.ShowField) bool { return o.Name == name || strings.HasPrefix(o.Name, name+".") }) {
			continue
		}
		b = append(append(b, ','), `"`+name+`"`...)
	}
	b = append(b, "]}"...)
	if p.tool.Check(b) != nil { // the selection has another spelling
		return p.input
	}
	return b
}

// withID returns the input with the id among the selected fields: without it, a model
// could do nothing with a record.
func (p *planned) withID() json.RawMessage {
	if slices.Contains(p.fields, "id") || slices.Contains(p.fields, "_all") {
		return p.input
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(p.input, &m) != nil {
		return p.input
	}
	for k := range m {
		if canonicalName(p.tool, k) == "_fields" {
			delete(m, k)
		}
	}
	m["_fields"], _ = json.Marshal(append([]string{"id"}, p.fields...)) // strings have a JSON form
	out, err := json.Marshal(m)
	if err != nil {
		return p.input
	}
	return out
}

// answer makes the text for the model from a response.
func (s *Session) answer(ctx context.Context, p *planned, out json.RawMessage) string {
	spec := shape.Spec{
		Show: p.tool.Info.Show, Budget: s.agent.budget, Untrusted: p.tool.Info.Untrusted, Alone: len(p.fields) == 1,
	}
	schema, err := p.tool.Schema()
	takes := err == nil && schema.Property("_fields") != nil
	spec.Pages = err == nil && schema.Property("_skip") != nil
	spec.Cursor, spec.Next = p.tool.Cursor, p.tool.Next
	switch {
	case p.fields == nil:
	case takes && p.effect == closekit.Read, slices.Contains(p.fields, "_all"):
		spec.Show = nil // Close has selected already
	default:
		spec.Show = []closekit.ShowField{{Name: "id"}}
		for _, f := range p.fields {
			if f != "id" {
				spec.Show = append(spec.Show, closekit.ShowField{Name: f})
			}
		}
	}
	for _, r := range p.repairs {
		spec.Head = append(spec.Head, told(r))
	}
	for _, n := range p.notes {
		spec.Head = append(spec.Head, "Note: "+strings.Trim(shape.Quote(n, 300), `"`))
	}
	spec.Whole = s.whole(p.tool)
	if p.effect != closekit.Read {
		spec.Brief = true
		s.done(&spec, p)
	} else {
		input, _ := codec.Members(p.input)
		_ = json.Unmarshal(parameter(p.tool, input, "_skip"), &spec.Skip) // absent for the first page
		spec.Empty = func() string { return s.nothing(ctx, p, input) }    // which may ask Close
	}
	if p.tool.Resource == "webhooks" && bytes.Contains(out, []byte(`"signature_key"`)) {
		spec.Tail = append(spec.Tail, "The signature key is not shown to you; the application has it.")
	}
	return spec.Answer(p.response)
}

// told says how input was read.
func told(r Repair) string {
	text := "Input read as: " + r.Path + " " + clip(r.To)
	if r.From != "" {
		text += " (was " + clip(r.From) + ")"
	}
	if r.Why != "" {
		text += "; " + r.Why
	}
	return text
}

// clip shows a value of the model's input.
func clip(v string) string {
	const most = 80
	if text, ok := codec.Unquote([]byte(v)); ok {
		v = text
	}
	return shape.Quote(v, most)
}

// whole names the tool that returns a record whole, if the session has one: the get
// tool of the resource, or, of a list of activities, those of their kinds.
func (s *Session) whole(t *tool.Tool) string {
	if t.Resource == "activities" {
		var list []string
		for _, name := range []string{"close_call_get", "close_email_get", "close_note_get", "close_sms_get"} {
			if s.agent.byTag[name] != nil {
				list = append(list, name)
			}
		}
		if len(list) == 0 {
			return ""
		}
		return strings.Join(list, ", ") + " (by _type)"
	}
	return s.agent.whole[t.Resource]
}

// with is what Close deletes together with a record.
var with = map[string]string{"leads": ", with its contacts, opportunities, tasks and activities"}

// isLeadID reports whether a text is an id of a lead and nothing else.
func isLeadID(id string) bool {
	rest, ok := strings.CutPrefix(id, "lead_")
	return ok && rest != "" && len(rest) <= 60 && strings.IndexFunc(rest, func(r rune) bool {
		return (r < '0' || '9' < r) && (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r)
	}) < 0
}

// done says what a write did.
func (s *Session) done(spec *shape.Spec, p *planned) {
	lead := func(raw []byte) string {
		id, _ := codec.Unquote(raw)
		if !isLeadID(id) {
			return ""
		}
		return id
	}
	what := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(p.tool.Name, "close_"), "_"+verb(p.tool.Name)), "_", " ")
	link := ""
	switch {
	case p.tool.Method == "": // of the host
	case p.tool.Method == http.MethodDelete:
		input, _ := codec.Members(p.input)
		id := pathID(p.tool.Template, input)
		spec.Head = append(spec.Head, "Deleted: "+what+" "+id+" is gone"+with[p.tool.Resource]+".")
	case verb(p.tool.Name) == "merge":
		input, _ := codec.Members(p.input)
		from, to := lead(input["source"]), lead(input["destination"])
		spec.Head = append(spec.Head, "Merged: "+from+" is gone; what it had now belongs to "+to+".")
		link = to
	case p.tool.Method == http.MethodPost:
		spec.Head = append(spec.Head, "Created: "+what+".")
		link = linked(p.response)
	default:
		spec.Head = append(spec.Head, "Changed: "+what+".")
		link = linked(p.response)
		if link == "" {
			input, _ := codec.Members(p.input)
			link = lead(input["lead_id"])
		}
	}
	if link != "" {
		isURL := func(f closekit.ShowField) bool { return f.Name == "html_url" }
		if slices.ContainsFunc(spec.Show, isURL) {
			spec.Show = slices.DeleteFunc(slices.Clone(spec.Show), isURL)
		}
		spec.Tail = append(spec.Tail, "Link: https://app.close.com/lead/"+link+"/")
	}
}

// linked returns the lead of a record.
func linked(r *shape.Response) string {
	for _, name := range []string{"lead_id", "id"} {
		if id := r.Text(name); isLeadID(id) {
			return id
		}
	}
	return ""
}

func verb(name string) string { return name[strings.LastIndexByte(name, '_')+1:] }

// pathID returns the id in the path of a call.
func pathID(template string, input map[string][]byte) string {
	_, name, _ := strings.Cut(template, "{")
	name, _, _ = strings.Cut(name, "}")
	id, _ := codec.Unquote(input[name])
	return strings.Trim(shape.Quote(id, 80), `"`)
}

// nothing explains an empty list: what was asked for, and what would have matched.
func (s *Session) nothing(ctx context.Context, p *planned, input map[string][]byte) string {
	var filters []string
	var skip, status, words, kind bool
	for k := range input {
		name := canonicalName(p.tool, k)
		if name == "_skip" {
			skip = string(input[k]) != "0"
		}
		if strings.HasPrefix(name, "_") && name != "_type" {
			continue
		}
		filters = append(filters, k)
	}
	slices.Sort(filters)
	const most = 8
	var text strings.Builder
	text.WriteString("0 found")
	for i, k := range filters {
		status = status || strings.HasPrefix(k, "status")
		words = words || strings.Contains(k, "query")
		kind = kind || strings.HasPrefix(k, "date") || strings.HasPrefix(k, "activity_at")
		switch {
		case i == most:
			text.WriteString(", …")
		case i > most:
		case i == 0:
			text.WriteString(" for " + k + " " + clip(string(input[k])))
		default:
			text.WriteString(", " + k + " " + clip(string(input[k])))
		}
	}
	if len(filters) == 0 {
		text.WriteString("; nothing was filtered.")
	} else {
		text.WriteString("; nothing else was filtered.")
	}
	if skip {
		text.WriteString(" _skip may be beyond the end: try without it.")
	}
	if status {
		text.WriteString(s.statuses(ctx, p.tool))
	}
	if words {
		text.WriteString(" Check the spelling, or search for fewer words.")
	}
	if kind && !status && !words {
		text.WriteString(" Widen the dates, or leave them out.")
	}
	return text.String()
}

// statuses names the statuses that the organization has, for a filter that found
// nothing.
func (s *Session) statuses(ctx context.Context, t *tool.Tool) string {
	if t.Resource != "leads" && t.Resource != "opportunities" {
		return ""
	}
	me, err := s.whoami(ctx, false)
	if err != nil {
		return ""
	}
	var list []string
	for _, o := range me.Organizations {
		all := o.LeadStatuses
		if t.Resource == "opportunities" {
			all = o.OpportunityStatuses
			for _, p := range o.Pipelines {
				all = append(all, p.Statuses...)
			}
		}
		for _, x := range all {
			name := shape.Quote(x.Label, 40)
			if x.Type != "" {
				name += " (" + clipWord(x.Type) + ")"
			}
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	const most = 15
	if len(list) > most {
		list = append(list[:most], "…")
	}
	return " Statuses here: " + strings.Join(list, ", ") + "."
}

func clipWord(s string) string { return strings.Trim(shape.Quote(s, 20), `"`) }
