package closekit

import (
	"fmt"
	"reflect"
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
//
//go:noinline
func (p Page[T]) MarshalJSON() ([]byte, error) { return marshalPage(p, marshalItem) }

// MarshalText returns the JSON without secrets, for logs.
//
//go:noinline
func (p Page[T]) MarshalText() ([]byte, error) { return marshalPage(p, logItem) }

// UnmarshalJSON decodes the envelope and its items leniently, like API responses,
// and replaces the contents of p. The JSON does not have the offset of the page:
// NextSkip is that of a first page, the number of items. Nor does it tell which member
// is the cursor: Next is empty, and the member among those of the Object.
//
//go:noinline
func (p *Page[T]) UnmarshalJSON(b []byte) error { return unmarshalPage(b, p) }

// The rest is not generic, so that it is compiled once instead of once per list. It
// finds the fields of a page by their index.
const (
	pageObject = iota
	pageData
	pageHasMore
	pageTotal
	pageNextSkip
)

func marshalPage(page any, marshal func(item any) ([]byte, error)) ([]byte, error) {
	p := reflect.ValueOf(page)
	object, _ := reflect.TypeAssert[Object](p.Field(pageObject))
	total, _ := reflect.TypeAssert[Opt[int]](p.Field(pageTotal))
	data := p.Field(pageData)
	e := &codec.Encoder{}
	f := e.Open(&object.o)
	if !data.IsNil() {
		e.Name("data")
		e.B = append(e.B, '[')
		for i := range data.Len() {
			if i > 0 {
				e.B = append(e.B, ',')
			}
			b, err := marshal(data.Index(i).Addr().Interface())
			if err != nil {
				return nil, err
			}
			e.B = append(e.B, b...)
		}
		e.B = append(e.B, ']')
	}
	if hasMore := p.Field(pageHasMore).Bool(); hasMore || e.Has(hasMoreBit) {
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

// marshalItem encodes an item of a page.
func marshalItem(item any) ([]byte, error) {
	if m, ok := item.(interface{ MarshalJSON() ([]byte, error) }); ok {
		return m.MarshalJSON()
	}
	return nil, fmt.Errorf("page of %T, which has no MarshalJSON", item)
}

// logItem encodes an item of a page for a log.
func logItem(item any) ([]byte, error) {
	if m, ok := item.(interface{ MarshalText() ([]byte, error) }); ok {
		if b, err := m.MarshalText(); err != nil || codec.Valid(b) == nil {
			return b, err
		}
	}
	return marshalItem(item)
}

// unmarshalPage decodes an envelope into the page that to points to.
func unmarshalPage(b []byte, to any) error {
	target := reflect.ValueOf(to).Elem()
	p := reflect.New(target.Type()).Elem() // so that an error leaves the target as it is
	data := p.Field(pageData)
	var object Object
	var total Opt[int]
	d := codec.NewDecoder(b, false)
	if !d.Null() {
		for d.Open(&object.o); d.Next(); {
			switch string(d.Key()) {
			case "data":
				if err := unmarshalItems(d, data); err != nil {
					_ = d.End() // the first error counts
					return err
				}
			case "has_more":
				if more, ok := d.Bool(); ok {
					p.Field(pageHasMore).SetBool(more)
					d.Seen(hasMoreBit)
				} else {
					d.Mismatch(hasMoreBit)
				}
			case "total_results":
				mark := d.Mark()
				n, ok := d.Int()
				if total = Some(int(n)); !ok || int64(int(n)) != n {
					total = Opt[int]{}
					d.Reset(mark)
					d.Mismatch(0)
				}
			default:
				d.Keep()
			}
		}
	}
	if err := d.End(); err != nil {
		return err
	}
	p.Field(pageObject).Set(reflect.ValueOf(object))
	p.Field(pageTotal).Set(reflect.ValueOf(total))
	p.Field(pageNextSkip).SetInt(int64(data.Len()))
	target.Set(p)
	return nil
}

// unmarshalItems decodes the items into a slice. If one of them is not an object, the
// whole list is kept as a mismatch.
func unmarshalItems(d *codec.Decoder, data reflect.Value) error {
	data.SetZero()
	mark := d.Mark()
	if d.Peek() != '[' {
		d.Mismatch(0)
		return nil
	}
	data.Set(reflect.MakeSlice(data.Type(), 0, 0))
	for d.Array(); d.More(); {
		if d.Peek() != '{' {
			data.SetZero()
			d.Reset(mark)
			d.Mismatch(0)
			return nil
		}
		raw := d.Raw()
		if d.Err() != nil {
			return nil //nolint:nilerr // End reports it
		}
		n := data.Len()
		data.Grow(1)
		data.SetLen(n + 1)
		item := data.Index(n).Addr().Interface()
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
