// Package bulk puts a brake on bulk actions of Close, which change everything that a query
// finds and cannot be stopped:
//
//	seen, err := bulk.Look(ctx, c, q, 5)          // how many, and a sample, for a person
//	job, err := bulk.Delete(ctx, c, closeapi.BulkDeleteCreateParams{SQuery: q}, closekit.Confirmed{Count: seen.Count, Undo: file})
//
// Right before the action is sent, the query is counted again. It is not sent when the
// count differs from the confirmed one ([*closekit.CountError]), when the query means every
// record of its kind and that was not confirmed too ([closekit.ErrEverything]), or when the
// records could not be kept for an undo. It is the brake of the tools by name; see
// [closekit.BulkScope].
package bulk

import (
	"context"
	"encoding/json"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
)

// Preview is what a bulk action would be about.
type Preview struct {
	closekit.BulkPreview
	Words string // the query, see [query.String]
}

// Look returns what a bulk action with the query would be about, with a sample of at most
// n records. Show it to a person, and let them confirm the count.
func Look(ctx context.Context, c *closekit.Client, q *closeapi.SearchQuery, n int) (*Preview, error) {
	s, err := scope(q, closekit.Opt[int]{}, nil)
	if err != nil {
		return nil, err
	}
	seen, err := s.Look(ctx, c, n)
	if err != nil {
		return nil, err
	}
	return &Preview{*seen, query.String(q)}, nil
}

// scope returns which records a bulk action is about.
func scope(q *closeapi.SearchQuery, limit closekit.Opt[int], sort []closeapi.SearchSort) (s closekit.BulkScope, err error) {
	s.Limit = limit.Or(0)
	if s.Query, err = json.Marshal(q); err != nil || len(sort) == 0 {
		return s, err
	}
	s.Sort, err = json.Marshal(sort)
	return s, err
}

// Delete starts a deletion. The records are kept in Undo before; those of leads have their
// contacts and opportunities, but neither tasks nor activities.
func Delete(ctx context.Context, c *closekit.Client, p closeapi.BulkDeleteCreateParams, y closekit.Confirmed, opts ...closekit.CallOption) (*closeapi.BulkDelete, error) {
	s, err := scope(p.SQuery, p.ResultsLimit, p.Sort)
	if err != nil {
		return nil, err
	}
	s.Keeps = true
	if err := s.Brake(ctx, c, y); err != nil {
		return nil, err
	}
	return closeapi.BulkDeleteCreate(ctx, c, p, opts...)
}

// Edit starts an edit. The records are kept in Undo before; those of leads have their
// contacts and opportunities.
func Edit(ctx context.Context, c *closekit.Client, p closeapi.BulkEditCreateParams, y closekit.Confirmed, opts ...closekit.CallOption) (*closeapi.BulkEdit, error) {
	s, err := scope(p.SQuery, p.ResultsLimit, p.Sort)
	if err != nil {
		return nil, err
	}
	s.Edit, s.Keeps = string(p.Type), true
	if err := s.Brake(ctx, c, y); err != nil {
		return nil, err
	}
	return closeapi.BulkEditCreate(ctx, c, p, opts...)
}

// Email starts a mailing. It cannot be undone, and Undo is not used.
func Email(ctx context.Context, c *closekit.Client, p closeapi.BulkEmailCreateParams, y closekit.Confirmed, opts ...closekit.CallOption) (*closeapi.BulkEmail, error) {
	s, err := scope(p.SQuery, p.ResultsLimit, p.Sort)
	if err != nil {
		return nil, err
	}
	if err := s.Brake(ctx, c, y); err != nil {
		return nil, err
	}
	return closeapi.BulkEmailCreate(ctx, c, p, opts...)
}

// Enroll starts enrollments, or a change of them. Undo is not used.
func Enroll(ctx context.Context, c *closekit.Client, p closeapi.BulkSequenceSubscriptionCreateParams, y closekit.Confirmed, opts ...closekit.CallOption) (*closeapi.BulkSubscription, error) {
	s, err := scope(p.SQuery, p.ResultsLimit, p.Sort)
	if err != nil {
		return nil, err
	}
	if err := s.Brake(ctx, c, y); err != nil {
		return nil, err
	}
	return closeapi.BulkSequenceSubscriptionCreate(ctx, c, p, opts...)
}
