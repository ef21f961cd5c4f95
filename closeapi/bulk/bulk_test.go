package bulk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/bulk"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/emulator"
)

// leads fills an emulated Close with leads, of which each has a contact.
func leads(t *testing.T, names ...string) (*closekit.Client, *emulator.Server) {
	t.Helper()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	srv := emulator.Start(t, func(o *emulator.Options) { o.Seed, o.Clock = 7, func() time.Time { return now } })
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()), closekit.MaxRetries(0))
	for _, name := range names {
		if _, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{
			Name: name, Contacts: []closeapi.Contact{{Name: closekit.Some("Ann of " + name)}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return c, srv
}

// sent returns how many bulk actions the server has received.
func sent(srv *emulator.Server) (n int) {
	for _, r := range srv.Requests() {
		if r.Method == "POST" && strings.HasPrefix(r.Path, "/api/v1/bulk_action/") {
			n++
		}
	}
	return n
}

func TestBrake(t *testing.T) {
	t.Parallel()
	c, srv := leads(t, "Acme One", "Acme Two", "Globex")
	q := query.Leads(query.Field("name").Has("Acme"))
	seen, err := bulk.Look(t.Context(), c, q, 1)
	if err != nil || seen.Count != 2 || seen.Everything || len(seen.Sample) != 1 || seen.Sample[0].Name != "Acme Two" || seen.Words != "name:Acme" {
		t.Fatalf("got %+v, %v", seen, err)
	}
	var undo bytes.Buffer
	del := func(q *closeapi.SearchQuery, y closekit.Confirmed) (*closeapi.BulkDelete, error) {
		return bulk.Delete(t.Context(), c, closeapi.BulkDeleteCreateParams{SQuery: q}, y)
	}
	var differs *closekit.CountError
	if _, err := del(q, closekit.Confirmed{Count: 3, Undo: &undo}); !errors.As(err, &differs) || differs.Found != 2 {
		t.Errorf("another count: %v", err)
	}
	if _, err := del(q, closekit.Confirmed{Count: 2}); !errors.Is(err, closekit.ErrNoUndo) {
		t.Errorf("without Undo: %v", err)
	}
	for what, all := range map[string]*closeapi.SearchQuery{
		"no condition":         query.Leads(),
		"a condition of all":   query.Leads(query.Field("name").Exists()),
		"a double negation":    query.Leads(query.Not(query.Field("name").Missing())),
		"nothing but raw JSON": query.Leads(query.Raw(closeapi.SearchQuery{Type: "match_all"})),
	} {
		if _, err := del(all, closekit.Confirmed{Count: 3, Undo: &undo}); !errors.Is(err, closekit.ErrEverything) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := del(nil, closekit.Confirmed{Undo: &undo}); err == nil || !strings.Contains(err.Error(), "object_type") {
		t.Errorf("no query: %v", err)
	}
	if _, err := del(q, closekit.Confirmed{Count: 2, Undo: broken{}}); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("a broken file: %v", err)
	}
	if undo.Len() != 0 || sent(srv) != 0 {
		t.Fatalf("%d bytes were kept and %d actions sent", undo.Len(), sent(srv))
	}

	job, err := del(q, closekit.Confirmed{Count: seen.Count, Undo: &undo})
	if err != nil {
		t.Fatal(err)
	}
	srv.Advance(3 * time.Second)
	if job, err = closeapi.BulkDeleteWait(t.Context(), c, closeapi.BulkDeleteGetParams{BulkDeleteActionID: job.ID}); err != nil || job.NObjectsProcessed != 2 {
		t.Fatalf("got %v, %v", job, err)
	}
	lines := strings.Split(strings.TrimSpace(undo.String()), "\n")
	if len(lines) != 2 || len(srv.Objects("leads")) != 1 {
		t.Fatalf("%d lines, and %d leads are left", len(lines), len(srv.Objects("leads")))
	}
	var kept struct {
		Kind   string
		Record closeapi.Lead
	}
	if err := json.Unmarshal([]byte(lines[1]), &kept); err != nil || kept.Kind != "lead" || kept.Record.Name.Or("") != "Acme One" || kept.Record.Contacts[0].Name.Or("") != "Ann of Acme One" {
		t.Errorf("kept %s, %v", lines[1], err)
	}
}

func TestEditEverything(t *testing.T) {
	t.Parallel()
	c, srv := leads(t, "Acme", "Globex")
	statuses := srv.Objects("lead_statuses")
	to := closeapi.LeadStatusID(statuses[len(statuses)-1]["id"].(string))
	var undo bytes.Buffer
	p := closeapi.BulkEditCreateParams{SQuery: query.Leads(), Type: closeapi.BulkEditTypeSetLeadStatus, LeadStatusID: closekit.Some(to)}
	if _, err := bulk.Edit(t.Context(), c, p, closekit.Confirmed{Count: 2, Everything: true, Undo: &undo}); err != nil {
		t.Fatal(err)
	}
	srv.Advance(3 * time.Second)
	for _, l := range srv.Objects("leads") {
		if l["status_id"] != string(to) {
			t.Errorf("status %v", l["status_id"])
		}
	}
	if n := strings.Count(undo.String(), statuses[0]["id"].(string)); n < 2 {
		t.Errorf("the old status was kept %d times", n)
	}
	p.ResultsLimit = closekit.Some(1) // is not everything, and the count is that of the limit
	var unsorted *closekit.UnsortedError
	if _, err := bulk.Edit(t.Context(), c, p, closekit.Confirmed{Count: 1, Undo: &undo}); !errors.As(err, &unsorted) || *unsorted != (closekit.UnsortedError{Limit: 1, Found: 2}) || sent(srv) != 1 {
		t.Errorf("a limit without a sort: %v", err)
	}
	p.Sort = []closeapi.SearchSort{{Direction: "asc", Field: &closeapi.SearchField{Type: "regular_field", ObjectType: closekit.Some(closeapi.SearchObjectType("lead")), FieldName: closekit.Some("date_created")}}}
	if _, err := bulk.Edit(t.Context(), c, p, closekit.Confirmed{Count: 1, Undo: &undo}); err != nil {
		t.Error(err)
	}
	var differs *closekit.CountError
	if _, err := bulk.Email(t.Context(), c, closeapi.BulkEmailCreateParams{SQuery: query.Leads(), TemplateID: "tmpl_1", ContactPreference: "lead"}, closekit.Confirmed{Count: 1}); !errors.As(err, &differs) {
		t.Errorf("email: %v", err)
	}
	if _, err := bulk.Enroll(t.Context(), c, closeapi.BulkSequenceSubscriptionCreateParams{SQuery: query.Leads(), ActionType: "pause"}, closekit.Confirmed{Count: 2}); !errors.Is(err, closekit.ErrEverything) {
		t.Errorf("enroll: %v", err)
	}
	if n := sent(srv); n != 2 {
		t.Errorf("%d actions were sent", n)
	}
}

// TestEditOfOthers tests edits of what belongs to the records of the query and cannot be
// kept.
func TestEditOfOthers(t *testing.T) {
	t.Parallel()
	c, srv := leads(t, "Acme", "Globex")
	for _, kind := range []string{"set_activity_custom_field", "clear_activity_custom_field", "set_custom_object_custom_field", "clear_custom_object_custom_field"} {
		var undo bytes.Buffer
		p := closeapi.BulkEditCreateParams{
			SQuery: query.Leads(query.Field("name").Has("Acme")), Type: closeapi.BulkEditType(kind),
			CustomFieldName: closekit.Some("Outcome"), CustomFieldValue: json.RawMessage(`"Won"`),
		}
		_, err := bulk.Edit(t.Context(), c, p, closekit.Confirmed{Count: 1, Undo: &undo})
		if err == nil || !strings.Contains(err.Error(), "cannot be kept") || undo.Len() != 0 || sent(srv) != 0 {
			t.Errorf("%s: %v; kept %s", kind, err, undo.String())
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk is full") }
