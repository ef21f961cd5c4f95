package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/httpx"
)

// maxHops is how many redirects lead to a file at most.
const maxHops = 5

// ErrElsewhere is the error for a URL of another host than Close's, such as that of an
// export, which [DownloadExport] fetches by its id.
var ErrElsewhere = errors.New("the file is not at a host of Close")

// Info describes a downloaded file.
type Info struct {
	Name        string // what the server calls it, without a path; may be empty
	ContentType string
	Bytes       int64
}

// Download writes the file with a URL of Close to w, as attachments and recordings
// have it. Close redirects to its storage service: the credential goes to Close only,
// and each step is checked.
//
// A URL of another host than Close's is refused before anything is sent, so a URL that
// comes from a record of strangers does no harm. After an error, w may have a part of
// the file. Errors are those of w, [ErrElsewhere], [ErrTooLarge] and [*StorageError].
func Download(ctx context.Context, c *closekit.Client, from string, w io.Writer, opts Options) (Info, error) {
	info, err := download(ctx, c, from, w, &opts)
	if err != nil {
		return info, fmt.Errorf("download: %w", err)
	}
	return info, nil
}

func download(ctx context.Context, c *closekit.Client, from string, w io.Writer, opts *Options) (Info, error) {
	res, err := fetch(ctx, c, from, opts, false)
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = res.Body.Close() }()
	info := infoOf(res)
	limit := opts.limit()
	if res.ContentLength > limit {
		return info, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrTooLarge, res.ContentLength, limit)
	}
	in := &counted{io.LimitReader(res.Body, limit+1), meter{total: res.ContentLength, limit: limit, progress: opts.Progress}, nil}
	n, err := io.Copy(w, in)
	info.Bytes = min(n, limit)
	return info, err
}

// fetch opens a file, and follows redirects to it. The credential goes along to hosts of
// Close, until a redirect leads to another one: that one has no say in where it goes. Only
// the URL of an export, which Close itself has named, may begin elsewhere, and its file comes
// as it is stored: net/http would decompress it without a bound.
func fetch(ctx context.Context, c *closekit.Client, from string, opts *Options, export bool) (*http.Response, error) {
	client, to, ours := opts.client(), from, true
	for hop := range maxHops + 1 {
		u, err := safe(to)
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		if export {
			req.Header.Set("Accept-Encoding", "gzip")
		}
		if ours {
			if ours, err = c.Authorize(ctx, req); err != nil {
				return nil, err
			}
		}
		if hop == 0 && !ours && !export {
			return nil, fmt.Errorf("%w, but at %q; fetch it without this package if you trust it, and an export by its id", ErrElsewhere, u.Host)
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, withoutQuery(err)
		}
		if res.StatusCode == http.StatusOK {
			return res, nil
		}
		if res.StatusCode/100 != 3 {
			defer func() { _ = res.Body.Close() }()
			return nil, refused(res)
		}
		next, err := res.Location()
		_ = res.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("%s redirects to no URL", u.Host) // the error would repeat it
		}
		to = next.String()
	}
	return nil, fmt.Errorf("more than %d redirects", maxHops)
}

// withoutQuery removes the query from the URL in an error: it has the signature of the
// link.
func withoutQuery(err error) error {
	if e, ok := httpx.Find[*url.Error](err); ok {
		e.URL, _, _ = strings.Cut(e.URL, "?")
	}
	return err
}

func infoOf(res *http.Response) Info {
	return Info{Name: nameOf(res), ContentType: res.Header.Get("Content-Type")}
}

// nameOf returns the name that the server gives a file, or the last part of its path.
// It never has a separator, so that it cannot lead out of a directory.
func nameOf(res *http.Response) string {
	name := path.Base(strings.TrimSuffix(res.Request.URL.Path, "/"))
	if _, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		name = params["filename"]
	}
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == ".." || name == "/" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return ""
	}
	return name
}
