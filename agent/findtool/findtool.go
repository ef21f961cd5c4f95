// Package findtool is a tool for models that finds records by simple conditions, all of
// which must hold. Search of Close takes a tree of nodes, in which models make mistakes and
// which takes many tokens to explain; this tool takes rows and compiles them to that tree:
//
//	a, err := agent.New(tools.Catalog(), agent.WithTool(findtool.New()))
//
// It answers "leads in Berlin with an open deal over $10k without a call for two
// weeks" in one call. Alternatives need the tool close_search.
package findtool

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
)

// Name is the name of the tool.
const Name = "find_records"

// Input is what a model gives.
type Input struct {
	Kind   string   `json:"kind" enum:"lead,contact,opportunity"`
	Where  []Row    `json:"where,omitempty" about:"Rows that all must hold. Rows with the same of are about one related record."`
	Fields []string `json:"fields,omitempty" about:"Fields to return; custom: all custom fields."`
	Limit  int      `json:"limit,omitempty" min:"0" max:"200" about:"20 if left out; 0 with count_only."`
	Count  bool     `json:"count_only,omitempty"`
}

// Row is one condition.
type Row struct {
	Of    string `json:"of,omitempty" enum:"lead,contact,email_address,address,opportunity,call,email,sms,meeting,note,task" about:"Related record that has the field; left out: the record itself."`
	None  bool   `json:"none,omitempty" about:"There is no such related record."`
	Field string `json:"field,omitempty" about:"Such as name, status_label, city, value, status_type (active, won, lost), activity_at, date_created, or cf_ id."`
	Op    string `json:"op,omitempty" enum:"is,has,at_least,at_most,since,before,exists" about:"has: words in the text."`
	Value string `json:"value,omitempty" about:"Text; money such as 10000.00; date, time or 14 days ago."`
}

// Output is what a model gets.
type Output struct {
	Count   int                      `json:"count"` // of all that fit
	Results []*closeapi.SearchResult `json:"results"`
	Query   string                   `json:"query"` // in words, to check what was understood
}

const description = "Find leads, contacts or opportunities, or count them, by rows of conditions that all must hold. " +
	"Leads in Berlin with an open deal over $10k without a call for two weeks: " +
	`{"kind":"lead","where":[{"of":"address","field":"city","op":"is","value":"Berlin"},` +
	`{"of":"opportunity","field":"status_type","op":"is","value":"active"},{"of":"opportunity","field":"value","op":"at_least","value":"10000"},` +
	`{"of":"call","none":true,"field":"activity_at","op":"since","value":"14 days ago"}]}`

// New returns the tool, for [agent.WithTool]. It only reads.
func New() agent.OwnTool[Input] {
	return agent.OwnTool[Input]{
		Name: Name, Description: description, Effect: closekit.Read, Untrusted: true,
		Synonyms: []string{"search by condition", "filter leads", "segment", "how many leads"},
		Call: func(ctx context.Context, c *closekit.Client, in Input) (any, error) {
			return find(ctx, c, in)
		},
	}
}

// shown are the fields that come back unless the model names others.
var shown = map[string][]string{
	"lead": {"id", "display_name", "status_label"}, "contact": {"id", "name", "lead_id"}, "opportunity": {"id", "lead_id", "lead_name", "value_formatted", "status_label"},
}

func find(ctx context.Context, c *closekit.Client, in Input) (*Output, error) {
	q, err := Compile(in, time.Now())
	if err != nil {
		return nil, err
	}
	fields := in.Fields
	if len(fields) == 0 {
		fields = shown[in.Kind]
	}
	limit := in.Limit
	if limit == 0 {
		limit = 20
	}
	p := closeapi.SearchParams{Query: q, IncludeCounts: closekit.Some(true), Limit: closekit.Some(limit), Fields: &closeapi.SearchSelection{}}
	switch in.Kind {
	case "lead":
		p.Fields.Lead = fields
	case "contact":
		p.Fields.Contact = fields
	default:
		p.Fields.Opportunity = fields
	}
	if in.Count {
		p.ResultsLimit = closekit.Some(0)
	}
	page, err := closeapi.Search(ctx, c, p)
	if err != nil {
		return nil, err
	}
	out := &Output{Results: []*closeapi.SearchResult{}, Query: query.String(q)}
	for i := range page.Data {
		out.Results = append(out.Results, &page.Data[i])
	}
	totals, err := closeapi.SearchTotals(page)
	if err != nil {
		return nil, err
	}
	if totals.Count != nil {
		out.Count = totals.Count.Total.Or(0)
	}
	return out, nil
}

// Compile returns the query for the rows. Relative dates are counted from now.
func Compile(in Input, now time.Time) (*closeapi.SearchQuery, error) {
	kind := query.Kind(in.Kind)
	var all []query.Condition
	var groups [][]int // rows about one related record
	for i, row := range in.Where {
		if row.Of == "" || row.Of == in.Kind {
			if row.None {
				return nil, fmt.Errorf("where[%d].none: needs of, the related record that there must not be", i)
			}
			c, err := condition(row, now)
			if err != nil {
				return nil, fmt.Errorf("where[%d].%w", i, err)
			}
			all = append(all, c)
			continue
		}
		at := slices.IndexFunc(groups, func(g []int) bool {
			first := in.Where[g[0]]
			return first.Of == row.Of && first.None == row.None
		})
		if at < 0 {
			groups = append(groups, []int{i})
		} else {
			groups[at] = append(groups[at], i)
		}
	}
	for _, g := range groups {
		var inner []query.Condition
		for _, i := range g {
			if in.Where[i].Field == "" && in.Where[i].Op == "" && len(g) == 1 {
				continue // there is one, or none
			}
			c, err := condition(in.Where[i], now)
			if err != nil {
				return nil, fmt.Errorf("where[%d].%w", i, err)
			}
			inner = append(inner, c)
		}
		c := related(kind, in.Where[g[0]].Of, inner)
		if in.Where[g[0]].None {
			c = query.Not(c)
		}
		all = append(all, c)
	}
	return query.About(kind, all...), nil
}

// related returns the condition on a related record of a kind.
func related(from query.Kind, of string, inner []query.Condition) query.Condition {
	switch of {
	case "email_address":
		c := query.Related(closeapi.SearchObjectTypeContactEmail, inner...)
		if from != closeapi.SearchObjectTypeContact {
			c = query.Related(closeapi.SearchObjectTypeContact, c)
		}
		return c
	case "address":
		c := query.Related(closeapi.SearchObjectTypeAddress, inner...)
		if from != closeapi.SearchObjectTypeLead {
			c = query.Related(closeapi.SearchObjectTypeLead, c)
		}
		return c
	case "task":
		of = string(closeapi.SearchObjectTypeTaskLead)
	case "call", "email", "sms", "meeting", "note":
		of = "activity." + of
	default:
		return query.Related(query.Kind(of), inner...)
	}
	c := query.Related(query.Kind(of), inner...)
	if from == closeapi.SearchObjectTypeOpportunity { // activities and tasks are those of its lead
		c = query.Related(closeapi.SearchObjectTypeLead, c)
	}
	return c
}

// money are the fields whose values are amounts.
var money = []string{"value", "annualized_value", "expected_value", "annualized_expected_value"}

func condition(row Row, now time.Time) (query.Condition, error) {
	if row.Field == "" {
		return nil, fmt.Errorf("field: is required with op and value")
	}
	f, n := query.Field(row.Field), query.Number(row.Field)
	if strings.HasPrefix(row.Field, "cf_") || strings.HasPrefix(row.Field, "lcf_") {
		f, n = query.Custom(closeapi.CustomFieldID(row.Field)), query.CustomNumber(closeapi.CustomFieldID(row.Field))
	}
	if row.Value == "" && row.Op != "exists" {
		return nil, fmt.Errorf("value: is required with the op %q", row.Op)
	}
	switch row.Op {
	case "is":
		return f.Is(row.Value), nil
	case "has":
		return f.Has(row.Value), nil
	case "exists":
		return f.Exists(), nil
	case "at_least", "at_most":
		v, err := amount(row)
		if err != nil {
			return nil, err
		}
		if row.Op == "at_least" {
			return n.AtLeast(v), nil
		}
		return n.AtMost(v), nil
	case "since", "before":
		t, err := moment(row.Value, now)
		if err != nil {
			return nil, err
		}
		if row.Op == "since" {
			return f.Since(t), nil
		}
		return f.Before(t), nil
	}
	return nil, fmt.Errorf("op: is required with field; one of is, has, at_least, at_most, since, before and exists")
}

// amount reads a number, or money in major units, which Close keeps in cents.
func amount(row Row) (float64, error) {
	if slices.Contains(money, row.Field) {
		cents, err := closekit.ParseCents(row.Value)
		if err != nil {
			return 0, fmt.Errorf("value: %w; give money such as 10000.00", err)
		}
		return float64(cents), nil
	}
	v, err := strconv.ParseFloat(row.Value, 64)
	if err != nil || v != v || v-v != 0 { //nolint:gocritic // not a number, or infinite
		return 0, fmt.Errorf("value: %q is no number", row.Value)
	}
	return v, nil
}

// moment reads a date, a time, or a distance such as 14 days ago.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	parts := strings.Fields(strings.ToLower(text))
	if len(parts) == 3 && parts[2] == "ago" {
		n, err := strconv.Atoi(parts[0])
		if err == nil && n >= 0 && n <= 10_000 {
			switch strings.TrimSuffix(parts[1], "s") {
			case "hour":
				return now.Add(-time.Duration(n) * time.Hour), nil
			case "day":
				return now.AddDate(0, 0, -n), nil
			case "week":
				return now.AddDate(0, 0, -7*n), nil
			case "month":
				return now.AddDate(0, -n, 0), nil
			case "year":
				return now.AddDate(-n, 0, 0), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("value: %q is no time; give a date such as 2026-03-01, a time with offset, or 14 days ago", text)
}
