package tools_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// yard is an emulated Close with three leads, of which two are Acme's.
func yard(t *testing.T) (*closekit.Client, *emulator.Server) {
	t.Helper()
	srv := emulator.Start(t, func(o *emulator.Options) { o.Seed = 7 })
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()), closekit.MaxRetries(0))
	for _, name := range []string{"Acme One", "Acme Two", "Globex"} {
		addLead(t, c, name)
	}
	return c, srv
}

func addLead(t *testing.T, c *closekit.Client, name string) {
	t.Helper()
	if _, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{Name: name, Contacts: []closeapi.Contact{{Name: closekit.Some("Ann of " + name)}}}); err != nil {
		t.Fatal(err)
	}
}

// bulkSent returns how many bulk actions the server has received.
func bulkSent(srv *emulator.Server) (n int) {
	for _, r := range srv.Requests() {
		if r.Method == "POST" && strings.HasPrefix(r.Path, "/api/v1/bulk_action/") {
			n++
		}
	}
	return n
}

func callBulk(ctx context.Context, t *testing.T, c *closekit.Client, name string, q *closeapi.SearchQuery, more string, opts ...closekit.CallOption) error {
	t.Helper()
	tree, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	tool, err := tools.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tool.Call(ctx, c, fmt.Appendf(nil, `{"s_query":%s%s}`, tree, more), opts...)
	return err
}

// bulkTools are all bulk actions, with what they need beside the query.
var bulkTools = map[string]string{
	"close_bulk_delete_create":                ``,
	"close_bulk_edit_create":                  `,"type":"clear_custom_field","custom_field_id":"cf_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`,
	"close_bulk_email_create":                 `,"template_id":"tmpl_aaaaaaaaaaaaaaaaaaaaaa","contact_preference":"lead"`,
	"close_bulk_sequence_subscription_create": `,"action_type":"pause"`,
}

// TestEveryBulkAction calls all of them with wrong confirmations, and sends none.
func TestEveryBulkAction(t *testing.T) {
	t.Parallel()
	c, srv := yard(t)
	acme, all := query.Leads(query.Field("name").Has("Acme")), query.Leads()
	found := 0
	for _, tool := range tools.All() {
		if !tool.IsBulk() {
			if strings.HasPrefix(tool.Path, "/api/v1/bulk_action/") && tool.Method == "POST" {
				t.Errorf("%s has no brake", tool.Name)
			}
			continue
		}
		found++
		name, more := tool.Name, bulkTools[tool.Name]
		keep := closekit.UndoTo(io.Discard)
		var invalid *closekit.ValidationError
		var differs *closekit.CountError
		for input, want := range map[string]string{
			``:                                     "confirm_count: is required",
			`,"confirm_count":null`:                "confirm_count: is required",
			`,"confirm_count":2.5`:                 "must be an integer",
			`,"confirm_count":"2"`:                 "must be an integer",
			`,"confirm_count":-1`:                  "must be an integer",
			`,"confirm_count":[2]`:                 "must be an integer",
			`,"confirm_count":2,"confirm_count":3`: "given twice",
			`,"confirm_count":2,"confirm_everything":"yes"`:                "must be true or false",
			`,"confirm_everything":true,"confirm_\u0063ount":{"gte":true}`: "must be an integer",
		} {
			if err := callBulk(t.Context(), t, c, name, acme, more+input, keep); !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %s: %v", name, input, err)
			}
		}
		if err := callBulk(t.Context(), t, c, name, acme, more+`,"confirm_count":3`, keep); !errors.As(err, &differs) || differs.Confirmed != 3 || differs.Found != 2 {
			t.Errorf("%s: %v", name, err)
		}
		if err := callBulk(t.Context(), t, c, name, all, more+`,"confirm_count":3`, keep); !errors.Is(err, closekit.ErrEverything) {
			t.Errorf("%s of everything: %v", name, err)
		}
		if err := callBulk(t.Context(), t, c, name, nil, more+`,"confirm_count":3`, keep); !errors.As(err, &invalid) {
			t.Errorf("%s of nothing: %v", name, err)
		}
		if err := callBulk(t.Context(), t, c, name, query.Leads(query.Text("Acme")), more+`,"confirm_count":2,"confirm_everything":false`); errors.Is(err, closekit.ErrNoUndo) != tool.KeepsRecords() {
			t.Errorf("%s without UndoTo: %v", name, err)
		}
		if effect, err := tool.EffectOf([]byte(`{"s_query":{"type":"match_all"}` + more + `}`)); err != nil || effect == closekit.Read {
			t.Errorf("%s without a confirmation has the effect %s, %v", name, effect, err)
		}
	}
	if n := bulkSent(srv); found != len(bulkTools) || n != 1+1 { // those that keep nothing are sent in the end
		t.Errorf("%d tools have a brake, and %d actions were sent", found, n)
	}
}

// TestBulkByName deletes what was confirmed, and keeps it before.
func TestBulkByName(t *testing.T) {
	t.Parallel()
	c, srv := yard(t)
	acme := query.Leads(query.Field("name").Has("Acme"))
	var undo bytes.Buffer
	addLead(t, c, "Acme Three") // between the look and the call
	var differs *closekit.CountError
	if err := callBulk(t.Context(), t, c, "close_bulk_delete_create", acme, `,"confirm_count":2`, closekit.UndoTo(&undo)); !errors.As(err, &differs) || differs.Found != 3 || undo.Len() != 0 {
		t.Fatalf("%v, with %d bytes", err, undo.Len())
	}
	// One more while the records are kept.
	late := writer(func(b []byte) (int, error) {
		if undo.Len() == 0 {
			addLead(t, c, "Acme Four")
		}
		return undo.Write(b)
	})
	if err := callBulk(t.Context(), t, c, "close_bulk_delete_create", acme, `,"confirm_count":3`, closekit.UndoTo(late)); !errors.As(err, &differs) || differs.Found != 4 || undo.Len() == 0 {
		t.Fatalf("%v, with %d bytes", err, undo.Len())
	}
	full := writer(func([]byte) (int, error) { return 0, errors.New("disk is full") })
	if err := callBulk(t.Context(), t, c, "close_bulk_delete_create", acme, `,"confirm_count":4`, closekit.UndoTo(full)); err == nil || !strings.Contains(err.Error(), "not sent: keeping the records for an undo: disk is full") {
		t.Error(err)
	}
	if n := bulkSent(srv); n != 0 {
		t.Fatalf("%d actions were sent", n)
	}
	undo.Reset()
	whenKept := writer(func(b []byte) (int, error) {
		if bulkSent(srv) != 0 {
			t.Error("it was sent before the records were kept")
		}
		return undo.Write(b)
	})
	if err := callBulk(t.Context(), t, c, "close_bulk_delete_create", acme, `,"confirm_count":4`, closekit.UndoTo(whenKept)); err != nil {
		t.Fatal(err)
	}
	sent := srv.Requests()
	body := string(sent[len(sent)-1].Body)
	if strings.Contains(body, "confirm") || bulkSent(srv) != 1 || strings.Count(undo.String(), "\n") != 4 || strings.Count(undo.String(), `"name":"Ann of Acme`) != 4 {
		t.Errorf("sent %s, kept %s", body, undo.String())
	}
	for line := range strings.Lines(undo.String()) {
		var kept struct {
			Kind   string
			Record closeapi.Lead
		}
		if err := json.Unmarshal([]byte(line), &kept); err != nil || kept.Kind != "lead" || !strings.HasPrefix(kept.Record.Name.Or(""), "Acme") {
			t.Errorf("kept %s, %v", line, err)
		}
	}
}

// TestBulkKeepsLeads edits leads by a query for contacts: what changes is kept.
func TestBulkKeepsLeads(t *testing.T) {
	t.Parallel()
	c, srv := yard(t)
	statuses := srv.Objects("lead_statuses")
	var undo bytes.Buffer
	more := fmt.Sprintf(`,"type":"set_lead_status","lead_status_id":%q,"confirm_count":2`, statuses[1]["id"])
	if err := callBulk(t.Context(), t, c, "close_bulk_edit_create", query.Contacts(query.Field("name").Has("Acme")), more, closekit.UndoTo(&undo)); err != nil {
		t.Fatal(err)
	}
	if strings.Count(undo.String(), `{"kind":"lead"`) != 2 || strings.Count(undo.String(), statuses[0]["id"].(string)) < 2 {
		t.Errorf("kept %s", undo.String())
	}
}

// TestBulkLimit confirms as many as the limit lets through.
func TestBulkLimit(t *testing.T) {
	t.Parallel()
	c, srv := yard(t)
	var undo bytes.Buffer
	more := `,"results_limit":1,"sort":[{"direction":"asc","field":{"type":"regular_field","object_type":"lead","field_name":"date_created"}}],"confirm_count":1`
	if err := callBulk(t.Context(), t, c, "close_bulk_delete_create", query.Leads(), more, closekit.UndoTo(&undo)); err != nil || bulkSent(srv) != 1 {
		t.Fatal(err)
	}
	if strings.Count(undo.String(), "\n") != 1 || !strings.Contains(undo.String(), `"Acme One"`) {
		t.Errorf("kept %s", undo.String())
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
