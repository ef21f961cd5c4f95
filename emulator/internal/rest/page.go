package rest

import (
	"slices"

	"github.com/closekit/closekit/emulator/internal/store"
)

// Creation is what a search text says about the date of creation.
type Creation struct {
	Order Order
	// Since and Before are conditions on the date: a record that passes one of Since
	// is followed, in the order of creation, only by such records, and one that passes
	// one of Before is preceded only by such records.
	Since, Before []func(*store.Record) bool
	Only          bool // it says nothing else about what is selected
}

// Order is the order of a list.
type Order int

// The orders that a search text can ask for.
const (
	DefaultOrder Order = iota
	OldestFirst
	NewestFirst
	AnotherOrder
)

// Listed is one page of a list.
type Listed struct {
	Rows  []*store.Record
	More  bool
	Total int             // of resources that count their results
	All   []*store.Record // what a resource summarizes
}

// List returns the page of a resource that the query asks for. keep is a further
// filter; nil keeps all.
//
// A list by date of creation is read from the order that the table has. Unless all
// results must be looked at, to count them with a filter or to summarize them, the time
// depends on the page, not on the table.
func (c *Call) List(r *Resource, keep func(*store.Record) bool) (*Listed, error) {
	f, err := c.filter(r)
	if err != nil {
		return nil, err
	}
	p, err := c.Page(MaxLimit)
	if err != nil {
		return nil, err
	}
	if keep != nil {
		narrow := f.narrow
		f.narrow = func(rec *store.Record) bool { return keep(rec) && (narrow == nil || narrow(rec)) }
	}
	var made Creation
	if r.Creation != nil {
		made = r.Creation(c)
	}
	order := c.order(r, made)
	if _, ok := c.oneLead(r); ok || order == AnotherOrder {
		rows, err := c.Matching(r)
		if err != nil {
			return nil, err
		}
		if keep != nil {
			rows = slices.DeleteFunc(rows, func(rec *store.Record) bool { return !keep(rec) })
		}
		c.SortRows(r, rows)
		part, more := Cut(rows, p)
		return &Listed{part, more, len(rows), rows}, nil
	}
	if made.Only && keep == nil {
		f.narrow = nil // the bounds say it all
	}
	table := c.State.Table(r.TableName()).Order(c.Organization, r.Type)
	from, to := f.bounds(table, made)
	return f.page(table, from, to, order == NewestFirst, p), nil
}

// order returns the order of a list, AnotherOrder if it is not one by creation.
func (c *Call) order(r *Resource, made Creation) Order {
	terms := c.orderTerms(r)
	switch {
	case len(terms) == 1 && terms[0] == "date_created":
		return OldestFirst
	case len(terms) == 1 && terms[0] == "-date_created":
		return NewestFirst
	case len(terms) > 0, made.Order == AnotherOrder, r.Ascending, r.Arrange != nil && r.Creation == nil:
		return AnotherOrder
	case made.Order == DefaultOrder:
		return NewestFirst
	}
	return made.Order
}

// bounds turns the conditions on the date of creation into ranks.
func (f *filter) bounds(table *store.Order, made Creation) (from, to int) {
	since, before := slices.Clone(made.Since), slices.Clone(made.Before)
	f.conds = slices.DeleteFunc(f.conds, func(cond Condition) bool {
		holds := func(rec *store.Record) bool { return cond.Holds(rec.Created, f.c.Zone) }
		if cond.Name != "date_created" || cond.words != nil || cond.kind != Instant {
			return false
		}
		switch cond.op {
		case "gt", "gte":
			since = append(since, holds)
		case "lt", "lte":
			before = append(before, holds)
		default:
			return false
		}
		return true
	})
	to = table.Len()
	for _, holds := range since {
		from = max(from, table.Rank(func(rec *store.Record) bool { return !holds(rec) }))
	}
	for _, holds := range before {
		to = min(to, table.Rank(holds))
	}
	return from, max(from, to)
}

// page returns a page of the records with ranks from from up to to.
func (f *filter) page(table *store.Order, from, to int, backward bool, p Page) *Listed {
	l := &Listed{Rows: []*store.Record{}}
	if len(f.conds) == 0 && f.narrow == nil && f.r.Summarize == nil {
		l.Total = to - from
		l.More = p.skip+p.Limit < l.Total
		n, skip := min(p.Limit, max(0, l.Total-p.skip)), min(p.skip, l.Total)
		first := from + skip
		if backward {
			first = to - skip - n
		}
		l.Rows = slices.AppendSeq(l.Rows, table.Rows(first, first+n, backward))
		return l
	}
	countAll := f.r.Total || f.r.Summarize != nil
	for rec := range table.Rows(from, to, backward) {
		if !f.passes(rec) {
			continue
		}
		switch {
		case l.Total >= p.skip+p.Limit:
			l.More = true
		case l.Total >= p.skip:
			l.Rows = append(l.Rows, rec)
		}
		l.Total++
		if f.r.Summarize != nil {
			l.All = append(l.All, rec)
		}
		if l.More && !countAll {
			break
		}
	}
	return l
}
