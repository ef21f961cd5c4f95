package query

import (
	"context"
	"errors"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// Most is the largest number of records that one search of Close reaches.
const Most = 10_000

// Find returns all records that a search finds, at most [Most]. It reads all pages before
// it returns, because the cursor of a page is good for 30 seconds only: a loop over
// [closeapi.SearchAll] that does more than read can lose its place, which is a
// [closekit.ErrCursorExpired].
func Find(ctx context.Context, c *closekit.Client, p closeapi.SearchParams, opts ...closekit.CallOption) ([]*closeapi.SearchResult, error) {
	return closekit.Collect(closeapi.SearchAll(ctx, c, p, opts...), 0)
}

// Count returns the number of records that a query finds, beyond [Most] too. No record is
// read.
func Count(ctx context.Context, c *closekit.Client, q *closeapi.SearchQuery, opts ...closekit.CallOption) (int, error) {
	page, err := closeapi.Search(ctx, c, closeapi.SearchParams{
		Query: q, ResultsLimit: closekit.Some(0), IncludeCounts: closekit.Some(true),
	}, opts...)
	if err != nil {
		return 0, err
	}
	totals, err := closeapi.SearchTotals(page)
	if err != nil {
		return 0, err
	}
	if totals.Count != nil {
		if n, ok := totals.Count.Total.Get(); ok {
			return n, nil
		}
	}
	return 0, errors.New("close_search: the response has no count, although include_counts asks for it")
}
