package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

// viewer makes the preview of one call.
type viewer struct {
	s      *Session
	tool   *tool.Tool
	schema *tool.Schema
	effect closekit.Effect
	raw    json.RawMessage            // the input
	in     map[string]json.RawMessage // the same
	order  []string                   // the keys of in, as a person reads them
	record map[string]json.RawMessage // that an update or delete is for
	names  names
	Preview
}

// preview reads what a person must see before the call, and the records that the call
// changes.
func (s *Session) preview(ctx context.Context, t *tool.Tool, input json.RawMessage, e closekit.Effect) (Preview, []Snapshot, error) {
	schema, err := t.Schema()
	if err != nil {
		return Preview{}, nil, err
	}
	v := &viewer{s: s, tool: t, schema: schema, effect: e, raw: input, in: preview.Object(input), names: newNames(s, t)}
	v.Records = 1
	v.order = v.inputOrder()
	if _, err := s.whoami(ctx, false); err != nil {
		return Preview{}, nil, err
	}
	targets := s.agent.targets(t, input)
	var snaps []Snapshot
	for _, x := range targets {
		if x.get == nil {
			continue
		}
		record, err := s.fetch(ctx, x.get, x.id)
		if err != nil {
			return Preview{}, nil, err
		}
		v.names.add(x.id, record)
		snaps = append(snaps, snapshot(x, record))
		if v.record == nil {
			v.record = preview.Object(record)
		}
	}
	found, err := s.many(ctx, t, input)
	if err != nil {
		return Preview{}, nil, err
	}
	if err := v.names.resolve(ctx, v.ids()); err != nil {
		return Preview{}, nil, err
	}
	if err := v.build(ctx, targets); err != nil {
		return Preview{}, nil, err
	}
	switch list, _, many := s.agent.changesMany(t); {
	case list != nil:
		v.manyShown(found)
		snaps = found
	case many:
		v.Records = namedIn(input)
		v.fact("Records", preview.Count(v.Records), false)
	}
	v.finish()
	return v.Preview, snaps, nil
}

// first are the fields that a person must not overlook.
var first = []string{"to", "cc", "bcc", "remote_phone", "contact_email", "sender", "sender_email", "sender_name", "subject"}

// last are long texts.
var last = []string{"body_text", "body_html", "text", "note", "note_html", "body"}

func (v *viewer) inputOrder() []string {
	rank := map[string]int{}
	for i, p := range v.schema.Properties {
		rank[p.Name] = i + 1
	}
	for i, n := range first {
		rank[n] = i - len(first)
	}
	for i, n := range last {
		rank[n] = 10000 + i
	}
	keys := slices.Sorted(maps.Keys(v.in))
	slices.SortStableFunc(keys, func(a, b string) int { return rank[a] - rank[b] })
	return keys
}

// ids returns the ids that the preview names: those of the input, and those of the
// record that say whose it is.
func (v *viewer) ids() []string {
	ids := append(idsOf(v.raw), keysOf(v.raw)...)
	for _, key := range slices.Sorted(maps.Keys(v.record)) {
		if strings.HasSuffix(key, "_id") || key == "assigned_to" || v.in[key] != nil {
			ids = append(ids, idsOf(v.record[key])...)
		}
	}
	return ids
}

// keysOf returns the names of custom fields in JSON.
func keysOf(input json.RawMessage) []string {
	var keys []string
	for name := range preview.Object(preview.Object(input)["custom_fields"]) {
		id, _, _ := strings.Cut(name, ".")
		keys = append(keys, id)
	}
	slices.Sort(keys)
	return keys
}

func (v *viewer) fact(label, value string, quoted bool) {
	v.Facts = append(v.Facts, Fact{label, value, quoted})
}

func (v *viewer) warn(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	if !slices.Contains(v.Warnings, w) {
		v.Warnings = append(v.Warnings, w)
	}
}

func (v *viewer) build(ctx context.Context, targets []target) error {
	v.Title = v.title()
	inPath := map[string]bool{}
	for _, x := range targets {
		inPath[x.param] = true
		if x.id == "" { // there is one of it
			continue
		}
		v.fact(preview.Label(x.param), cmp.Or(v.names.show(x.id), x.id), true) // not everything in a path is an id
	}
	if err := v.bulk(ctx); err != nil {
		return err
	}
	v.message()
	for _, key := range v.order {
		if !inPath[key] {
			v.input(key)
		}
	}
	if v.tool.Method == http.MethodDelete {
		v.deleted()
	}
	if err := v.reads(ctx); err != nil {
		return err
	}
	if err := v.related(ctx, targets); err != nil {
		return err
	}
	if len(targets) > 1 && !strings.Contains(v.tool.Template, "{") { // a merge
		v.fact("Deleted", v.names.show(targets[0].id), true)
		v.fact("Stays, with all of it", v.names.show(targets[1].id), true)
	}
	v.enrollment()
	v.warnings()
	return nil
}

func (v *viewer) title() string {
	if v.effect.Has(closekit.Sends) {
		switch v.tool.Resource {
		case "emails":
			return "Send an email to " + summary(v.recipients("to"))
		case "sms":
			return "Send an SMS to " + preview.Value(v.final("remote_phone"), v.names.show)
		}
	}
	sentence, _, _ := strings.Cut(v.tool.Info.Description, ". ")
	if sentence = strings.TrimSuffix(sentence, "."); sentence == "" {
		sentence = v.tool.Info.Title
	}
	return sentence
}

func summary(list []string) string {
	const most = 3
	switch {
	case len(list) == 0:
		return "no recipient"
	case len(list) > most:
		return fmt.Sprintf("%s and %s more", strings.Join(list[:most], ", "), preview.Count(len(list)-most))
	}
	return strings.Join(list, ", ")
}

// final returns a field as it will be after the call.
func (v *viewer) final(field string) json.RawMessage {
	if x, ok := v.in[field]; ok {
		return x
	}
	return v.record[field]
}

func (v *viewer) recipients(field string) []string {
	var list []string
	if json.Unmarshal(v.final(field), &list) != nil {
		if s := preview.String(v.final(field)); s != "" {
			return []string{s}
		}
	}
	return list
}

// message shows all of an email or SMS that a call sends or changes, whatever of it
// the input names.
func (v *viewer) message() {
	fields := map[string][]string{
		"emails": {"to", "cc", "bcc", "sender", "lead_id", "contact_id", "user_id", "email_account_id", "subject", "date_scheduled", "template_id", "in_reply_to_id", "followup_sequence_id", "attachments", "body_text", "body_html"},
		"sms":    {"remote_phone", "local_phone", "lead_id", "contact_id", "user_id", "date_scheduled", "template_id", "attachments", "text"},
	}[v.tool.Resource]
	for _, f := range fields {
		if len(v.recipients(f)) > 0 && (f == "to" || f == "cc" || f == "bcc") {
			list := v.recipients(f)
			label := preview.Label(f)
			if len(list) > 1 {
				label += " (" + preview.Count(len(list)) + ")"
			}
			v.fact(label, strings.Join(list, "\n"), true)
			continue
		}
		if _, given := v.in[f]; given || preview.Empty(v.record[f]) {
			continue
		}
		v.fact(preview.Label(f), v.value(f, v.record[f]), v.quoted(f))
	}
}

// quoted reports whether a field holds text that a person or model chose.
func (v *viewer) quoted(field string) bool {
	p := v.schema.Property(field)
	return p == nil || len(p.Enum) == 0 && (p.Is("string") || p.Is("array") || p.Is("object"))
}

// value returns a field for people: money with its currency, ids with names, times in
// the zone of the user.
func (v *viewer) value(field string, raw json.RawMessage) string {
	format := ""
	if p := v.schema.Property(field); p != nil {
		format = p.Format
	}
	if field == "value" && v.tool.Resource == "opportunities" {
		format = "cents"
	}
	if n, ok := cents(raw); ok && format == "cents" && string(raw) != "null" {
		return v.money(n)
	}
	if text := preview.String(raw); text != "" && strings.Contains(format, "date-time") {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			if zone := v.s.zoneKnown(); zone != nil {
				return text + " (" + at.In(zone).Format("Mon 2 Jan 2006, 15:04 MST") + ")"
			}
		}
	}
	return preview.Value(raw, v.names.show)
}

// zoneKnown returns the zone of the user without asking Close.
func (s *Session) zoneKnown() *time.Location {
	s.mu.Lock()
	known := s.me != nil
	s.mu.Unlock()
	if !known {
		return nil
	}
	return s.zone(context.Background())
}

func (v *viewer) money(n int64) string {
	currency := preview.String(v.final("value_currency"))
	if currency == "" {
		v.s.mu.Lock()
		currency = v.s.me.currency()
		v.s.mu.Unlock()
	}
	if currency == "" {
		v.warn("The currency of the amount is not known.")
		return closekit.Cents(n).String() + " (currency not known)"
	}
	return closekit.Cents(n).Format(currency)
}

// input shows one argument: what it changes, or what it sets.
func (v *viewer) input(key string) {
	after := v.in[key]
	if key == "custom_fields" {
		v.customFields(preview.Object(after))
		return
	}
	label := preview.Label(key)
	if v.tool.Method != http.MethodPut || v.record == nil {
		if (key == "to" || key == "cc" || key == "bcc") && v.tool.Resource == "emails" {
			if len(v.recipients(key)) == 0 {
				v.fact(label, "no recipient", false)
			}
			return // message has shown them
		}
		if list := preview.Object(after); len(list) == 0 && strings.HasPrefix(string(after), "[{") {
			var items []json.RawMessage
			if json.Unmarshal(after, &items) == nil && key == "contacts" {
				v.Records += len(items)
			}
		}
		v.fact(label, v.value(key, after), v.quoted(key))
		return
	}
	before, stored := v.before(key)
	v.change(label, key, before, after, stored)
}

// before returns the value that an argument replaces.
func (v *viewer) before(key string) (json.RawMessage, bool) {
	if x, ok := v.record[key]; ok {
		return x, true
	}
	x, ok := v.record[key+"_label"] // a status by its label
	return x, ok
}

func (v *viewer) change(label, key string, before, after json.RawMessage, stored bool) {
	switch {
	case stored && preview.Equal(before, after):
		v.fact(label, v.value(key, after)+" (unchanged)", v.quoted(key))
		return
	case !stored:
		v.fact(label, v.value(key, after), v.quoted(key))
		return
	}
	v.Changes = append(v.Changes, Change{label, v.value(key, before), v.value(key, after), v.quoted(key)})
	var old, list []json.RawMessage
	if json.Unmarshal(before, &old) == nil && json.Unmarshal(after, &list) == nil && len(old) > 0 {
		v.warn("%s: the new list replaces the old one; what is not in it is lost.", label)
	}
}

func (v *viewer) customFields(fields map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		id, how, _ := strings.Cut(name, ".")
		label := "Custom field " + v.names.show(id)
		if how != "" {
			label += " (" + how + ")"
		}
		if v.tool.Method == http.MethodPut && v.record != nil && how == "" {
			v.change(label, name, v.record["custom."+id], fields[name], true)
			continue
		}
		v.fact(label, v.value(name, fields[name]), true)
	}
	if len(fields) == 0 {
		v.fact("Custom fields", "nothing", false)
	}
}

// deleted shows the record that a call deletes: what its get tool shows of it, and its
// texts, without what any activity moves.
func (v *viewer) deleted() {
	get := v.s.agent.getOf(v.tool)
	if get == nil {
		return
	}
	var fields []string
	for _, f := range get.Info.Show {
		name, _, _ := strings.Cut(f.Name, ".")
		fields = append(fields, name)
	}
	fields = append(append(fields, first...), last...)
	shown := map[string]bool{}
	if v.tool.Resource == "emails" || v.tool.Resource == "sms" {
		for _, f := range []string{"to", "cc", "bcc", "sender", "lead_id", "contact_id", "user_id", "email_account_id", "subject", "date_scheduled", "attachments", "body_text", "body_html", "remote_phone", "local_phone", "text"} {
			shown[f] = true // by message
		}
	}
	for _, f := range fields {
		if raw := v.record[f]; f != "id" && !shown[f] && !moves(f) && !preview.Empty(raw) {
			shown[f] = true
			text := v.parts(raw)
			if text == "" {
				text = v.value(f, raw)
			}
			v.fact(preview.Label(f), text, true)
		}
	}
}

// parts returns the names of the records in a list, one per line, and "" for other
// values.
func (v *viewer) parts(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return ""
	}
	var lines []string
	for _, x := range list {
		id := preview.String(preview.Object(x)["id"])
		if id == "" {
			return ""
		}
		lines = append(lines, quotedName(id, nameOf(x)))
	}
	return strings.Join(lines, "\n")
}

// moves reports whether a field changes although the record itself is not changed.
func moves(field string) bool {
	switch field {
	case "date_updated", "updated_by", "updated_by_name", "html_url", "opens", "opens_summary", "integration_links", "is_stalled", "stall_status":
		return true
	}
	for _, p := range []string{"last_", "next_", "num_", "times_"} {
		if strings.HasPrefix(field, p) {
			return true
		}
	}
	return strings.HasSuffix(field, "_count")
}

const (
	mostPages = 10
	pageSize  = 100
)

// reads shows what the manifest wants a person to see of other records, and how many
// there are.
func (v *viewer) reads(ctx context.Context) error {
	for _, r := range v.tool.Info.Preview {
		t := v.s.agent.all[r.Tool]
		if t == nil {
			continue // another tool replaces it
		}
		by, param, ok := v.parameters(t, r)
		if !ok {
			continue
		}
		if r.Count != "" {
			if err := v.counted(ctx, t, r.Count, by); err != nil {
				return err
			}
			continue
		}
		id := preview.String(v.in[param])
		record, known := v.names.records[id]
		if !known {
			var err error
			record, err = v.s.fetch(ctx, t, id)
			switch {
			case closekit.IsNotFound(err):
				continue // it is shown as one that cannot be read
			case err != nil:
				return err
			}
		}
		v.shown(param, preview.Object(record), r.Show)
	}
	return nil
}

// parameters returns the input of a read, and false if the call does not give all of it.
func (v *viewer) parameters(t *tool.Tool, r closekit.PreviewRead) (by map[string]any, param string, ok bool) {
	schema, err := t.Schema()
	if err != nil {
		return nil, "", false
	}
	by = map[string]any{}
	for to, from := range r.With {
		id := preview.String(v.in[from])
		if id == "" {
			return nil, "", false
		}
		by[to], param = id, from
		if p := schema.Property(to); p != nil && p.Is("array") {
			by[to] = []string{id}
		}
	}
	return by, param, true
}

func (v *viewer) counted(ctx context.Context, list *tool.Tool, what string, by map[string]any) error {
	n, more, err := v.s.count(ctx, list, by)
	if err != nil {
		return fmt.Errorf("counting %s: %w", what, err)
	}
	text := preview.Count(n)
	if more {
		text += " or more"
	}
	v.fact("Number of "+what, text, false)
	v.Records += n
	return nil
}

// shown shows fields of a record that a parameter names. What the call changes, and
// what is shown already, is left out.
func (v *viewer) shown(param string, record map[string]json.RawMessage, show []closekit.ShowField) {
	own := strings.Contains(v.tool.Template, "{"+param+"}")
	for _, f := range show {
		name, member, _ := strings.Cut(f.Name, ".")
		raw := record[name]
		if name == "id" || moves(name) || preview.Empty(raw) || own && v.in[name] != nil {
			continue
		}
		label := preview.Label(name)
		if !own {
			label = preview.Label(param) + ": " + strings.ToLower(label[:1]) + label[1:]
		}
		value := v.parts(raw)
		if value == "" {
			value = v.value(name, preview.Members(raw, member, shownNames(f.Show)))
		}
		if !slices.ContainsFunc(v.Facts, func(x Fact) bool {
			return x.Label == label || own && x.Value == value && strings.HasPrefix(x.Label, label)
		}) {
			v.fact(label, value, true)
		}
	}
}

func shownNames(show []closekit.ShowField) []string {
	names := make([]string, len(show))
	for i, f := range show {
		names[i] = f.Name
	}
	return names
}

// related shows how much a deletion or merge takes with it: the records of every list
// that can be asked for by the id of the record alone, or with its lead.
func (v *viewer) related(ctx context.Context, targets []target) error {
	if !v.effect.Has(closekit.Destructive) || slices.ContainsFunc(v.tool.Info.Preview, func(r closekit.PreviewRead) bool { return r.Count != "" }) {
		return nil // the manifest says what to count
	}
	for i, x := range targets {
		if x.get == nil || v.tool.Method == http.MethodPut || len(targets) > 1 && i > 0 {
			continue // an update takes nothing with it, and the destination of a merge stays
		}
		for _, list := range v.s.agent.listsBy(idParam(x.get)) {
			by := map[string]any{idParam(x.get): x.id}
			if lead := preview.String(v.record["lead_id"]); lead != "" && accepts(list, "lead_id") {
				by["lead_id"] = lead // Close wants both for activities of a contact
			}
			if in, err := json.Marshal(by); err != nil || list.Check(in) != nil {
				continue // it wants more
			}
			if err := v.counted(ctx, list, strings.ReplaceAll(list.Resource, "_", " "), by); err != nil {
				return err
			}
		}
	}
	return nil
}

// listsBy returns the tools that list records by the id of another one. A list of all
// activities stands for those of single types.
func (a *Agent) listsBy(param string) []*tool.Tool {
	var lists []*tool.Tool
	for _, name := range slices.Sorted(maps.Keys(a.all)) {
		t := a.all[name]
		if t.Method != http.MethodGet || strings.Contains(t.Template, "{") || param == "" {
			continue
		}
		if accepts(t, param) {
			lists = append(lists, t)
		}
	}
	return slices.DeleteFunc(slices.Clone(lists), func(t *tool.Tool) bool {
		return slices.ContainsFunc(lists, func(o *tool.Tool) bool { return o != t && strings.HasPrefix(t.Template, o.Template) })
	})
}

func accepts(t *tool.Tool, param string) bool {
	schema, err := t.Schema()
	return err == nil && schema.Property(param) != nil
}

// count returns how many records a list has, and whether there are more.
func (s *Session) count(ctx context.Context, list *tool.Tool, by map[string]any) (n int, more bool, err error) {
	if accepts(list, "_fields") {
		by["_fields"] = []string{"id"}
	}
	isPaged := accepts(list, "_skip")
	for page := range mostPages {
		if isPaged {
			by["_limit"], by["_skip"] = pageSize, page*pageSize
		}
		in, err := json.Marshal(by)
		if err != nil {
			return 0, false, err
		}
		out, _, err := list.Do(ctx, s.bare, in)
		if err != nil {
			return 0, false, err
		}
		var r struct {
			Data  []json.RawMessage `json:"data"`
			More  bool              `json:"has_more"`
			Total *int              `json:"total_results"`
		}
		if err := json.Unmarshal(out, &r); err != nil {
			return 0, false, err
		}
		if r.Total != nil {
			return *r.Total, false, nil
		}
		n += len(r.Data)
		if !r.More || len(r.Data) == 0 || !isPaged {
			return n, r.More && !isPaged, nil
		}
	}
	return n, true, nil
}

// enrollment shows what a sequence will do, and whom it will write to.
func (v *viewer) enrollment() {
	id := preview.String(v.final("sequence_id"))
	if v.tool.Resource != "sequence_subscriptions" || id == "" {
		return
	}
	for _, key := range []string{"sequence_id", "contact_id"} {
		if x := preview.String(v.record[key]); x != "" {
			v.fact(preview.Label(key), v.names.show(x), true)
		}
	}
	contact := preview.Object(v.names.records[preview.String(v.final("contact_id"))])
	for _, list := range []string{"emails", "phones"} {
		if raw := contact[list]; !preview.Empty(raw) {
			v.fact("Contact's "+list, preview.Value(raw, v.names.show), true)
		}
	}
	sequence := preview.Object(v.names.records[id])
	var steps []struct {
		Type     string  `json:"step_type"`
		Delay    int64   `json:"delay"`
		Template *string `json:"email_template_id"`
		SMS      *string `json:"sms_template_id"`
	}
	if json.Unmarshal(sequence["steps"], &steps) != nil {
		v.warn("The steps of the sequence cannot be shown.")
		return
	}
	for i, x := range steps {
		text := x.Type
		if x.Delay > 0 {
			text += " after " + (time.Duration(x.Delay) * time.Second).String()
		}
		if t := cmp.Or(x.Template, x.SMS); t != nil {
			text += ", template " + *t
		}
		v.fact(fmt.Sprintf("Step %d of %d", i+1, len(steps)), text, false)
	}
	if len(steps) > 0 {
		v.warn("The messages of the steps come from templates of Close, which are not shown here.")
	}
}

func (v *viewer) warnings() {
	referred := idsOf(v.raw)
	for _, f := range []string{"template_id", "in_reply_to_id", "followup_sequence_id"} { // what a message consists of
		referred = append(referred, preview.String(v.record[f]))
	}
	for _, id := range v.names.unknown {
		if slices.Contains(referred, id) {
			v.warn("%s cannot be read here; what it contains is not shown.", id)
		}
	}
	v.sending()
	v.addresses()
	switch {
	case v.effect.Has(closekit.Destructive):
		v.warn("It cannot be undone.")
	case v.effect.Has(closekit.Egress):
		v.warn("Data of Close goes to %s.", host(preview.String(v.final("url"))))
	}
	if v.effect.Has(closekit.Admin) {
		v.warn("It changes the set-up for all users of the organization.")
	}
	if v.tool.Method == "" {
		v.warn("It is a tool of this program; only its input is shown.")
	}
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "another server"
	}
	return u.Host
}

func (v *viewer) sending() {
	if !v.effect.Has(closekit.Sends) {
		return
	}
	if v.tool.Resource == "sequence_subscriptions" || v.tool.Bulk && !preview.Empty(v.in["sequence_id"]) {
		v.warn("The sequence sends by itself from now on, without asking again.")
		return
	}
	if v.tool.Resource == "emails" {
		v.strangers()
	}
	status, text := preview.String(v.final("status")), preview.String(v.final("date_scheduled"))
	at, err := time.Parse(time.RFC3339, text)
	switch {
	case status == "scheduled" && !preview.Empty(v.in["send_in"]):
		v.warn("It is sent by itself %s seconds after the call.", string(v.in["send_in"]))
	case status == "scheduled" && err == nil && at.After(v.s.agent.now()):
		v.warn("It is sent by itself at the scheduled time.")
	case status == "scheduled" && err == nil:
		v.warn("The scheduled time is in the past: it is sent at once. It cannot be called back.")
	default:
		v.warn("It is sent at once. It cannot be called back.")
	}
	if !preview.Empty(v.final("followup_sequence_id")) {
		v.warn("A sequence goes on writing to the recipients afterwards.")
	}
}

// strangers warns of recipients who are no contacts of the lead.
func (v *viewer) strangers() {
	var lead struct {
		Contacts []struct {
			Emails []struct {
				Email string `json:"email"`
			} `json:"emails"`
		} `json:"contacts"`
	}
	if json.Unmarshal(v.names.records[preview.String(v.final("lead_id"))], &lead) != nil {
		return
	}
	known := map[string]bool{}
	for _, c := range lead.Contacts {
		for _, e := range c.Emails {
			known[strings.ToLower(e.Email)] = true
		}
	}
	for _, field := range []string{"to", "cc", "bcc"} {
		for _, r := range v.recipients(field) {
			if a, err := mail.ParseAddress(r); err == nil {
				r = a.Address
			}
			if !known[strings.ToLower(r)] {
				v.warn("%s is no address of a contact of the lead.", r)
			}
		}
	}
}

// addresses warns of those that may not be what they look like.
func (v *viewer) addresses() {
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case string:
			for word := range strings.FieldsSeq(x) {
				if !strings.Contains(word, "@") && !strings.Contains(word, "://") {
					continue
				}
				word = strings.Trim(word, "<>(),;\"'")
				if why := preview.Suspicious(word); why != "" {
					v.warn("%s: %s.", word, why)
				}
			}
		case []any:
			for _, y := range x {
				walk(y)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				walk(x[k])
			}
		}
	}
	each := func(m map[string]json.RawMessage, fields []string) {
		for _, f := range fields {
			var x any
			if json.Unmarshal(m[f], &x) == nil {
				walk(x)
			}
		}
	}
	each(v.in, v.order)
	each(v.record, append(first, last...))
}
