package everything

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit"
)

// The parameters of pages and of what they have, as all APIs of a manifest call them.
const (
	paramSkip   = "_skip"
	paramLimit  = "_limit"
	paramFields = "_fields"
	paramOrder  = "_order_by"

	defaultSize = 100
	smallest    = 2 // a page needs a record to overlap and one to go on
	// slack is how much earlier than its bound a record may be: Close may read only the
	// day of a time, in a time zone.
	slack = 48 * time.Hour
)

// walk reads a list. Its position is a time of creation, and an offset among the records
// from there on; without a time, an offset in the whole list.
type walk struct {
	req    closekit.Request
	query  url.Values
	window window
	size   int

	state
	seen map[uint64]struct{} // records at the position; all, in a list without a window
}

// window is how a list is bounded by the creation of its records.
type window struct {
	kind         windowKind
	from, before string // parameters, for bounds
	text, field  string // parameter with a search text, and the field that it bounds
}

type windowKind int

const (
	none       windowKind = iota // by offset only
	ascending                    // oldest first, by parameters
	descending                   // newest first, by parameters, as lists are without an order
	inText                       // oldest first, by a search text
)

// windowOf returns how an operation can be bounded.
func windowOf(op *closekit.Operation) window {
	param, value, _ := strings.Cut(op.Oldest, "=")
	if field, ok := strings.CutPrefix(value, "sort:"); ok {
		return window{kind: inText, text: param, field: field}
	}
	w := window{field: "date_created"}
	for _, name := range op.Narrow {
		switch name {
		case w.field + "__gte":
			w.from = name
		case w.field + "__lt":
			w.before = name
		}
	}
	switch {
	case w.from == "" || w.before == "":
		return window{}
	case param == paramOrder && value == w.field:
		w.kind = ascending
	default:
		w.kind = descending
	}
	return w
}

func newWalk(req *closekit.Request, o *options) (*walk, error) {
	query, err := url.ParseQuery(req.Query)
	if err != nil {
		return nil, fmt.Errorf("the query of %s cannot be read: %w", req.Path, err)
	}
	w := &walk{req: *req, query: query, window: windowOf(req.Operation), size: o.size}
	refuse := func(reason string) (*walk, error) {
		return nil, fmt.Errorf("%s cannot be read as a whole: %s", cmp.Or(req.Operation.Tool, req.Path), reason)
	}
	switch {
	case req.Method != http.MethodGet:
		return refuse("it is not a list that is read with GET")
	case req.Operation.Cursor != "":
		return refuse("it is paged by cursor; its iterator has no limit")
	case query.Get(paramSkip) != "" && query.Get(paramSkip) != "0":
		return refuse("leave out the offset; a position says where to start")
	case query.Get(paramOrder) != "":
		return refuse("leave out the order; the records come by date of creation")
	case query.Get("_group_by") != "":
		return refuse("leave out the groups")
	case w.window.kind == inText && strings.Contains(strings.ToLower(query.Get(w.window.text)), "sort:"):
		return refuse("leave out the order in the search text; the records come by date of creation")
	}
	if w.size == 0 {
		w.size, _ = strconv.Atoi(query.Get(paramLimit))
	}
	if w.size == 0 {
		w.size = defaultSize
	}
	if w.size < smallest {
		return refuse("a page must have at least 2 results")
	}
	query.Del(paramSkip)
	query.Del(paramLimit)
	w.selectFields()
	list := strconv.FormatUint(hash(req.Path+"?"+query.Encode()), 36)
	w.state, w.seen, err = o.from.read(list)
	return w, err
}

// selectFields adds to chosen fields those that the walk needs.
func (w *walk) selectFields() {
	chosen := w.query.Get(paramFields)
	if chosen == "" {
		return
	}
	names := strings.Split(chosen, ",")
	for _, name := range []string{"id", w.window.field} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	w.query.Set(paramFields, strings.Join(names, ","))
}

// timeFormat is how bounds are written, in UTC.
const timeFormat = "2006-01-02T15:04:05.000000-07:00"

// request returns the request for the page at the position.
func (w *walk) request() closekit.Request {
	q := maps.Clone(w.query)
	q.Set(paramLimit, strconv.Itoa(w.size))
	if w.Skip > 0 {
		q.Set(paramSkip, strconv.Itoa(w.Skip))
	}
	at := w.At.UTC().Format(timeFormat)
	switch w.window.kind {
	case none:
	case ascending:
		q.Set(paramOrder, w.window.field)
		if !w.At.IsZero() {
			q.Set(w.window.from, at)
		}
	case descending:
		if !w.At.IsZero() { // the bound is not included, the record is
			q.Set(w.window.before, w.At.UTC().Add(time.Microsecond).Format(timeFormat))
		}
	case inText:
		text := strings.TrimSpace(q.Get(w.window.text))
		if text != "" {
			text = "(" + text + ") "
		}
		if !w.At.IsZero() {
			text += w.window.field + ">=" + strconv.Quote(at) + " "
		}
		q.Set(w.window.text, text+"sort:"+w.window.field)
	}
	req := w.req
	req.Query = q.Encode()
	return req
}

// item is a result of a page.
type item struct {
	Record
	at time.Time
}

// UnmarshalJSON keeps the JSON and reads what the walk needs.
func (i *item) UnmarshalJSON(b []byte) error {
	var known struct {
		ID      string `json:"id"`
		Created string `json:"date_created"`
	}
	_ = json.Unmarshal(b, &known) // what has another type is missing
	i.ID, i.Created, i.JSON = known.ID, known.Created, slices.Clone(b)
	i.at, _ = closekit.DateTime(known.Created).Time()
	return nil
}

// next returns the next page that has results which were not read before, nil after the
// last.
func (w *walk) next(ctx context.Context, c *closekit.Client) (*Page[Record], error) {
	for !w.Done {
		var page closekit.Page[item]
		err := c.Do(ctx, w.request(), func(r closekit.Response) error { return page.UnmarshalJSON(r.Body) })
		if err != nil {
			return nil, err
		}
		out, err := w.take(&page)
		if err != nil {
			return nil, err
		}
		if len(out.Items) > 0 || w.Done {
			out.Next = w.position(w.seen)
			return out, nil
		}
	}
	return nil, nil //nolint:nilnil // there is no page
}

// take returns what is new on a page, and moves the position behind it.
func (w *walk) take(page *closekit.Page[item]) (*Page[Record], error) {
	out := &Page[Record]{}
	if reason := w.distrust(page); reason != "" {
		return nil, &closekit.PageError{Tool: w.req.Operation.Tool, Position: w.Skip, Reason: reason}
	}
	items := page.Data
	if w.Skip > 0 && (len(items) == 0 || !w.known(&items[0])) {
		// What is in front of the page is not what was read last: records were deleted,
		// and others moved up.
		w.Skip = max(0, w.Skip-w.size)
		return out, nil
	}
	for i := range items {
		if !w.known(&items[i]) {
			out.Items = append(out.Items, &items[i].Record)
		}
	}
	if n, ok := page.Total.Get(); ok {
		out.Left = closekit.Some(max(0, n-w.Skip-len(items)))
	}
	if !page.HasMore {
		w.Done, w.seen, w.At, w.Skip = true, nil, time.Time{}, 0
		return out, nil
	}
	w.advance(items)
	return out, nil
}

// advance moves the position to the last of the items, which is read again.
func (w *walk) advance(items []item) {
	last := items[len(items)-1].at
	moved := w.window.kind != none && w.after(last, w.At)
	if moved {
		w.At = last
		clear(w.seen)
	} else {
		w.Skip += len(items) - 1
	}
	for i := range items {
		if w.window.kind == none || items[i].at.Equal(w.At) {
			w.seen[hash(items[i].ID)] = struct{}{}
		}
	}
	if moved { // the records of that moment come first now
		w.Skip = len(w.seen) - 1
	}
}

// after reports whether a comes after b in the order of the list.
func (w *walk) after(a, b time.Time) bool {
	if b.IsZero() {
		return true
	}
	if w.window.kind == descending {
		return a.Before(b)
	}
	return a.After(b)
}

// known reports whether an item comes before the position.
func (w *walk) known(i *item) bool {
	if w.window.kind != none && !w.At.IsZero() && !i.at.Equal(w.At) {
		return !w.after(i.at, w.At)
	}
	_, ok := w.seen[hash(i.ID)]
	return ok
}

// distrust returns why a page cannot be read without losing results, if so.
func (w *walk) distrust(page *closekit.Page[item]) string {
	mismatches := page.Mismatches()
	switch {
	case slices.Contains(mismatches, "data"):
		return "data is not a list of objects"
	case slices.Contains(mismatches, "has_more"):
		return "has_more is neither true nor false"
	case len(page.Data) < smallest && page.HasMore:
		return fmt.Sprintf("it has %d results, but has_more is true", len(page.Data))
	}
	for i := range page.Data {
		it := &page.Data[i]
		switch {
		case it.ID == "":
			return "a result has no id"
		case w.window.kind == none:
		case it.at.IsZero():
			return "a result has no " + w.window.field
		case i > 0 && w.after(page.Data[i-1].at, it.at):
			return "it is not sorted by " + w.window.field
		case !w.At.IsZero() && it.at.Before(w.At.Add(-slack)) && w.window.kind != descending,
			!w.At.IsZero() && it.at.After(w.At.Add(slack)) && w.window.kind == descending:
			return "the filter by " + w.window.field + " has no effect"
		}
	}
	return ""
}
