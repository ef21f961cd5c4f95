package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
)

// Call performs an operation that returns one object. p points to the operation's
// parameters. With an error, the result is nil.
func Call[T any](ctx context.Context, c *closekit.Client, op *Operation, p any, opts []closekit.CallOption) (*T, error) {
	v := new(T)
	if err := op.call(ctx, c, p, reflect.TypeFor[T](), unsafe.Pointer(v), opts); err != nil {
		return nil, err
	}
	return v, nil
}

// CallPage performs an operation that returns a list; skip is the offset in p. With
// an error, the result is nil.
func CallPage[T any](ctx context.Context, c *closekit.Client, op *Operation, p any, skip closekit.Opt[int], opts []closekit.CallOption) (*closekit.Page[T], error) {
	page := new(closekit.Page[T])
	// Pages of all types have the same memory layout; only the elements of Data
	// differ.
	if err := op.callPage(ctx, c, p, skip, reflect.TypeFor[[]T](), (*closekit.Page[struct{}])(unsafe.Pointer(page)), opts); err != nil {
		return nil, err
	}
	return page, nil
}

// CallAll iterates over all results of an operation that returns a list. p points to
// the operation's parameters, and skip to the offset in them; neither is changed.
func CallAll[T any](ctx context.Context, c *closekit.Client, op *Operation, p any, skip *closekit.Opt[int], opts []closekit.CallOption) iter.Seq2[*T, error] {
	return closekit.All(&op.Operation, *skip, func(at closekit.Opt[int]) (*closekit.Page[T], error) {
		return CallPage[T](ctx, c, op, with(p, skip, at), at, opts)
	}, opts...)
}

// CallPageByCursor is CallPage for a list that is paged by cursor.
func CallPageByCursor[T any](ctx context.Context, c *closekit.Client, op *Operation, p any, opts []closekit.CallOption) (*closekit.Page[T], error) {
	page, err := CallPage[T](ctx, c, op, p, closekit.Opt[int]{}, opts)
	if err == nil {
		raw, _ := page.Raw(op.Next)
		page.Next, _ = codec.Unquote(raw) // null after the last page
	}
	return page, err
}

// CallAllByCursor is CallAll for a list that is paged by cursor; cursor points to the
// one in the parameters.
func CallAllByCursor[T any](ctx context.Context, c *closekit.Client, op *Operation, p any, cursor *closekit.Opt[string], opts []closekit.CallOption) iter.Seq2[*T, error] {
	return closekit.AllByCursor(&op.Operation, *cursor, func(at closekit.Opt[string]) (*closekit.Page[T], error) {
		return CallPageByCursor[T](ctx, c, op, with(p, cursor, at), opts)
	}, opts...)
}

// with returns a copy of the parameters that p points to with another offset or cursor
// in place of the one that at points to. Loops over one iterator may run at the same
// time.
func with[T any](p any, at *closekit.Opt[T], v closekit.Opt[T]) any {
	from := reflect.ValueOf(p)
	to := reflect.New(from.Type().Elem())
	to.Elem().Set(from.Elem())
	offset := uintptr(unsafe.Pointer(at)) - from.Pointer()
	*(*closekit.Opt[T])(unsafe.Add(to.UnsafePointer(), offset)) = v
	return to.Interface()
}

// CallNone performs an operation whose response is ignored.
func CallNone(ctx context.Context, c *closekit.Client, op *Operation, p any, opts []closekit.CallOption) error {
	req, err := op.request(p, c.Location())
	if err != nil {
		return err
	}
	return c.Do(ctx, req, func(r closekit.Response) error {
		body := bom.Trim(r.Body)
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
		return codec.Valid(body) // a web page is not a success
	}, opts...)
}

func (op *Operation) call(ctx context.Context, c *closekit.Client, p any, t reflect.Type, v unsafe.Pointer, opts []closekit.CallOption) error {
	s, err := op.results(t)
	if err != nil {
		return err
	}
	req, err := op.request(p, c.Location())
	if err != nil {
		return err
	}
	return c.Do(ctx, req, func(r closekit.Response) error {
		return object(ctx, r, func(d *codec.Decoder) { decode(d, s, v) })
	}, opts...)
}

// object reads a response, which must be a JSON object.
func object(ctx context.Context, r closekit.Response, read func(*codec.Decoder)) error {
	r.Body = bom.Trim(r.Body)
	d := codec.NewDecoder(r.Body, r.Strict)
	d.Watch(ctx)
	if d.Peek() != '{' {
		_ = d.End() // noObject returns the error
		return noObject(r.Body)
	}
	read(d)
	return d.End()
}

func noObject(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the body is empty")
	}
	if bom.IsUTF16(body) {
		return bom.ErrUTF16
	}
	if err := codec.Valid(body); err != nil {
		return err
	}
	return errors.New("the body is not a JSON object")
}

// moreBit is the bit of an envelope that records that has_more was present.
const moreBit = 1

func (op *Operation) callPage(ctx context.Context, c *closekit.Client, p any, skip closekit.Opt[int], t reflect.Type, page *closekit.Page[struct{}], opts []closekit.CallOption) error {
	s, err := op.results(t.Elem())
	if err != nil {
		return err
	}
	req, err := op.request(p, c.Location())
	if err != nil {
		return err
	}
	data := (*slice)(unsafe.Pointer(&page.Data))
	err = c.Do(ctx, req, func(r closekit.Response) error {
		return object(ctx, r, func(d *codec.Decoder) { getPage(d, s, t, page, data, op.API) })
	}, opts...)
	page.NextSkip = skip.Or(0) + data.len
	return err
}

// getPage reads an envelope and its items.
func getPage(d *codec.Decoder, s *plan, t reflect.Type, page *closekit.Page[struct{}], data *slice, api *closekit.API) {
	for d.Open((*codec.Object)(unsafe.Pointer(&page.Object))); d.Next(); {
		key := d.Key()
		if api != nil {
			key = envelopeKey(api, key)
		}
		switch string(key) {
		case "data":
			getItems(d, s, t, data)
		case "has_more":
			getPlain(d, &page.HasMore, moreBit, (*codec.Decoder).Bool)
		case "total_results":
			if total, ok := getInt(d); ok {
				page.Total = closekit.Some(total)
			} else {
				page.Total = closekit.Opt[int]{}
				d.Mismatch(0)
			}
		default:
			d.Keep()
		}
	}
}

// envelopeKey returns Close's name of a member of an envelope of another API.
func envelopeKey(a *closekit.API, key []byte) []byte {
	for _, m := range [...]struct{ theirs, ours string }{{a.Items, "data"}, {a.More, "has_more"}, {a.Total, "total_results"}} {
		switch {
		case m.theirs != "" && string(key) == m.theirs:
			return []byte(m.ours)
		case m.theirs != "" && string(key) == m.ours:
			return nil // a member without a meaning
		}
	}
	return key
}

// Marshal encodes the result that v points to; it implements MarshalJSON.
func Marshal(v any) ([]byte, error) {
	s, p, err := planFor(v)
	if err != nil {
		return nil, err
	}
	e := &codec.Encoder{}
	encode(e, s, p)
	return e.B, nil
}

// Text returns the JSON of what v points to; it implements String. Without it, logs of
// parameters have addresses.
func Text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Unmarshal decodes into the result that v points to, replacing its contents; it
// implements UnmarshalJSON.
func Unmarshal(b []byte, v any) error {
	s, p, err := planFor(v)
	if err != nil {
		return err
	}
	*(*codec.Object)(p) = codec.Object{}
	clearMembers(s, p)
	d := codec.NewDecoder(b, false)
	if !d.Null() {
		decode(d, s, p)
	}
	return d.End()
}

// planFor returns the plan of the result that v points to, and its address.
func planFor(v any) (*plan, unsafe.Pointer, error) {
	s, err := planOf(reflect.TypeOf(v).Elem())
	if err != nil {
		return nil, nil, err
	}
	if !s.output {
		return nil, nil, errors.New("it is sent, never received")
	}
	return s, reflect.ValueOf(v).UnsafePointer(), nil
}

// Variant decodes the result that v points to as another type if matches is true,
// and reports whether it did.
func Variant[T any](v any, matches bool) (*T, bool) {
	to := new(T)
	if !matches || !convert(v, to) {
		return nil, false
	}
	return to, true
}

func convert(v, to any) bool {
	b, err := Marshal(v)
	return err == nil && Unmarshal(b, to) == nil
}

// Has reports whether an object has a member without a field.
func Has(o *closekit.Object, name string) bool {
	_, ok := o.Raw(name)
	return ok
}

// Envelope decodes the other members of an envelope.
func Envelope[T any](o *closekit.Object) (*T, error) {
	v := new(T)
	return v, envelope(o, v)
}

func envelope(o *closekit.Object, v any) error {
	e := &codec.Encoder{}
	e.Close(e.Open((*codec.Object)(unsafe.Pointer(o))))
	return Unmarshal(e.B, v)
}

// Check returns an error for every operation and type of a generated package that
// this package cannot compile. Generated packages have a test that calls it, because
// the Go compiler does not check tags.
func Check(ops []closekit.Callable, results ...any) error {
	var errs []error
	for _, o := range ops {
		op, ok := o.(*Operation)
		if !ok {
			continue
		}
		if _, _, err := op.plan(op.Params()); err != nil {
			errs = append(errs, err)
		}
	}
	for _, v := range results {
		if _, _, err := planFor(v); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
