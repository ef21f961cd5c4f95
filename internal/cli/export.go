package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/files"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/runtime/everything"
)

// exportFlags are the flags of export.
type exportFlags struct {
	since, format, out string
	fields             []string
	restart, overwrite bool
	native, activities bool
	limit              int64
	acc                accountFlags
}

func (p *program) exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export WHAT [--since TIME] [--format jsonl|csv] [--out FILE]",
		Short: "Write all records of a list to a file",
		Long: `Write all leads, opportunities, activities, tasks or records of another list to a
file, however many there are, each exactly once.

JSON lines have one record per line as Close sent it. CSV has a column for each
field and custom field; lists and objects in it are JSON. Text that a spreadsheet
would take for a formula, because it begins with = + - @ or a tab, gets an
apostrophe in front, which "closekit import" removes.

While it runs, the records are in FILE.partial, and FILE.checkpoint says how many
of them are safely on disk. If it is interrupted, killed or fails, the same command
goes on from there. In the end FILE is complete, and FILE.manifest.json has the
number of records, the range of their dates, the SHA-256 of the file and more.

--since takes a day or a time of creation. Contacts are read by search, because Close
cannot select them by date in a list. What has no date, such as comment threads, can
be read up to the largest offset that Close accepts.

With --native, Close itself writes the file, and the command waits for it and
downloads it: leads, contacts or opportunities, however many, as a JSON list or as
CSV in the form of Close. If it is interrupted, the same command waits on. The API
key or token never goes to the storage service that has the file. See also "closekit
download", which takes the id of any export.`,
		Example: `  closekit export leads
  closekit export opportunities --format csv --out deals.csv
  closekit export activities --since 2026-03-01
  closekit export contacts --fields id,lead_id,name,emails
  closekit export contacts --native --format csv
  closekit export leads --native --activities`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage("what to export is missing", "one of "+strings.Join(p.exportable(), ", "))
			case len(args) > 1:
				return usage(fmt.Sprintf("unexpected argument %q", shorten(args[1])), "one list at a time")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			return matching(p.exportable(), toComplete), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.native && f.limit < 1:
				return usage(fmt.Sprintf("--max-bytes must be at least 1, got %d", f.limit))
			case f.native:
				return p.exportNative(cmd, args[0], &f)
			case f.activities, cmd.Flags().Changed("max-bytes"):
				return usage("--activities and --max-bytes go with --native", "add --native, or export activities as a list of its own")
			}
			return p.export(cmd.Context(), args[0], &f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.native, "native", false, "let Close write the file, and download it; for leads, contacts and opportunities")
	flags.BoolVar(&f.activities, "activities", false, "with --native, write the activities of each lead too; JSON only")
	flags.Int64Var(&f.limit, "max-bytes", files.DefaultMaxExportBytes, "with --native, largest `size` of the decompressed file in bytes")
	flags.StringVar(&f.since, "since", "", "only records that were created on or after this `time`, such as 2026-03-01")
	flags.StringVar(&f.format, "format", "", "jsonl or csv, with --native json or csv (default what the name of --out ends with,\nelse jsonl or json)")
	flags.StringVar(&f.out, "out", "", "`file` to write (default WHAT.jsonl or WHAT.csv)")
	flags.StringSliceVar(&f.fields, "fields", nil, "`names` of the fields to export, separated by commas (default all)")
	flags.BoolVar(&f.restart, "restart", false, "discard what an earlier run left, and start from the beginning")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the file if it exists")
	f.acc.define(flags, nameFlags, storeFlags, appFlags)
	return cmd
}

// exportTools returns the lists that can be read without parameters, by what they list.
func (p *program) exportTools() map[string]*closekit.Tool {
	lists := map[string]*closekit.Tool{}
	for _, t := range p.catalog.Tools() {
		name, ok := strings.CutSuffix(strings.TrimPrefix(t.Name, "close_"), "_list")
		if input, err := inputOf(t); !ok || err != nil || t.Effect != closekit.Read || input.property("_skip") == nil || t.Validate(exportInput(name)) != nil {
			continue
		}
		if fields, err := itemFields(t); err == nil && !slices.Contains(fields, "signature_key") { // secrets stay in Close
			lists[name] = t
		}
	}
	return lists
}

func (p *program) exportable() []string {
	var names []string
	for name := range p.exportTools() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// exportInput is the input that lists everything.
func exportInput(what string) json.RawMessage {
	if what == "tasks" { // without a type, Close lists one type only
		return json.RawMessage(`{"_type":"all"}`)
	}
	return json.RawMessage(`{}`)
}

// exporting is a run of export.
type exporting struct {
	*program
	list  *closekit.Tool // of the records
	tool  *closekit.Tool // that is read: the list, or the search
	kind  string         // of the records in a search; empty for a list
	what  string
	input json.RawMessage
	file  *exportFile
	asCSV *csvColumns // nil for JSON lines
	shown time.Time   // when progress was said last
}

func (p *program) export(ctx context.Context, what string, f *exportFlags) error {
	x := &exporting{program: p, what: what, list: p.exportTools()[what]}
	if x.list == nil {
		hint := "one of " + strings.Join(p.exportable(), ", ")
		if near := nearest(what, p.exportable()); near != "" {
			hint = "did you mean " + near + "?"
		}
		return usage(fmt.Sprintf("%q cannot be exported", shorten(what)), hint)
	}
	x.tool = x.list
	if search, err := p.catalog.Lookup("close_search"); err == nil && searched[what] != "" {
		x.tool, x.kind = search, searched[what]
	}
	format, out, err := exportTarget(what, f)
	if err != nil {
		return err
	}
	if x.input, err = x.selection(f); err != nil {
		return err
	}
	if err := x.tool.Validate(x.input); err != nil {
		return err
	}
	if err := vacant(out, f); err != nil {
		return err
	}
	return p.withClient(ctx, &f.acc, func(client *closekit.Client) error {
		org, err := organizationOf(ctx, client)
		if err != nil {
			return err // nothing was created yet
		}
		if format == "csv" {
			if x.asCSV, err = x.columns(ctx, client, f.fields); err != nil {
				return err
			}
		}
		x.file, err = openExport(out, exportManifest{
			List: what, Tool: x.tool.Name, Format: format, Input: x.input, Since: f.since, Organization: org, Columns: x.asCSV.names(),
		}, f.restart)
		if err != nil {
			return err
		}
		defer x.file.close()
		if x.asCSV != nil {
			x.asCSV.fields = x.file.Columns // those of the earlier run, if it goes on
		}
		if n := x.file.Records; n > 0 {
			x.say("going on after the %d %s that an earlier run wrote", n, what)
		}
		if err := x.run(ctx, client); err != nil {
			return x.left(err)
		}
		return nil
	})
}

// exportTarget returns the format and the file.
func exportTarget(what string, f *exportFlags) (format, out string, err error) {
	if format, err = f.checkFormat(); err != nil {
		return "", "", err
	}
	if f.out == "-" {
		return "", "", usage("an export needs a file, to go on in after an interruption", "to print records, use closekit call close_"+what+"_list --all")
	}
	return format, cmp.Or(f.out, what+"."+format), nil
}

// selection returns the input of the tool: what to list, since when, which fields.
func (x *exporting) selection(f *exportFlags) (json.RawMessage, error) {
	var since time.Time
	if f.since != "" {
		var err error
		if since, err = time.ParseInLocation(time.DateOnly, f.since, time.Local); err != nil {
			if since, err = closekit.DateTime(f.since).Time(); err != nil {
				return nil, usage(fmt.Sprintf("--since %q is neither a day nor a time", shorten(f.since)), "write it as 2026-03-01 or 2026-03-01T09:00:00Z")
			}
		}
	}
	if x.kind != "" {
		return x.search(since, f.fields)
	}
	in := map[string]any{}
	if err := json.Unmarshal(exportInput(x.what), &in); err != nil {
		return nil, err
	}
	if len(f.fields) > 0 {
		in["_fields"] = f.fields
	}
	if f.since != "" {
		text := since.UTC().Format(time.RFC3339)
		op := x.tool.Operation()
		param, value, _ := strings.Cut(op.Oldest, "=")
		field, inText := strings.CutPrefix(value, "sort:")
		switch {
		case inText:
			in[param] = fmt.Sprintf("%s>=%q", field, text)
		case slices.Contains(op.Narrow, "date_created__gte"):
			in["date_created__gte"] = text
		default:
			return nil, usage("Close cannot select "+x.what+" by their date", "leave out --since")
		}
	}
	return json.Marshal(in)
}

// searched are the kinds of records that a search finds and whose list cannot be bounded
// by date, by what lists them.
var searched = map[string]string{"contacts": "contact"}

// search returns the input of a search for all records of the kind that were created since
// a time, with these fields, or all that the list has.
func (x *exporting) search(since time.Time, fields []string) (json.RawMessage, error) {
	if len(fields) == 0 {
		all, err := itemFields(x.list)
		if err != nil {
			return nil, err
		}
		fields = append(slices.DeleteFunc(all, func(name string) bool { return strings.HasPrefix(name, "custom") }), "custom")
	}
	q := query.About(query.Kind(x.kind))
	if !since.IsZero() {
		q = query.About(query.Kind(x.kind), query.Field("date_created").Since(since))
	}
	return json.Marshal(map[string]any{"query": q, "_fields": map[string][]string{x.kind: fields}})
}

// record returns a record as its list has it.
func (x *exporting) record(raw json.RawMessage) (json.RawMessage, error) {
	if x.kind == "" {
		return raw, nil
	}
	var o map[string]json.RawMessage
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	delete(o, "__object_type")
	return json.Marshal(o)
}

// organizationOf returns the id of the organization that a client acts in. It also shows
// early that the credential works.
func organizationOf(ctx context.Context, c *closekit.Client) (string, error) {
	var me struct {
		Organizations []struct {
			ID string `json:"id"`
		} `json:"organizations"`
	}
	err := c.Do(ctx, closekit.Request{Method: "GET", Path: "/me/", Query: "_fields=organizations"}, func(r closekit.Response) error {
		return json.Unmarshal(r.Body, &me)
	})
	var ids []string
	for _, o := range me.Organizations {
		ids = append(ids, o.ID)
	}
	return strings.Join(ids, " "), err
}

// exportAhead is how many pages are read while one is written.
const exportAhead = 1

func (x *exporting) run(ctx context.Context, client *closekit.Client) error {
	if x.asCSV != nil && x.file.Bytes == 0 {
		if err := x.file.write(x.asCSV.header()); err != nil {
			return err
		}
	}
	for page, err := range everything.Tool(ctx, client, x.tool, x.input, everything.From(x.file.Position), everything.Prefetch(exportAhead)) {
		if err != nil {
			return err
		}
		var lines []byte
		for _, r := range page.Items {
			record, err := x.record(r.JSON)
			if err != nil {
				return fmt.Errorf("%s: %w", r.ID, err)
			}
			if x.asCSV == nil {
				lines = append(append(lines, compact(record)...), '\n')
			} else if lines, err = x.asCSV.append(lines, record); err != nil {
				return fmt.Errorf("%s: %w", r.ID, err)
			}
			x.file.saw(r.Created)
		}
		if err := x.file.write(lines); err != nil {
			return err
		}
		x.file.Records += len(page.Items)
		x.file.Position = page.Next
		if err := x.file.save(); err != nil {
			return err
		}
		x.progress(page.Left)
	}
	if err := x.file.finish(); err != nil {
		return err
	}
	x.say("wrote %d %s to %s; %s describes them", x.file.Records, x.what, x.file.path, filepath.Base(x.file.manifest()))
	return nil
}

// sayEvery is how often an export says how far it is.
const sayEvery = 5 * time.Second

// progress says how far the export is.
func (x *exporting) progress(left closekit.Opt[int]) {
	if x.shown.IsZero() {
		x.shown = time.Now()
	}
	if time.Since(x.shown) < sayEvery {
		return
	}
	x.shown = time.Now()
	more := ""
	if n, ok := left.Get(); ok {
		more = fmt.Sprintf(", about %d to go", n)
	}
	x.say("%d %s%s", x.file.Records, x.what, more)
}

// left adds to an error what there is and how to go on.
func (x *exporting) left(err error) error {
	h := &hinted{err, nil, exitFailure}
	if errors.Is(err, syscall.ENOSPC) {
		h.hints = append(h.hints, "the disk is full; free some space first")
	}
	h.hints = append(h.hints, fmt.Sprintf("%d %s are safe in %s; the same command goes on from there", x.file.saved, x.what, x.file.partial()))
	var limit *closekit.SkipLimitError
	if errors.As(err, &limit) {
		h.hints = []string{fmt.Sprintf("the first %d %s are in %s; Close lists no more of them", x.file.saved, x.what, x.file.partial())}
	}
	return h
}
