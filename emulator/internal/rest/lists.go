package rest

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Bounds of pages.
const (
	defaultLimit  = 100
	MaxLimit      = 200
	MaxEventLimit = 50
	maxSkip       = 35000 // unless the options say otherwise
)

// Page is the part of a list that the client asked for.
type Page struct{ skip, Limit int }

// Page reads the page that the client asked for. largest is the largest _limit.
func (c *Call) Page(largest int) (Page, error) {
	var p Problems
	out := Page{
		skip:  bounded(c.Query, "_skip", 0, cmp.Or(c.Engine.Options.MaxSkip, maxSkip), &p),
		Limit: bounded(c.Query, "_limit", min(defaultLimit, largest), largest, &p),
	}
	return out, p.Err()
}

func bounded(q url.Values, name string, fallback, largest int, p *Problems) int {
	raw := strings.TrimSpace(q.Get(name))
	if raw == "" {
		return fallback
	}
	n, err := strconv.Atoi(raw)
	switch {
	case err != nil:
		p.Add(name, "Input should be a valid integer, unable to parse string as an integer")
	case n < 0:
		p.Add(name, "Input should be greater than or equal to 0")
	case n > largest:
		p.Add(name, fmt.Sprintf("Input should be less than or equal to %d", largest))
	}
	return n
}

// Cut returns the rows of the page and reports whether more follow.
func Cut[T any](rows []T, p Page) ([]T, bool) {
	from := min(p.skip, len(rows))
	to := min(from+p.Limit, len(rows))
	return rows[from:to], to < len(rows)
}

func (c *Call) list() (any, error) {
	l, err := c.List(c.Resource, nil)
	if err != nil {
		return nil, err
	}
	data := make([]object, 0, len(l.Rows))
	for _, rec := range l.Rows {
		data = append(data, c.Result(rec))
	}
	out := object{"data": data, "has_more": l.More}
	if c.Resource.Total {
		out["total_results"] = int64(l.Total)
	}
	if c.Resource.Summarize != nil {
		c.Resource.Summarize(c, l.All, out)
	}
	return out, nil
}

// Matching returns the records of a resource that pass the filters of the
// query, oldest first.
func (c *Call) Matching(r *Resource) ([]*store.Record, error) {
	f, err := c.filter(r)
	if err != nil {
		return nil, err
	}
	var rows []*store.Record
	if lead, ok := c.oneLead(r); ok {
		rows = c.State.Table(r.TableName()).Of(lead)
	} else {
		rows = c.State.Table(r.TableName()).All(c.Organization)
	}
	return slices.DeleteFunc(rows, func(rec *store.Record) bool { return !f.passes(rec) }), nil
}

// oneLead returns the one lead whose records a list has, if so.
func (c *Call) oneLead(r *Resource) (string, bool) {
	lead := c.Query.Get("lead_id")
	return lead, lead != "" && r.Filters["lead_id"] != AnyValue && !strings.Contains(lead, ",")
}

// filter selects the records of a list.
type filter struct {
	c      *Call
	r      *Resource
	conds  []Condition
	narrow func(*store.Record) bool // nil selects all
}

func (c *Call) filter(r *Resource) (*filter, error) {
	f := &filter{c: c, r: r}
	var err error
	if r.Narrow != nil {
		if f.narrow, err = r.Narrow(c); err != nil {
			return nil, err
		}
	}
	f.conds, err = c.Conditions(r)
	return f, err
}

func (f *filter) passes(rec *store.Record) bool {
	if rec.Organization != f.c.Organization || f.r.Type != "" && rec.Data["_type"] != f.r.Type {
		return false
	}
	for _, cond := range f.conds {
		if !cond.Holds(f.c.valueOf(f.r, rec, cond.Name), f.c.Zone) {
			return false
		}
	}
	return f.narrow == nil || f.narrow(rec)
}

func (c *Call) valueOf(r *Resource, rec *store.Record, name string) any {
	if r.Value != nil {
		return r.Value(c, rec, name)
	}
	return rec.Data[name]
}

// Condition is one filter of a list.
type Condition struct {
	Name  string
	op    string // "", in, gt, gte, lt, lte
	kind  Kind
	words []string // for "" and in
	at    time.Time
	isDay bool
	n     float64
}

// Conditions reads the filters of a resource from the query and ignores unknown
// ones.
func (c *Call) Conditions(r *Resource) ([]Condition, error) {
	var out []Condition
	var p Problems
	for param, values := range c.Query {
		name, op, _ := strings.Cut(param, "__")
		k, known := r.Filters[name]
		if !known && name == "id" {
			k, known = Text, true
		}
		if !known || len(values) == 0 {
			continue
		}
		cond, problem, ok := c.condition(r, name, op, k, values[len(values)-1])
		if problem != "" {
			p.Add(param, problem)
		}
		if ok {
			out = append(out, cond)
		}
	}
	return out, p.Err()
}

func (c *Call) condition(r *Resource, name, op string, k Kind, raw string) (cond Condition, problem string, ok bool) {
	cond = Condition{Name: name, op: op, kind: k}
	switch op {
	case "in":
		cond.words = strings.Split(raw, ",")
		return cond, "", true
	case "":
		switch k {
		case Flag:
			lower := strings.ToLower(raw)
			if lower != "true" && lower != "false" && lower != "" {
				return cond, MsgType("bool"), false
			}
			cond.words = []string{lower}
			return cond, "", true
		case Text:
			cond.words = []string{raw}
			if r.Commas {
				cond.words = strings.Split(raw, ",")
			}
			return cond, "", true
		}
	case "gt", "gte", "lt", "lte":
	default:
		return cond, "", false
	}
	switch k {
	case Instant, Day, DayOrInstant:
		if raw == "" && op == "" {
			cond.words = []string{""}
			return cond, "", true
		}
		t, isDay, err := value.ParseTime(raw, c.Zone)
		if err != nil {
			return cond, MsgNotDate, false
		}
		cond.at, cond.isDay = t, isDay
		return cond, "", true
	case Whole:
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil {
			return cond, MsgType("int"), false
		}
		cond.n = n
		return cond, "", true
	}
	return cond, "", false
}

// Holds reports whether a value satisfies the condition.
func (f Condition) Holds(v any, zone *time.Location) bool {
	if f.words != nil {
		return slices.ContainsFunc(f.words, func(w string) bool { return EqualText(v, w) })
	}
	switch f.kind {
	case Instant, Day, DayOrInstant:
		return f.holdsTime(v, zone)
	case Whole:
		n, ok := value.Float(v)
		return ok && HoldsOrder(f.op, cmp.Compare(n, f.n))
	}
	return true
}

func (f Condition) holdsTime(v any, zone *time.Location) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	t, _, err := value.ParseTime(s, zone)
	if err != nil {
		return false
	}
	if f.op == "" && f.isDay {
		return t.In(zone).Format(value.DayLayout) == f.at.Format(value.DayLayout)
	}
	return HoldsOrder(f.op, t.Compare(f.at))
}

// HoldsOrder reports whether the result of a comparison satisfies an operator.
func HoldsOrder(op string, order int) bool {
	switch op {
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	case "lt":
		return order < 0
	case "lte":
		return order <= 0
	}
	return order == 0
}

// EqualText reports whether a value equals the text of a filter.
func EqualText(v any, word string) bool {
	switch v := v.(type) {
	case nil:
		return word == ""
	case string:
		return v == word
	case bool:
		return strconv.FormatBool(v) == word || !v && word == ""
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return EqualText(e, word) })
	case int64:
		return strconv.FormatInt(v, 10) == word
	}
	return false
}

// SortRows sorts rows in the order that the client asked for, or the default one.
func (c *Call) SortRows(r *Resource, rows []*store.Record) {
	if !r.Ascending {
		newest := func(a, b *store.Record) int {
			return cmp.Or(cmp.Compare(value.String(b.Data["date_created"]), value.String(a.Data["date_created"])), -store.BySeq(a, b))
		}
		slices.Reverse(rows) // usually enough
		if !slices.IsSortedFunc(rows, newest) {
			slices.SortFunc(rows, newest)
		}
	}
	if r.Arrange != nil {
		r.Arrange(c, rows)
	}
	if len(r.Orders) == 0 {
		return
	}
	for _, term := range slices.Backward(c.orderTerms(r)) {
		name, descending := strings.CutPrefix(term, "-")
		c.SortBy(r, rows, name, descending)
	}
}

// orderTerms returns the fields of _order_by that a resource knows, a descending one
// with a sign in front.
func (c *Call) orderTerms(r *Resource) []string {
	var terms []string
	for term := range strings.SplitSeq(c.Query.Get("_order_by"), ",") {
		if term = strings.TrimSpace(term); slices.Contains(r.Orders, strings.TrimPrefix(term, "-")) {
			terms = append(terms, term)
		}
	}
	return terms
}

// SortBy sorts rows by a field and keeps the order of equal ones.
func (c *Call) SortBy(r *Resource, rows []*store.Record, name string, descending bool) {
	keys := make(map[*store.Record]any, len(rows))
	for _, rec := range rows {
		keys[rec] = c.valueOf(r, rec, name)
	}
	slices.SortStableFunc(rows, func(a, b *store.Record) int {
		d := CompareValues(keys[a], keys[b])
		if descending {
			return -d
		}
		return d
	})
}

// CompareValues sorts nulls first, numbers by size and strings regardless of
// case.
func CompareValues(a, b any) int {
	if a == nil || b == nil {
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return -1
		}
		return 1
	}
	x, okX := value.Float(a)
	y, okY := value.Float(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(strings.ToLower(fmt.Sprint(a)), strings.ToLower(fmt.Sprint(b)))
}
