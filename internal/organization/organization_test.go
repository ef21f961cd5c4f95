package organization_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/organization"
)

// answers are responses of Close to a user of two organizations, one of which has types
// of its own and a list of two pages.
var answers = map[string]string{
	"/status/lead/?_limit=100&_skip=0":             `{"data":[{"id":"stat_b","label":"B","organization_id":"orga_2"}],"has_more":true}`,
	"/status/lead/?_limit=100&_skip=100":           `{"data":[{"id":"stat_a","label":"A","organization_id":"orga_2"}],"has_more":false}`,
	"/me/?_fields=organizations":                   `{"organizations":[{"id":"orga_1","name":"One"},{"id":"orga_2","name":"Two"}]}`,
	"/pipeline/?_limit=100&_skip=0":                `{"data":[]}`,
	"/user/?_limit=100&_skip=0":                    `{"data":[{"id":"user_1","first_name":"Ann","last_name":"Ek","email":"ann@example.com"}]}`,
	"/custom_activity/?_limit=100&_skip=0":         `{"data":[{"id":"actitype_1","name":"Visit"}]}`,
	"/custom_field_schema/lead/":                   `{"fields":[{"id":"cf_s","name":"Shared","type":"text","is_shared":true}]}`,
	"/custom_field_schema/contact/":                `{"fields":[{"id":"cf_s","name":"Shared","type":"text","is_shared":true}]}`,
	"/custom_field_schema/opportunity/":            `{"fields":[]}`,
	"/custom_field/activity/?_limit=100&_skip=0":   `{"data":[{"id":"cf_n","name":"Guests","type":"number","custom_activity_type_id":"actitype_1"}],"has_more":true}`,
	"/custom_field/activity/?_limit=100&_skip=100": `{"data":[{"id":"cf_m","name":"Menu","type":"choices","choices":["A"],"accepts_multiple_values":true,"custom_activity_type_id":"actitype_2"}]}`,
	"/custom_field/shared/?_limit=100&_skip=0":     `{"data":[{"id":"cf_l","name":"Leads","type":"text","associations":[{"object_type":"lead"}]},{"id":"cf_s","name":"Shared","type":"text","associations":[{"object_type":"lead"},{"object_type":"custom_activity_type"}]}]}`,
	"/custom_field_schema/activity/actitype_1/":    `{"fields":[{"id":"cf_n","name":"Guests","type":"number"}]}`,
}

// client returns a client of a Close that has the answers, and whose plan has nothing else.
func client(t *testing.T) *closekit.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		text, ok := answers[r.URL.RequestURI()[len("/api/v1"):]]
		if !ok { // the plan has no custom objects
			w.WriteHeader(http.StatusForbidden)
			text = `{"error":"not in your plan"}`
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(srv.Close)
	return closekit.NewClient(closekit.APIKey("api_x"), closekit.BaseURL(srv.URL))
}

// TestActivityFields reads the fields of all types, and of the shared ones those of activities.
func TestActivityFields(t *testing.T) {
	t.Parallel()
	fields, err := organization.ActivityFields(t.Context(), client(t))
	want := []organization.Field{
		{Of: "activity/actitype_1", Named: organization.Named{ID: "cf_n", Name: "Guests"}, Type: "number"},
		{Of: "activity/actitype_2", Named: organization.Named{ID: "cf_m", Name: "Menu"}, Type: "choices", Several: true, Choices: []string{"A"}},
		{Of: "activity", Named: organization.Named{ID: "cf_s", Name: "Shared"}, Type: "text", Shared: true},
	}
	if err != nil || !reflect.DeepEqual(fields, want) {
		t.Errorf("got %+v, %v", fields, err)
	}
}

// TestRead reads what is laborious to have in the emulator: a plan without a kind of types,
// a list of two pages, and a field that is shared among kinds of records.
func TestRead(t *testing.T) {
	t.Parallel()
	s, err := organization.Read(t.Context(), client(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.Organization.Name != "Two" || len(s.LeadStatuses) != 2 || s.LeadStatuses[0].ID != "stat_a" || fmt.Sprint(s.Unread) != "[custom_object_types]" {
		t.Errorf("got %+v", s)
	}
	text, err := s.Encode()
	if err != nil || bytes.Contains(text, []byte("@")) {
		t.Fatalf("%s %v", text, err)
	}
	lock, err := organization.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := lock.Encode(); err != nil || !bytes.Equal(again, text) {
		t.Errorf("another text after reading: %s %v", again, err)
	}
	if at := lock.At("contact cf_s"); at.Line == 0 || at == lock.At("lead cf_s") {
		t.Errorf("a shared field is at %v", at)
	}
	// A later state that could read more, and less.
	now := *s
	now.Unread, now.ActivityTypes, now.CustomFields = []string{"custom_activity_types"}, nil, s.CustomFields[1:]
	now.ObjectTypes = []organization.Named{{ID: "cotype_1", Name: "Car"}}
	if diff := organization.Diff(s, &now); len(diff) != 0 {
		t.Errorf("what could not be read is compared: %v", diff)
	}
	now.Unread = nil
	if diff := organization.Diff(s, &now); len(diff) != 2 { // the type and its field
		t.Errorf("got %v", diff)
	}
}
