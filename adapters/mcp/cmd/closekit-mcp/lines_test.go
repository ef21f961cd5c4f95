package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// wire is a client that writes and reads lines.
type wire struct {
	*program
	from *bufio.Reader
}

func startWire(t *testing.T) *wire {
	t.Helper()
	p := start(t, nil, "--toolset", "sales")
	return &wire{p, bufio.NewReader(p.stdout)}
}

func (w *wire) send(text string) {
	w.Helper()
	if _, err := io.WriteString(w.stdin, text); err != nil {
		w.Fatal(err)
	}
}

// reply is a response, with what tests look at.
type reply struct {
	ID     json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
	}
}

func (w *wire) read() (line string) {
	w.Helper()
	line, err := w.from.ReadString('\n')
	if err != nil {
		w.Fatal(err)
	}
	return line
}

// gets reads a response of an id, an error of the code or a result if that is 0.
func (w *wire) gets(id string, code int, says string) {
	w.Helper()
	line := w.read()
	var r reply
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		w.Fatalf("%v: %s", err, line)
	}
	if string(r.ID) != id || (r.Error == nil) != (code == 0) || r.Error != nil && r.Error.Code != code || !strings.Contains(line, says) || !strings.Contains(line, `"jsonrpc":"2.0"`) {
		w.Errorf("got %s, want the id %s, code %d and %q", line, id, code, says)
	}
}

func (w *wire) initialize(version string) {
	w.Helper()
	w.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + version + `","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}` + "\n")
	w.gets("0", 0, `"`+version+`"`)
	w.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n")
}

const (
	whole = `{"jsonrpc":"2.0","id":7,"method":"ping"}` + "\n"

	codeParse   = -32700
	codeInvalid = -32600
)

// TestBrokenLines has lines that are no messages, more than a stranger may send: each is
// answered by itself, and the next message as ever.
func TestBrokenLines(t *testing.T) {
	t.Parallel()
	w := startWire(t)
	w.initialize("2025-11-25")
	for name, test := range map[string]struct {
		line string
		id   string
		code int
		says string
	}{
		"words":               {"hello\n", "null", codeParse, "no JSON"},
		"half a call":         {`{"id":3,` + "\n", "null", codeParse, "unexpected end"},
		"two calls":           {strings.TrimSpace(whole) + whole, "null", codeParse, "after top-level value"},
		"Windows":             {"hello\r\n", "null", codeParse, "no JSON"},
		"no text":             {"\xff\xfe\n", "null", codeParse, "no JSON"},
		"too deep":            {strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "\n", "null", codeParse, "max depth"},
		"a number":            {"42\n", "null", codeInvalid, "no message of JSON-RPC 2.0"},
		"null":                {"null\n", "null", codeInvalid, "no message of JSON-RPC 2.0"},
		"an object":           {"{}\n", "null", codeInvalid, "no message of JSON-RPC 2.0"},
		"no version":          {`{"id":"a","method":"ping"}` + "\n", `"a"`, codeInvalid, "version tag"},
		"an id of two":        {`{"jsonrpc":"2.0","id":[1,2],"method":"ping"}` + "\n", "null", codeInvalid, "no message of JSON-RPC 2.0"},
		"a method of numbers": {`{"jsonrpc":"2.0","id":3,"method":4}` + "\n", "null", codeInvalid, "no message of JSON-RPC 2.0"},
		"no batches":          {`[` + strings.TrimSpace(whole) + "]\n", "null", codeInvalid, "one a line"},
		"an empty batch":      {"[]\n", "null", codeInvalid, "one a line"},
		"too long":            {`{"jsonrpc":"2.0","id":3,"method":"` + strings.Repeat("x", 3*longest) + `"}` + "\n", "null", codeInvalid, fmt.Sprintf("longer than %d bytes", longest)},
	} {
		w.send(test.line)
		w.gets(test.id, test.code, test.says)
		w.send(whole)
		w.gets("7", 0, "")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	w.send("\n  \r\n" + whole) // lines without anything are none
	w.gets("7", 0, "")
}

// TestLongestLine has a message of the greatest length, and one with a byte more.
func TestLongestLine(t *testing.T) {
	t.Parallel()
	w := startWire(t)
	w.initialize("2025-06-18")
	message := func(length int) string {
		const head, tail = `{"jsonrpc":"2.0","id":8,"method":"ping","params":{"_meta":{"x":"`, `"}}}`
		return head + strings.Repeat("x", length-len(head)-len(tail)) + tail
	}
	w.send(message(longest) + "\n")
	w.gets("8", 0, "")
	w.send(message(longest) + "\r\n")
	w.gets("8", 0, "")
	w.send(message(longest+1) + "\n")
	w.gets("null", codeInvalid, "longer than")
	w.send(whole)
	w.gets("7", 0, "")
}

// TestBatches has a revision with batches: good ones are carried out.
func TestBatches(t *testing.T) {
	t.Parallel()
	w := startWire(t)
	w.initialize("2025-03-26")
	one := strings.TrimSpace(whole)
	w.send("[" + one + "," + strings.Replace(one, "7", "8", 1) + "]\n")
	if line := w.read(); !strings.HasPrefix(line, "[") || !strings.Contains(line, `"id":7`) || !strings.Contains(line, `"id":8`) {
		t.Errorf("a batch: %s", line)
	}
	note := `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	for batch, says := range map[string]string{
		"[" + one + "," + one + "]":   "two requests of one id",
		"[" + note + "," + note + "]": "two notifications",
		"[" + one + ",42]":            "no message of JSON-RPC 2.0",
		"[]":                          "one a line",
	} {
		w.send(batch + "\n")
		w.gets("null", codeInvalid, says)
	}
	w.send(whole)
	w.gets("7", 0, "")
}

// TestFirstLines has what comes before the first message: a client may begin with a line
// that is broken, and what is no client is told so.
func TestFirstLines(t *testing.T) {
	t.Parallel()
	w := startWire(t)
	stutter := func(n int) {
		for range n {
			w.send("hello\n")
			w.gets("null", codeParse, "no JSON")
		}
	}
	stutter(patience - 1)
	w.initialize("2025-11-25")
	stutter(2 * patience)
	w.send(whole)
	w.gets("7", 0, "")

	code, out, errs := try(t, strings.Repeat("hello\n", 1000)+whole, nil)
	if n := strings.Count(out, "-32700"); code != exitFailure || n != patience || strings.Count(out, "\n") != n || !strings.Contains(errs, needsMessages) || !strings.Contains(errs, "invalid character 'h'") {
		t.Errorf("garbage: %d %q, %d answers: %q", code, errs, n, out)
	}
	code, out, errs = try(t, `{"id":3,`, nil)
	if code != exitFailure || strings.Count(out, "-32700") != 1 || !strings.Contains(errs, needsMessages) {
		t.Errorf("half a call: %d %q %q", code, errs, out)
	}
}
