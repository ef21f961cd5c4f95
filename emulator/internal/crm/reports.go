package crm

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/query"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func reportResources() []*rest.Resource {
	actions := map[string]func(*rest.Call) (any, error){
		"activity": activityReport, "metrics": listMetrics, "custom": customReport,
		"funnel_totals": funnelTotals, "funnel_stages": funnelStages, "sent_emails": sentEmails,
		"lead_statuses":        func(c *rest.Call) (any, error) { return statusReport(c, leadHistories) },
		"opportunity_statuses": func(c *rest.Call) (any, error) { return statusReport(c, opportunityHistories) },
	}
	var out []*rest.Resource
	for _, name := range []string{"reports", "report_sent_emails", "report_statuses_lead", "report_statuses_opportunity"} {
		out = append(out, &rest.Resource{Name: name, Model: "Report", Actions: actions})
	}
	return out
}

// A span is a range of time; its end is not in it.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// relativeSpan returns the range that a name stands for, in the caller's time zone.
func relativeSpan(c *rest.Call, name string) (span, bool) {
	from, to, ok := query.Relative(name, c.Now, c.Zone)
	return span{from, to}, ok
}

// spanOf reads a range of the body, by its name or by two moments. Without either it is
// nil.
func spanOf(c *rest.Call, relative, fixed string) (*span, error) {
	if raw := c.Body[relative]; raw != nil {
		s, ok := relativeSpan(c, value.String(raw))
		if !ok {
			return nil, rest.FieldError(relative, rest.MsgNotChoice)
		}
		return &s, nil
	}
	raw := c.Body[fixed]
	if raw == nil {
		return nil, nil
	}
	o, _ := raw.(object)
	from, _, err1 := value.ParseTime(value.String(o["start"]), c.Zone)
	to, _, err2 := value.ParseTime(value.String(o["end"]), c.Zone)
	if err1 != nil || err2 != nil || to.Before(from) {
		return nil, rest.FieldError(fixed, rest.MsgNotDate)
	}
	return &span{from, to}, nil
}

// usersOf returns the users that a report is about, with those of groups; nil means all.
func usersOf(c *rest.Call) map[string]bool {
	list := words(c.Body["users"])
	if len(list) == 0 {
		return nil
	}
	out := map[string]bool{}
	for _, id := range list {
		out[id] = true
		for _, user := range membersOf(c, id) {
			out[user] = true
		}
	}
	return out
}

// membersOf returns the ids of the users of a group, none if it is not one.
func membersOf(c *rest.Call, id string) (users []string) {
	if group := c.State.Find("groups", c.Organization, id); group != nil {
		for _, m := range value.List(group.Data["members"]) {
			o, _ := m.(object)
			users = append(users, value.String(o["user_id"]))
		}
	}
	return users
}

// leadsOfReport returns the leads that a report is about; nil means all.
func leadsOfReport(c *rest.Call) (map[string]bool, error) {
	raw, ok := c.Body["query"].(object)
	if !ok {
		return nil, nil
	}
	if raw["type"] != "saved_search" {
		return nil, rest.FieldError("query", "Only queries of the type saved_search are supported.")
	}
	return leadsOfView(c, "query", value.String(raw["saved_search_id"]))
}

func instant(c *rest.Call, v any) (time.Time, bool) {
	t, _, err := value.ParseTime(value.String(v), c.Zone)
	return t, err == nil
}

// A metric is a number of an activity report: a sum over records.
type metric struct {
	key, name, description string
	table, typ, direction  string
	at                     string // member with the time
	amount                 string // member that is added up; empty counts
	keep                   func(*rest.Call, *store.Record) bool
}

func statusIs(want string) func(*rest.Call, *store.Record) bool {
	return func(_ *rest.Call, rec *store.Record) bool { return rec.Data["status"] == want }
}

func isWon(c *rest.Call, rec *store.Record) bool {
	return opportunityValue(c, rec, "status_type") == "won"
}

var metrics = []metric{
	{key: "calls.all.all.count", name: "Calls", description: "Number of calls.", table: "activities", typ: "Call", at: "activity_at"},
	{key: "calls.outbound.all.count", name: "Calls made", description: "Number of outgoing calls.", table: "activities", typ: "Call", direction: "outbound", at: "activity_at"},
	{key: "calls.inbound.all.count", name: "Calls received", description: "Number of incoming calls.", table: "activities", typ: "Call", direction: "inbound", at: "activity_at"},
	{key: "calls.all.all.sum_duration", name: "Call time", description: "Seconds of calls.", table: "activities", typ: "Call", at: "activity_at", amount: "duration"},
	{key: "emails.sent.all.count", name: "Emails sent", description: "Number of sent emails.", table: "activities", typ: "Email", at: "date_sent", keep: statusIs("sent")},
	{key: "emails.received.all.count", name: "Emails received", description: "Number of received emails.", table: "activities", typ: "Email", direction: "incoming", at: "activity_at"},
	{key: "sms.sent.all.count", name: "SMS sent", description: "Number of sent SMS.", table: "activities", typ: "SMS", at: "date_sent", keep: statusIs("sent")},
	{key: "sms.received.all.count", name: "SMS received", description: "Number of received SMS.", table: "activities", typ: "SMS", direction: "inbound", at: "activity_at"},
	{key: "notes.all.count", name: "Notes", description: "Number of notes.", table: "activities", typ: "Note", at: "activity_at"},
	{key: "meetings.all.count", name: "Meetings", description: "Number of meetings.", table: "activities", typ: "Meeting", at: "activity_at"},
	{key: "tasks.completed.all.count", name: "Tasks done", description: "Number of tasks that were done.", table: "activities", typ: "TaskCompleted", at: "activity_at"},
	{key: "leads.created.all.count", name: "Leads created", description: "Number of new leads.", table: "leads", at: "date_created"},
	{key: "contacts.created.all.count", name: "Contacts created", description: "Number of new contacts.", table: "contacts", at: "date_created"},
	{key: "opportunities.created.all.count", name: "Opportunities created", description: "Number of new opportunities.", table: "opportunities", at: "date_created"},
	{key: "opportunities.won.all.count", name: "Opportunities won", description: "Number of won opportunities.", table: "opportunities", at: "date_won", keep: isWon},
	{key: "opportunities.won.all.sum_value", name: "Value won", description: "Value of won opportunities in cents.", table: "opportunities", at: "date_won", amount: "value", keep: isWon},
}

func listMetrics(*rest.Call) (any, error) {
	list := []any{}
	for _, m := range metrics {
		list = append(list, object{"key": m.key, "name": m.name, "description": m.description})
	}
	return object{"metrics": list}, nil
}

// A sample is what one record adds to a metric.
type sample struct {
	at         time.Time
	user, lead string
	n          int64
}

func (m metric) samples(c *rest.Call) []sample {
	var out []sample
	for _, rec := range c.State.Table(m.table).All(c.Organization) {
		at, ok := instant(c, rec.Data[m.at])
		if !ok || m.typ != "" && rec.Data["_type"] != m.typ || m.direction != "" && rec.Data["direction"] != m.direction || m.keep != nil && !m.keep(c, rec) {
			continue
		}
		n := int64(1)
		if m.amount != "" {
			n = value.Int(rec.Data[m.amount])
		}
		user := value.String(rec.Data["user_id"])
		if user == "" {
			user = value.String(rec.Data["created_by"])
		}
		out = append(out, sample{at, user, rec.Lead, n})
	}
	return out
}

func activityReport(c *rest.Call) (any, error) {
	typ := value.String(c.Body["type"])
	if typ != "overview" && typ != "comparison" {
		return nil, rest.FieldError("type", rest.MsgNotChoice)
	}
	in, err := spanOf(c, "relative_range", "datetime_range")
	if err != nil {
		return nil, err
	}
	if in == nil {
		return nil, rest.FieldError("datetime_range", rest.MsgRequired)
	}
	leads, err := leadsOfReport(c)
	if err != nil {
		return nil, err
	}
	users, keys := usersOf(c), words(c.Body["metrics"])
	rows, totals, queries := map[string]object{}, object{}, object{}
	var order []string
	row := func(key string) object {
		if rows[key] == nil {
			rows[key] = object{}
			order = append(order, key)
		}
		return rows[key]
	}
	if typ == "comparison" {
		for _, u := range c.Colleagues() {
			if users == nil || users[u.ID] {
				row(u.ID)["user_id"] = u.ID
			}
		}
	}
	for _, key := range keys {
		at := slices.IndexFunc(metrics, func(m metric) bool { return m.key == key })
		if at < 0 {
			return nil, rest.FieldError("metrics", key+" is not a metric.")
		}
		totals[key] = int64(0)
		touched := []any{}
		for _, s := range metrics[at].samples(c) {
			if !in.has(s.at) || leads != nil && !leads[s.lead] || users != nil && !users[s.user] {
				continue
			}
			totals[key] = value.Int(totals[key]) + s.n
			if !slices.Contains(touched, any(s.lead)) {
				touched = append(touched, s.lead)
			}
			where := s.user
			if typ == "overview" {
				where = value.Stamp(startOfDay(c, s.at))
				row(where)["datetime"] = where
			} else if rows[where] == nil {
				continue // a user who is no longer a member
			}
			row(where)[key] = value.Int(row(where)[key]) + s.n
		}
		queries[key] = touched
	}
	if typ == "overview" {
		slices.Sort(order)
	}
	data := []any{}
	for _, k := range order {
		for _, key := range keys {
			setDefaults(rows[k], object{key: int64(0)})
		}
		data = append(data, rows[k])
	}
	return object{"data": data, "aggregations": object{"totals": totals}, "queries": object{"leads": queries}}, nil
}

func startOfDay(c *rest.Call, t time.Time) time.Time {
	y, m, d := t.In(c.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.Zone)
}

// sentEmails counts the emails that were sent, by template.
func sentEmails(c *rest.Call) (any, error) {
	days, err := daysOf(c)
	if err != nil {
		return nil, err
	}
	stats, order := map[string]object{}, []string{}
	for _, rec := range c.State.Table("activities").All(c.Organization) {
		at, ok := instant(c, rec.Data["date_sent"])
		user := c.Query.Get("user_id")
		if !ok || rec.Data["_type"] != "Email" || rec.Data["status"] != "sent" || !days.has(at) || user != "" && rec.Data["user_id"] != user {
			continue
		}
		id := value.String(rec.Data["template_id"])
		if stats[id] == nil {
			order = append(order, id)
			stats[id] = object{
				"name": "No template", "template_id": value.OrNull(id), "template_url": nil, "is_shared": false, "total": int64(0), "opened": int64(0), "responded": int64(0),
				"_queries": object{"total": "email", "opened": "email", "responded": "email"},
			}
			if t := c.State.Find("email_templates", c.Organization, id); t != nil {
				stats[id]["name"], stats[id]["is_shared"] = t.Data["name"], t.Data["is_shared"]
			}
		}
		s := stats[id]
		s["total"] = value.Int(s["total"]) + 1
		if len(value.List(rec.Data["opens"])) > 0 {
			s["opened"] = value.Int(s["opened"]) + 1
		}
		if value.Bool(rec.Data["has_reply"]) {
			s["responded"] = value.Int(s["responded"]) + 1
		}
	}
	list := []any{}
	for _, id := range order {
		s := stats[id]
		s["percentage_opened"], s["percentage_responded"] = ratio(value.Int(s["opened"]), value.Int(s["total"])), ratio(value.Int(s["responded"]), value.Int(s["total"]))
		list = append(list, s)
	}
	return object{"sent_email_stats": list}, nil
}

// ratio returns a share in whole percent.
func ratio(part, of int64) int64 {
	if of == 0 {
		return 0
	}
	return (part*100 + of/2) / of
}

// daysOf reads the first and the last day of a report.
func daysOf(c *rest.Call) (span, error) {
	if c.ID != c.Organization {
		return span{}, rest.Missing("Organization")
	}
	s, _ := relativeSpan(c, "all-time")
	for name, to := range map[string]*time.Time{"date_start": &s.from, "date_end": &s.to} {
		raw := c.Query.Get(name)
		if raw == "" {
			continue
		}
		t, isDay, err := value.ParseTime(raw, c.Zone)
		if err != nil {
			return s, rest.FieldError(name, rest.MsgNotDate)
		}
		if name == "date_end" && isDay {
			t = t.AddDate(0, 0, 1)
		}
		*to = t
	}
	return s, nil
}

// customReport computes a number of leads or opportunities over a field.
func customReport(c *rest.Call) (any, error) {
	if c.ID != c.Organization {
		return nil, rest.Missing("Organization")
	}
	xKind, xName, _ := strings.Cut(c.Query.Get("x"), ".")
	yKind, yName, _ := strings.Cut(cmp.Or(c.Query.Get("y"), "lead.count"), ".")
	s, ok := treeSchema(c, xKind)
	if !ok || recordKinds[xKind].table == "" {
		return nil, rest.FieldError("x", rest.MsgNotChoice)
	}
	x, ok := s.Field(xName)
	if !ok {
		return nil, rest.FieldError("x", "The field "+xName+" does not exist.")
	}
	if yKind != xKind {
		return nil, rest.FieldError("y", "Only numbers of the records of x are supported.")
	}
	y, ok := s.Field(yName)
	if !ok && yName != "count" {
		return nil, rest.FieldError("y", "The field "+yName+" does not exist.")
	}
	group, grouped := searchField{}, c.Query.Get("group_by") != ""
	if grouped {
		if group, ok = s.Field(strings.TrimPrefix(c.Query.Get("group_by"), xKind+".")); !ok {
			return nil, rest.FieldError("group_by", "The field does not exist.")
		}
	}
	keep, err := searchLeads(c)
	if err != nil {
		return nil, err
	}
	values := map[string]map[string][]float64{}
	for _, rec := range c.State.Table(recordKinds[xKind].table).All(c.Organization) {
		lead := c.State.Find("leads", c.Organization, rec.Lead)
		if keep != nil && (lead == nil || !keep(lead)) {
			continue
		}
		at := bucket(c, sortKeyText(x, rec))
		if at == "" || c.Query.Get("start") != "" && at < c.Query.Get("start") || c.Query.Get("end") != "" && at > c.Query.Get("end") {
			continue
		}
		n := 1.0
		if yName != "count" {
			if n, ok = value.Float(sortKey(y, rec)); !ok {
				continue
			}
		}
		name := ""
		if grouped {
			name = sortKeyText(group, rec)
		}
		if values[name] == nil {
			values[name] = map[string][]float64{}
		}
		values[name][at] = append(values[name][at], n)
	}
	return object{"series": seriesOf(values, cmp.Or(c.Query.Get("transform_y"), "sum"))}, nil
}

// sortKeyText returns the first value of a field as text.
func sortKeyText(f searchField, rec *store.Record) string {
	values := f.Values(rec)
	if len(values) == 0 {
		return ""
	}
	if t, ok := values[0].(time.Time); ok {
		return t.UTC().Format(time.RFC3339)
	}
	return value.Text(values[0])
}

// bucket returns the step of the x axis in which a value is.
func bucket(c *rest.Call, text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	day := startOfDay(c, t)
	switch c.Query.Get("interval") {
	case "week":
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case "month":
		return day.Format("2006-01")
	case "year":
		return day.Format("2006")
	}
	return day.Format(value.DayLayout)
}

func seriesOf(values map[string]map[string][]float64, transform string) []any {
	out := []any{}
	for _, name := range sortedKeys(values) {
		points := []any{}
		for _, at := range sortedKeys(values[name]) {
			list := values[name][at]
			sum := 0.0
			for _, n := range list {
				sum += n
			}
			n := map[string]float64{"sum": sum, "avg": sum / float64(len(list)), "min": slices.Min(list), "max": slices.Max(list)}[transform]
			points = append(points, object{"x": at, "y": n})
		}
		out = append(out, object{"name": value.OrNull(name), "data": points})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
