package everything

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/closekit/closekit"
)

// List is a function that returns a page of a list, such as closeapi.LeadsList.
type List[P, T any] = func(context.Context, *closekit.Client, P, ...closekit.CallOption) (*closekit.Page[T], error)

// Page is a part of a list with results that were not on a page before.
type Page[T any] struct {
	Items []*T
	Next  Position          // where to go on after this page
	Left  closekit.Opt[int] // about how many results follow, if Close reports it
}

// Record is a result as Close sent it.
type Record struct {
	ID      string
	Created string // date_created, if it has one
	JSON    json.RawMessage
}

type options struct {
	from     Position
	prefetch int
	size     int
}

// Option configures the reading of a list.
type Option func(*options)

// From starts after the page whose Next is p. It must be of the same list with the same
// parameters. The zero value starts at the beginning.
func From(p Position) Option { return func(o *options) { o.from = p } }

// Prefetch reads up to n pages ahead while the loop works on a page. They are read one
// after the other, because each begins where the one before ends, and wait for the rate
// limit like all calls. Zero reads a page when the loop asks for it.
func Prefetch(n int) Option { return func(o *options) { o.prefetch = n } }

// PageSize is the number of results of a page; zero means that of the parameters, or 100,
// which all lists accept. It must be at least 2.
func PageSize(n int) Option { return func(o *options) { o.size = n } }

// All iterates over all results of a list. The iteration ends after the first error.
//
// The parameters select and choose fields as always, but must leave out the offset and
// the order. If they choose fields, id and date_created are added.
func All[P, T any](ctx context.Context, c *closekit.Client, list List[P, T], p P, opts ...Option) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for page, err := range Pages(ctx, c, list, p, opts...) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// Pages iterates over all results of a list like [All], page by page, with the position
// after each.
func Pages[P, T any](ctx context.Context, c *closekit.Client, list List[P, T], p P, opts ...Option) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		read := func(c *closekit.Client) error {
			_, err := list(ctx, c, p)
			return err
		}
		for raw, err := range pages(ctx, c, read, opts) {
			if err != nil {
				yield(nil, err)
				return
			}
			page, err := decoded[T](raw)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// Tool iterates over all results of a tool that is a list, with the JSON that Close sent.
// Otherwise it is like [Pages].
func Tool(ctx context.Context, c *closekit.Client, t *closekit.Tool, input json.RawMessage, opts ...Option) iter.Seq2[*Page[Record], error] {
	return pages(ctx, c, func(c *closekit.Client) error {
		_, err := t.Do(ctx, c, input)
		return err
	}, opts)
}

// decoded decodes the results of a page.
func decoded[T any](raw *Page[Record]) (*Page[T], error) {
	page := &Page[T]{Items: make([]*T, len(raw.Items)), Next: raw.Next, Left: raw.Left}
	items := make([]T, len(raw.Items))
	for i, r := range raw.Items {
		if err := json.Unmarshal(r.JSON, &items[i]); err != nil {
			return nil, fmt.Errorf("decode %s: %w", r.ID, err)
		}
		page.Items[i] = &items[i]
	}
	return page, nil
}

// errRequested ends a call whose request was all that was wanted.
var errRequested = errors.New("the request is known")

// request returns the request that a call would send first.
func request(c *closekit.Client, call func(*closekit.Client) error) (*closekit.Request, error) {
	var req *closekit.Request
	err := call(c.With(nil, closekit.WithGuard(func(_ context.Context, r closekit.Request) error {
		r.Body = slices.Clone(r.Body) // its memory is used again
		req = &r
		return errRequested
	})))
	if req == nil || !errors.Is(err, errRequested) {
		return nil, err
	}
	return req, nil
}

// reader reads a list page by page. A page is nil after the last.
type reader interface {
	next(ctx context.Context, c *closekit.Client) (*Page[Record], error)
}

func readerOf(req *closekit.Request, o *options) (reader, error) {
	if req.Method == http.MethodPost && req.Path == searchPath {
		return newSearch(req, o)
	}
	return newWalk(req, o)
}

// pages reads the list that a call asks for.
func pages(ctx context.Context, c *closekit.Client, call func(*closekit.Client) error, opts []Option) iter.Seq2[*Page[Record], error] {
	var o options
	for _, set := range opts {
		set(&o)
	}
	return func(yield func(*Page[Record], error) bool) {
		req, err := request(c, call)
		if err != nil {
			yield(nil, err)
			return
		}
		r, err := readerOf(req, &o)
		if err != nil {
			yield(nil, err)
			return
		}
		next := func(ctx context.Context) (*Page[Record], error) { return r.next(ctx, c) }
		if o.prefetch > 0 {
			var stop func()
			next, stop = ahead(ctx, next, o.prefetch)
			defer stop()
		}
		for {
			page, err := next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if page == nil || !yield(page, nil) {
				return
			}
		}
	}
}

// fetched is the outcome of reading a page.
type fetched struct {
	page *Page[Record]
	err  error
}

// ahead calls next in a goroutine of its own, up to n times more than the result does,
// until a page is nil. stop ends it and waits for it.
func ahead(ctx context.Context, next func(context.Context) (*Page[Record], error), n int) (func(context.Context) (*Page[Record], error), func()) {
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan fetched, n-1) // one more waits to be sent
	go func() {
		defer close(results)
		for {
			page, err := next(ctx)
			select {
			case results <- fetched{page, err}:
			case <-ctx.Done():
				return
			}
			if page == nil {
				return
			}
		}
	}()
	take := func(ctx context.Context) (*Page[Record], error) {
		select {
		case r, ok := <-results:
			if !ok {
				return nil, context.Cause(ctx)
			}
			return r.page, r.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return take, func() {
		cancel()
		for range results { // until the goroutine has ended
		}
	}
}
