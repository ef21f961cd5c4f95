package closemcp_test

import (
	"strings"
	"testing"
	"time"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
)

// TestBulk has a model confirm a wrong number of leads, then the right one, which a person
// sees in the form.
func TestBulk(t *testing.T) {
	t.Parallel()
	for revision, version := range revisions {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			o := open(t, agent.WithAudit(agent.NewMemoryLog()))
			o.newLead("Globex One", o.close.APIKey())
			o.newLead("Globex Two", o.close.APIKey())
			p := &person{answer: always(yes)}
			s := o.connect(o.server(closemcp.Config{}), p.client(), version)
			in := args{"s_query": args{"type": "and", "queries": []args{{"type": "object_type", "object_type": "lead"}, {"type": "text", "value": "Globex"}}}, "confirm_count": 3}
			r, text := call(t, s, "close_bulk_delete_create", in)
			if !r.IsError || p.asked.Load() != 0 {
				t.Errorf("asked %d times: %s", p.asked.Load(), text)
			}
			has(t, text, "confirm_count is 3, and the query finds 2 now")
			for _, r := range o.close.Requests() {
				if strings.HasPrefix(r.Path, "/api/v1/bulk_action/") {
					t.Errorf("%s %s was sent", r.Method, r.Path)
				}
			}
			in["confirm_count"] = 2
			if r, text = call(t, s, "close_bulk_delete_create", in); r.IsError || p.asked.Load() != 1 {
				t.Fatalf("asked %d times: %s", p.asked.Load(), text)
			}
			has(t, p.message.Load().(string), "2, of the kind lead", "Globex One", "Globex Two")
			o.close.Advance(3 * time.Second)
			o.leads(1)
		})
	}
}
