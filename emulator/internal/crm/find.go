package crm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/query"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Bounds of a search: the number of records that it reaches, the life of a cursor, and
// the number of fields of a kind of record.
const (
	maxFound    = 10_000
	cursorLife  = 30 * time.Second
	maxSelected = 100
)

// sought is what a query asks for, before it is evaluated.
type sought struct {
	param string // that errors name
	query any
	sort  any
	kind  string // if the query names none
}

// find evaluates a query tree. The records come newest first, or as sort says.
func find(c *rest.Call, in sought) (kind string, rows []*store.Record, err error) {
	q, err := query.ParseTree(in.query)
	if err != nil {
		return "", nil, rest.FieldError(in.param, err.Error())
	}
	if kind = q.About; kind == "" {
		kind = in.kind
	}
	if kind == "" {
		return "", nil, rest.FieldError(in.param, "The query has no object_type node.")
	}
	k := recordKinds[kind]
	schema, ok := treeSchema(c, kind)
	if !ok || k.table == "" {
		return "", nil, rest.FieldError(in.param, fmt.Sprintf("The query is about %q, which cannot be searched.", kind))
	}
	keep, err := query.Compile(q, *schema)
	if err != nil {
		return "", nil, rest.FieldError(in.param, err.Error())
	}
	sorts, err := sortsFor(schema, in.sort)
	if err != nil {
		return "", nil, err
	}
	for _, rec := range c.State.Table(k.table).All(c.Organization) {
		if isOfKind(k, rec) && keep(rec) {
			rows = append(rows, rec)
		}
	}
	slices.Reverse(rows)
	arrange(c, schema, sorts, rows)
	return kind, rows, nil
}

// sortsFor reads an order, which is by numbers, times and texts of the record itself.
func sortsFor(s *query.Schema[*store.Record], raw any) ([]query.Order, error) {
	sorts, err := query.ParseSorts(raw)
	if err != nil {
		return nil, rest.FieldError("sort", err.Error())
	}
	for _, o := range sorts {
		f, ok := s.Field(o.Field)
		if !ok {
			return nil, rest.FieldError("sort", fmt.Sprintf("The sort has the field %q, which does not exist.", o.Field))
		}
		if f.Kind != query.Number && f.Kind != query.Time && f.Kind != query.Text {
			return nil, rest.FieldError("sort", fmt.Sprintf("The sort has the field %q, which is no number, time or text.", o.Field))
		}
	}
	return sorts, nil
}

func searchResources() []*rest.Resource {
	return []*rest.Resource{
		{Name: "search", Actions: map[string]func(*rest.Call) (any, error){"search": search}},
		smartViewResource(),
	}
}

var searchMembers = []string{"query", "_fields", "_limit", "cursor", "results_limit", "include_counts", "sort", "_params"}

// search is the action of a search.
func search(c *rest.Call) (any, error) {
	for name := range c.Body {
		if !slices.Contains(searchMembers, name) {
			return nil, rest.FieldError(name, "A search does not take this.")
		}
	}
	limit, err := wholeIn(c, "_limit", 100, rest.MaxLimit)
	if err != nil {
		return nil, err
	}
	most := cmp.Or(c.Engine.Options.MaxFound, maxFound)
	results, err := wholeIn(c, "results_limit", int64(most), 1<<31)
	if err != nil {
		return nil, err
	}
	selected, err := selections(c)
	if err != nil {
		return nil, err
	}
	walk, count, err := walkOf(c, min(results, most))
	if err != nil {
		return nil, err
	}
	data := []object{}
	for len(walk.IDs) > 0 && len(data) < limit {
		if rec := c.State.Find(recordKinds[walk.Kind].table, c.Organization, walk.IDs[0]); rec != nil {
			data = append(data, resultOf(c, walk.Kind, rec, selected[walk.Kind]))
		}
		walk.IDs = walk.IDs[1:]
	}
	out := object{"data": data, "cursor": nil}
	if len(walk.IDs) > 0 && limit > 0 {
		cursor := c.State.IDs.Base62(32)
		walk.Expires = c.Now.Add(cursorLife)
		c.State.Walks[cursor] = walk
		out["cursor"] = cursor
	}
	if value.Bool(c.Body["include_counts"]) && count != nil {
		out["count"] = count
	}
	return out, nil
}

func wholeIn(c *rest.Call, name string, fallback, largest int64) (int, error) {
	v, ok := c.Body[name]
	if !ok || v == nil {
		return int(fallback), nil
	}
	n, ok := v.(int64)
	switch {
	case !ok:
		return 0, rest.FieldError(name, rest.MsgType("int"))
	case n < 0:
		return 0, rest.FieldError(name, "Input should be greater than or equal to 0")
	case n > largest:
		return 0, rest.FieldError(name, fmt.Sprintf("Input should be less than or equal to %d", largest))
	}
	return int(n), nil
}

// selections reads which fields of each kind of record are returned.
func selections(c *rest.Call) (map[string]rest.Selection, error) {
	out := map[string]rest.Selection{}
	raw, ok := c.Body["_fields"]
	if !ok || raw == nil {
		return out, nil
	}
	kinds, ok := raw.(object)
	if !ok {
		return nil, rest.FieldError("_fields", rest.MsgType("dict"))
	}
	for kind, v := range kinds {
		list, ok := v.([]any)
		if _, known := recordKinds[kind]; !known || !ok {
			return nil, rest.FieldError("_fields", fmt.Sprintf("%q is not a kind of record with a list of fields.", kind))
		}
		if len(list) > maxSelected {
			return nil, rest.FieldError("_fields", "List is too long.")
		}
		out[kind] = rest.Selection{}
		for _, e := range list {
			out[kind][value.String(e)] = true
		}
	}
	return out, nil
}

// walkOf evaluates the query, or continues the search of a cursor.
func walkOf(c *rest.Call, limit int) (*store.Walk, any, error) {
	for cursor, w := range c.State.Walks {
		if c.Now.Sub(w.Expires) > time.Hour {
			delete(c.State.Walks, cursor)
		}
	}
	if raw := c.Body["cursor"]; raw != nil {
		w := c.State.Walks[value.String(raw)]
		switch {
		case w == nil || w.Organization != c.Organization:
			return nil, nil, rest.FieldError("cursor", "Invalid cursor")
		case c.Now.After(w.Expires):
			return nil, nil, rest.FieldError("cursor", "Expired cursor")
		}
		next := *w
		return &next, nil, nil
	}
	kind, rows, err := find(c, sought{param: "query", query: c.Body["query"], sort: c.Body["sort"]})
	if err != nil {
		return nil, nil, err
	}
	if kind != "lead" && kind != "contact" && kind != "opportunity" {
		return nil, nil, rest.FieldError("query", fmt.Sprintf("The query is about %q, which a search does not return.", kind))
	}
	total := len(rows)
	rows = rows[:min(total, limit)]
	w := &store.Walk{Organization: c.Organization, Kind: kind}
	for _, rec := range rows {
		w.IDs = append(w.IDs, rec.ID)
	}
	return w, object{"limited": int64(min(total, limit)), "total": int64(total)}, nil
}

// resultOf returns a record as a search does: its id alone, unless fields are named.
func resultOf(c *rest.Call, kind string, rec *store.Record, selected rest.Selection) object {
	out := object{}
	if selected != nil {
		out = selected.Pick(c.Render(c.Engine.Resources[recordKinds[kind].table], rec), nil)
	}
	out["id"], out["__object_type"] = rec.ID, kind
	return out
}

var smartViewTypes = []string{
	"lead", "contact", "opportunity", "call", "email", "sms", "meeting", "note", "whatsapp_message", "custom_activity", "form_submission",
}

func smartViewResource() *rest.Resource {
	return &rest.Resource{
		Name: "smart_views", Prefix: "save", Model: "SavedSearch", Event: "saved_search", Authors: rest.AuthorNone,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "description", Kind: rest.Text},
			{Name: "type", Kind: rest.Choice, Choices: smartViewTypes, Access: rest.OnCreate},
			{Name: "s_query", Kind: rest.Dict, Need: true, NotNull: true},
			{Name: "is_shared", Kind: rest.Flag, NotNull: true},
		},
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			if o["type"] == nil {
				o["type"] = "lead"
			}
			setDefaults(o, object{
				"description": "", "is_shared": false, "query": nil, "is_user_dependent": false, "user_id": value.OrNull(c.User), "used_recently": false,
			})
			checkSmartView(c, o, o["type"], p)
		},
		Change: func(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
			checkSmartView(c, patch, rec.Data["type"], p)
		},
		Narrow: func(c *rest.Call) (func(*store.Record) bool, error) {
			types := []string{"lead"}
			if one := c.Query.Get("type"); one != "" {
				types = []string{one}
			} else if several := c.Query.Get("type__in"); several != "" {
				types = strings.Split(several, ",")
			}
			return func(rec *store.Record) bool {
				mine := value.Bool(rec.Data["is_shared"]) || rec.Data["user_id"] == value.OrNull(c.User)
				return mine && slices.Contains(types, value.String(rec.Data["type"]))
			}, nil
		},
	}
}

// checkSmartView reports a search that cannot be evaluated, or that is about something
// else than the type says.
func checkSmartView(c *rest.Call, o object, typ any, p *rest.Problems) {
	raw, ok := o["s_query"].(object)
	if !ok {
		return
	}
	q, err := query.ParseTree(raw["query"])
	if err != nil {
		p.Add("s_query", err.Error())
		return
	}
	if q.About == "" {
		p.Add("s_query", "The query has no object_type node.")
		return
	}
	if q.About != typ && q.About != "activity."+value.String(typ) {
		p.Add("s_query", fmt.Sprintf("The query is about %q, and the Smart View about %q.", q.About, typ))
		return
	}
	if s, ok := treeSchema(c, q.About); ok {
		if _, err := query.Compile(q, *s); err != nil {
			p.Add("s_query", err.Error())
		}
	}
	o["is_user_dependent"] = strings.Contains(string(value.Encode(raw)), `"current_user"`)
	full := value.Shallow(raw)
	setDefaults(full, object{"results_limit": nil, "sort": []any{}})
	o["s_query"] = full
}

// leadsOfView returns the leads of what a Smart View finds.
func leadsOfView(c *rest.Call, param, id string) (map[string]bool, error) {
	rec := c.State.Find("smart_views", c.Organization, id)
	if rec == nil {
		return nil, rest.FieldError(param, rest.MsgNoObject)
	}
	s, _ := rec.Data["s_query"].(object)
	_, rows, err := find(c, sought{param: param, query: s["query"], sort: s["sort"], kind: value.String(rec.Data["type"])})
	leads := map[string]bool{}
	for _, row := range rows {
		leads[row.Lead] = true
	}
	return leads, err
}
