package modeltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server plays a script for the provider whose address is asked. It is safe for
// concurrent use.
type Server struct {
	http *httptest.Server

	mu       sync.Mutex
	tolerant bool // see Tolerate
	steps    []Step
	played   int
	word     string            // see Word
	said     map[string]call   // by ID
	stored   map[string][]turn // conversations by ID, of OpenAI Responses
	requests []Request
	problems []string
}

// New returns a server that plays the steps. The caller must close it.
func New(steps ...Step) *Server {
	s := &Server{steps: steps, said: map[string]call{}, stored: map[string][]turn{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", s.serve(anthropic))
	mux.HandleFunc("POST /v1/chat/completions", s.serve(chat))
	mux.HandleFunc("POST /v1beta/openai/chat/completions", s.serve(compatible))
	mux.HandleFunc("POST /v1/responses", s.serve(responses))
	mux.HandleFunc("POST /v1beta/models/{call}", s.serve(gemini))
	mux.HandleFunc("POST /model/{model}/converse", s.serve(bedrock))
	mux.HandleFunc("POST /model/{model}/converse-stream", s.serve(bedrock))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.problems = append(s.problems, "nothing is at "+r.Method+" "+r.URL.Path)
		http.NotFound(w, r)
	})
	s.http = httptest.NewServer(mux)
	return s
}

// Start starts a server that ends with the test. Whatever it refused, and steps that
// were not played, fail the test.
func Start(t testing.TB, steps ...Step) *Server {
	t.Helper()
	s := New(steps...)
	t.Cleanup(func() {
		s.Close()
		for _, p := range s.Problems() {
			t.Error("modeltest: " + p)
		}
		if left := s.Left(); left > 0 {
			t.Errorf("modeltest: %d steps of the script were not played", left)
		}
	})
	return s
}

// Tolerate makes the server as tolerant as OpenAI Chat is, for clients that change
// what they send: definitions may have keywords that closekit avoids for the sake of
// other providers, and a call may come back with other arguments.
func (s *Server) Tolerate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tolerant = true
}

// URL returns the address of the server, without a path.
func (s *Server) URL() string { return s.http.URL }

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// Problems returns why requests were refused.
func (s *Server) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// Requests returns the requests that were answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Word returns the provider's word for the end of the last step that was played, or ""
// if its message was whole or has none.
func (s *Server) Word() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.word
}

// Left returns how many steps were not played.
func (s *Server) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.steps) - s.played
}

// provider is a protocol.
type provider struct {
	target  string // of package rules
	ends    map[End]string
	objects bool // the input of a call is an object, not text
	read    func(*reader, *http.Request)
	write   func(http.ResponseWriter, *reply)
	refuse  func(message string) any // the body of an error
	refusal http.Header              // of an error, besides
}

// stop returns the provider's word for the end of the message, given those of whole ones
// without calls and with them.
func (r *reply) stop(said, calls string) string {
	switch {
	case r.word != "":
		return r.word
	case len(r.calls) > 0:
		return calls
	}
	return said
}

// object returns the input of a call for a provider that shows an object in any case.
func (c call) object() json.RawMessage {
	if c.cut && !isObject(c.input) {
		return json.RawMessage("{}")
	}
	return json.RawMessage(c.input)
}

// reply is a step on its way to the client.
type reply struct {
	id     string
	text   string
	calls  []call
	end    End
	word   string // of the provider, for the end; "" for a whole message
	stream bool
	signed bool // calls have the signatures of Gemini
	hold   <-chan struct{}
}

func (s *Server) serve(p provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		q := &reader{Request: Request{Path: r.URL.Path, Body: body}}
		rep, err := s.answer(p, q, r)
		if err != nil {
			maps.Copy(w.Header(), p.refusal)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write(encode(p.refuse(err.Error()))) // a client that is gone
			return
		}
		if rep.stream {
			w.Header().Set("Content-Type", "text/event-stream")
			if rep.hold != nil {
				w = &held{ResponseWriter: w, reply: rep, gone: r.Context().Done()}
			}
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		p.write(w, rep)
	}
}

// answer checks a request and plays the next step.
func (s *Server) answer(p provider, q *reader, r *http.Request) (*reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.stored = s.stored
	p.read(q, r)
	target := p.target
	if s.tolerant && target == "openai-chat" {
		target, q.tolerant = "openai-chat-any", true
	}
	q.checkTools(target)
	q.checkTurns(s.said)
	if len(q.problems) == 0 {
		if err := s.check(p, q); err != nil {
			q.problems = []string{err.Error()}
		}
	}
	if len(q.problems) > 0 {
		err := errors.New(strings.Join(q.problems, "; "))
		s.problems = append(s.problems, p.target+": "+err.Error())
		return nil, err
	}
	step := s.steps[s.played]
	s.played++
	s.word = p.ends[step.End]
	s.requests = append(s.requests, q.Request)
	rep := &reply{id: "msg_" + strconv.Itoa(s.played), text: step.Text, end: step.End, word: p.ends[step.End], stream: q.Stream, hold: step.Hold}
	for i, c := range step.Calls {
		one := call{id: fmt.Sprintf("call_%d_%d", s.played, i+1), name: c.Name, input: c.Input, cut: step.cuts(i)}
		s.said[one.id] = one
		rep.calls = append(rep.calls, one)
	}
	s.stored[rep.id] = append(slices.Clone(q.turns), turn{model: true, calls: rep.calls})
	return rep, nil
}

// cuts says whether the message ends within the call.
func (s Step) cuts(call int) bool {
	return (s.End == Limit || s.End == Broken) && call == len(s.Calls)-1
}

// check says whether the script goes on with the request.
func (s *Server) check(p provider, q *reader) error {
	if s.played == len(s.steps) {
		return errors.New("the script has ended")
	}
	step := s.steps[s.played]
	if _, ok := p.ends[step.End]; !ok && step.End != Whole && step.End != Broken || step.End == Broken && !q.Stream {
		return fmt.Errorf("step %d: no message of this provider ends so", s.played+1)
	}
	for i, c := range step.Calls {
		if p.objects && !isObject(c.Input) && !step.cuts(i) {
			return fmt.Errorf("step %d: the input of %s is not an object, which this provider never sends", s.played+1, c.Name)
		}
	}
	if step.Check == nil {
		return nil
	}
	if err := step.Check(q.Request); err != nil {
		return fmt.Errorf("step %d: %w", s.played+1, err)
	}
	return nil
}
