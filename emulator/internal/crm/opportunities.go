package crm

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

var valuePeriods = []string{"one_time", "monthly", "annual"}

func opportunityResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "opportunities", Prefix: "oppo", Model: "Opportunity", Event: "opportunity", Custom: "opportunity", Total: true,
		Fields: append([]rest.Field{
			{Name: "lead_id", Kind: rest.Reference, Table: "leads", ErrorKey: "lead"},
			{Name: "contact_id", Kind: rest.Reference, Table: "contacts", ErrorKey: "contact"},
			{Name: "user_id", Kind: rest.Reference, Table: "users", ErrorKey: "user"},
			{Name: "status_id", Kind: rest.Reference, Table: "opportunity_statuses", ErrorKey: "status", NotNull: true},
			{Name: "pipeline_id", Kind: rest.Reference, Table: "pipelines", ErrorKey: "pipeline", Access: rest.OnCreate},
			{Name: "value", Kind: rest.Whole},
			{Name: "value_period", Kind: rest.Choice, Choices: valuePeriods, NotNull: true},
			{Name: "confidence", Kind: rest.Whole, Bounded: true, Max: 100, NotNull: true},
			{Name: "date_won", Kind: rest.Day},
			{Name: "attachments", Kind: rest.Attachments},
			{Name: "created_by", Kind: rest.Reference, Table: "users", Access: rest.OnCreate},
			{Name: "date_created", Kind: rest.Instant, Access: rest.OnCreate},
		}, noteFields...),
		Filters: map[string]rest.Kind{
			"lead_id": rest.Text, "user_id": rest.Text, "status_id": rest.Text, "status_label": rest.Text, "status": rest.Text, "status_type": rest.Text,
			"value_period": rest.Text, "organization_id": rest.Text, "date_created": rest.Instant, "date_updated": rest.Instant, "date_won": rest.Day,
		},
		Orders: []string{
			"date_won", "date_updated", "date_created", "confidence", "user_name", "value", "annualized_value", "annualized_expected_value",
		},
		Prepare: prepareOpportunity, Change: changeOpportunity, Changed: opportunityChanged, Render: renderOpportunity,
		Value: opportunityValue, Narrow: searchOpportunities, Arrange: arrangeOpportunities, Creation: opportunityCreation, Summarize: summarizeOpportunities,
		Removed: func(c *rest.Call, rec *store.Record) {
			dropComments(c, func(thread object) bool { return thread["object_id"] == rec.ID })
		},
	}}
}

func prepareOpportunity(c *rest.Call, o, body object, p *rest.Problems) {
	pairNotes(o)
	pipeline := value.String(o["pipeline_id"])
	delete(o, "pipeline_id")
	opportunityStatusByLabel(c, o, body, pipeline, p)
	status := c.State.Find("opportunity_statuses", c.Organization, value.String(o["status_id"]))
	switch {
	case status == nil:
		all := statusesOf(c, "opportunity_statuses", pipeline)
		if len(all) == 0 {
			p.Add("status", rest.MsgRequired)
			return
		}
		status = all[0]
		o["status_id"] = status.ID
	case pipeline != "" && status.Data["pipeline_id"] != pipeline:
		p.Add("status", "The status belongs to another pipeline.")
	}
	setDefaults(o, object{
		"contact_id": nil, "user_id": value.OrNull(c.User), "value": nil, "value_period": "one_time", "confidence": int64(50),
		"date_won": nil, "date_lost": nil, "note": "", "note_html": "", "attachments": []any{}, "lead_id": nil,
	})
	if o["user_id"] == nil {
		o["user_id"] = value.OrNull(c.User)
	}
	closeDates(c, o, nil, status)
	checkOwnContact(c, o, value.String(o["lead_id"]), p)
	if o["lead_id"] == nil && len(*p) == 0 {
		o["lead_id"] = strayLead(c, "Untitled")
	}
}

// checkOwnContact refuses a contact of another lead.
func checkOwnContact(c *rest.Call, o object, lead string, p *rest.Problems) {
	contact := c.State.Find("contacts", c.Organization, value.String(o["contact_id"]))
	if contact != nil && lead != "" && contact.Lead != lead {
		p.Add("contact", "The contact belongs to another lead.")
	}
}

func opportunityStatusByLabel(c *rest.Call, o, body object, pipeline string, p *rest.Problems) {
	label, ok := body["status"].(string)
	if !ok || body["status_id"] != nil {
		return
	}
	for _, rec := range statusesOf(c, "opportunity_statuses", pipeline) {
		if strings.EqualFold(value.String(rec.Data["label"]), label) {
			o["status_id"] = rec.ID
			return
		}
	}
	p.Add("status", rest.MsgNoObject)
}

// closeDates sets the dates that follow from a status: date_won, unless there is
// one, or date_lost.
func closeDates(c *rest.Call, o, before object, status *store.Record) {
	switch status.Data["type"] {
	case "won":
		won, given := o["date_won"]
		if !given {
			won = before["date_won"]
		}
		if won == nil {
			o["date_won"] = c.Now.In(c.Zone).Format(value.DayLayout)
		}
		o["date_lost"] = nil
	case "lost":
		o["date_lost"] = value.Stamp(c.Now)
	default:
		o["date_lost"] = nil
	}
}

func changeOpportunity(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	pairNotes(patch)
	if v, ok := patch["lead_id"]; ok && v == nil {
		p.Add("lead", rest.MsgNotNull)
	}
	old := c.State.Find("opportunity_statuses", c.Organization, value.String(rec.Data["status_id"]))
	pipeline := ""
	if old != nil {
		pipeline = value.String(old.Data["pipeline_id"])
	}
	opportunityStatusByLabel(c, patch, body, pipeline, p)
	if v, ok := patch["attachments"]; ok && v == nil {
		patch["attachments"] = []any{}
	}
	lead := rec.Lead
	if moved := value.String(patch["lead_id"]); moved != "" {
		lead = moved
	}
	checkOwnContact(c, patch, lead, p)
	status := c.State.Find("opportunity_statuses", c.Organization, value.String(patch["status_id"]))
	if status != nil && status.ID != rec.Data["status_id"] {
		closeDates(c, patch, rec.Data, status)
	}
}

func opportunityChanged(c *rest.Call, rec *store.Record, before object) {
	from, to := value.String(before["status_id"]), value.String(rec.Data["status_id"])
	if from == to {
		return
	}
	c.Insert(c.Engine.Resources["opportunity_status_changes"], newActivity(c, rec.Lead, statusChange(c, rec, from, to)))
}

// statusChange returns what a change of status notes about an opportunity and both statuses.
func statusChange(c *rest.Call, rec *store.Record, from, to string) object {
	o := c.Render(c.Engine.Resources["opportunities"], rec)
	values := object{
		"opportunity_id": rec.ID, "opportunity_value": o["value"], "opportunity_value_currency": o["value_currency"],
		"opportunity_value_formatted": o["value_formatted"], "opportunity_value_period": o["value_period"],
		"opportunity_confidence": o["confidence"], "opportunity_date_won": nil,
	}
	if won := value.String(o["date_won"]); won != "" {
		if t, _, err := value.ParseTime(won, time.UTC); err == nil {
			values["opportunity_date_won"] = value.Stamp(t)
		}
	}
	for side, id := range map[string]string{"old": from, "new": to} {
		values[side+"_status_id"] = id
		status := c.State.Find("opportunity_statuses", c.Organization, id)
		if status == nil {
			continue
		}
		values[side+"_status_label"], values[side+"_status_type"] = status.Data["label"], status.Data["type"]
		values[side+"_pipeline_id"] = status.Data["pipeline_id"]
		if pipe := c.State.Find("pipelines", c.Organization, value.String(status.Data["pipeline_id"])); pipe != nil {
			values[side+"_pipeline_name"] = pipe.Data["name"]
		}
	}
	return values
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
	confidence := value.Int(o["confidence"])
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
	return sign + currencySymbol(currency) + digits
}

// currencySymbol returns what precedes an amount.
func currencySymbol(currency string) string {
	if symbol, ok := currencySigns[currency]; ok {
		return symbol
	}
	return currency + " "
}

func formatValue(o object, currency string) string {
	v, ok := o["value"].(int64)
	if !ok {
		return ""
	}
	s := formatMoney(v, currency)
	if period := value.String(o["value_period"]); period == "monthly" || period == "annual" {
		s += " " + period
	}
	return s
}

func currencyOf(c *rest.Call) string {
	if org := c.State.Organization(c.Organization); org != nil {
		return org.Currency
	}
	return "USD"
}

func renderOpportunity(c *rest.Call, rec *store.Record, o object) {
	a := amountsOf(o)
	o["expected_value"], o["annualized_value"], o["annualized_expected_value"] = a.expected, a.annualized, a.annualizedExpected
	if a.none {
		o["expected_value"], o["annualized_value"], o["annualized_expected_value"] = nil, nil, nil
	}
	o["value_currency"] = currencyOf(c)
	o["value_formatted"] = formatValue(o, currencyOf(c))
	o["lead_name"] = leadName(c, rec.Lead)
	o["contact_name"] = contactLabel(c, o["contact_id"])
	o["user_name"] = c.UserName(o["user_id"])
	o["integration_links"] = linksOf(c, "opportunity", rec)
	status := c.State.Find("opportunity_statuses", c.Organization, value.String(o["status_id"]))
	if status == nil {
		return
	}
	o["status_label"], o["status_type"] = status.Data["label"], status.Data["type"]
	o["status_display_name"] = status.Data["label"]
	o["pipeline_id"], o["pipeline_name"] = status.Data["pipeline_id"], nil
	if pipe := c.State.Find("pipelines", c.Organization, value.String(status.Data["pipeline_id"])); pipe != nil {
		o["pipeline_name"] = pipe.Data["name"]
		if len(pipelinesOf(c)) > 1 {
			o["status_display_name"] = fmt.Sprint(status.Data["label"], " (", pipe.Data["name"], ")")
		}
	}
}

func opportunityValue(c *rest.Call, rec *store.Record, name string) any {
	switch name {
	case "status_type", "status_label", "status":
		status := c.State.Find("opportunity_statuses", c.Organization, value.String(rec.Data["status_id"]))
		if status == nil {
			return nil
		}
		if name == "status_type" {
			return status.Data["type"]
		}
		return status.Data["label"]
	case "user_name":
		return c.UserName(rec.Data["user_id"])
	case "annualized_value", "annualized_expected_value":
		a := amountsOf(rec.Data)
		switch {
		case a.none:
			return nil
		case name == "annualized_value":
			return a.annualized
		}
		return a.annualizedExpected
	}
	return rec.Data[name]
}

// searchOpportunities applies the query parameters: one to the deals and their
// leads, the deprecated one to the leads. No deal of the emulator is stalled.
func searchOpportunities(c *rest.Call) (func(*store.Record) bool, error) {
	if c.Query.Get("lead_saved_search_id") != "" { // the emulator has no Smart Views
		return nil, rest.FieldError("lead_saved_search_id", rest.MsgNoObject)
	}
	own, err := searchBy(c, "query", opportunitySchema(c))
	if err != nil {
		return nil, err
	}
	ofLead, err := searchBy(c, "lead_query", leadSchema(c))
	if err != nil {
		return nil, err
	}
	stalled := strings.EqualFold(c.Query.Get("is_stalled"), "true")
	return func(rec *store.Record) bool {
		if stalled || own != nil && !own(rec) {
			return false
		}
		if ofLead == nil {
			return true
		}
		lead := c.State.Find("leads", c.Organization, rec.Lead)
		return lead != nil && ofLead(lead)
	}, nil
}

// arrangeOpportunities applies the sort terms of the query parameter.
func arrangeOpportunities(c *rest.Call, rows []*store.Record) {
	arrange(c, opportunitySchema(c), sortsOf(c), rows)
}

// summarizeOpportunities adds the totals of all matching deals and groups them
// when asked to.
func summarizeOpportunities(c *rest.Call, rows []*store.Record, response object) {
	maps.Copy(response, totalsOf(c, rows))
	by := c.Query.Get("_group_by")
	name := strings.TrimPrefix(by, "-")
	if !slices.Contains([]string{"user_id", "date_won__week", "date_won__month", "date_won__quarter", "date_won__year"}, name) {
		return
	}
	groups := map[string][]*store.Record{}
	for _, rec := range rows {
		key := groupKey(rec, name)
		groups[key] = append(groups[key], rec)
	}
	keys := slices.Sorted(maps.Keys(groups))
	if strings.HasPrefix(by, "-") {
		slices.Reverse(keys)
	}
	pg, err := c.Page(rest.MaxLimit)
	if err != nil {
		return
	}
	part, more := rest.Cut(keys, pg)
	data := []object{}
	for _, key := range part {
		g := totalsOf(c, groups[key])
		objects := []any{}
		for _, rec := range groups[key] {
			objects = append(objects, c.Result(rec))
		}
		g["key"], g["objects"], g["total_results"] = value.OrNull(key), objects, int64(len(objects))
		data = append(data, g)
	}
	response["data"], response["has_more"] = data, more
}

// groupKey returns the first day of the period of a deal, or its user.
func groupKey(rec *store.Record, by string) string {
	if by == "user_id" {
		return value.String(rec.Data["user_id"])
	}
	t, err := time.Parse(value.DayLayout, value.String(rec.Data["date_won"]))
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
	return t.Format(value.DayLayout)
}

// totalsOf returns the totals of deals. Periods without deals are not counted,
// and a total of zero has no text.
func totalsOf(c *rest.Call, rows []*store.Record) object {
	count, total, expected := object{}, map[string]int64{}, map[string]int64{}
	for _, rec := range rows {
		period := value.String(rec.Data["value_period"])
		a := amountsOf(rec.Data)
		count[period] = value.Int(count[period]) + 1
		total[period] += a.value
		expected[period] += a.expected
		total["annualized"] += a.annualized
		expected["annualized"] += a.annualizedExpected
	}
	out := object{"count_by_value_period": count}
	for _, period := range append([]string{"annualized"}, valuePeriods...) {
		for prefix, sum := range map[string]int64{"total_value_": total[period], "expected_value_": expected[period]} {
			out[prefix+period], out[prefix+period+"_formatted"] = sum, nil
			if sum != 0 {
				out[prefix+period+"_formatted"] = formatMoney(sum, currencyOf(c))
			}
		}
	}
	return out
}
