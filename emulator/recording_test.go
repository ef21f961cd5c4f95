package emulator_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/recording"
)

// TestLoadRecording records a session with one server and finds its objects in another.
func TestLoadRecording(t *testing.T) {
	t.Parallel()
	first := emulator.Start(t)
	var buf bytes.Buffer
	rec, err := recording.New(&buf)
	if err != nil {
		t.Fatal(err)
	}
	c := closekit.NewClient(closekit.APIKey(first.APIKey()), closekit.BaseURL(first.URL()), closekit.WithMiddleware(rec.Middleware))
	type record struct {
		ID          string           `json:"id"`
		Name        string           `json:"name"`
		StatusLabel string           `json:"status_label"`
		Note        string           `json:"note"`
		Value       int              `json:"value"`
		DateUpdated string           `json:"date_updated"`
		Contacts    []map[string]any `json:"contacts"`
		Opps        []map[string]any `json:"opportunities"`
	}
	do := func(c *closekit.Client, method, path string, in any) (out record) {
		t.Helper()
		var err error
		switch method {
		case "GET":
			err = c.Get(t.Context(), path, &out)
		case "POST":
			err = c.Post(t.Context(), path, in, &out)
		case "PUT":
			err = c.Put(t.Context(), path, in, &out)
		case "DELETE":
			err = c.Delete(t.Context(), path, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	status := do(c, "POST", "/status/lead/", map[string]any{"label": "Odd"})
	lead := do(c, "POST", "/lead/", map[string]any{"name": "Acme", "status_id": status.ID, "contacts": []any{map[string]any{"name": "Ann", "emails": []any{map[string]any{"email": "ann@acme.example"}}}}})
	gone := do(c, "POST", "/lead/", map[string]any{"name": "Gone"})
	do(c, "DELETE", "/lead/"+gone.ID+"/", nil)
	note := do(c, "POST", "/activity/note/", map[string]any{"lead_id": lead.ID, "note": "Met at the fair"})
	deal := do(c, "POST", "/opportunity/", map[string]any{"lead_id": lead.ID, "value": 700})
	do(c, "PUT", "/lead/"+lead.ID+"/", map[string]any{"name": "Acme Steel"})
	last := do(c, "GET", "/lead/"+lead.ID+"/", nil)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}

	second := emulator.Start(t, func(o *emulator.Options) { o.Seed = 99 })
	for range 2 { // loading twice changes nothing
		if n, err := second.LoadRecording(bytes.NewReader(buf.Bytes())); err != nil || n < 5 {
			t.Fatalf("%d objects, %v", n, err)
		}
	}
	c = closekit.NewClient(closekit.APIKey(second.APIKey()), closekit.BaseURL(second.URL()))
	got := do(c, "GET", "/lead/"+lead.ID+"/", nil)
	if got.Name != "Acme Steel" || got.StatusLabel != "Odd" || len(got.Contacts) != 1 || got.Contacts[0]["name"] != "Ann" || len(got.Opps) != 1 || got.DateUpdated != last.DateUpdated {
		t.Errorf("got %+v", got)
	}
	if n := do(c, "GET", "/activity/note/"+note.ID+"/", nil); n.Note != "Met at the fair" {
		t.Errorf("got %+v", n)
	}
	if d := do(c, "GET", "/opportunity/"+deal.ID+"/", nil); d.Value != 700 {
		t.Errorf("got %+v", d)
	}
	if n := len(second.Objects("leads")); n != 1 {
		t.Errorf("%d leads, want the one that was not deleted", n)
	}
	do(c, "PUT", "/lead/"+lead.ID+"/", map[string]any{"name": "Acme Tin"}) // a record as any other
	if _, err := second.LoadRecording(strings.NewReader("{}")); err == nil {
		t.Error("a file that is no recording was loaded")
	}
}
