// Package bulk puts a brake on bulk actions of Close, which change everything that a query
// finds and cannot be stopped:
//
//	seen, err := bulk.Look(ctx, c, q, 5)          // how many, and a sample, for a person
//	job, err := bulk.Delete(ctx, c, closeapi.BulkDeleteCreateParams{SQuery: q}, bulk.Confirmed{Count: seen.Count, Undo: file})
//
// Right before the action is sent, the query is counted again. It is not sent when the
// count differs from the confirmed one, when the query means every record of its kind and
// that was not confirmed too, or when the records could not be kept for an undo. Between
// that count and the work of Close, records can still come or go: the brake narrows this
// race and cannot close it.
package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
)

// Confirmed is what a person confirmed before a bulk action.
type Confirmed struct {
	// Count is the number of records that they saw. Nothing is sent if it is another one
	// by now.
	Count int
	// Everything says that the action may be about all records of the kind.
	Everything bool
	// Undo receives the records as they were, a line of JSON for each, before an edit or
	// a deletion: {"kind":"lead","record":{…}}. It is needed for these two. Writing ends
	// before the action is sent; a file should be synced by its Sync method, if it has one,
	// which is called.
	Undo io.Writer
}

// CountError reports that the query finds another number of records than was confirmed.
// Nothing was sent.
type CountError struct{ Confirmed, Found int }

// Error says both numbers.
func (e *CountError) Error() string {
	return fmt.Sprintf("bulk action not sent: %d records were confirmed, and the query finds %d now; look again and confirm that number", e.Confirmed, e.Found)
}

// Errors of a brake; nothing was sent.
var (
	ErrEverything = errors.New("bulk action not sent: the query finds all records of its kind; confirm Everything if that is meant")
	ErrNoUndo     = errors.New("bulk action not sent: Undo is needed, to keep the records as they were")
)

// Preview is what a bulk action would be about.
type Preview struct {
	Count      int                      // of records
	Everything bool                     // these are all records of the kind
	Sample     []*closeapi.SearchResult // some of them, with id and name
	Words      string                   // the query, see [query.String]
}

// Look returns what a bulk action with the query would be about, with a sample of at most
// n records. Show it to a person, and let them confirm the count.
func Look(ctx context.Context, c *closekit.Client, q *closeapi.SearchQuery, n int) (*Preview, error) {
	count, all, err := counts(ctx, c, q)
	if err != nil {
		return nil, err
	}
	names := []string{"id", "display_name", "name", "lead_id"}
	page, err := closeapi.Search(ctx, c, closeapi.SearchParams{
		Query: q, Limit: closekit.Some(min(max(n, 0), 200)), Fields: &closeapi.SearchSelection{Lead: names, Contact: names, Opportunity: names},
	})
	if err != nil {
		return nil, err
	}
	p := &Preview{Count: count, Everything: count == all, Words: query.String(q)}
	for i := range page.Data {
		p.Sample = append(p.Sample, &page.Data[i])
	}
	return p, nil
}

// counts returns how many records a query finds, and how many there are of the kind.
func counts(ctx context.Context, c *closekit.Client, q *closeapi.SearchQuery) (found, all int, err error) {
	kind := kindOf(q)
	if kind == "" {
		return 0, 0, errors.New("the query names no kind of record: it needs an object_type node, as query.Leads has one")
	}
	if found, err = query.Count(ctx, c, q); err != nil {
		return 0, 0, err
	}
	all, err = query.Count(ctx, c, query.About(kind))
	return found, all, err
}

func kindOf(q *closeapi.SearchQuery) query.Kind {
	if q == nil || q.Negate.Or(false) {
		return ""
	}
	if q.Type == closeapi.SearchQueryTypeObjectType {
		return q.ObjectType.Or("")
	}
	for i := range q.Queries {
		if kind := kindOf(&q.Queries[i]); q.Type == closeapi.SearchQueryTypeAnd && kind != "" {
			return kind
		}
	}
	return ""
}

// scope is which records a bulk action is about.
type scope struct {
	q     *closeapi.SearchQuery
	limit closekit.Opt[int]
	sort  []closeapi.SearchSort
}

// check counts again and compares.
func check(ctx context.Context, c *closekit.Client, s scope, y Confirmed) error {
	found, all, err := counts(ctx, c, s.q)
	if err != nil {
		return err
	}
	if limit, ok := s.limit.Get(); ok {
		found = min(found, limit)
	}
	switch {
	case found != y.Count:
		return &CountError{y.Count, found}
	case found == all && !y.Everything:
		return ErrEverything
	}
	return nil
}

// Delete starts a deletion. The records are kept in Undo before; those of leads have their
// contacts and opportunities, but neither tasks nor activities.
func Delete(ctx context.Context, c *closekit.Client, p closeapi.BulkDeleteCreateParams, y Confirmed, opts ...closekit.CallOption) (*closeapi.BulkDelete, error) {
	s := scope{p.SQuery, p.ResultsLimit, p.Sort}
	if err := brake(ctx, c, s, y, true); err != nil {
		return nil, err
	}
	return closeapi.BulkDeleteCreate(ctx, c, p, opts...)
}

// Edit starts an edit. The records are kept in Undo before; those of leads have their
// contacts and opportunities.
func Edit(ctx context.Context, c *closekit.Client, p closeapi.BulkEditCreateParams, y Confirmed, opts ...closekit.CallOption) (*closeapi.BulkEdit, error) {
	s := scope{p.SQuery, p.ResultsLimit, p.Sort}
	if err := brake(ctx, c, s, y, true); err != nil {
		return nil, err
	}
	return closeapi.BulkEditCreate(ctx, c, p, opts...)
}

// Email starts a mailing. It cannot be undone, and Undo is not used.
func Email(ctx context.Context, c *closekit.Client, p closeapi.BulkEmailCreateParams, y Confirmed, opts ...closekit.CallOption) (*closeapi.BulkEmail, error) {
	s := scope{p.SQuery, p.ResultsLimit, p.Sort}
	if err := brake(ctx, c, s, y, false); err != nil {
		return nil, err
	}
	return closeapi.BulkEmailCreate(ctx, c, p, opts...)
}

// Enroll starts enrollments, or a change of them. Undo is not used.
func Enroll(ctx context.Context, c *closekit.Client, p closeapi.BulkSequenceSubscriptionCreateParams, y Confirmed, opts ...closekit.CallOption) (*closeapi.BulkSubscription, error) {
	s := scope{p.SQuery, p.ResultsLimit, p.Sort}
	if err := brake(ctx, c, s, y, false); err != nil {
		return nil, err
	}
	return closeapi.BulkSequenceSubscriptionCreate(ctx, c, p, opts...)
}

// brake lets an action pass that was confirmed. With undo, it keeps the records and counts
// again, because reading them takes time.
func brake(ctx context.Context, c *closekit.Client, s scope, y Confirmed, undo bool) error {
	if undo && y.Undo == nil {
		return ErrNoUndo
	}
	if err := check(ctx, c, s, y); err != nil || !undo {
		return err
	}
	if err := keep(ctx, c, s, y); err != nil {
		return fmt.Errorf("bulk action not sent: keeping the records for an undo: %w", err)
	}
	return check(ctx, c, s, y)
}

// keep writes the records as they are.
func keep(ctx context.Context, c *closekit.Client, s scope, y Confirmed) error {
	if y.Count > query.Most {
		return fmt.Errorf("%d records are more than the %d that one search reaches; divide the query", y.Count, query.Most)
	}
	found, err := query.Find(ctx, c, closeapi.SearchParams{Query: s.q, ResultsLimit: s.limit, Sort: s.sort, Limit: closekit.Some(200)})
	if err != nil {
		return err
	}
	if len(found) != y.Count {
		return &CountError{y.Count, len(found)}
	}
	for _, r := range found {
		record, err := read(ctx, c, r)
		if err != nil {
			return err
		}
		line, err := json.Marshal(struct {
			Kind   query.Kind `json:"kind"`
			Record any        `json:"record"`
		}{r.ObjectType, record})
		if err != nil {
			return err
		}
		if _, err := y.Undo.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	if f, ok := y.Undo.(interface{ Sync() error }); ok {
		return f.Sync()
	}
	return nil
}

// read returns the whole record that a search found.
func read(ctx context.Context, c *closekit.Client, r *closeapi.SearchResult) (any, error) {
	switch r.ObjectType { //nolint:exhaustive // what a search can return
	case closeapi.SearchObjectTypeLead:
		return closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: closeapi.LeadID(r.ID)})
	case closeapi.SearchObjectTypeContact:
		return closeapi.ContactGet(ctx, c, closeapi.ContactGetParams{ContactID: closeapi.ContactID(r.ID)})
	case closeapi.SearchObjectTypeOpportunity:
		return closeapi.OpportunityGet(ctx, c, closeapi.OpportunityGetParams{OpportunityID: closeapi.OpportunityID(r.ID)})
	}
	return nil, fmt.Errorf("%s is a %s, which cannot be kept; only leads, contacts and opportunities can", r.ID, r.ObjectType)
}
