package crm

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// exportFields are common to the exports of leads and opportunities.
var exportFields = []rest.Field{
	{Name: "format", Kind: rest.Choice, Choices: []string{"csv", "json"}, Need: true, Access: rest.OnCreate},
	{Name: "date_format", Kind: rest.Choice, Choices: []string{"original", "iso8601", "excel"}, Access: rest.OnCreate},
	{Name: "fields", Kind: rest.Texts, Access: rest.OnCreate},
	{Name: "send_done_email", Kind: rest.Flag, Access: rest.OnCreate},
	{Name: "include_activities", Kind: rest.Flag, Access: rest.OnCreate},
	{Name: "include_addresses", Kind: rest.Flag, Access: rest.OnCreate},
	{Name: "include_custom_objects", Kind: rest.Flag, Access: rest.OnCreate},
	{Name: "include_smart_fields", Kind: rest.Flag, Access: rest.OnCreate},
}

// hiddenExportFields are part of requests and not of responses.
var hiddenExportFields = []string{"include_activities", "include_addresses", "include_custom_objects", "include_smart_fields"}

func exportResources() []*rest.Resource {
	export := func(name, event string, fields []rest.Field, prepare func(*rest.Call, object, *rest.Problems)) *rest.Resource {
		return &rest.Resource{
			Name: name, Table: "exports", Prefix: "expo", Short: true, Model: "Export", Event: event, Authors: rest.AuthorPlain,
			Right: "export", Fields: slices.Concat(exportFields, fields), Created: startJob,
			Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
				setDefaults(o, object{
					"date_format": "original", "fields": []any{}, "send_done_email": true, "status": "created", "download_url": nil,
					"n_docs": nil, "n_docs_processed": int64(0),
				})
				prepare(c, o, p)
			},
			Render: func(_ *rest.Call, _ *store.Record, o object) {
				for _, k := range hiddenExportFields {
					delete(o, k)
				}
			},
			Narrow: func(*rest.Call) (func(*store.Record) bool, error) {
				return func(rec *store.Record) bool { return name == "export" || isLeadExport(rec) == (name == "exports") }, nil
			},
		}
	}
	return []*rest.Resource{
		export("exports", "export.lead", []rest.Field{
			{Name: "type", Kind: rest.Choice, Choices: []string{"leads", "contacts", "lead_opps"}, Need: true, Access: rest.OnCreate},
			{Name: "s_query", Kind: rest.Dict, Access: rest.OnCreate},
			{Name: "results_limit", Kind: rest.Whole, Bounded: true, Access: rest.OnCreate},
			{Name: "sort", Kind: rest.Objects, Access: rest.OnCreate},
		}, func(c *rest.Call, o object, _ *rest.Problems) {
			setDefaults(o, object{"results_limit": nil, "sort": []any{}})
			if o["s_query"] == nil {
				o["s_query"] = object{"type": "object_type", "object_type": "lead"}
			}
			if kind, _, err := findBulk(c, o); err != nil {
				c.Failure = err
			} else if kind != "lead" && kind != "contact" {
				c.Failure = rest.FieldError("s_query", "The query is not about leads or contacts.")
			}
		}),
		export("export_opportunity", "export.opportunity", []rest.Field{{Name: "params", Kind: rest.Dict, Access: rest.OnCreate}},
			func(c *rest.Call, o object, _ *rest.Problems) {
				o["type"] = "opportunities"
				if o["params"] == nil {
					o["params"] = object{}
				}
				if _, err := opportunitiesOf(c, o["params"]); err != nil {
					c.Failure = err
				}
			}),
		export("export", "", nil, func(*rest.Call, object, *rest.Problems) {}),
	}
}

// exportTime is how long the link to an exported file is valid.
const exportTime = 7 * 24 * time.Hour

func isLeadExport(rec *store.Record) bool { return rec.Data["type"] != "opportunities" }

// opportunitiesOf applies filters of the list of opportunities.
func opportunitiesOf(c *rest.Call, params any) ([]*store.Record, error) {
	own := *c
	own.Query = url.Values{}
	filters, _ := params.(object)
	for name, v := range filters {
		own.Query.Set(name, value.Text(v))
	}
	return own.Matching(c.Engine.Resources["opportunities"])
}

func exportJob(resource string) job {
	rows := func(c *rest.Call, o object) (string, []*store.Record, error) {
		if resource == "export_opportunity" {
			list, err := opportunitiesOf(c, o["params"])
			return "opportunities", list, err
		}
		return exportedRows(c, o)
	}
	return job{
		statuses: [3]string{"started", "in_progress", "done"},
		count: func(c *rest.Call, j *store.Job) (object, error) {
			_, list, err := rows(c, j.Record.Data)
			return object{"n_docs": int64(len(list))}, err
		},
		run: func(c *rest.Call, j *store.Job) (object, error) {
			table, list, err := rows(c, j.Record.Data)
			if err != nil {
				return nil, err
			}
			f := exportFile(c, j.Record.Data, table, list)
			c.State.AddFile(f)
			n := int64(len(list))
			return object{"n_docs": n, "n_docs_processed": n, "download_url": signedLink(c, f, exportTime)}, nil
		},
	}
}

// exportedRows returns the rows of an export of leads: leads, or what belongs to them.
func exportedRows(c *rest.Call, o object) (string, []*store.Record, error) {
	kind, found, err := findBulk(c, o)
	if err != nil {
		return "", nil, err
	}
	if kind == "contact" && o["type"] == "contacts" {
		return "contacts", found, nil
	}
	table := map[any]string{"contacts": "contacts", "lead_opps": "opportunities"}[o["type"]]
	var out []*store.Record
	seen := map[string]bool{}
	for _, rec := range found {
		switch {
		case seen[rec.Lead]:
		case table == "":
			out = append(out, c.State.Find("leads", c.Organization, rec.Lead))
		default:
			out = append(out, c.State.Table(table).Of(rec.Lead)...)
		}
		seen[rec.Lead] = true
	}
	if table == "" {
		table = "leads"
	}
	return table, out, nil
}

// exportFile writes records to a file.
func exportFile(c *rest.Call, o object, table string, rows []*store.Record) *store.File {
	var objects []object
	for _, rec := range rows {
		row := c.Render(resourceOf(c, table, rec), rec)
		if table == "leads" && value.Bool(o["include_activities"]) && o["format"] == "json" {
			row["activities"] = activitiesOf(c, rec)
		}
		if names := words(o["fields"]); len(names) > 0 {
			sel := rest.Selection{}
			for _, n := range names {
				sel[n] = true
			}
			row = sel.Pick(row, nil)
		}
		datesIn(row, value.String(o["date_format"]))
		objects = append(objects, row)
	}
	name := table + "." + value.String(o["format"])
	f := &store.File{
		Organization: c.Organization, User: c.User, Key: "exports/" + c.State.IDs.Base62(32) + "/" + name, Name: name, ContentType: "application/json",
		Encoding: "gzip", Secret: c.State.IDs.Base62(28), Issued: c.Now, Uploaded: c.Now, Attached: true,
	}
	content := value.Encode(objects)
	switch {
	case o["format"] == "csv":
		f.ContentType, content = "text/csv; charset=utf-8", csvOf(objects, words(o["fields"]))
	case objects == nil:
		content = []byte("[]")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content) // into memory
	_ = w.Close()
	f.Data = b.Bytes()
	return f
}

func activitiesOf(c *rest.Call, lead *store.Record) []any {
	out := []any{}
	for _, rec := range c.State.Table("activities").Of(lead.ID) {
		out = append(out, c.Render(resourceOf(c, "activities", rec), rec))
	}
	return out
}

// datesIn writes the dates of a row in the notation that the export asks for.
func datesIn(row object, format string) {
	layout := map[string]string{"iso8601": time.RFC3339, "excel": "2006-01-02 15:04:05"}[format]
	if layout == "" {
		return
	}
	for k, v := range row {
		if s, ok := v.(string); ok && (strings.HasPrefix(k, "date_") || strings.HasSuffix(k, "_at")) {
			if t, isDay, err := value.ParseTime(s, time.UTC); err == nil && !isDay {
				row[k] = t.UTC().Format(layout)
			}
		}
	}
}

// csvOf writes a table whose columns are the given names, or all that rows have.
func csvOf(rows []object, columns []string) []byte {
	if len(columns) == 0 {
		all := map[string]bool{}
		for _, row := range rows {
			for k := range row {
				all[k] = true
			}
		}
		delete(all, "id")
		columns = append([]string{"id"}, slices.Sorted(maps.Keys(all))...)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(columns) // into memory
	for _, row := range rows {
		line := make([]string, len(columns))
		for i, k := range columns {
			line[i] = value.Text(row[k])
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.Bytes()
}
