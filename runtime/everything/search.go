package everything

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/closekit/closekit"
)

// searchPath is where Close searches. Its parameters are in the body.
const searchPath = "/data/search/"

// created is the field that searches are bounded and sorted by.
const created = "date_created"

// secondFormat is how moments of a query are written, in UTC. Close compares whole seconds.
const secondFormat = "2006-01-02T15:04:05"

// search reads what a search finds, by cursor as far as Close goes. After that, after the
// cursor has expired, and in another process, a new search starts at the time at which the
// record that was read last was created. Times are whole seconds.
type search struct {
	req   closekit.Request
	body  map[string]json.RawMessage
	query json.RawMessage
	kind  string // of the records
	size  int

	state
	seen map[uint64]struct{} // records of the second that were read

	// Of the search that the cursor belongs to:
	cursor string
	from   time.Time         // where it starts
	read   int               // results on its pages
	total  closekit.Opt[int] // results that it has, if Close reports it
	fresh  bool              // whether it had results that were not read before
	idle   int               // how many searches in a row came no further
}

// A node is a part of a query.
type node struct {
	Type       string            `json:"type"`
	Negate     bool              `json:"negate,omitempty"`
	ObjectType string            `json:"object_type,omitempty"`
	Queries    []json.RawMessage `json:"queries,omitempty"`
}

// kindOf returns the kind of the records that a query finds, empty if it does not say.
func kindOf(query json.RawMessage) string {
	var n node
	if json.Unmarshal(query, &n) != nil || n.Negate {
		return ""
	}
	switch n.Type {
	case "object_type":
		return n.ObjectType
	case "and":
		for _, part := range n.Queries {
			if kind := kindOf(part); kind != "" {
				return kind
			}
		}
	}
	return ""
}

func newSearch(req *closekit.Request, o *options) (*search, error) {
	s := &search{req: *req, size: o.size}
	refuse := func(reason string) (*search, error) {
		return nil, fmt.Errorf("%s cannot be read as a whole: %s", cmp.Or(req.Operation.Tool, req.Path), reason)
	}
	if err := json.Unmarshal(req.Body, &s.body); err != nil {
		return refuse("its body is not an object")
	}
	given := func(name string) bool {
		raw, ok := s.body[name]
		return ok && string(raw) != "null" && string(raw) != "[]"
	}
	s.query = s.body["query"]
	switch s.kind = kindOf(s.query); {
	case given("cursor"):
		return refuse("leave out the cursor; a position says where to start")
	case given("sort"):
		return refuse("leave out the order; the records come by date of creation")
	case given("results_limit"):
		return refuse("leave out results_limit; end the loop where it is enough")
	case s.kind == "":
		return refuse("the query has no object_type node that says what it finds")
	}
	if s.size == 0 && given(paramLimit) {
		s.size, _ = strconv.Atoi(string(s.body[paramLimit]))
	}
	if s.size == 0 {
		s.size = defaultSize
	}
	if s.size < smallest {
		return refuse("a page must have at least 2 results")
	}
	for _, name := range []string{"cursor", "sort", "results_limit", "include_counts", paramLimit} {
		delete(s.body, name)
	}
	if err := s.selectFields(); err != nil {
		return refuse(err.Error())
	}
	canonical, err := json.Marshal(s.body)
	if err != nil {
		return refuse(err.Error())
	}
	s.state, s.seen, err = o.from.read(strconv.FormatUint(hash(req.Path+"?"+string(canonical)), 36))
	s.from = s.At
	return s, err
}

// selectFields adds to the chosen fields those that the reading needs. Without a choice,
// Close returns ids alone.
func (s *search) selectFields() error {
	chosen := map[string][]string{}
	if raw, ok := s.body[paramFields]; ok {
		if err := json.Unmarshal(raw, &chosen); err != nil {
			return fmt.Errorf("%s is not an object of lists", paramFields)
		}
	}
	for _, name := range []string{"id", created} {
		if !slices.Contains(chosen[s.kind], name) {
			chosen[s.kind] = append(chosen[s.kind], name)
		}
	}
	raw, err := json.Marshal(chosen)
	s.body[paramFields] = raw
	return err
}

// request returns the request for the next page: by the cursor, or of a new search.
func (s *search) request() (closekit.Request, error) {
	type object = map[string]any
	field := object{"type": "regular_field", "object_type": s.kind, "field_name": created}
	body := object{
		paramLimit: s.size, "include_counts": true, "sort": []object{{"direction": "asc", "field": field}},
	}
	for name, raw := range s.body {
		body[name] = raw
	}
	if !s.from.IsZero() {
		bound := object{"type": "fixed_utc", "value": s.from.UTC().Format(secondFormat)}
		body["query"] = object{"type": "and", "queries": []any{
			object{"type": "object_type", "object_type": s.kind},
			s.query,
			object{"type": "field_condition", "field": field, "condition": object{"type": "moment_range", "on_or_after": bound}},
		}}
	}
	if s.cursor != "" {
		body["cursor"] = s.cursor
	}
	req := s.req
	raw, err := json.Marshal(body)
	req.Body = raw
	return req, err
}

// restart drops the cursor: the next page is the first one of a new search.
func (s *search) restart() {
	if s.fresh {
		s.idle = 0
	} else {
		s.idle++
	}
	s.cursor, s.from, s.read, s.total, s.fresh = "", s.At, 0, closekit.Opt[int]{}, false
}

// next returns the next page that has results which were not read before, nil after the
// last.
func (s *search) next(ctx context.Context, c *closekit.Client) (*Page[Record], error) {
	for !s.Done {
		req, err := s.request()
		if err != nil {
			return nil, err
		}
		var page closekit.Page[item]
		err = c.Do(ctx, req, func(r closekit.Response) error { return page.UnmarshalJSON(r.Body) })
		switch {
		case err != nil && s.cursor != "" && (s.fresh || s.idle == 0) && errors.Is(err, closekit.ErrCursorExpired):
			s.restart()
			continue
		case err != nil:
			return nil, err
		}
		out, err := s.take(&page)
		if err != nil {
			return nil, err
		}
		if len(out.Items) > 0 || s.Done {
			out.Next = s.position(s.seen)
			return out, nil
		}
	}
	return nil, nil //nolint:nilnil // there is no page
}

// take returns what is new on a page, and moves the position behind it.
func (s *search) take(page *closekit.Page[item]) (*Page[Record], error) {
	for i := range page.Data {
		page.Data[i].at = page.Data[i].at.Truncate(time.Second)
	}
	cursor, reason := s.distrust(page)
	if reason != "" {
		return nil, &closekit.PageError{Tool: s.req.Operation.Tool, Position: s.read, Reason: reason}
	}
	out := &Page[Record]{}
	for i := range page.Data {
		it := &page.Data[i]
		h := hash(it.ID)
		if _, known := s.seen[h]; known && it.at.Equal(s.At) || it.at.Before(s.At) {
			continue
		}
		if it.at.After(s.At) {
			s.At = it.at
			clear(s.seen)
		}
		s.seen[h] = struct{}{}
		out.Items = append(out.Items, &it.Record)
	}
	s.read += len(page.Data)
	s.fresh = s.fresh || len(out.Items) > 0
	if s.cursor == "" {
		s.total = totalOf(page)
	}
	total, counted := s.total.Get()
	if counted {
		out.Left = closekit.Some(max(0, total-s.read))
	}
	if s.cursor = cursor; cursor != "" {
		return out, nil
	}
	// The search has ended, either with its last result or at the number of results that
	// Close allows.
	switch {
	case counted && s.read >= total, !counted && !s.fresh:
		s.Done, s.seen, s.At = true, nil, time.Time{}
	case !s.fresh && s.idle > 0:
		return nil, &closekit.SkipLimitError{Tool: s.req.Operation.Tool, Skip: s.read, Position: s.read, Narrow: []string{"query"}}
	default:
		s.restart()
	}
	return out, nil
}

// totalOf returns the number of results that a search reports.
func totalOf(page *closekit.Page[item]) (n closekit.Opt[int]) {
	var count struct {
		Total closekit.Opt[int] `json:"total"`
	}
	if raw, ok := page.Raw("count"); ok && json.Unmarshal(raw, &count) == nil {
		n = count.Total
	}
	return n
}

// distrust returns the cursor of the next page, or why a page cannot be read without
// losing results.
func (s *search) distrust(page *closekit.Page[item]) (cursor, reason string) {
	if slices.Contains(page.Mismatches(), "data") {
		return "", "data is not a list of objects"
	}
	if raw, ok := page.Raw("cursor"); ok && json.Unmarshal(raw, &cursor) != nil {
		return "", "cursor is neither a text nor null"
	}
	if cursor != "" && cursor == s.cursor {
		return "", "its cursor is that of the next page too"
	}
	for i := range page.Data {
		it := &page.Data[i]
		switch {
		case it.ID == "":
			return "", "a result has no id"
		case it.at.IsZero():
			return "", "a result has no " + created
		case i > 0 && page.Data[i-1].at.After(it.at):
			return "", "it is not sorted by " + created
		case it.at.Before(s.from.Add(-slack)):
			return "", "the filter by " + created + " has no effect"
		}
	}
	return cursor, ""
}
