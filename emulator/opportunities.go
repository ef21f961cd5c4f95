package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

var valuePeriods = []string{"one_time", "monthly", "annual"}

func opportunityResources() []*resource {
	return []*resource{{
		name: "opportunities", prefix: "oppo", model: "Opportunity", event: "opportunity", custom: "opportunity", total: true,
		fields: append([]field{
			{name: "lead_id", kind: reference, table: "leads", errKey: "lead"},
			{name: "contact_id", kind: reference, table: "contacts", errKey: "contact"},
			{name: "user_id", kind: reference, table: "users", errKey: "user"},
			{name: "status_id", kind: reference, table: "opportunity_statuses", errKey: "status", notNull: true},
			{name: "pipeline_id", kind: reference, table: "pipelines", errKey: "pipeline", access: onCreate},
			{name: "value", kind: whole},
			{name: "value_period", kind: choice, choices: valuePeriods, notNull: true},
			{name: "confidence", kind: whole, bounded: true, max: 100, notNull: true},
			{name: "date_won", kind: day},
			{name: "attachments", kind: objects},
			{name: "created_by", kind: reference, table: "users", access: onCreate},
			{name: "date_created", kind: instant, access: onCreate},
		}, noteFields...),
		filters: map[string]kind{
			"lead_id": text, "user_id": text, "status_id": text, "status_label": text, "status": text, "status_type": text,
			"value_period": text, "organization_id": text, "date_created": instant, "date_updated": instant, "date_won": day,
		},
		orders: []string{
			"date_won", "date_updated", "date_created", "confidence", "user_name", "value", "annualized_value", "annualized_expected_value",
		},
		prepare: prepareOpportunity, change: changeOpportunity, changed: opportunityChanged, render: renderOpportunity,
		value: opportunityValue, narrow: searchOpportunities, summarize: summarizeOpportunities,
		removed: func(c *call, rec *record) {
			c.dropComments(func(thread object) bool { return thread["object_id"] == rec.id })
		},
	}}
}

func prepareOpportunity(c *call, o, body object, p *problems) {
	pairNotes(o)
	pipeline := str(o["pipeline_id"])
	delete(o, "pipeline_id")
	c.opportunityStatusByLabel(o, body, pipeline, p)
	status := c.st.find("opportunity_statuses", c.org, str(o["status_id"]))
	switch {
	case status == nil:
		all := c.statuses("opportunity_statuses", pipeline)
		if len(all) == 0 {
			p.add("status", errRequired)
			return
		}
		status = all[0]
		o["status_id"] = status.id
	case pipeline != "" && status.data["pipeline_id"] != pipeline:
		p.add("status", "The status belongs to another pipeline.")
	}
	setDefaults(o, object{
		"contact_id": nil, "user_id": orNull(c.user), "value": nil, "value_period": "one_time", "confidence": int64(50),
		"date_won": nil, "date_lost": nil, "note": "", "note_html": "", "attachments": []any{}, "lead_id": nil,
	})
	if o["user_id"] == nil {
		o["user_id"] = orNull(c.user)
	}
	c.closeDates(o, nil, status)
	c.checkOwnContact(o, str(o["lead_id"]), p)
	if o["lead_id"] == nil && len(*p) == 0 {
		o["lead_id"] = c.strayLead("Untitled")
	}
}

// checkOwnContact refuses a contact of another lead.
func (c *call) checkOwnContact(o object, lead string, p *problems) {
	contact := c.st.find("contacts", c.org, str(o["contact_id"]))
	if contact != nil && lead != "" && contact.lead != lead {
		p.add("contact", "The contact belongs to another lead.")
	}
}

func (c *call) opportunityStatusByLabel(o, body object, pipeline string, p *problems) {
	label, ok := body["status"].(string)
	if !ok || body["status_id"] != nil {
		return
	}
	for _, rec := range c.statuses("opportunity_statuses", pipeline) {
		if strings.EqualFold(str(rec.data["label"]), label) {
			o["status_id"] = rec.id
			return
		}
	}
	p.add("status", errNoObject)
}

// closeDates sets the dates that follow from a status: date_won, unless there is
// one, or date_lost.
func (c *call) closeDates(o, before object, status *record) {
	switch status.data["type"] {
	case "won":
		won, given := o["date_won"]
		if !given {
			won = before["date_won"]
		}
		if won == nil {
			o["date_won"] = c.now.In(c.zone).Format(dayLayout)
		}
		o["date_lost"] = nil
	case "lost":
		o["date_lost"] = stamp(c.now)
	default:
		o["date_lost"] = nil
	}
}

func changeOpportunity(c *call, rec *record, patch, body object, p *problems) {
	pairNotes(patch)
	if v, ok := patch["lead_id"]; ok && v == nil {
		p.add("lead", errNotNull)
	}
	old := c.st.find("opportunity_statuses", c.org, str(rec.data["status_id"]))
	pipeline := ""
	if old != nil {
		pipeline = str(old.data["pipeline_id"])
	}
	c.opportunityStatusByLabel(patch, body, pipeline, p)
	if v, ok := patch["attachments"]; ok && v == nil {
		patch["attachments"] = []any{}
	}
	lead := rec.lead
	if moved := str(patch["lead_id"]); moved != "" {
		lead = moved
	}
	c.checkOwnContact(patch, lead, p)
	status := c.st.find("opportunity_statuses", c.org, str(patch["status_id"]))
	if status != nil && status.id != rec.data["status_id"] {
		c.closeDates(patch, rec.data, status)
	}
}

func opportunityChanged(c *call, rec *record, before object) {
	from, to := str(before["status_id"]), str(rec.data["status_id"])
	if from == to {
		return
	}
	o := c.render(c.e.resources["opportunities"], rec)
	values := object{
		"opportunity_id": rec.id, "opportunity_value": o["value"], "opportunity_value_currency": o["value_currency"],
		"opportunity_value_formatted": o["value_formatted"], "opportunity_value_period": o["value_period"],
		"opportunity_confidence": o["confidence"], "opportunity_date_won": nil,
	}
	if won := str(o["date_won"]); won != "" {
		if t, _, err := parseTime(won, time.UTC); err == nil {
			values["opportunity_date_won"] = stamp(t)
		}
	}
	for side, id := range map[string]string{"old": from, "new": to} {
		values[side+"_status_id"] = id
		status := c.st.find("opportunity_statuses", c.org, id)
		if status == nil {
			continue
		}
		values[side+"_status_label"], values[side+"_status_type"] = status.data["label"], status.data["type"]
		values[side+"_pipeline_id"] = status.data["pipeline_id"]
		if pipe := c.st.find("pipelines", c.org, str(status.data["pipeline_id"])); pipe != nil {
			values[side+"_pipeline_name"] = pipe.data["name"]
		}
	}
	c.insert(c.e.resources["opportunity_status_changes"], c.activity(rec.lead, values))
}

// amounts are the derived values of an opportunity, in minor units.
type amounts struct {
	value, expected, annualized, annualizedExpected int64
	none                                            bool
}

func amountsOf(o object) amounts {
	v, ok := o["value"].(int64)
	if !ok {
		return amounts{none: true}
	}
	a := amounts{value: v, annualized: v}
	if o["value_period"] == "monthly" {
		a.annualized = v * 12
	}
	confidence := integer(o["confidence"])
	a.expected, a.annualizedExpected = percent(v, confidence), percent(a.annualized, confidence)
	return a
}

// percent rounds half away from zero.
func percent(v, p int64) int64 {
	whole, rest := v/100*p, v%100*p
	if rest < 0 {
		return whole + (rest-50)/100
	}
	return whole + (rest+50)/100
}

var currencySigns = map[string]string{"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "AUD": "A$", "CAD": "CA$"}

// formatMoney formats minor units: $500, $1,234.50.
func formatMoney(minor int64, currency string) string {
	sign, n := "", uint64(minor) //nolint:gosec // the sign is handled
	if minor < 0 {
		sign, n = "-", -n
	}
	digits := strconv.FormatUint(n/100, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if cents := n % 100; cents > 0 {
		digits += fmt.Sprintf(".%02d", cents)
	}
	symbol, ok := currencySigns[currency]
	if !ok {
		symbol = currency + " "
	}
	return sign + symbol + digits
}

func formatValue(o object, currency string) string {
	v, ok := o["value"].(int64)
	if !ok {
		return ""
	}
	s := formatMoney(v, currency)
	if period := str(o["value_period"]); period == "monthly" || period == "annual" {
		s += " " + period
	}
	return s
}

func (c *call) currency() string {
	if org := c.st.organization(c.org); org != nil {
		return org.currency
	}
	return "USD"
}

func renderOpportunity(c *call, rec *record, o object) {
	a := amountsOf(o)
	o["expected_value"], o["annualized_value"], o["annualized_expected_value"] = a.expected, a.annualized, a.annualizedExpected
	if a.none {
		o["expected_value"], o["annualized_value"], o["annualized_expected_value"] = nil, nil, nil
	}
	o["value_currency"] = c.currency()
	o["value_formatted"] = formatValue(o, c.currency())
	o["lead_name"] = c.leadName(rec.lead)
	o["contact_name"] = c.contactLabel(o["contact_id"])
	o["user_name"] = c.userName(o["user_id"])
	o["integration_links"] = []any{}
	status := c.st.find("opportunity_statuses", c.org, str(o["status_id"]))
	if status == nil {
		return
	}
	o["status_label"], o["status_type"] = status.data["label"], status.data["type"]
	o["status_display_name"] = status.data["label"]
	o["pipeline_id"], o["pipeline_name"] = status.data["pipeline_id"], nil
	if pipe := c.st.find("pipelines", c.org, str(status.data["pipeline_id"])); pipe != nil {
		o["pipeline_name"] = pipe.data["name"]
		if len(c.pipelines()) > 1 {
			o["status_display_name"] = fmt.Sprint(status.data["label"], " (", pipe.data["name"], ")")
		}
	}
}

func opportunityValue(c *call, rec *record, name string) any {
	switch name {
	case "status_type", "status_label", "status":
		status := c.st.find("opportunity_statuses", c.org, str(rec.data["status_id"]))
		if status == nil {
			return nil
		}
		if name == "status_type" {
			return status.data["type"]
		}
		return status.data["label"]
	case "user_name":
		return c.userName(rec.data["user_id"])
	case "annualized_value", "annualized_expected_value":
		a := amountsOf(rec.data)
		switch {
		case a.none:
			return nil
		case name == "annualized_value":
			return a.annualized
		}
		return a.annualizedExpected
	}
	return rec.data[name]
}

// searchOpportunities applies the query parameter to the deals and their leads.
// No deal of the emulator is stalled.
func searchOpportunities(c *call) (func(*record) bool, error) {
	if c.query.Get("lead_saved_search_id") != "" { // the emulator has no Smart Views
		var p problems
		p.add("lead_saved_search_id", errNoObject)
		return nil, p.err()
	}
	raw := strings.TrimSpace(cmp.Or(c.query.Get("query"), c.query.Get("lead_query")))
	q := parseQuery(raw)
	stalled := strings.EqualFold(c.query.Get("is_stalled"), "true")
	if raw == "" && !stalled {
		return nil, nil
	}
	return func(rec *record) bool {
		if stalled {
			return false
		}
		if q.matchesText(str(rec.data["note"])) {
			return true
		}
		lead := c.st.find("leads", c.org, rec.lead)
		return lead != nil && q.matches(c, lead)
	}, nil
}

// summarizeOpportunities adds the totals of all matching deals and groups them
// when asked to.
func summarizeOpportunities(c *call, rows []*record, response object) {
	maps.Copy(response, c.totals(rows))
	by := c.query.Get("_group_by")
	name := strings.TrimPrefix(by, "-")
	if !slices.Contains([]string{"user_id", "date_won__week", "date_won__month", "date_won__quarter", "date_won__year"}, name) {
		return
	}
	groups := map[string][]*record{}
	for _, rec := range rows {
		key := groupKey(rec, name)
		groups[key] = append(groups[key], rec)
	}
	keys := slices.Sorted(maps.Keys(groups))
	if strings.HasPrefix(by, "-") {
		slices.Reverse(keys)
	}
	pg, err := c.page(maxLimit)
	if err != nil {
		return
	}
	part, more := cut(keys, pg)
	data := []object{}
	for _, key := range part {
		g := c.totals(groups[key])
		objects := []any{}
		for _, rec := range groups[key] {
			objects = append(objects, c.result(rec))
		}
		g["key"], g["objects"], g["total_results"] = orNull(key), objects, int64(len(objects))
		data = append(data, g)
	}
	response["data"], response["has_more"] = data, more
}

// groupKey returns the first day of the period of a deal, or its user.
func groupKey(rec *record, by string) string {
	if by == "user_id" {
		return str(rec.data["user_id"])
	}
	t, err := time.Parse(dayLayout, str(rec.data["date_won"]))
	if err != nil {
		return ""
	}
	switch by {
	case "date_won__week":
		t = t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	case "date_won__month":
		t = t.AddDate(0, 0, 1-t.Day())
	case "date_won__quarter":
		t = time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	case "date_won__year":
		t = time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Format(dayLayout)
}

func (c *call) totals(rows []*record) object {
	count, total, expected := object{}, map[string]int64{}, map[string]int64{}
	for _, period := range valuePeriods {
		count[period] = int64(0)
	}
	for _, rec := range rows {
		period := str(rec.data["value_period"])
		a := amountsOf(rec.data)
		count[period] = integer(count[period]) + 1
		total[period] += a.value
		expected[period] += a.expected
		total["annualized"] += a.annualized
		expected["annualized"] += a.annualizedExpected
	}
	out := object{"count_by_value_period": count}
	for _, period := range append([]string{"annualized"}, valuePeriods...) {
		out["total_value_"+period] = total[period]
		out["total_value_"+period+"_formatted"] = formatMoney(total[period], c.currency())
		out["expected_value_"+period] = expected[period]
		out["expected_value_"+period+"_formatted"] = formatMoney(expected[period], c.currency())
	}
	return out
}
