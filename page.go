package closekit

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/closekit/closekit/internal/codec"
)

// Page is one page of a list.
type Page[T any] struct {
	Object            // totals and other members of the envelope
	Data     []T      // the items
	HasMore  bool     // whether more items follow; false if Close does not report it
	Total    Opt[int] // total_results, if Close reports it
	NextSkip int      // offset of the next page, for the parameter Skip
	Next     string   // cursor of the next page, if Close pages the list by cursor; empty after the last one
}

// MarshalJSON encodes the envelope, preserving unknown members that Close sent.
func (p Page[T]) MarshalJSON() ([]byte, error) {
	return marshalPage(&p.Object, p.Data == nil, len(p.Data), func(i int) any { return &p.Data[i] }, p.HasMore, p.Total)
}

// MarshalText returns the JSON without secrets, for logs.
func (p Page[T]) MarshalText() ([]byte, error) {
	return marshalPage(&p.Object, p.Data == nil, len(p.Data), func(i int) any { return logged{&p.Data[i]} }, p.HasMore, p.Total)
}

// logged encodes a result for a log.
type logged struct{ result any }

func (l logged) MarshalJSON() ([]byte, error) {
	if m, ok := l.result.(interface{ MarshalText() ([]byte, error) }); ok {
		if b, err := m.MarshalText(); err != nil || codec.Valid(b) == nil {
			return b, err
		}
	}
	if m, ok := l.result.(interface{ MarshalJSON() ([]byte, error) }); ok {
		return m.MarshalJSON()
	}
	return nil, fmt.Errorf("page of %T, which has no MarshalJSON", l.result)
}

func marshalPage(o *Object, none bool, n int, item func(int) any, hasMore bool, total Opt[int]) ([]byte, error) {
	e := &codec.Encoder{}
	f := e.Open(&o.o)
	if !none {
		e.Name("data")
		e.B = append(e.B, '[')
		for i := range n {
			if i > 0 {
				e.B = append(e.B, ',')
			}
			m, ok := item(i).(interface{ MarshalJSON() ([]byte, error) })
			if !ok {
				return nil, fmt.Errorf("page of %T, which has no MarshalJSON", item(i))
			}
			b, err := m.MarshalJSON()
			if err != nil {
				return nil, err
			}
			e.B = append(e.B, b...)
		}
		e.B = append(e.B, ']')
	}
	if hasMore || e.Has(hasMoreBit) {
		e.Name("has_more")
		e.B = strconv.AppendBool(e.B, hasMore)
	}
	if n, ok := total.Get(); ok {
		e.Name("total_results")
		e.B = strconv.AppendInt(e.B, int64(n), 10)
	}
	e.Close(f)
	return e.B, nil
}

// UnmarshalJSON decodes the envelope and its items leniently, like API responses,
// and replaces the contents of p. The JSON does not have the offset of the page:
// NextSkip is that of a first page, the number of items. Nor does it tell which member
// is the cursor: Next is empty, and the member among those of the Object.
func (p *Page[T]) UnmarshalJSON(b []byte) error {
	var page Page[T]
	err := unmarshalPage(b, &page.Object, &page.HasMore, &page.Total, func(n int) any {
		if n < 0 {
			page.Data = nil
			return nil
		}
		page.Data = slices.Grow(page.Data, 1)[:n]
		if n == 0 {
			page.Data = []T{}
			return nil
		}
		return &page.Data[n-1]
	})
	if err != nil {
		return err
	}
	page.NextSkip = len(page.Data)
	*p = page
	return nil
}

// unmarshalPage decodes an envelope. items(n) sets the number of items and returns a
// pointer to the last of them; a negative number removes the list.
func unmarshalPage(b []byte, o *Object, hasMore *bool, total *Opt[int], items func(n int) any) error {
	d := codec.NewDecoder(b, false)
	if !d.Null() {
		for d.Open(&o.o); d.Next(); {
			switch string(d.Key()) {
			case "data":
				if err := unmarshalItems(d, items); err != nil {
					_ = d.End() // the first error counts
					return err
				}
			case "has_more":
				var ok bool
				if *hasMore, ok = d.Bool(); ok {
					d.Seen(hasMoreBit)
				} else {
					d.Mismatch(hasMoreBit)
				}
			case "total_results":
				mark := d.Mark()
				n, ok := d.Int()
				if *total = Some(int(n)); !ok || int64(int(n)) != n {
					*total = Opt[int]{}
					d.Reset(mark)
					d.Mismatch(0)
				}
			default:
				d.Keep()
			}
		}
	}
	return d.End()
}

// unmarshalItems decodes the items. If one of them is not an object, the whole list
// is kept as a mismatch.
func unmarshalItems(d *codec.Decoder, items func(n int) any) error {
	items(-1)
	mark := d.Mark()
	if d.Peek() != '[' {
		d.Mismatch(0)
		return nil
	}
	items(0)
	n := 0
	for d.Array(); d.More(); {
		if d.Peek() != '{' {
			items(-1)
			d.Reset(mark)
			d.Mismatch(0)
			return nil
		}
		raw := d.Raw()
		if d.Err() != nil {
			return nil //nolint:nilerr // End reports it
		}
		n++
		item := items(n)
		u, ok := item.(interface{ UnmarshalJSON([]byte) error })
		if !ok {
			return fmt.Errorf("page of %T, which has no UnmarshalJSON", item)
		}
		if err := u.UnmarshalJSON(raw); err != nil {
			return err
		}
	}
	return nil
}

// hasMoreBit records that has_more was present. Package wire, which decodes pages,
// sets it.
const hasMoreBit = 1
