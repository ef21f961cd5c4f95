package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// longest is how many bytes a message of a client has at most.
const longest = 1 << 20

// patience is how many broken lines a client sends before its first message. After so
// many, the other side is no MCP client.
const patience = 3

// lines is the standard input of a server, cut into lines in front of the SDK, which
// reads values wherever they begin and end, and ends the connection at the first that is
// broken. A line that is no message is answered here, and the SDK never sees it.
type lines struct {
	in     io.ReadCloser
	from   *bufio.Reader
	out    *sharedOutput
	rest   []byte // of the line that is being read
	met    bool   // a message has come
	broken int    // lines before the first message
	last   error  // what is wrong with the last of them
	single bool   // the revision of the protocol has no batches
}

// sharedOutput is the standard output of a server. A message is one call of Write, of
// the SDK or of lines.
type sharedOutput struct {
	mu sync.Mutex
	io.WriteCloser
}

func (o *sharedOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.WriteCloser.Write(b)
}

func newLines(in io.ReadCloser, out *sharedOutput) *lines {
	return &lines{in: in, from: bufio.NewReader(in), out: out}
}

// Close closes the standard input.
func (l *lines) Close() error { return l.in.Close() }

// Read returns bytes of one message and its end of line.
func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		line, err := l.next()
		var large *largeError
		switch {
		case errors.As(err, &large):
			if !l.met { // clients begin with a short message
				return 0, notMCPError{err}
			}
			err = l.refuse(line, &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: err.Error() + "; it was dropped"})
		case len(line) > 0: // the last one may have no end of line, and come with an error
			if wrong := l.check(line); wrong != nil {
				err = l.refuse(line, wrong)
			} else {
				l.met, l.rest, err = true, append(line, '\n'), nil
			}
		case errors.Is(err, io.EOF) && !l.met && l.broken > 0:
			err = notMCPError{l.last}
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// notMCPError is the end of a connection to something that is no MCP client.
type notMCPError struct{ error }

func (e notMCPError) Unwrap() error { return e.error }

// largeError reports a line that is longer than a message may be.
type largeError struct{}

func (*largeError) Error() string {
	return fmt.Sprintf("a line is longer than %d bytes", longest)
}

// next reads a line, without white space around it. One that is too long is read to its
// end and dropped, but for a beginning, unless no message has come yet.
func (l *lines) next() ([]byte, error) {
	var line []byte
	large := false
	for {
		part, err := l.from.ReadSlice('\n')
		switch {
		case large:
		case len(line)+len(bytes.TrimRight(part, "\r\n")) > longest:
			large, line = true, nil
			if !l.met {
				return nil, &largeError{}
			}
		default:
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case large && (err == nil || errors.Is(err, io.EOF)):
			return nil, &largeError{}
		}
		return bytes.TrimSpace(line), err
	}
}

// check returns what is wrong with a line that the SDK would end the connection at.
func (l *lines) check(line []byte) *jsonrpc.Error {
	var value json.RawMessage
	if err := json.Unmarshal(line, &value); err != nil {
		return &jsonrpc.Error{Code: jsonrpc.CodeParseError, Message: "the line is no JSON: " + err.Error()}
	}
	if line[0] != '[' {
		m, err := jsonrpc.DecodeMessage(line)
		if err != nil {
			return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "the line is no message of JSON-RPC 2.0: " + err.Error()}
		}
		l.heard(m)
		return nil
	}
	var batch []json.RawMessage
	if err := json.Unmarshal(line, &batch); err != nil || len(batch) == 0 || l.single {
		return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "the line is an array, and messages come one a line"}
	}
	seen := map[jsonrpc.ID]bool{}
	for _, one := range batch {
		m, err := jsonrpc.DecodeMessage(one)
		if err != nil {
			return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "the batch has a value that is no message of JSON-RPC 2.0: " + err.Error()}
		}
		l.heard(m)
		if r, ok := m.(*jsonrpc.Request); ok {
			if seen[r.ID] { // or two notifications, which the SDK takes for the same
				return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "the batch has two requests of one id, or two notifications; send them one a line"}
			}
			seen[r.ID] = true
		}
	}
	return nil
}

// heard notes which revision the client begins with. Only two have batches; the SDK
// takes a newer one if the client asks for one that it does not know.
func (l *lines) heard(m jsonrpc.Message) {
	r, ok := m.(*jsonrpc.Request)
	if !ok || r.Method != "initialize" {
		return
	}
	var p struct {
		ProtocolVersion string `json:"protocolVersion"`
	}
	_ = json.Unmarshal(r.Params, &p) // the SDK says what is wrong with them
	l.single = p.ProtocolVersion != "2024-11-05" && p.ProtocolVersion != "2025-03-26"
}

// refuse answers a line, and ends the connection after too many of those that no message
// preceded.
func (l *lines) refuse(line []byte, wrong *jsonrpc.Error) error {
	answer := struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *jsonrpc.Error  `json:"error"`
	}{"2.0", idOf(line), wrong}
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if _, err = l.out.Write(append(b, '\n')); err != nil {
		return err
	}
	if l.met {
		return nil
	}
	l.last = wrong
	if l.broken++; l.broken == patience {
		return notMCPError{wrong}
	}
	return nil
}

// idOf returns the id of a request that is wrong otherwise, or null.
func idOf(line []byte) json.RawMessage {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	var id any
	if json.Unmarshal(line, &m) != nil || m.Method == "" || json.Unmarshal(m.ID, &id) != nil {
		return json.RawMessage("null")
	}
	switch id.(type) {
	case string, float64:
		return m.ID
	}
	return json.RawMessage("null")
}
