package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/files"
)

// natives are what Close exports itself: the tool, and the type for it.
var natives = map[string][2]string{
	"leads":         {"close_export_lead_create", "leads"},
	"contacts":      {"close_export_lead_create", "contacts"},
	"opportunities": {"close_export_opportunity_create", ""},
}

// exportNative lets Close write a file and downloads it. The checkpoint has the id of the
// export from the moment in which it began, so that the same command waits for it again.
func (p *program) exportNative(cmd *cobra.Command, what string, f *exportFlags) error {
	ctx := cmd.Context()
	format, out, err := exportTarget(what, f)
	if err != nil {
		return err
	}
	tool, input, err := p.nativeInput(what, format, f)
	if err != nil {
		return err
	}
	body, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("encode the input: %w", err)
	}
	if err := tool.Validate(body); err != nil {
		return err
	}
	if err := vacant(out, f); err != nil {
		return err
	}
	a := &action{name: tool.Name, effects: effectsOf(tool.Effect), input: string(body), line: append([]string{"export", what}, changed(cmd)...), account: f.acc.account}
	if err := p.permit(ctx, a, confirmFlags{yes: true}); err != nil {
		return err
	}
	return p.withClient(ctx, &f.acc, func(client *closekit.Client) error {
		org, err := organizationOf(ctx, client)
		if err != nil {
			return err // nothing was created yet
		}
		file, err := openExport(out, exportManifest{List: what, Tool: tool.Name, Format: format, Input: body, Organization: org}, f.restart)
		if err != nil {
			return err
		}
		defer file.close()
		n := &nativeExport{program: p, what: what, file: file, most: f.limit}
		if file.ExportID != "" {
			p.say("going on with the export %s that an earlier run began", file.ExportID)
		} else if err := n.begin(cmd, client, tool, body); err != nil {
			return err
		}
		return n.run(cmd, client)
	})
}

// nativeInput returns the tool that starts an export, and its input.
func (p *program) nativeInput(what, format string, f *exportFlags) (*closekit.Tool, map[string]any, error) {
	t, ok := natives[what]
	switch {
	case !ok:
		return nil, nil, usage(fmt.Sprintf("Close itself does not export %q", shorten(what)), "--native is for leads, contacts and opportunities", "without --native, closekit reads the list")
	case f.since != "":
		return nil, nil, usage("an export of Close cannot begin at a date", "leave out --since, or --native")
	case f.activities && (what != "leads" || format != "json"):
		return nil, nil, usage("Close writes activities only into leads as JSON", "leave out --activities")
	}
	tool, err := p.catalog.Lookup(t[0])
	if err != nil {
		return nil, nil, err
	}
	input := map[string]any{"format": format, "send_done_email": false}
	if t[1] != "" {
		input["type"] = t[1]
	}
	if len(f.fields) > 0 {
		input["fields"] = f.fields
	}
	if f.activities {
		input["include_activities"] = true
	}
	return tool, input, nil
}

// nativeExport is a run of export --native.
type nativeExport struct {
	*program
	what  string
	file  *exportFile
	most  int64     // bytes
	state string    // that was said last
	shown time.Time // when
}

// begin starts an export. Its id is on the disk before anything else happens.
func (n *nativeExport) begin(cmd *cobra.Command, client *closekit.Client, tool *closekit.Tool, body []byte) error {
	out, err := tool.Call(cmd.Context(), client, body)
	if err != nil {
		return err
	}
	var e struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(out, &e); err != nil || e.ID == "" {
		return errors.New("the response that began the export has no id")
	}
	n.file.ExportID = e.ID
	if err := n.file.save(); err != nil {
		return &hinted{fmt.Errorf("the export %s was begun, but the checkpoint cannot be written: %w", e.ID, err), []string{"fetch its file with closekit download " + e.ID}, exitFailure}
	}
	return nil
}

func (n *nativeExport) run(cmd *cobra.Command, client *closekit.Client) error {
	if n.file.Bytes == 0 { // else an earlier run has downloaded it and could not name it
		bar := n.progress("download")
		_, err := files.DownloadExport(cmd.Context(), client, closeapi.ExportID(n.file.ExportID), n.file, files.Options{MaxBytes: n.most, Progress: bar.show, Waiting: n.waiting})
		bar.end()
		if err != nil {
			return n.left(err)
		}
	}
	if err := n.file.finish(); err != nil {
		return n.left(err)
	}
	n.say("Close exported %d %s to %s; %s describes them", n.file.Records, n.what, n.file.path, n.file.manifest())
	return nil
}

// waiting says how far Close is.
func (n *nativeExport) waiting(e *closeapi.Export) {
	n.file.Records = e.NDocs.Or(0)
	state := string(e.Status.Or(""))
	if e.Status.Or("") == closeapi.ExportStatusDone || state == n.state && time.Since(n.shown) < sayEvery {
		return
	}
	n.state, n.shown = state, time.Now()
	if total, ok := e.NDocs.Get(); ok {
		n.say("Close has written %d of %d %s", e.NDocsProcessed, total, n.what)
	} else {
		n.say("waiting for the export %s of Close (%s)", e.ID, printable(state, 40))
	}
}

// left adds to an error how to go on. An export of which no file comes is forgotten.
func (n *nativeExport) left(err error) error {
	h := &hinted{err, []string{"the same command goes on with the export " + n.file.ExportID}, exitFailure}
	var (
		failed  *closekit.JobError
		refused *files.StorageError
	)
	switch {
	case errors.Is(err, files.ErrTooLarge):
		h.hints = append(h.hints, "permit more with --max-bytes")
	case errors.As(err, &failed), errors.Is(err, files.ErrNoExportFile), closekit.IsNotFound(err), errors.As(err, &refused) && refused.Status/100 == 4 && refused.Status != http.StatusTooManyRequests:
		n.file.ExportID, n.file.Bytes = "", 0
		n.file.sum.Reset()
		if saved := n.file.save(); saved != nil {
			return errors.Join(err, saved)
		}
		h.hints = []string{"the same command starts another export"}
	}
	return h
}

// vacant refuses to write to a file that exists.
func vacant(out string, f *exportFlags) error {
	if _, err := os.Lstat(out); err == nil && !f.overwrite {
		return usage(out+" exists already", "name another file with --out, or replace it with --overwrite")
	}
	return nil
}

// formats returns what an export can be written as, the usual one first.
func (f *exportFlags) formats() []string {
	if f.native {
		return []string{"json", "csv"}
	}
	return []string{"jsonl", "csv"}
}

// checkFormat returns the format of an export, by the name of the file unless it is given.
func (f *exportFlags) checkFormat() (string, error) {
	formats := f.formats()
	switch {
	case f.format == "" && strings.HasSuffix(strings.ToLower(f.out), ".csv"):
		return "csv", nil
	case f.format == "":
		return formats[0], nil
	case !slices.Contains(formats, f.format):
		return "", usage(fmt.Sprintf("the format %q is neither %s nor %s", shorten(f.format), formats[0], formats[1]))
	}
	return f.format, nil
}
