package files

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// DefaultMaxExportBytes is the size of the largest exported file by default, 4 GiB after it
// was decompressed.
const DefaultMaxExportBytes = 4 << 30

// ErrNoExportFile is the error for an export that Close has written and whose file it does
// not name any more. The file does not come back: start another export.
var ErrNoExportFile = errors.New("it is done and has no download_url; the file may have expired")

// ExportError reports an export that Close has begun and whose file was not written.
// [DownloadExport] goes on with it.
type ExportError struct {
	ID  closeapi.ExportID
	Err error
}

// Error says which export it is, and what went wrong.
func (e *ExportError) Error() string { return fmt.Sprintf("export %s: %v", e.ID, e.Err) }

// Unwrap returns what went wrong.
func (e *ExportError) Unwrap() error { return e.Err }

// ExportLeads starts an export of leads, waits for it, and writes its file to w as
// [DownloadExport] does. An error after the start is an [*ExportError].
func ExportLeads(ctx context.Context, c *closekit.Client, p closeapi.ExportLeadCreateParams, w io.Writer, opts Options) (Info, error) {
	e, err := closeapi.ExportLeadCreate(ctx, c, p)
	if err != nil {
		return Info{}, err
	}
	return DownloadExport(ctx, c, e.ID, w, opts)
}

// ExportOpportunities starts an export of opportunities, waits for it, and writes its file
// to w as [DownloadExport] does. An error after the start is an [*ExportError].
func ExportOpportunities(ctx context.Context, c *closekit.Client, p closeapi.ExportOpportunityCreateParams, w io.Writer, opts Options) (Info, error) {
	e, err := closeapi.ExportOpportunityCreate(ctx, c, p)
	if err != nil {
		return Info{}, err
	}
	return DownloadExport(ctx, c, e.ID, w, opts)
}

// DownloadExport waits until Close has written an export of leads or opportunities, and
// writes its file, JSON or CSV, decompressed to w as it comes. The context ends the wait.
//
// The file is on the host that Close names in the export. The credential goes to hosts of
// Close only. Options.MaxBytes bounds the decompressed file, by default by
// [DefaultMaxExportBytes]; Options.Progress counts what comes over the network. Info.Bytes
// is the size of the decompressed file, and Info.Name has no .gz then.
//
// Every error is an [*ExportError]. It wraps a [*closekit.JobError] if Close could not
// write the export, [ErrNoExportFile], [ErrTooLarge], a [*StorageError], or an error of w,
// and w may have a part of the file. The download can be repeated for as long as Close keeps
// the file.
func DownloadExport(ctx context.Context, c *closekit.Client, id closeapi.ExportID, w io.Writer, opts Options) (Info, error) {
	info, err := downloadExport(ctx, c, id, w, &opts)
	if err != nil {
		return info, &ExportError{id, err}
	}
	return info, nil
}

// exportJob says when an export is done, see [closeapi.ExportWait], which does not tell how
// far it is.
var exportJob = closekit.Operation{
	Tool: "close_export_get", Method: "GET", Path: "/export/{export_id}/", Effect: closekit.Read, Idempotent: true,
	Waits: &closekit.Waits{Field: "status", Done: []string{string(closeapi.ExportStatusDone)}, Failed: []string{string(closeapi.ExportStatusError)}},
}

func downloadExport(ctx context.Context, c *closekit.Client, id closeapi.ExportID, w io.Writer, opts *Options) (Info, error) {
	var e *closeapi.Export
	err := c.WaitFor(ctx, &exportJob, func() (string, any, error) {
		var err error
		if e, err = closeapi.ExportGet(ctx, c, closeapi.ExportGetParams{ExportID: id}); err != nil {
			return "", nil, err
		}
		if opts.Waiting != nil {
			opts.Waiting(e)
		}
		return string(e.Status.Or("")), e, nil
	})
	if err != nil {
		return Info{}, err
	}
	at, ok := e.DownloadURL.Get()
	if !ok || at == "" {
		return Info{}, ErrNoExportFile
	}
	res, err := fetch(ctx, c, at, opts, true)
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = res.Body.Close() }()
	info := infoOf(res)
	limit := opts.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxExportBytes
	}
	most := limit + limit/100 + 1024 // what cannot be compressed grows a little
	in := &counted{io.LimitReader(res.Body, most+1), meter{total: res.ContentLength, limit: most, progress: opts.Progress}, nil}
	plain, packed, err := decompressed(in)
	if err != nil {
		return info, err
	}
	if packed {
		info.Name = strings.TrimSuffix(info.Name, ".gz")
	}
	out := &counted{io.LimitReader(plain, limit+1), meter{limit: limit}, nil}
	n, err := io.Copy(w, out)
	info.Bytes = min(n, limit)
	return info, err
}

// decompressed returns the content of a file that may be compressed with gzip, and whether it
// was: that shows in its first bytes, and not for sure in the headers of a storage service.
func decompressed(r io.Reader) (content io.Reader, packed bool, err error) {
	in := bufio.NewReaderSize(r, 32<<10)
	head, err := in.Peek(2)
	if errors.Is(err, io.EOF) {
		return nil, false, errors.New("the file is empty") // JSON has brackets, and CSV a header
	}
	if err != nil {
		return nil, false, err
	}
	if head[0] != 0x1f || head[1] != 0x8b { // as neither JSON nor CSV begins
		return in, false, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, true, fmt.Errorf("decompress the file: %w", err)
	}
	return z, true, nil
}
