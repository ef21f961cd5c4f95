package closekit

import (
	"fmt"
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
}

// MarshalJSON encodes the envelope, preserving unknown members that Close sent.
func (p Page[T]) MarshalJSON() ([]byte, error) {
	return marshalPage(&p.Object, p.Data == nil, len(p.Data), func(i int) any { return &p.Data[i] }, p.HasMore, p.Total)
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

// hasMoreBit records that has_more was present. Package wire, which decodes pages,
// sets it.
const hasMoreBit = 1
