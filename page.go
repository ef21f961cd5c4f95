package closekit

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/closekit/closekit/internal/codec"
)

// Page is one page of a list.
type Page[T any] struct {
	Object           // totals and whatever else the envelope holds
	Data    []T      // the items
	HasMore bool     // there are more items after these; false where Close does not say
	Total   Opt[int] // total_results, where Close counts them
	next    int      // offset of the next page
}

// NextSkip gives the offset of the next page, for the parameter Skip.
func (p *Page[T]) NextSkip() int { return p.next }

// MarshalJSON gives back the envelope that Close sent, with the changes made
// since.
func (p Page[T]) MarshalJSON() ([]byte, error) {
	e := &codec.Encoder{}
	f := e.Open(&p.Object)
	if p.Data != nil {
		e.Name("data")
		e.B = append(e.B, '[')
		for i := range p.Data {
			if i > 0 {
				e.B = append(e.B, ',')
			}
			m, ok := any(&p.Data[i]).(interface{ MarshalJSON() ([]byte, error) })
			if !ok {
				return nil, fmt.Errorf("page of %T, which has no MarshalJSON", p.Data[i])
			}
			item, err := m.MarshalJSON()
			if err != nil {
				return nil, err
			}
			e.B = append(e.B, item...)
		}
		e.B = append(e.B, ']')
	}
	if p.HasMore || e.Has(hasMoreBit) {
		e.Name("has_more")
		e.B = strconv.AppendBool(e.B, p.HasMore)
	}
	if n, ok := p.Total.Get(); ok {
		e.Name("total_results")
		e.B = strconv.AppendInt(e.B, int64(n), 10)
	}
	e.Close(f)
	return e.B, nil
}

// hasMoreBit says that has_more was there.
const hasMoreBit = 1

// CallPage is Call for lists: items reads the list itself and gives how many
// there are. The page's Data is the caller's to fill.
func CallPage(ctx context.Context, c *Client, op *Operation, p Params, skip Opt[int], opts []CallOption, page *Page[struct{}], items func(*codec.Decoder) int) error {
	n := 0
	err := Call(ctx, c, op, p, opts, func(d *codec.Decoder) {
		for d.Open(&page.Object); d.Next(); {
			switch string(d.Key()) {
			case "data":
				n = items(d)
			case "has_more":
				if b, ok := d.Bool(); ok {
					page.HasMore = b
					d.Seen(hasMoreBit)
				} else {
					page.HasMore = false
					d.Odd(hasMoreBit)
				}
			case "total_results":
				if total, ok := d.Int(); ok {
					page.Total.Set(int(total))
				} else {
					page.Total.Clear()
					d.Odd(0)
				}
			default:
				d.Keep()
			}
		}
	})
	page.next = skip.Or(0) + n
	return err
}

// maxSkip is the largest offset that Close accepts; it was observed on leads.
const maxSkip = 35000

// SkipLimitError says that a list is longer than Close lets anyone page
// through by offset. It matches [ErrSkipLimit].
type SkipLimitError struct {
	Tool string
	Skip int
}

// Error says what to do instead.
func (e *SkipLimitError) Error() string {
	return fmt.Sprintf("%s: Close pages only through the first %d results; narrow the list, for example by date_created ranges or a query, and go on from there", e.Tool, e.Skip)
}

// Is matches [ErrSkipLimit].
func (e *SkipLimitError) Is(target error) bool { return target == ErrSkipLimit }

// All yields the items of all pages, fetching a page when the one before is used
// up. It ends with the first error, after the last page, at the bounds that
// [MaxItems] and [MaxPages] set, and when the loop breaks. Items are pointers
// into the page; the page stays in memory as long as one of them does.
func All[P, T any](
	ctx context.Context, c *Client, op *Operation, p P, skip func(*P) *Opt[int],
	list func(context.Context, *Client, P, ...CallOption) (*Page[T], error), opts []CallOption,
) iter.Seq2[*T, error] {
	var k call
	for _, o := range opts {
		o(&k)
	}
	return func(yield func(*T, error) bool) {
		p, items := p, 0
		for pages := 1; ; pages++ {
			page, err := list(ctx, c, p, opts...)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Data {
				if !yield(&page.Data[i], nil) {
					return
				}
				if items++; items == k.maxItems {
					return
				}
			}
			if !page.HasMore || len(page.Data) == 0 || pages == k.maxPages {
				return
			}
			if page.next > maxSkip {
				yield(nil, &SkipLimitError{op.Tool, maxSkip})
				return
			}
			skip(&p).Set(page.next)
		}
	}
}

// Collect gathers the items of an iterator, at most limit of them; zero means
// all.
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
