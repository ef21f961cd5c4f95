package closekit

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/closekit/closekit/internal/codec"
)

// All iterates over the results of a list, fetching pages as needed. It starts with
// the page at the offset first, and continues at the NextSkip of each page. op names
// the list in errors and may be nil. The iteration ends after the first error, after
// the last page, at the limits of [MaxItems] and [MaxPages], and when the loop
// breaks. Items are pointers into their page, which stays in memory as long as one
// of them does.
//
// Offsets count what is on the list at the moment. If the loop takes items off the
// list, because it deletes them, completes them, or changes what the list is
// filtered or sorted by, the items after them move up, and the next page begins
// behind some that were never seen. Such a loop needs [Collect] first, or the option
// [WhileChanging]. Changes that others make meanwhile have the same effect.
//
// A page that cannot be trusted, such as an empty one that promises more results, is
// a [*PageError]; a list that is longer than Close's limit is a [*SkipLimitError].
//
// Generated packages have an iterator for every list, such as closeapi.LeadsAll.
// Use All for lists that you fetch with [Client.Do].
func All[T any](op *Operation, first Opt[int], fetch func(skip Opt[int]) (*Page[T], error), opts ...CallOption) iter.Seq2[*T, error] {
	var k call
	for _, o := range opts {
		o(&k)
	}
	list := k.listing()
	return func(yield func(*T, error) bool) {
		w := walk{op: op, start: first, skip: first, listing: list}
		for {
			page, err := fetch(w.skip)
			if err == nil && page == nil {
				err = errors.New("the page is nil")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			fresh := false
			for i := range page.Data {
				if list.changing {
					unseen, err := w.unseen(&page.Data[i])
					if err != nil {
						yield(nil, err)
						return
					}
					if !unseen {
						continue
					}
				}
				fresh = true
				if !yield(&page.Data[i], nil) {
					return
				}
				if w.items++; w.items == list.maxItems {
					return
				}
			}
			more, err := w.next(&page.Object, len(page.Data), page.HasMore, page.NextSkip, fresh)
			if err != nil {
				yield(nil, err)
			}
			if !more {
				return
			}
		}
	}
}

// AllByCursor is [All] for a list that Close pages by cursor: it starts with the page
// at the cursor first, and continues with the Next of each page. What the loop changes
// does not shift the pages, so that [WhileChanging] has no effect. A cursor may expire:
// that of a search lives for 30 seconds, and a loop that takes longer over a page needs
// [Collect] first.
func AllByCursor[T any](op *Operation, first Opt[string], fetch func(cursor Opt[string]) (*Page[T], error), opts ...CallOption) iter.Seq2[*T, error] {
	var k call
	for _, o := range opts {
		o(&k)
	}
	list := k.listing()
	return func(yield func(*T, error) bool) {
		at, items := first, 0
		for pages := 1; ; pages++ {
			page, err := fetch(at)
			if err == nil && page == nil {
				err = errors.New("the page is nil")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Data {
				if !yield(&page.Data[i], nil) {
					return
				}
				if items++; items == list.maxItems {
					return
				}
			}
			if err := follow(op, &page.Object, at, page.Next, items-len(page.Data)); err != nil {
				yield(nil, err)
				return
			}
			if page.Next == "" || pages == list.maxPages {
				return
			}
			at = Some(page.Next)
		}
	}
}

// follow returns an error for a page after which a list must not end or go on: position
// is the number of items before it.
func follow(op *Operation, envelope *Object, at Opt[string], next string, position int) error {
	reason := distrust(envelope, 1, false)
	if reason == "" && next != "" && next == at.Or("") {
		reason = "its cursor is that of the next page too"
	}
	if raw, ok := envelope.Raw(op.next()); reason == "" && next == "" && ok && !codec.IsNull(raw) && string(raw) != `""` {
		reason = op.next() + " is neither a text nor null"
	}
	if reason == "" {
		return nil
	}
	e := &PageError{Position: position, Reason: reason}
	if op != nil {
		e.Tool = op.Tool
	}
	return e
}

// walk is the position of an iterator.
type walk struct {
	op           *Operation
	listing      *listing
	start, skip  Opt[int] // the offset to start at, and that of the current page
	items, pages int
	seen         map[string]struct{} // ids, with WhileChanging
	fresh        bool                // this pass over the list had items that are new
}

// next moves to the next page, and reports whether there is one.
func (w *walk) next(envelope *Object, n int, hasMore bool, nextSkip int, fresh bool) (bool, error) {
	at := w.skip.Or(0)
	if reason := distrust(envelope, n, hasMore); reason != "" {
		e := &PageError{Position: at, Reason: reason}
		if w.op != nil {
			e.Tool = w.op.Tool
		}
		return false, e
	}
	if w.pages++; w.pages == w.listing.maxPages {
		return false, nil
	}
	w.fresh = fresh || w.fresh && w.skip != w.start
	switch {
	case w.listing.changing && fresh && hasMore:
		return true, nil // the page has other items now, or is passed over next time
	case !hasMore && w.listing.changing && w.fresh:
		// Items may have moved up behind this position.
		w.fresh, w.skip = false, w.start
		return true, nil
	case !hasMore:
		return false, nil
	case nextSkip > maxSkip && (w.op == nil || w.op.API.isClose()):
		return false, newSkipLimit(w.op, nextSkip)
	}
	w.skip = Some(nextSkip)
	return true, nil
}

// distrust returns why an iterator must not end or go on after a page, if so.
func distrust(envelope *Object, n int, hasMore bool) string {
	mismatches := envelope.Mismatches()
	switch {
	case slices.Contains(mismatches, "data"):
		return "data is not a list of objects"
	case slices.Contains(mismatches, "has_more"):
		return "has_more is neither true nor false"
	case n == 0 && hasMore:
		return "it is empty, but has_more is true"
	}
	return ""
}

// unseen reports whether an item comes up for the first time.
func (w *walk) unseen(item any) (bool, error) {
	v := reflect.Indirect(reflect.ValueOf(item))
	if v.Kind() == reflect.Struct {
		v = v.FieldByName("ID")
	}
	if !v.IsValid() || v.Kind() != reflect.String || v.Len() == 0 {
		tool := ""
		if w.op != nil {
			tool = w.op.Tool
		}
		return false, fmt.Errorf("%sWhileChanging needs the id of every item; request the field id", prefix(tool))
	}
	if w.seen == nil {
		w.seen = map[string]struct{}{}
	}
	_, ok := w.seen[v.String()]
	w.seen[v.String()] = struct{}{}
	return !ok, nil
}

// PageError reports a page after which an iterator cannot go on without losing
// items. The items before Position, and those on the page itself, were yielded.
// Of a list that is paged by cursor, Position is the number of items before the page.
type PageError struct {
	Tool     string
	Position int    // the offset of the page; start there again with the parameter Skip
	Reason   string // it is empty, but has_more is true
}

// Error describes the page.
func (e *PageError) Error() string {
	return fmt.Sprintf("%sthe page at offset %d cannot be trusted: %s; results may be missing from here on", prefix(e.Tool), e.Position, e.Reason)
}

// MaxItems limits the number of items that an iterator yields; zero means all.
func MaxItems(n int) CallOption { return func(c *call) { c.listing().maxItems = n } }

// MaxPages limits the number of pages that an iterator fetches; zero means all.
func MaxPages(n int) CallOption { return func(c *call) { c.listing().maxPages = n } }

// WhileChanging makes an iterator safe for a loop that deletes its items, completes
// them, or otherwise takes them off the list. A page is read again until nothing on
// it is new, and the list again from its start until a whole pass has nothing new.
// Every item is yielded once, even if it appears on the list only meanwhile. If the
// loop takes every item off, this costs one more request; if it takes none off, pages
// are read three times. The ids of all items are kept in memory and must be among
// the requested fields.
func WhileChanging() CallOption { return func(c *call) { c.listing().changing = true } }

// listing has the options of an iterator.
type listing struct {
	maxItems, maxPages int
	changing           bool // WhileChanging
}

func (k *call) listing() *listing {
	if k.list == nil {
		k.list = &listing{}
	}
	return k.list
}

// Collect returns the items of an iterator, at most limit of them; zero means all.
// If the iterator fails, it returns the error and the items before it.
//
// A loop over the result may delete or change the items; see [All].
func Collect[T any](seq iter.Seq2[*T, error], limit int) ([]*T, error) {
	var items []*T
	for item, err := range seq {
		if err != nil {
			return items, err
		}
		if items = append(items, item); len(items) == limit {
			break
		}
	}
	return items, nil
}
