package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/recordfile"
)

// Bounds of a recorder: of a body, of all that waits to be written, and of the file.
const (
	defaultBody  = 1 << 20
	maxWaiting   = 16 << 20
	maxQueue     = 1024
	defaultTotal = 64 << 20
)

type config struct {
	body, total int64
	hide        []string
}

// Option is an option of [New].
type Option func(*config)

// Hide redacts values wherever they occur, such as an API key that a text may quote.
// Values with fewer than four bytes are not hidden.
func Hide(values ...string) Option { return func(c *config) { c.hide = append(c.hide, values...) } }

// MaxBody sets the size in bytes up to which a body is recorded; a longer one is left
// out and marked as cut. By default, or if n is not positive, it is 1 MiB.
func MaxBody(n int64) Option { return func(c *config) { c.body = n } }

// MaxTotal sets the size in bytes after which nothing more is written. By default, or if
// n is not positive, it is 64 MiB.
func MaxTotal(n int64) Option { return func(c *config) { c.total = n } }

// Recorder writes exchanges to a file. Create one with [New]; it is safe for concurrent
// use, and several clients may share it.
type Recorder struct {
	red         *redactor
	body, total int64
	queue       chan *exchange
	done        chan struct{}

	mu      sync.Mutex
	closed  bool
	waiting int64 // bytes in the queue
	dropped int64
	err     error // of the first write that failed
	once    sync.Once

	w       io.Writer // of the writing goroutine
	written int64
}

// exchange is an attempt before it is redacted.
type exchange struct {
	recordfile.Exchange
	escapedPath, rawQuery string
	request, response     []byte
	header                http.Header
	size                  int64
}

// New starts a recording. It writes the header at once, and everything else from a
// goroutine of its own, which ends with [Recorder.Close]. w is not closed.
func New(w io.Writer, opts ...Option) (*Recorder, error) {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.body <= 0 {
		c.body = defaultBody
	}
	if c.total <= 0 {
		c.total = defaultTotal
	}
	r := &Recorder{red: newRedactor(c.hide), body: c.body, total: c.total, queue: make(chan *exchange, maxQueue), done: make(chan struct{}), w: w}
	if err := r.line(recordfile.Header{Format: recordfile.Format, Started: time.Now().UTC(), Version: closekit.Version}); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	go r.run()
	return r, nil
}

// Middleware records the attempts of a client; pass it to [closekit.WithMiddleware]. It
// never waits: what cannot be written in time is left out and counted.
func (r *Recorder) Middleware(next closekit.RoundTrip) closekit.RoundTrip {
	return func(a *closekit.Attempt) (*http.Response, error) {
		e := &exchange{escapedPath: a.Request.URL.EscapedPath(), rawQuery: a.Request.URL.RawQuery}
		e.Time, e.Method, e.Attempt = time.Now().UTC(), a.Request.Method, a.Number
		if a.Operation != nil {
			e.Tool = a.Operation.Tool
		}
		e.request = r.copyRequest(a.Request, e)
		resp, err := next(a)
		if err != nil || resp == nil {
			e.Millis = time.Since(e.Time).Milliseconds()
			if err != nil {
				e.Error = err.Error()
			}
			r.add(e)
			return resp, err
		}
		e.Status, e.header = resp.StatusCode, resp.Header.Clone()
		if resp.Body == nil || resp.Body == http.NoBody {
			e.Millis = time.Since(e.Time).Milliseconds()
			r.add(e)
			return resp, nil
		}
		resp.Body = &tee{ReadCloser: resp.Body, rec: r, e: e}
		return resp, nil
	}
}

// copyRequest returns the body of a request, which the client can read again.
func (r *Recorder) copyRequest(req *http.Request, e *exchange) []byte {
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	defer body.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(body, r.body+1))
	if err != nil || int64(len(data)) > r.body {
		e.Cut = true
		return nil
	}
	return data
}

// tee copies a response while the client reads it.
type tee struct {
	io.ReadCloser
	rec  *Recorder
	e    *exchange
	data []byte
	once sync.Once
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if int64(len(t.data)+n) > t.rec.body {
		t.e.Cut, t.data = true, nil
	}
	if !t.e.Cut {
		t.data = append(t.data, p[:n]...)
	}
	switch {
	case errors.Is(err, io.EOF):
		t.end(nil)
	case err != nil:
		t.end(err)
	}
	return n, err //nolint:wrapcheck // a Read returns the error of the one that it wraps
}

// Close also ends the exchange of a body that was not read to its end.
func (t *tee) Close() error {
	t.end(nil)
	return t.ReadCloser.Close() //nolint:wrapcheck // as Read
}

func (t *tee) end(err error) {
	t.once.Do(func() {
		if err != nil {
			t.e.Error = err.Error()
		}
		t.e.response = t.data
		t.e.Millis = time.Since(t.e.Time).Milliseconds()
		t.rec.add(t.e)
	})
}

// add queues an exchange, or drops it.
func (r *Recorder) add(e *exchange) {
	e.size = int64(len(e.request) + len(e.response) + len(e.rawQuery) + len(e.escapedPath) + 256)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.waiting+e.size > maxWaiting {
		r.dropped++
		return
	}
	select {
	case r.queue <- e:
		r.waiting += e.size
	default:
		r.dropped++
	}
}

// run writes what is queued until the recorder is closed.
func (r *Recorder) run() {
	defer close(r.done)
	for e := range r.queue {
		err := r.write(e)
		r.mu.Lock()
		r.waiting -= e.size
		if err != nil {
			r.dropped++
			if !errors.Is(err, errFull) && r.err == nil {
				r.err = err
			}
		}
		r.mu.Unlock()
	}
}

var errFull = errors.New("the recording is full")

func (r *Recorder) write(e *exchange) error {
	out := e.Exchange
	out.Path, out.Query = r.red.path(e.escapedPath), r.red.query(e.rawQuery)
	out.Error = r.red.text(e.Error)
	out.Body, out.BodyText = r.red.json(e.request)
	out.Response, out.Text = r.red.json(e.response)
	if e.header != nil {
		out.Header = r.red.header(e.header.Get)
	}
	return r.line(out)
}

// line writes one line in one piece, so that a killed process leaves whole lines.
func (r *Recorder) line(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	data = append(data, '\n')
	if r.written+int64(len(data)) > r.total {
		return errFull
	}
	n, err := r.w.Write(data)
	r.written += int64(n)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// Close writes what is left and ends the recording; attempts that end later are not
// in it. It returns the first error of a write, and it may be called twice.
func (r *Recorder) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		close(r.queue)
		r.mu.Unlock()
		<-r.done
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.dropped > 0 {
			r.total += 1 << 10 // the last line always fits
			if err := r.line(recordfile.Footer{Dropped: r.dropped}); err != nil && r.err == nil {
				r.err = err
			}
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("recording: %w", r.err)
	}
	return nil
}

// Dropped returns how many exchanges are not in the recording, because they came
// faster than they could be written or the file is full.
func (r *Recorder) Dropped() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}
