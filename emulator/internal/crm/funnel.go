package crm

import (
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// A history is the statuses that a record had.
type history struct {
	rec     *store.Record
	changes []change // the first one is the creation
}

type change struct {
	at       time.Time
	from, to string
}

// at returns the status at a moment, or "" before the record was created.
func (h history) at(t time.Time) string {
	status := ""
	for _, ch := range h.changes {
		if ch.at.Before(t) {
			status = ch.to
		}
	}
	return status
}

// histories returns the histories of the records of a table, from the activities that say
// how their statuses changed.
func histories(c *rest.Call, table, typ, ref string) []history {
	changes := map[string][]change{}
	for _, rec := range c.State.Table("activities").All(c.Organization) {
		if rec.Data["_type"] != typ {
			continue
		}
		at, _ := instant(c, rec.Data["date_created"])
		id := rec.Lead
		if ref != "" {
			id = value.String(rec.Data[ref])
		}
		changes[id] = append(changes[id], change{at, value.String(rec.Data["old_status_id"]), value.String(rec.Data["new_status_id"])})
	}
	var out []history
	for _, rec := range c.State.Table(table).All(c.Organization) {
		created, _ := instant(c, rec.Data["date_created"])
		first := value.String(rec.Data["status_id"])
		list := changes[rec.ID]
		if len(list) > 0 {
			first = list[0].from
		}
		out = append(out, history{rec, append([]change{{created, "", first}}, list...)})
	}
	return out
}

// recordHistories are the histories that a report of statuses is about, with the table of
// the statuses.
type recordHistories struct {
	statuses, page string
	list           func(*rest.Call) []history
}

var (
	leadHistories = recordHistories{"lead_statuses", "_leads_page_urls", func(c *rest.Call) []history {
		return histories(c, "leads", "LeadStatusChange", "")
	}}
	opportunityHistories = recordHistories{"opportunity_statuses", "_opportunities_page_urls", func(c *rest.Call) []history {
		return histories(c, "opportunities", "OpportunityStatusChange", "opportunity_id")
	}}
)

// selectedHistories applies the filters of a report of statuses.
func selectedHistories(c *rest.Call, of recordHistories) ([]history, error) {
	keep, err := searchLeads(c)
	if err != nil {
		return nil, err
	}
	var leads map[string]bool
	if id := c.Query.Get("smart_view_id"); id != "" {
		if leads, err = leadsOfView(c, "smart_view_id", id); err != nil {
			return nil, err
		}
	}
	user := c.Query.Get("user_id")
	return slices.DeleteFunc(of.list(c), func(h history) bool {
		lead := c.State.Find("leads", c.Organization, h.rec.Lead)
		return keep != nil && (lead == nil || !keep(lead)) || leads != nil && !leads[h.rec.Lead] || user != "" && h.rec.Data["user_id"] != user
	}), nil
}

func statusReport(c *rest.Call, of recordHistories) (any, error) {
	days, err := daysOf(c)
	if err != nil {
		return nil, err
	}
	list, err := selectedHistories(c, of)
	if err != nil {
		return nil, err
	}
	counts := map[string]object{}
	count := func(status, what string) {
		if counts[status] == nil {
			counts[status] = object{}
		}
		counts[status][what] = value.Int(counts[status][what]) + 1
	}
	every, summary := map[[2]string]int64{}, map[[2]string]int64{}
	for _, h := range list {
		before, after := h.at(days.from), h.at(days.to)
		if before != "" {
			count(before, "started")
		}
		if after != "" {
			count(after, "ended")
		}
		if before != after {
			count(before, "lost")
			count(after, "gained")
			summary[[2]string{before, after}]++
		}
		for _, ch := range h.changes {
			if days.has(ch.at) {
				count(ch.from, "left")
				count(ch.to, "entered")
				every[[2]string{ch.from, ch.to}]++
			}
		}
	}
	overview := []any{}
	for _, status := range statusesOf(c, of.statuses, "") {
		row := object{"status_id": status.ID, "status_label": status.Data["label"], "status_is_deleted": false}
		queries, urls := object{}, object{}
		for _, what := range []string{"started", "ended", "entered", "left", "gained", "lost"} {
			row[what] = value.Int(counts[status.ID][what])
			queries[what], urls[what] = statusQuery(c, of, status.ID), pageURL(statusQuery(c, of, status.ID))
		}
		row["change"] = value.Int(row["ended"]) - value.Int(row["started"])
		row["change_percent"] = ratio(value.Int(row["change"]), value.Int(row["started"]))
		row["_queries"], row["_leads_page_urls"] = queries, urls
		row[of.page] = urls
		overview = append(overview, row)
	}
	return object{
		"status_overview": overview, "status_transitions": transitions(c, of, every), "status_transitions_summary": transitions(c, of, summary),
	}, nil
}

func statusQuery(c *rest.Call, of recordHistories, status string) string {
	label := value.String(statusLabel(c, of.statuses, status))
	if of.statuses == "lead_statuses" {
		return `lead_status:"` + label + `"`
	}
	return `opportunity_status:"` + label + `"`
}

func pageURL(query string) string {
	return "https://app.close.com/leads/?q=" + strings.NewReplacer(" ", "%20", `"`, "%22", ":", "%3A").Replace(query)
}

// transitions lists how often one status followed another, the most frequent first.
func transitions(c *rest.Call, of recordHistories, counts map[[2]string]int64) []any {
	keys := make([][2]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return int(d)
		}
		return strings.Compare(a[0]+a[1], b[0]+b[1])
	})
	deleted := func(id string) any {
		if id == "" {
			return nil
		}
		return c.State.Find(of.statuses, c.Organization, id) == nil
	}
	out := []any{}
	for _, k := range keys {
		query := statusQuery(c, of, k[1])
		row := object{
			"from_status_id": value.OrNull(k[0]), "from_status_label": statusLabel(c, of.statuses, k[0]), "from_status_is_deleted": deleted(k[0]),
			"to_status_id": k[1], "to_status_label": statusLabel(c, of.statuses, k[1]), "to_status_is_deleted": deleted(k[1]),
			"count": counts[k], "_query": query, "_leads_page_url": pageURL(query),
		}
		if of.statuses != "lead_statuses" {
			row["_opportunities_page_url"] = pageURL(query)
		}
		out = append(out, row)
	}
	return out
}

// cohort returns the opportunities that a funnel counts.
func cohort(c *rest.Call) (pipeline *store.Record, list []history, err error) {
	pipeline = c.State.Find("pipelines", c.Organization, value.String(c.Body["pipeline"]))
	if pipeline == nil {
		return nil, nil, rest.FieldError("pipeline", rest.MsgNoObject)
	}
	typ := value.String(c.Body["type"])
	if typ != "created-cohort" && typ != "active-stage-cohort" {
		return nil, nil, rest.FieldError("type", rest.MsgNotChoice)
	}
	in, err := spanOf(c, "report_relative_range", "report_datetime_range")
	if err != nil {
		return nil, nil, err
	}
	if in == nil {
		return nil, nil, rest.FieldError("report_datetime_range", rest.MsgRequired)
	}
	// A range to compare with makes the report one of that range.
	if other, err := spanOf(c, "compared_relative_range", "compared_datetime_range"); err != nil {
		return nil, nil, err
	} else if other != nil {
		in = other
	}
	leads, err := leadsOfReport(c)
	if err != nil {
		return nil, nil, err
	}
	users := usersOf(c)
	for _, h := range opportunityHistories.list(c) {
		status := c.State.Find("opportunity_statuses", c.Organization, value.String(h.rec.Data["status_id"]))
		if status == nil || status.Data["pipeline_id"] != pipeline.ID || leads != nil && !leads[h.rec.Lead] || users != nil && !users[value.String(h.rec.Data["user_id"])] {
			continue
		}
		if typ == "created-cohort" && in.has(h.changes[0].at) || typ == "active-stage-cohort" && wasActive(c, h, *in) {
			list = append(list, h)
		}
	}
	return pipeline, list, nil
}

// wasActive reports whether an opportunity was in an active stage in a range.
func wasActive(c *rest.Call, h history, in span) bool {
	for i, ch := range h.changes {
		end := in.to
		if i+1 < len(h.changes) {
			end = h.changes[i+1].at
		}
		if statusType(c, ch.to) == "active" && ch.at.Before(in.to) && end.After(in.from) {
			return true
		}
	}
	return false
}

func statusType(c *rest.Call, id string) any {
	if rec := c.State.Find("opportunity_statuses", c.Organization, id); rec != nil {
		return rec.Data["type"]
	}
	return nil
}

// byUser applies a report to all opportunities and to those of each user.
func byUser(list []history, report func([]history) object) object {
	users := map[string][]history{}
	for _, h := range list {
		user := value.String(h.rec.Data["user_id"])
		users[user] = append(users[user], h)
	}
	data := []any{}
	for _, user := range sortedKeys(users) {
		row := report(users[user])
		row["user_id"] = value.OrNull(user)
		data = append(data, row)
	}
	return object{"data": data, "aggregations": report(list)}
}

func funnelTotals(c *rest.Call) (any, error) {
	_, list, err := cohort(c)
	if err != nil {
		return nil, err
	}
	return byUser(list, func(list []history) object {
		var complete, won, value1, valueWon, annual int64
		var took time.Duration
		for _, h := range list {
			a := amountsOf(h.rec.Data)
			typ := opportunityValue(c, h.rec, "status_type")
			if typ == "active" {
				continue
			}
			complete, value1 = complete+1, value1+a.value
			if typ == "won" {
				won, valueWon, annual = won+1, valueWon+a.value, annual+a.annualized
				took += h.changes[len(h.changes)-1].at.Sub(h.changes[0].at)
			}
		}
		o := object{
			"count": int64(len(list)), "count_total_complete": complete, "count_total_won": won, "count_win_rate": ratio(won, complete),
			"value_total_complete": value1, "value_total_won": valueWon, "value_win_rate": ratio(valueWon, value1),
			"average_time_to_win": nil, "average_value_annualized_per_won_opportunity": int64(0), "sales_velocity": int64(0),
		}
		if won > 0 {
			seconds := int64(took.Seconds()) / won
			o["average_time_to_win"], o["average_value_annualized_per_won_opportunity"] = seconds, annual/won
			if days := seconds / 86400; days > 0 {
				o["sales_velocity"] = int64(len(list)) * (annual / won) * ratio(won, complete) / 100 / days
			}
		}
		return o
	}), nil
}

func funnelStages(c *rest.Call) (any, error) {
	pipeline, list, err := cohort(c)
	if err != nil {
		return nil, err
	}
	return byUser(list, func(list []history) object {
		stages := []any{}
		for _, status := range statusesOf(c, "opportunity_statuses", pipeline.ID) {
			if status.Data["type"] == "active" {
				stages = append(stages, stageOf(c, status, list))
			}
		}
		return object{"stages": stages}
	}), nil
}

// stageOf sums up the opportunities that reached a stage.
func stageOf(c *rest.Call, status *store.Record, list []history) object {
	var n, advanced, lost, val, valAdvanced, valLost, weighted, weightedAdvanced int64
	var took time.Duration
	for _, h := range list {
		at := slices.IndexFunc(h.changes, func(ch change) bool { return ch.to == status.ID })
		if at < 0 {
			continue
		}
		a := amountsOf(h.rec.Data)
		n, val, weighted = n+1, val+a.value, weighted+a.expected
		if at+1 == len(h.changes) {
			continue
		}
		if next := h.changes[at+1]; statusType(c, next.to) == "lost" {
			lost, valLost = lost+1, valLost+a.value
		} else {
			advanced, valAdvanced, weightedAdvanced = advanced+1, valAdvanced+a.value, weightedAdvanced+a.expected
			took += next.at.Sub(h.changes[at].at)
		}
	}
	o := object{
		"status": object{"id": status.ID, "label": status.Data["label"], "type": status.Data["type"]}, "average_time_to_advance": nil,
		"count": n, "count_conversion_rate": ratio(advanced, n), "count_lost": lost, "count_lost_ratio": ratio(lost, n),
		"value": val, "value_conversion_rate": ratio(valAdvanced, val), "value_lost": valLost, "value_lost_ratio": ratio(valLost, val),
		"weighted_value": weighted, "weighted_value_conversion_rate": ratio(weightedAdvanced, weighted),
	}
	if advanced > 0 {
		o["average_time_to_advance"] = int64(took.Seconds()) / advanced
	}
	return o
}
