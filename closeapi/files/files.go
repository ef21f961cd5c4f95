// Package files uploads files to Close, to attach them to emails, notes and templates,
// downloads them, and downloads what Close exports.
//
// Close keeps files with a storage service on another host. The credential of Close
// never goes there: a file is sent with a signed form, and read through a signed link.
//
//	f, err := os.Open("offer.pdf")
//	…
//	a, err := files.Upload(ctx, client, "offer.pdf", f, files.Options{})
//	…
//	_, err = closeapi.NoteCreate(ctx, client, closeapi.NoteCreateParams{LeadID: lead, Attachments: []closeapi.Attachment{a}})
//
// An export is a file that Close writes in the background:
//
//	leads, err := os.Create("leads.json")
//	…
//	info, err := files.ExportLeads(ctx, client, closeapi.ExportLeadCreateParams{
//		Format: closeapi.ExportFormatJSON, Type: closeapi.LeadExportTypeLeads, IncludeActivities: closekit.Some(true),
//	}, leads, files.Options{})
package files

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/internal/httpx"
)

// DefaultMaxBytes is the size of the largest file by default, 100 MiB.
const DefaultMaxBytes = 100 << 20

// ErrTooLarge is the error for a file that is larger than Options.MaxBytes.
var ErrTooLarge = errors.New("the file is too large")

// StorageError is a refusal by the storage service, or by Close when it hands out a
// file.
type StorageError struct {
	Host   string // that refused
	Status int    // of HTTP
	Detail string // the beginning of the response; text of the service
}

// Error returns what was refused and by whom.
func (e *StorageError) Error() string {
	text := fmt.Sprintf("%s responded %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Options say how a file is transferred. The zero value is usable.
type Options struct {
	// ContentType is the MIME type of an upload. Default: by the ending of the name, or
	// by the content.
	ContentType string
	// MaxBytes is the size of the largest file. Default: [DefaultMaxBytes], and
	// [DefaultMaxExportBytes] for exports.
	MaxBytes int64
	// Progress is called after each part that was sent or received, with the number of
	// bytes so far, and the size of the file or -1 if it is unknown. It is called from
	// the goroutine that transfers, and with less than before when an upload starts
	// again. May be nil.
	Progress func(done, total int64)
	// Waiting is called each time that an export was looked at, which may not be done yet.
	// May be nil.
	Waiting func(*closeapi.Export)
	// HTTPClient talks to the storage service. It must add no credential of its own. It
	// never follows redirects, whatever it says. Default: one with the transport of
	// net/http.
	HTTPClient *http.Client
}

func (o *Options) limit() int64 {
	if o.MaxBytes <= 0 {
		return DefaultMaxBytes
	}
	return o.MaxBytes
}

func (o *Options) client() *http.Client {
	c := http.Client{}
	if o.HTTPClient != nil {
		c = *o.HTTPClient
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// safe refuses what is no URL of a service with TLS. This machine needs none.
func safe(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the URL of the file is malformed")
	case u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !httpx.IsLocal(u.Hostname())):
		return nil, fmt.Errorf("the URL of the file, at host %q, must begin with https:// and have no user", u.Host)
	}
	return u, nil
}

// refused reads the beginning of a response that is no success.
func refused(res *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(res.Body, 300)) // what can be read is enough
	return &StorageError{Host: res.Request.URL.Host, Status: res.StatusCode, Detail: string(text)}
}

// meter counts what passes through a reader or writer.
type meter struct {
	done, total, limit int64
	progress           func(done, total int64)
}

func (m *meter) add(n int) error {
	m.done += int64(n)
	if m.progress != nil && n > 0 {
		m.progress(m.done, m.total)
	}
	if m.done > m.limit {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, m.limit)
	}
	return nil
}
