package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// attempts is how often an upload is tried. Each one has a form of its own, because a
// form is valid for a minute only.
const attempts = 3

// Upload uploads a file and returns it as an attachment, which is valid for 24 hours
// unless it is attached to something. name is what people see; a path before it is left
// out. The content is read from its beginning. For an email, put the members of the
// attachment into a [closeapi.EmailAttachment], which needs the size too.
//
// A failed attempt is repeated up to twice from the beginning; a file that was uploaded
// in vain is deleted by Close. Errors are those of [closeapi.FileUploadCreate], of
// content, [ErrTooLarge] before anything is sent, and [*StorageError].
func Upload(ctx context.Context, c *closekit.Client, name string, content io.ReadSeeker, opts Options) (closeapi.Attachment, error) {
	name = filepath.Base(name)
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return closeapi.Attachment{}, fmt.Errorf("find the size of %s: %w", name, err)
	}
	if size > opts.limit() {
		return closeapi.Attachment{}, fmt.Errorf("%s: %w: %d bytes, at most %d are allowed", name, ErrTooLarge, size, opts.limit())
	}
	kind := opts.ContentType
	if kind == "" {
		if kind, err = detect(name, content); err != nil {
			return closeapi.Attachment{}, fmt.Errorf("read %s: %w", name, err)
		}
	}
	var up *closeapi.FileUpload
	for n := 1; ; n++ {
		up, err = closeapi.FileUploadCreate(ctx, c, closeapi.FileUploadCreateParams{Filename: name, ContentType: kind})
		if err != nil {
			return closeapi.Attachment{}, err
		}
		if up.Upload == nil || up.Download == nil {
			return closeapi.Attachment{}, errors.New("upload: Close returned no form or no URL of the file")
		}
		again, err := post(ctx, up.Upload, name, content, size, &opts)
		if err == nil {
			break
		}
		if !again || n == attempts || ctx.Err() != nil {
			return closeapi.Attachment{}, fmt.Errorf("upload %s: %w", name, err)
		}
	}
	return closeapi.Attachment{URL: up.Download.URL, Filename: name, ContentType: closekit.Some(kind), Size: closekit.Some(int(size))}, nil
}

// detect returns the MIME type of a file by its name or its beginning.
func detect(name string, content io.ReadSeeker) (string, error) {
	if kind := mime.TypeByExtension(filepath.Ext(name)); kind != "" {
		return kind, nil
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	var head [512]byte
	n, err := io.ReadFull(content, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	return http.DetectContentType(head[:n]), nil
}

// post sends the form once and reports whether a failure may be a passing one. The
// storage wants the length in advance, so the form is not streamed by multipart itself.
func post(ctx context.Context, form *closeapi.FileUploadForm, name string, content io.ReadSeeker, size int64, opts *Options) (again bool, err error) {
	to, err := safe(form.URL)
	if err != nil {
		return false, err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	for _, k := range slices.Sorted(maps.Keys(form.Fields)) {
		if err := w.WriteField(k, form.Fields[k]); err != nil {
			return false, err
		}
	}
	if _, err := w.CreateFormFile("file", name); err != nil { // the last field
		return false, err
	}
	head := frame.Len()
	if err := w.Close(); err != nil {
		return false, err
	}
	in := &counted{io.LimitReader(content, size), meter{total: size, limit: size, progress: opts.Progress}, nil}
	body := io.MultiReader(bytes.NewReader(frame.Bytes()[:head]), in, bytes.NewReader(frame.Bytes()[head:]))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), body)
	if err != nil {
		return false, err
	}
	req.ContentLength = int64(frame.Len()) + size
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := opts.client().Do(req)
	if err != nil {
		return in.failed == nil, cmp.Or(in.failed, withoutQuery(err)) // a file that cannot be read stays so
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode/100 != 2 {
		return res.StatusCode >= 500 || res.StatusCode == http.StatusForbidden, refused(res) // 403: the form has expired
	}
	return false, nil
}

// counted is a reader that reports progress and keeps its error.
type counted struct {
	io.Reader
	meter  meter
	failed error
}

func (r *counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, cmp.Or(r.meter.add(n), err)
}
