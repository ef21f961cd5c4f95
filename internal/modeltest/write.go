package modeltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// object is a JSON object to be sent.
type object = map[string]any

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Appendf(nil, "%q", err.Error()) // what is sent is made here, of strings and numbers
	}
	return raw
}

// send sends one event of a stream, or data without a name.
func send(w http.ResponseWriter, event string, v any) {
	if event != "" {
		_, _ = fmt.Fprintf(w, "event: %s\n", event) // a client that is gone
	}
	_, _ = fmt.Fprintf(w, "data: %s\n\n", encode(v))
	flush(w)
}

func flush(w io.Writer) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// pieces cuts a text into pieces of a few characters, as providers stream it.
func pieces(text string) []string {
	const size = 7
	var list []string
	for r := []rune(text); len(r) > 0; r = r[min(size, len(r)):] {
		list = append(list, string(r[:min(size, len(r))]))
	}
	return list
}

// held stops a stream after the first piece of the text.
type held struct {
	http.ResponseWriter
	reply *reply
	begun bool
	gone  <-chan struct{} // the client
}

func (h *held) Write(b []byte) (int, error) {
	if h.begun {
		select {
		case <-h.reply.hold:
		case <-h.gone:
		}
	}
	h.begun = h.begun || bytes.Contains(b, encode(pieces(h.reply.text)[0]))
	return h.ResponseWriter.Write(b)
}

func (h *held) Flush() { flush(h.ResponseWriter) }
