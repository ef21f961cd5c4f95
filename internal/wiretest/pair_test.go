package wiretest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// pair is one request with its response.
type pair struct {
	name     string // file and number, for messages
	tool     string // empty: a request without a tool, for the emulator only
	input    string // JSON input of the tool
	setup    []string
	emulator string // instructions for the emulator, such as "skip: reason"

	method string
	path   string
	query  url.Values
	body   string // JSON, or empty

	status  int
	header  http.Header
	answer  string
	refusal *refusal
}

// refusal is the expected error of the SDK.
type refusal struct {
	Message    string            `json:"message"`
	Fields     map[string]string `json:"fields"` // several messages of one field are lines
	Is         string            `json:"is"`     // text of the sentinel
	RetryAfter string            `json:"retry_after"`
	Hint       string            `json:"hint"` // part of the hint
}

// section is one part of a file in the txtar format.
type section struct{ name, text string }

// sections splits a file into its parts; the text before the first one is a
// comment.
func sections(data string) []section {
	var list []section
	for line := range strings.Lines(data) {
		name, ok := strings.CutPrefix(line, "-- ")
		name, end := strings.CutSuffix(strings.TrimRight(name, "\r\n"), " --")
		switch {
		case ok && end:
			list = append(list, section{name: name})
		case len(list) > 0:
			list[len(list)-1].text += line
		}
	}
	return list
}

// load reads all pairs.
func load(tb testing.TB) []*pair {
	tb.Helper()
	files, err := filepath.Glob("../../testdata/wire/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no wire files: %v", err)
	}
	var pairs []*pair
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		base := strings.TrimSuffix(filepath.Base(file), ".txtar")
		var p *pair
		n := 0
		for _, s := range sections(string(data)) {
			if s.name == "tool" {
				n++
				p = &pair{name: fmt.Sprintf("%s/%02d", base, n), header: http.Header{}}
				pairs = append(pairs, p)
			}
			if p == nil {
				tb.Fatalf("%s: %q stands before the first tool", file, s.name)
			}
			if err := p.read(s); err != nil {
				tb.Fatalf("%s, %s: %v", p.name, s.name, err)
			}
		}
	}
	return pairs
}

func (p *pair) read(s section) error {
	text := strings.TrimSpace(s.text)
	switch s.name {
	case "about":
	case "tool":
		if text != "none" {
			p.tool = text
			p.name += "_" + text
		}
	case "input":
		p.input = text
		return valid(text)
	case "setup":
		p.setup = strings.Split(text, "\n")
	case "emulator":
		p.emulator = text
	case "request":
		head, body, _ := strings.Cut(text, "\n\n")
		method, target, ok := strings.Cut(head, " ")
		if !ok {
			return fmt.Errorf("want METHOD path, got %q", head)
		}
		p.method, p.body = method, body
		path, query, _ := strings.Cut(target, "?")
		q, err := url.ParseQuery(query)
		p.path, p.query = path, q
		if err == nil && body != "" {
			err = valid(body)
		}
		return err
	case "response":
		return p.readResponse(s.text)
	case "error":
		p.refusal = &refusal{}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		return d.Decode(p.refusal)
	default:
		return fmt.Errorf("unknown section %q", s.name)
	}
	return nil
}

func (p *pair) readResponse(text string) error {
	head, body, _ := strings.Cut(text, "\n\n")
	status, rest, _ := strings.Cut(head, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(status))
	if err != nil {
		return err
	}
	p.status, p.answer = n, strings.TrimSpace(body)
	if rest != "" {
		h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(rest + "\n\n"))).ReadMIMEHeader()
		if err != nil {
			return err
		}
		p.header = http.Header(h)
	}
	return nil
}

func valid(text string) error {
	if !json.Valid([]byte(text)) {
		return fmt.Errorf("not JSON: %.80q", text)
	}
	return nil
}

// decode reads JSON and keeps numbers as text.
func decode(tb testing.TB, data []byte) any {
	tb.Helper()
	v, err := decodeJSON(data)
	if err != nil {
		tb.Fatalf("not JSON: %v: %.200q", err, data)
	}
	return v
}

func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}

// differences returns the paths where two JSON values differ.
func differences(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			break
		}
		var list []string
		for k, v := range want {
			w, there := got[k]
			if !there {
				list = append(list, fmt.Sprintf("%s.%s: lost %s", path, k, show(v)))
				continue
			}
			list = append(list, differences(path+"."+k, v, w)...)
		}
		for k, v := range got {
			if _, there := want[k]; !there {
				list = append(list, fmt.Sprintf("%s.%s: invented %s", path, k, show(v)))
			}
		}
		return list
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			break
		}
		var list []string
		for i := range want {
			list = append(list, differences(path+"."+strconv.Itoa(i), want[i], got[i])...)
		}
		return list
	}
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return []string{fmt.Sprintf("%s: want %s, got %s", path, show(want), show(got))}
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(b) > 120 {
		b = append(b[:120:120], "…"...)
	}
	return string(b)
}
