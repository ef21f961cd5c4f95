package emulator

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of pages.
const (
	defaultLimit  = 100
	maxLimit      = 200
	maxEventLimit = 50
	maxSkip       = 35000
)

// page is the part of a list that the client asked for.
type page struct{ skip, limit int }

func (c *call) page(largest int) (page, error) {
	var p problems
	out := page{
		skip:  bounded(c.query, "_skip", 0, maxSkip, &p),
		limit: bounded(c.query, "_limit", min(defaultLimit, largest), largest, &p),
	}
	return out, p.err()
}

func bounded(q url.Values, name string, fallback, largest int, p *problems) int {
	raw := strings.TrimSpace(q.Get(name))
	if raw == "" {
		return fallback
	}
	n, err := strconv.Atoi(raw)
	switch {
	case err != nil:
		p.add(name, "Input should be a valid integer, unable to parse string as an integer")
	case n < 0:
		p.add(name, "Input should be greater than or equal to 0")
	case n > largest:
		p.add(name, fmt.Sprintf("Input should be less than or equal to %d", largest))
	}
	return n
}

// cut returns the rows of the page and reports whether more follow.
func cut[T any](rows []T, p page) ([]T, bool) {
	from := min(p.skip, len(rows))
	to := min(from+p.limit, len(rows))
	return rows[from:to], to < len(rows)
}

func (c *call) list() (any, error) {
	rows, err := c.matching(c.r)
	if err != nil {
		return nil, err
	}
	largest := c.r.limit
	if largest == 0 {
		largest = maxLimit
	}
	p, err := c.page(largest)
	if err != nil {
		return nil, err
	}
	c.sortRows(c.r, rows)
	part, more := cut(rows, p)
	data := make([]object, 0, len(part))
	for _, rec := range part {
		data = append(data, c.result(rec))
	}
	out := object{"data": data, "has_more": more}
	if c.r.total {
		out["total_results"] = int64(len(rows))
	}
	if c.r.summarize != nil {
		c.r.summarize(c, rows, out)
	}
	return out, nil
}

// matching returns the records of a resource that pass the filters of the
// query, oldest first.
func (c *call) matching(r *resource) ([]*record, error) {
	var narrow func(*record) bool
	var err error
	if r.narrow != nil {
		if narrow, err = r.narrow(c); err != nil {
			return nil, err
		}
	}
	conds, err := c.conditions(r)
	if err != nil {
		return nil, err
	}
	var rows []*record
	if lead := c.query.Get("lead_id"); lead != "" && r.filters["lead_id"] != anyValue && !strings.Contains(lead, ",") {
		rows = c.st.table(r.tableName()).of(lead)
	} else {
		rows = c.st.table(r.tableName()).all(c.org)
	}
	rows = slices.DeleteFunc(rows, func(rec *record) bool {
		if rec.org != c.org || r.typ != "" && rec.data["_type"] != r.typ {
			return true
		}
		for _, cond := range conds {
			if !cond.holds(c.valueOf(r, rec, cond.name), c.zone) {
				return true
			}
		}
		return narrow != nil && !narrow(rec)
	})
	return rows, nil
}

func (c *call) valueOf(r *resource, rec *record, name string) any {
	if r.value != nil {
		return r.value(c, rec, name)
	}
	return rec.data[name]
}

// condition is one filter of a list.
type condition struct {
	name  string
	op    string // "", in, gt, gte, lt, lte
	kind  kind
	words []string // for "" and in
	at    time.Time
	isDay bool
	n     float64
}

// conditions reads the filters of a resource from the query and ignores unknown
// ones.
func (c *call) conditions(r *resource) ([]condition, error) {
	var out []condition
	var p problems
	for param, values := range c.query {
		name, op, _ := strings.Cut(param, "__")
		k, known := r.filters[name]
		if !known && name == "id" {
			k, known = text, true
		}
		if !known || len(values) == 0 {
			continue
		}
		cond, problem, ok := c.condition(r, name, op, k, values[len(values)-1])
		if problem != "" {
			p.add(param, problem)
		}
		if ok {
			out = append(out, cond)
		}
	}
	return out, p.err()
}

func (c *call) condition(r *resource, name, op string, k kind, raw string) (cond condition, problem string, ok bool) {
	cond = condition{name: name, op: op, kind: k}
	switch op {
	case "in":
		cond.words = strings.Split(raw, ",")
		return cond, "", true
	case "":
		switch k {
		case flag:
			lower := strings.ToLower(raw)
			if lower != "true" && lower != "false" && lower != "" {
				return cond, errType("bool"), false
			}
			cond.words = []string{lower}
			return cond, "", true
		case text:
			cond.words = []string{raw}
			if r.commas {
				cond.words = strings.Split(raw, ",")
			}
			return cond, "", true
		}
	case "gt", "gte", "lt", "lte":
	default:
		return cond, "", false
	}
	switch k {
	case instant, day, dayOrInstant:
		if raw == "" && op == "" {
			cond.words = []string{""}
			return cond, "", true
		}
		t, isDay, err := parseTime(raw, c.zone)
		if err != nil {
			return cond, errNotDate, false
		}
		cond.at, cond.isDay = t, isDay
		return cond, "", true
	case whole:
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil {
			return cond, errType("int"), false
		}
		cond.n = n
		return cond, "", true
	}
	return cond, "", false
}

// holds reports whether a value satisfies the condition.
func (f condition) holds(v any, zone *time.Location) bool {
	if f.words != nil {
		return slices.ContainsFunc(f.words, func(w string) bool { return equalText(v, w) })
	}
	switch f.kind {
	case instant, day, dayOrInstant:
		return f.holdsTime(v, zone)
	case whole:
		n, ok := number(v)
		return ok && holdsOrder(f.op, cmp.Compare(n, f.n))
	}
	return true
}

func (f condition) holdsTime(v any, zone *time.Location) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	t, _, err := parseTime(s, zone)
	if err != nil {
		return false
	}
	if f.op == "" && f.isDay {
		return t.In(zone).Format(dayLayout) == f.at.Format(dayLayout)
	}
	return holdsOrder(f.op, t.Compare(f.at))
}

func holdsOrder(op string, order int) bool {
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

func equalText(v any, word string) bool {
	switch v := v.(type) {
	case nil:
		return word == ""
	case string:
		return v == word
	case bool:
		return strconv.FormatBool(v) == word || !v && word == ""
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return equalText(e, word) })
	case int64:
		return strconv.FormatInt(v, 10) == word
	}
	return false
}

// sortRows sorts rows in the order that the client asked for, or the default one.
func (c *call) sortRows(r *resource, rows []*record) {
	if !r.ascending {
		newest := func(a, b *record) int {
			return cmp.Or(cmp.Compare(str(b.data["date_created"]), str(a.data["date_created"])), -bySeq(a, b))
		}
		slices.Reverse(rows) // usually enough
		if !slices.IsSortedFunc(rows, newest) {
			slices.SortFunc(rows, newest)
		}
	}
	if r.arrange != nil {
		r.arrange(c, rows)
	}
	if len(r.orders) == 0 {
		return
	}
	terms := strings.Split(c.query.Get("_order_by"), ",")
	for _, term := range slices.Backward(terms) {
		name := strings.TrimPrefix(strings.TrimSpace(term), "-")
		if !slices.Contains(r.orders, name) {
			continue
		}
		c.sortBy(r, rows, name, strings.HasPrefix(strings.TrimSpace(term), "-"))
	}
}

func (c *call) sortBy(r *resource, rows []*record, name string, descending bool) {
	keys := make(map[*record]any, len(rows))
	for _, rec := range rows {
		keys[rec] = c.valueOf(r, rec, name)
	}
	slices.SortStableFunc(rows, func(a, b *record) int {
		d := compareValues(keys[a], keys[b])
		if descending {
			return -d
		}
		return d
	})
}

// compareValues sorts nulls first, numbers by size and strings regardless of
// case.
func compareValues(a, b any) int {
	if a == nil || b == nil {
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return -1
		}
		return 1
	}
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(strings.ToLower(fmt.Sprint(a)), strings.ToLower(fmt.Sprint(b)))
}
