package organization

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/closekit/closekit/internal/bom"
)

// Encode returns the lock file: JSON with a line for each member, so that a change of
// the organization is a change of few lines. The same schema makes the same bytes.
func (s *Schema) Encode() ([]byte, error) {
	s.sort()
	out := *s
	for _, list := range []*[]Named{&out.LeadStatuses, &out.ActivityTypes, &out.ObjectTypes, &out.Users} {
		if *list == nil {
			*list = []Named{}
		}
	}
	if out.Pipelines == nil {
		out.Pipelines = []Pipeline{}
	}
	if out.CustomFields == nil {
		out.CustomFields = []Field{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(&out)
	return b.Bytes(), err
}

// Pos is a place in a lock file.
type Pos struct{ Line, Col int }

// Lock is a schema as it is in a file.
type Lock struct {
	Schema
	at map[string]Pos // by the key of what is named
}

// At returns where something is in the file: by its id, of a custom field by Of, a space
// and the id.
func (l *Lock) At(key string) Pos { return l.at[key] }

// FileError is a mistake in a lock file.
type FileError struct {
	Pos
	Msg string
}

// Error says where the mistake is.
func (e *FileError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Msg) }

// Parse reads a lock file. A mistake in it is a [*FileError].
func Parse(data []byte) (*Lock, error) {
	data = bom.Trim(data)
	l := &Lock{at: map[string]Pos{}}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&l.Schema); err != nil {
		var syntax *json.SyntaxError
		var typ *json.UnmarshalTypeError
		offset := d.InputOffset()
		switch {
		case errors.As(err, &syntax):
			offset = syntax.Offset
		case errors.As(err, &typ):
			offset = typ.Offset
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			offset = int64(len(data))
		}
		if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok { // whose place the error does not tell
			offset = int64(bytes.Index(data, []byte(name)) + 1)
		}
		return nil, &FileError{position(data, offset), strings.TrimPrefix(err.Error(), "json: ")}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &FileError{position(data, d.InputOffset()), "there is more after the JSON object"}
	}
	if l.Version != Version {
		return nil, &FileError{Pos{1, 1}, fmt.Sprintf("the version of the lock file is %d, and this program reads %d; pull it again", l.Version, Version)}
	}
	return l, l.locate(data)
}

// locate remembers where everything is, and refuses what is there twice.
func (l *Lock) locate(data []byte) error {
	w := walker{d: json.NewDecoder(bytes.NewReader(data)), data: data}
	if err := w.value(""); err != nil {
		return err
	}
	for _, p := range w.places {
		key := p.id
		if p.of != "" {
			key = p.of + " " + p.id
		}
		switch _, twice := l.at[key]; {
		case p.id == "":
			return &FileError{p.Pos, "this has no id"}
		case twice:
			return &FileError{p.Pos, fmt.Sprintf("%q is there twice", p.id)}
		}
		l.at[key] = p.Pos
	}
	return nil
}

// place is where an object with an id begins.
type place struct {
	Pos
	id, of string
}

// walker finds the objects of a lock file.
type walker struct {
	d      *json.Decoder
	data   []byte
	places []place
}

func (w *walker) value(name string) error {
	t, err := w.d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		for w.d.More() {
			if err := w.value(name); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		p := place{Pos: position(w.data, w.d.InputOffset())}
		at := len(w.places)
		if name != "" {
			w.places = append(w.places, p)
		}
		for w.d.More() {
			key, err := w.d.Token()
			if err != nil {
				return err
			}
			member, _ := key.(string)
			var text string
			if member == "id" || member == "of" {
				if err := w.d.Decode(&text); err != nil {
					return err
				}
				if member == "id" {
					p.id = text
				} else {
					p.of = text
				}
				continue
			}
			if err := w.value(member); err != nil {
				return err
			}
		}
		if name != "" {
			w.places[at] = p
		}
	default:
		return nil
	}
	_, err = w.d.Token() // the end
	return err
}

// position returns the place of the byte before offset.
func position(data []byte, offset int64) Pos {
	before := data[:min(max(int(offset)-1, 0), len(data))]
	return Pos{1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')}
}
