package emulator

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit/emulator/internal/value"
)

// TestHostileValues sends values of every kind for every field of every operation:
// no handler may panic or return a 500, and the server must keep working.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	const seed = `{"leads": [{"id": "lead_1", "name": "Acme", "contacts": [{"id": "cont_1", "name": "Bob", "emails": [{"email": "b@x.example"}]}],
		"opportunities": [{"value": 5}], "tasks": [{"text": "t"}], "notes": [{"id": "acti_1", "note": "n"}], "calls": [{}],
		"emails": [{"status": "draft"}], "sms": [{"status": "draft"}]}], "sequences": [{"id": "seq_1", "name": "calls only"}],
		"custom_fields": {"lead": [{"id": "cf_1", "name": "Many", "type": "choices", "choices": ["a"], "accepts_multiple_values": true},
		{"id": "cf_2", "name": "Num", "type": "number"}, {"id": "cf_3", "name": "When", "type": "datetime"}, {"id": "cf_4", "name": "Who", "type": "contact"}]}}`
	values := []string{
		`null`, `-1`, `1e400`, `"x"`, `[]`, `{"a": {}}`, `[[], null, {}, 5]`, `[{"id": {}, "email": [], "phone": {}, "url": 5, "type": []}]`,
		`99999999999999999999`, `""`, `true`, `["x"]`, `"` + strings.Repeat("é", 1500) + `"`,
	}
	extra := []string{
		"status", "status_type", "_type", "contacts", "custom", "custom.cf_1", "custom.cf_1.add", "custom.cf_1.remove", "custom.cf_2", "custom.cf_3",
		"custom.cf_4", "custom.", "send_in", "direction", "statuses", "steps", "_params", "object_id", "body", "source", "destination", "name", "currency", "lead_statuses",
	}
	const base = `"lead_id": "lead_1", "contact_id": "cont_1", "text": "t", "label": "l", "status": "draft"`
	for _, r := range New(Options{}).router.all() {
		if r.method != "POST" && r.method != "PUT" {
			continue
		}
		s := New(Options{Seed: 1})
		if err := s.Seed(strings.NewReader(seed)); err != nil {
			t.Fatal(err)
		}
		for path, body := range map[string]string{
			"/webhook/": `{"url": "http://127.0.0.1:1/", "events": [{"object_type": "x", "action": "y"}]}`, "/comment/": `{"object_id": "acti_1", "body": "b"}`,
			"/sequence_subscription/": `{"sequence_id": "seq_1", "contact_id": "cont_1"}`,
		} {
			if status, o := serve(s, "POST", path, body); status != 201 {
				t.Fatalf("%s: got %d %v", path, status, o)
			}
		}
		path := strings.ReplaceAll(r.path, "{id}", "lead_1")
		res := s.engine.Resources[r.resource]
		if r.action == "update" {
			for _, rec := range s.st.Table(res.TableName()).Rows {
				if !rec.Gone && (res.Type == "" || rec.Data["_type"] == res.Type) {
					path = strings.ReplaceAll(r.path, "{id}", rec.ID)
				}
			}
		}
		var keys []string
		for _, f := range res.Fields {
			keys = append(keys, f.Name)
		}
		for i, key := range append(keys, extra...) {
			tried := values
			if i >= len(keys) {
				tried = values[:8]
			}
			for _, v := range tried {
				body := fmt.Sprintf(`{%s, %q: %s}`, base, key, v)
				if status, o := serve(s, r.method, path, body); status >= 500 {
					t.Errorf("%s %s %s: got %d %v", r.method, path, body, status, o)
				}
			}
		}
		if status, _ := serve(s, "GET", "/lead/", ""); status != 200 {
			t.Errorf("after %s %s: got %d", r.method, r.path, status)
		}
	}
}

// all lists the operations of the router.
func (rt *router) all() []route {
	var out []route
	var walk func(n *node)
	walk = func(n *node) {
		for _, r := range n.methods {
			out = append(out, r)
		}
		for _, next := range n.fixed {
			walk(next)
		}
		if n.param != nil {
			walk(n.param)
		}
	}
	walk(rt.root)
	return out
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := New(Options{ConsolidateEvents: 1})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				_, lead := serve(s, "POST", "/lead/", fmt.Sprintf(`{"name": "%d-%d"}`, i, j))
				path := "/lead/" + value.String(lead["id"]) + "/"
				serve(s, "PUT", path, `{"name": "new"}`)
				serve(s, "POST", "/task/", fmt.Sprintf(`{"lead_id": %q, "text": "x"}`, lead["id"]))
				serve(s, "GET", "/lead/?query=new&_limit=5", "")
				if j%2 == 0 {
					serve(s, "DELETE", path, "")
				}
				s.Objects("tasks")
				s.Requests()
				s.Outbox()
				s.Advance(1)
				s.Fail(Fault{Skip: 1000})
			}
		})
	}
	wg.Wait()
	if got := len(s.Objects("leads")); got != 80 {
		t.Errorf("got %d leads, want 80", got)
	}
	if got := len(s.Objects("tasks")); got != 80 {
		t.Errorf("got %d tasks, want 80", got)
	}
}
