package closekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"github.com/closekit/closekit/internal/codec"
)

// BulkScope says which records a bulk action is about. A bulk action changes everything
// that a query finds and cannot be stopped, so it has a brake: right before it is sent,
// the query is counted again, and the count is compared with the one that a person
// confirmed. Between that count and the work of Close, records can still come or go: the
// brake narrows this race and cannot close it.
//
// [Tool.Bulk] returns the scope of a call by name, and package closeapi/bulk is the brake
// of typed calls.
type BulkScope struct {
	Query json.RawMessage // the tree of conditions, with the kind of record
	Limit int             // how many records at most; 0 for all. It needs Sort if more are found.
	Sort  json.RawMessage // which records come first; nil for the order of Close
	// Edit is the type of a bulk edit, such as set_lead_status, and empty for other actions.
	Edit string
	// Keeps is true if the action edits or deletes, so that the records must be kept.
	Keeps bool
}

// Confirmed is what a person confirmed before a bulk action.
type Confirmed struct {
	// Count is the number of records that they saw. Nothing is sent if it is another one
	// by now.
	Count int
	// Everything says that the action may be about all records of the kind.
	Everything bool
	// Undo receives the records as they were, a line of JSON for each, before an edit or
	// a deletion: {"kind":"lead","record":{…}}. It is needed for these two. Writing ends
	// before the action is sent; a file should be synced by its Sync method, if it has one,
	// which is called. [io.Discard] keeps nothing, and nothing is read for it.
	Undo io.Writer
}

// UndoTo is an option of calls by name that edit or delete in bulk, and has no effect on
// others. The records are written to w as they were, before anything is sent, as
// [Confirmed] says. Without it such a call is [ErrNoUndo]; UndoTo(io.Discard) does
// without an undo.
func UndoTo(w io.Writer) CallOption { return func(k *call) { k.undo = w } }

// CountError reports that the query of a bulk action finds another number of records than
// was confirmed. Nothing was sent.
type CountError struct{ Confirmed, Found int }

// Error says both numbers.
func (e *CountError) Error() string {
	return fmt.Sprintf("bulk action not sent: %d %s confirmed, and the query finds %d now; look again and confirm that number",
		e.Confirmed, map[bool]string{true: "record was", false: "records were"}[e.Confirmed == 1], e.Found)
}

// UnsortedError reports a bulk action with a limit below what its query finds, without a
// sort that says which of the records it is about: those that a person saw, those that
// were kept and those that Close takes could be others. Nothing was sent.
type UnsortedError struct{ Limit, Found int }

// Error says both numbers, and what to do.
func (e *UnsortedError) Error() string {
	return fmt.Sprintf("bulk action not sent: it is limited to %d of the %d records that the query finds, and no sort says which; give sort, or narrow the query", e.Limit, e.Found)
}

// Errors of a brake; nothing was sent.
var (
	ErrEverything = errors.New("bulk action not sent: the query finds all records of its kind; confirm everything too if that is meant")
	ErrNoUndo     = errors.New("bulk action not sent: there is nowhere to keep the records as they were; say where with UndoTo or Confirmed.Undo")
)

// BulkPreview is what a bulk action would be about.
type BulkPreview struct {
	Count      int          // of records
	Found      int          // that the query finds, more than Count if a limit takes only some of them
	Kind       string       // of records: lead, contact, opportunity, …
	Everything bool         // these are all records of the kind
	Sample     []BulkRecord // some of them
}

// BulkRecord is a record that a bulk action is about.
type BulkRecord struct {
	Kind string
	ID   string
	Name string // empty if Close returns none
	lead string
}

// Look returns what a bulk action would be about, with a sample of at most n records. Show
// it to a person, and let them confirm the count.
func (b *BulkScope) Look(ctx context.Context, c *Client, n int) (*BulkPreview, error) {
	p := &BulkPreview{}
	var err error
	if p.Kind, err = b.kind(); err != nil {
		return nil, err
	}
	var all int
	if p.Found, err = countSearch(ctx, c, b.Query); err != nil {
		return nil, err
	}
	p.Count = b.limited(p.Found)
	if all, err = countSearch(ctx, c, everyOf(p.Kind)); err != nil {
		return nil, err
	}
	p.Everything = p.Count == all
	s := *b
	if !b.sorted() && p.Count == p.Found && kept[p.Kind] != nil { // so that other work does not change the sample
		s.Sort = fmt.Appendf(nil, `[{"direction":"desc","field":{"type":"regular_field","object_type":%q,"field_name":"date_created"}}]`, p.Kind)
	}
	if n = min(n, p.Count); n > 0 {
		p.Sample, err = s.find(ctx, c, n)
	}
	return p, err
}

// Check counts the records and compares them with what was confirmed: an [*UnsortedError],
// a [*CountError] or [ErrEverything] if the action must not be sent.
func (b *BulkScope) Check(ctx context.Context, c *Client, y Confirmed) error {
	kind, err := b.kind()
	if err != nil {
		return err
	}
	all, err := countSearch(ctx, c, b.Query)
	found := b.limited(all)
	switch {
	case err != nil:
		return err
	case found < all && !b.sorted():
		return &UnsortedError{b.Limit, all}
	case found != y.Count:
		return &CountError{y.Count, found}
	case y.Everything:
		return nil
	}
	if all, err = countSearch(ctx, c, everyOf(kind)); err == nil && found == all {
		err = ErrEverything
	}
	return err
}

// Brake lets an action pass that was confirmed. It keeps the records if the action edits
// or deletes, and then counts again, because reading them takes time.
func (b *BulkScope) Brake(ctx context.Context, c *Client, y Confirmed) error {
	if b.Keeps && y.Undo == nil {
		return ErrNoUndo
	}
	if err := b.Check(ctx, c, y); err != nil || !b.Keeps || y.Undo == io.Discard {
		return err
	}
	if err := b.keep(ctx, c, y); err != nil {
		return fmt.Errorf("bulk action not sent: keeping the records for an undo: %w", err)
	}
	return b.Check(ctx, c, y)
}

// keep writes the records as they are.
func (b *BulkScope) keep(ctx context.Context, c *Client, y Confirmed) error {
	err := b.Records(ctx, c, y.Count, func(r BulkRecord, record json.RawMessage) error {
		line := append(codec.AppendString([]byte(`{"kind":`), r.Kind), `,"record":`...)
		_, err := y.Undo.Write(append(append(line, record...), "}\n"...))
		return err
	})
	if f, ok := y.Undo.(interface{ Sync() error }); ok && err == nil {
		err = f.Sync()
	}
	return err
}

// mostFound is the largest number of records that one search of Close reaches.
const mostFound = 10_000

// Records reads the records that an edit or a deletion changes, of count that the query
// finds, and calls each with them as they are, on one line. An edit of what belongs to
// other records than those that the query finds, such as the status of the leads of
// contacts, is about the leads, with their contacts and opportunities. Those of leads have
// neither tasks nor activities. It is a [*CountError] if the query finds another number.
func (b *BulkScope) Records(ctx context.Context, c *Client, count int, each func(r BulkRecord, record json.RawMessage) error) error {
	if count > mostFound {
		return fmt.Errorf("%d records are more than the %d that one search reaches; divide the query", count, mostFound)
	}
	if err := b.CanKeep(); err != nil {
		return err
	}
	kind, err := b.kind()
	if err != nil {
		return err
	}
	found, err := b.find(ctx, c, mostFound)
	if err != nil {
		return err
	}
	if len(found) != count {
		return &CountError{count, len(found)}
	}
	seen := map[string]bool{}
	for _, r := range found {
		if about := b.changes(); about != "" && about != kind && kind != "lead" {
			r = BulkRecord{Kind: "lead", ID: r.lead}
		}
		if seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		record, err := r.read(ctx, c)
		if err != nil {
			return err
		}
		if err := each(r, record); err != nil {
			return err
		}
	}
	return nil
}

// CanKeep returns an error if the records that an edit or a deletion changes are of a kind
// that [BulkScope.Records] cannot read. Nothing is sent.
func (b *BulkScope) CanKeep() error {
	kind, err := b.kind()
	if err != nil {
		return err
	}
	if about := b.changes(); about != "" {
		kind = about
	}
	if kept[kind] == nil {
		return fmt.Errorf("it changes records of the kind %s, which cannot be kept; only leads, contacts and opportunities can", kind)
	}
	return nil
}

// changes returns the kind of record that an edit changes, empty for that of the query.
func (b *BulkScope) changes() string {
	switch b.Edit {
	case "set_lead_status", "set_custom_field", "clear_custom_field":
		return "lead"
	case "set_contact_custom_field", "clear_contact_custom_field":
		return "contact"
	case "set_opportunity_custom_field", "clear_opportunity_custom_field":
		return "opportunity"
	case "set_activity_custom_field", "clear_activity_custom_field":
		return "activity.custom_activity"
	case "set_custom_object_custom_field", "clear_custom_object_custom_field":
		return "custom_object"
	}
	return ""
}

// kept are the operations that read what can be kept.
var kept = map[string]*Operation{
	"lead":        {Tool: "close_lead_get", Method: "GET", Path: "/lead/{lead_id}/", Effect: Read, Idempotent: true},
	"contact":     &opContact,
	"opportunity": {Tool: "close_opportunity_get", Method: "GET", Path: "/opportunity/{opportunity_id}/", Effect: Read, Idempotent: true},
}

// Reader returns the name of the tool that reads the record, close_lead_get.
func (r BulkRecord) Reader() string {
	if op := kept[r.Kind]; op != nil {
		return op.Tool
	}
	return ""
}

// read returns the whole record, compact.
func (r BulkRecord) read(ctx context.Context, c *Client) (json.RawMessage, error) {
	op := kept[r.Kind]
	if op == nil || r.ID == "" {
		return nil, fmt.Errorf("%s is of the kind %s, which cannot be kept; only leads, contacts and opportunities can", r.ID, r.Kind)
	}
	var out bytes.Buffer
	err := c.Do(ctx, Request{Operation: op, Path: "/" + r.Kind + "/" + url.PathEscape(r.ID) + "/"}, func(res Response) error {
		return json.Compact(&out, bytes.TrimSpace(res.Body))
	})
	return out.Bytes(), err
}

// node is what the brake reads of a query.
type node struct {
	Type    string `json:"type"`
	Kind    string `json:"object_type"`
	Negate  bool   `json:"negate"`
	Queries []node `json:"queries"`
}

// kind returns the kind of record that the query is about.
func (b *BulkScope) kind() (string, error) {
	var q node
	if json.Unmarshal(b.Query, &q) == nil {
		if kind := q.about(); kind != "" {
			return kind, nil
		}
	}
	return "", &ValidationError{Problems: []Problem{{
		Path: "s_query", Expected: "must name the kind of record", Hint: `join it by and with a node {"type":"object_type","object_type":"lead"}`,
	}}}
}

func (q *node) about() string {
	switch {
	case q.Negate:
		return ""
	case q.Type == "object_type":
		return q.Kind
	}
	for i := range q.Queries {
		if kind := q.Queries[i].about(); q.Type == "and" && kind != "" {
			return kind
		}
	}
	return ""
}

// everyOf returns a query for all records of a kind.
func everyOf(kind string) json.RawMessage {
	return append(codec.AppendString([]byte(`{"type":"and","queries":[{"type":"object_type","object_type":`), kind), "}]}"...)
}

var opSearch = Operation{Tool: "close_search", Method: "POST", Path: "/data/search/", Effect: Read, Idempotent: true}

// search sends a search, whose body ends with more.
func search(ctx context.Context, c *Client, query json.RawMessage, more string, to any) error {
	body := append(append([]byte(`{"query":`), query...), more+"}"...)
	return c.Do(ctx, Request{Operation: &opSearch, Path: "/data/search/", Body: body}, func(r Response) error { return json.Unmarshal(r.Body, to) })
}

// limited returns how many records the action is about, of those that the query finds.
func (b *BulkScope) limited(found int) int {
	if b.Limit > 0 {
		return min(found, b.Limit)
	}
	return found
}

// sorted reports whether the action says which records come first.
func (b *BulkScope) sorted() bool {
	list, ok := codec.Elements(b.Sort)
	return ok && len(list) > 0
}

func countSearch(ctx context.Context, c *Client, query json.RawMessage) (int, error) {
	var page struct {
		Count struct {
			Total *int `json:"total"`
		} `json:"count"`
	}
	if err := search(ctx, c, query, `,"results_limit":0,"include_counts":true`, &page); err != nil {
		return 0, err
	}
	if page.Count.Total == nil {
		return 0, errors.New("close_search: the response has no count, although include_counts asks for it")
	}
	return *page.Count.Total, nil
}

// find returns records that the action is about, at most n, with their names. It reads all
// pages before it returns, because the cursor of a page is good for 30 seconds only.
func (b *BulkScope) find(ctx context.Context, c *Client, n int) ([]BulkRecord, error) {
	var found []BulkRecord
	cursor := "null"
	for {
		const most = 200
		more := `,"_fields":{"lead":["id","display_name"],"contact":["id","name","display_name","lead_id"],"opportunity":["id","lead_name","lead_id"]}` +
			`,"_limit":` + strconv.Itoa(min(most, n-len(found))) + `,"cursor":` + cursor
		if b.Limit > 0 {
			more += `,"results_limit":` + strconv.Itoa(b.Limit)
		}
		if b.sorted() {
			more += `,"sort":` + string(b.Sort)
		}
		var page struct {
			Data []struct {
				Kind    string `json:"__object_type"`
				ID      string `json:"id"`
				Display string `json:"display_name"`
				Name    string `json:"name"`
				Lead    string `json:"lead_name"`
				LeadID  string `json:"lead_id"`
			} `json:"data"`
			Cursor json.RawMessage `json:"cursor"`
		}
		if err := search(ctx, c, b.Query, more, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Data {
			names := slices.DeleteFunc([]string{r.Display, r.Name, r.Lead, ""}, func(s string) bool { return s == "" })
			found = append(found, BulkRecord{r.Kind, r.ID, append(names, "")[0], r.LeadID})
		}
		if len(page.Data) == 0 || len(found) >= n || len(page.Cursor) == 0 || codec.IsNull(page.Cursor) {
			return found[:min(n, len(found))], nil
		}
		cursor = string(page.Cursor)
	}
}

// Bulk returns what a call of a bulk action with the input is about, and what the input
// confirms; the scope is nil for any other tool. Invalid input is a [*ValidationError],
// although the confirmed count may be missing, and is 0 then. Nothing is sent.
func (t *Tool) Bulk(input json.RawMessage) (*BulkScope, Confirmed, error) {
	if !t.IsBulk() {
		return nil, Confirmed{}, nil
	}
	rest, own, problems := t.split(input)
	req, err := t.operation.Prepare(rest, nil)
	if err := t.withProblems(err, problems); err != nil {
		return nil, Confirmed{}, err
	}
	scope, err := t.scope(req)
	return scope, Confirmed{Count: own.count, Everything: own.everything}, err
}

// IsBulk reports whether the tool is a bulk action, which has a brake: its input confirms
// the number of records.
func (t *Tool) IsBulk() bool {
	return slices.ContainsFunc(t.Accepts, func(a Accepted) bool { return a.Use == ConfirmCount })
}

// KeepsRecords reports whether a call by name must say with [UndoTo] where the records are
// kept.
func (t *Tool) KeepsRecords() bool { return t.IsBulk() && t.Effect.Has(Overwrite) }

// scope reads what a prepared call is about.
func (t *Tool) scope(req *Request) (*BulkScope, error) {
	var body struct {
		Query json.RawMessage `json:"s_query"`
		Limit int             `json:"results_limit"`
		Sort  json.RawMessage `json:"sort"`
		Edit  string          `json:"type"`
	}
	if err := json.Unmarshal(req.Body, &body); err != nil {
		return nil, fmt.Errorf("%s: read the request: %w", t.Name, err)
	}
	return &BulkScope{body.Query, body.Limit, body.Sort, body.Edit, t.KeepsRecords()}, nil
}

// brake stops a bulk action that was not confirmed. One that edits or deletes is [ErrNoUndo]
// without [UndoTo] among opts.
func (t *Tool) brake(ctx context.Context, c *Client, req *Request, own accepted, opts []CallOption) error {
	if !t.IsBulk() {
		return nil
	}
	b, err := t.scope(req)
	if err != nil {
		return err
	}
	var k call
	for _, o := range opts {
		o(&k)
	}
	if err := b.Brake(ctx, c, Confirmed{own.count, own.everything, k.undo}); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return nil
}
