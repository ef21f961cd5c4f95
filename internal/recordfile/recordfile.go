// Package recordfile is the format of recorded traffic: JSON lines, first a header,
// then one exchange a line. What records, replays, loads and compares traffic reads it
// through this package.
package recordfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/closekit/closekit/internal/bom"
)

// Format is the value of the member closekit_recording of the header.
const Format = 1

// Bounds of a file, and of a part of it.
const (
	MaxFile      = 256 << 20
	MaxExchanges = 200_000
)

// Header is the first line.
type Header struct {
	Format  int       `json:"closekit_recording"`
	Started time.Time `json:"started"`
	Version string    `json:"version,omitempty"` // of closekit
}

// Footer is the last line of a recording that was closed, if anything is missing.
type Footer struct {
	Dropped int64 `json:"dropped"` // exchanges that are not in it
}

// Exchange is one attempt of a request with its response.
type Exchange struct {
	Time     time.Time         `json:"time"`
	Tool     string            `json:"tool,omitempty"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Query    string            `json:"query,omitempty"`
	Attempt  int               `json:"attempt"`
	Body     json.RawMessage   `json:"body,omitempty"`
	BodyText string            `json:"body_text,omitempty"`
	Status   int               `json:"status,omitempty"`
	Header   map[string]string `json:"header,omitempty"`
	Response json.RawMessage   `json:"response,omitempty"`
	Text     string            `json:"response_text,omitempty"`
	Error    string            `json:"error,omitempty"`
	Millis   int64             `json:"milliseconds"`
	Cut      bool              `json:"cut,omitempty"`
}

// line is any line.
type line struct {
	Format  *int   `json:"closekit_recording"`
	Dropped *int64 `json:"dropped"`
	Exchange
}

// Read reads a recording. A last line that was cut off, as by a killed process, is left
// out. dropped is how many exchanges the recorder could not keep.
func Read(r io.Reader) (list []Exchange, dropped int64, err error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read the recording: %w", err)
	}
	if len(data) > MaxFile {
		return nil, 0, errors.New("the recording is larger than 256 MiB")
	}
	if data, err = bom.Text(data); err != nil {
		return nil, 0, fmt.Errorf("read the recording: %w", err)
	}
	header := false
	for n := 1; len(data) > 0; n++ {
		var text []byte
		var whole bool
		text, data, whole = bytes.Cut(data, []byte("\n"))
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			if !whole && header {
				return list, dropped, nil
			}
			return nil, 0, fmt.Errorf("line %d of the recording: %w", n, err)
		}
		switch {
		case !header && (l.Format == nil || *l.Format != Format):
			return nil, 0, fmt.Errorf("the file is no recording of format %d: its first line must have closekit_recording", Format)
		case l.Format != nil: // recordings may be put together
			header = true
		case l.Dropped != nil:
			dropped += *l.Dropped
		case l.Method == "" || l.Path == "":
			return nil, 0, fmt.Errorf("line %d of the recording has no method or no path", n)
		case len(list) == MaxExchanges:
			return nil, 0, fmt.Errorf("the recording has more than %d exchanges", MaxExchanges)
		default:
			list = append(list, l.Exchange)
		}
	}
	if !header {
		return nil, 0, errors.New("the recording is empty")
	}
	return list, dropped, nil
}
