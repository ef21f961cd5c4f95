package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/files"
	"github.com/closekit/closekit/internal/tty"
)

// transferFlags are the flags of upload and download.
type transferFlags struct {
	acc   accountFlags
	limit int64
}

func (f *transferFlags) define(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&f.limit, "max-bytes", files.DefaultMaxBytes, "largest `size` of the file in bytes (default for exports 4 GiB)")
	f.acc.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
}

// checkLimit refuses a bound that permits nothing, which the library takes for none.
func (f *transferFlags) checkLimit() error {
	if f.limit < 1 {
		return usage(fmt.Sprintf("--max-bytes must be at least 1, got %d", f.limit))
	}
	return nil
}

func (p *program) uploadCommand() *cobra.Command {
	var f transferFlags
	var kind, name string
	var forEmail bool
	var confirm confirmFlags
	cmd := &cobra.Command{
		Use:   "upload FILE",
		Short: "Upload a file, to attach it to something",
		Long: `Upload a file and print the attachment as JSON, for the parameter attachments of
notes, text messages, templates and, with --for-email, emails. Attach it within 24
hours.

The file goes to Close's storage service with a signed form; the API key or token
does not.`,
		Example: `  closekit upload offer.pdf
  closekit call close_note_create --lead-id lead_… --note "See offer" --attachments "[$(closekit upload offer.pdf)]"`,
		Args: oneArgument("FILE", "the file to upload"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.checkLimit(); err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return usage("cannot read " + args[0] + ": " + cause(err))
			}
			defer func() { _ = file.Close() }() // only read
			if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
				return usage(args[0] + " is no file")
			}
			if name == "" {
				name = filepath.Base(args[0])
			}
			a := &action{name: "upload", effects: effectsOf(closekit.Write), input: name, line: append([]string{"upload"}, args...), account: f.acc.account}
			if err := p.permit(cmd.Context(), a, confirm); err != nil {
				return err
			}
			return p.withClient(cmd.Context(), &f.acc, func(c *closekit.Client) error {
				bar := p.progress(name)
				attachment, err := files.Upload(cmd.Context(), c, name, file, files.Options{ContentType: kind, MaxBytes: f.limit, Progress: bar.show})
				bar.end()
				if err != nil {
					return err
				}
				out := map[string]any{"url": attachment.URL, "filename": attachment.Filename, "content_type": attachment.ContentType.Or("")}
				if forEmail {
					out["size"] = attachment.Size.Or(0)
				}
				return p.printJSON(out)
			})
		},
	}
	cmd.Flags().StringVar(&kind, "content-type", "", "MIME `type` of the file (default by its name or content)")
	cmd.Flags().StringVar(&name, "name", "", "`name` that people see (default that of the file)")
	cmd.Flags().BoolVar(&forEmail, "for-email", false, "print the size too, which attachments of emails must have and others must not")
	confirm.define(cmd.Flags())
	f.define(cmd)
	return cmd
}

func (p *program) downloadCommand() *cobra.Command {
	var f transferFlags
	var out string
	cmd := &cobra.Command{
		Use:   "download URL|EXPORT",
		Short: "Download an attachment, a recording or an export",
		Long: `Download the file with a URL that Close gave, such as that of an attachment, and
print its name. A file that exists is never overwritten; with - as output the
content goes to standard output.

Instead of a URL it takes the id of an export, expo_…, which "closekit call
close_export_lead_create" has begun, for example. It waits until Close has written
the file, and decompresses it.

The API key or token goes to hosts of Close only, and URLs of other hosts are
refused.`,
		Example: `  closekit download https://app.close.com/go/file/… --output offer.pdf
  closekit download expo_… --output leads.csv`,
		Args: oneArgument("URL", "the URL of the file, or the id of an export"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.checkLimit(); err != nil {
				return err
			}
			if isExport(args[0]) && !cmd.Flags().Changed("max-bytes") {
				f.limit = files.DefaultMaxExportBytes
			}
			return p.withClient(cmd.Context(), &f.acc, func(c *closekit.Client) error { return p.download(cmd, c, args[0], out, f.limit) })
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write, or - for standard output (default the name that the server gives)")
	f.define(cmd)
	return cmd
}

// download writes to a temporary file, which gets its name when it is complete.
func (p *program) download(cmd *cobra.Command, c *closekit.Client, from, out string, limit int64) (err error) {
	bar := p.progress("download")
	fetch := func(w io.Writer) (files.Info, error) {
		opts := files.Options{MaxBytes: limit, Progress: bar.show}
		if isExport(from) {
			return files.DownloadExport(cmd.Context(), c, closeapi.ExportID(from), w, opts)
		}
		return files.Download(cmd.Context(), c, from, w, opts)
	}
	if out == "-" {
		_, err := fetch(p.stdout)
		bar.end()
		return downloadHint(err)
	}
	if _, err := os.Lstat(out); out != "" && err == nil {
		return exists(out)
	}
	file, err := os.CreateTemp(filepath.Dir(out), ".closekit-*")
	if err != nil {
		return fmt.Errorf("create a file: %w", err)
	}
	defer func() {
		_ = file.Close()           // a second time after success
		_ = os.Remove(file.Name()) // it has another name after success
	}()
	info, err := fetch(file)
	bar.end()
	if err != nil {
		return downloadHint(err)
	}
	if out == "" {
		out = info.Name
	}
	if out == "" {
		return usage("the server gives the file no name", "name it with --output FILE")
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	own, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user names the file, or the server without a path
	if errors.Is(err, fs.ErrExist) {
		return exists(out)
	}
	if err == nil {
		err = errors.Join(own.Close(), os.Rename(file.Name(), out)) // overwrites the empty file
	}
	if err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	return p.print(out + "\n")
}

// downloadHint says what else may be meant.
func downloadHint(err error) error {
	if errors.Is(err, files.ErrElsewhere) {
		return &hinted{err, []string{"if it is an export, give its id, expo_…, instead of the URL"}, exitFailure}
	}
	return err
}

// isExport reports whether an argument is the id of an export instead of a URL.
func isExport(arg string) bool { return strings.HasPrefix(arg, "expo_") }

func exists(name string) error {
	return usage(name+" exists already", "choose another name with --output FILE")
}

// cause returns what went wrong with a file, without its name.
func cause(err error) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// oneArgument wants exactly one argument.
func oneArgument(name, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return usage(fmt.Sprintf("%d arguments are given, but %s is one: %s", len(args), name, what), "usage: closekit "+cmd.Use)
	}
}

// bar shows how far a transfer is, on a terminal only.
type bar struct {
	p     *program
	what  string
	shown int64 // in percent, or in MiB if the size is not known
}

func (p *program) progress(what string) *bar {
	b := &bar{p: p, what: what, shown: -1}
	if !tty.Is(p.stderr) {
		b.p = nil
	}
	return b
}

func (b *bar) show(done, total int64) {
	if b.p == nil {
		return
	}
	now, unit := done>>20, "MiB"
	if total > 0 {
		now, unit = done*100/total, "%"
	}
	if now == b.shown {
		return
	}
	b.shown = now
	fmt.Fprintf(b.p.stderr, "\r%s: %d %s", printable(b.what, 60), now, unit)
}

// end goes to the next line.
func (b *bar) end() {
	if b.p != nil && b.shown >= 0 {
		fmt.Fprintln(b.p.stderr)
	}
}
