package emulator

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/crm"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Bounds of the requests that are recorded: their number, and the size of all of
// them with their headers and bodies.
const (
	keepRequests = 10_000
	keepBytes    = 64 << 20
)

// Request is a request that the server received. Credentials are replaced with
// "[redacted]".
type Request struct {
	Time           time.Time
	Method         string // after x-http-method-override
	Host           string // that the client addressed: of the API or of the storage
	Path           string
	Query          url.Values
	Header         http.Header
	Body           []byte // nil for callers without a valid credential
	Tool           string // name of the tool whose operation it was, or empty
	UserID         string // the caller, empty if unknown
	OrganizationID string
	Status         int // of the response before any fault replaced it, 0 without one
}

// Requests returns the last requests that the server received, oldest first. It
// includes requests that failed with a fault. The server keeps 10,000 requests,
// and fewer if they are larger than 64 MiB together.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.st.requests)
}

const redacted = "[redacted]"

// secretFields are form fields and query parameters that are never recorded.
var secretFields = []string{"client_secret", "refresh_token", "access_token", "token", "code", "code_verifier", "csrf"}

var secretJSON = regexp.MustCompile(`("(?:client_secret|refresh_token|access_token|token|signature_key)"\s*:\s*)"[^"]*"`)

func (s *Server) record(in *rest.Request, status int) {
	r := Request{
		Method: in.Method, Host: in.Host, Path: in.Path, Query: redactValues(in.Query), Header: in.Header.Clone(),
		Tool: in.Tool, UserID: in.User, OrganizationID: in.Organization, Status: status,
	}
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
		if r.Header.Get(name) != "" {
			r.Header.Set(name, redacted)
		}
	}
	if s.knows(in) {
		r.Body = redactBody(in)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Time = s.now()
	s.st.requests = append(s.st.requests, r)
	s.st.recorded += r.size()
	drop := 0
	if len(s.st.requests) > keepRequests {
		drop = keepRequests / 10
	}
	left := s.st.recorded
	for i, old := range s.st.requests {
		if i >= drop && left <= keepBytes {
			drop = i
			break
		}
		left -= old.size()
	}
	if drop > 0 {
		s.st.requests, s.st.recorded = slices.Clone(s.st.requests[drop:]), left
	}
}

// size returns about how many bytes the recording of a request holds.
func (r *Request) size() int {
	n := len(r.Path) + len(r.Body)
	for _, values := range []map[string][]string{r.Query, r.Header} {
		for name, list := range values {
			n += len(name)
			for _, v := range list {
				n += len(v)
			}
		}
	}
	return n
}

// knows reports whether a request comes from a caller with a valid credential,
// or from a registered OAuth client.
func (s *Server) knows(in *rest.Request) bool {
	if in.User != "" || len(in.Body) == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(in.Path, "/oauth2/") {
		return s.st.oauth.Knows(in)
	}
	_, err := s.authenticate(&rest.Call{State: s.st.State}, in.Header)
	return err == nil
}

func redactValues(in url.Values) url.Values {
	out := url.Values{}
	for k, v := range in {
		out[k] = slices.Clone(v)
		if slices.Contains(secretFields, k) {
			out[k] = []string{redacted}
		}
	}
	return out
}

func redactBody(in *rest.Request) []byte {
	if strings.HasPrefix(in.Path, "/oauth2/") {
		if form, err := url.ParseQuery(string(in.Body)); err == nil {
			return []byte(redactValues(form).Encode())
		}
		return []byte(redacted)
	}
	return secretJSON.ReplaceAll(bytes.Clone(in.Body), []byte(`${1}"`+redacted+`"`))
}

// Message is an email or SMS that the emulator "sent"; it never leaves the
// process.
type Message struct {
	Time           time.Time
	Kind           string // "email" or "sms"
	ActivityID     string
	LeadID         string
	OrganizationID string
	UserID         string
	From           string
	To, CC, BCC    []string
	Subject        string
	Text, HTML     string
}

// Outbox returns the messages that were sent, oldest first.
func (s *Server) Outbox() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	crm.SendDue(s.engine, s.st.State, s.now())
	var out []Message
	for _, m := range s.st.Outbox {
		out = append(out, Message(m))
	}
	return out
}

// Objects returns all objects of a resource as an administrator would read them,
// oldest first and for all organizations. A resource is named as in the manifest,
// such as "leads", "tasks" or "custom_fields_lead"; other names are
// "lead_statuses", "opportunity_statuses", "connected_accounts", "email_threads"
// and "events". For an unknown name the list is empty.
func (s *Server) Objects(resource string) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []map[string]any{}
	if resource == "events" {
		for _, e := range s.st.Events {
			out = append(out, e.Body())
		}
		return out
	}
	r := s.engine.Resources[resource]
	if r == nil {
		return out
	}
	if resource == "users" {
		for _, u := range s.st.Users {
			out = append(out, crm.UserObject(u))
		}
		return out
	}
	for _, rec := range s.st.Table(r.TableName()).Rows {
		if rec.Gone || r.Type != "" && rec.Data["_type"] != r.Type {
			continue
		}
		c := s.system(rec.Organization)
		out = append(out, value.Clone(c.Render(r, rec)).(object))
	}
	return out
}

func (s *Server) system(org string) *rest.Call { return s.engine.System(s.st.State, org, s.now()) }
