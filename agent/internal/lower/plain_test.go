package lower_test

import (
	"testing"

	"github.com/closekit/closekit/agent/internal/lower"
)

// TestPlain tests which inputs are read as the strict form: those that give every
// parameter which a strict definition shows.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tool, in, want string }{
		{"close_pipeline_update", `{"pipeline_id":"pipe_a","name":null,"statuses":[{"id":"stat_a"}]}`, `{"pipeline_id":"pipe_a","statuses":[{"id":"stat_a"}]}`},
		{"close_pipeline_update", `{"pipeline_id":"pipe_a","name":null}`, `{"pipeline_id":"pipe_a","name":null}`}, // may mean to clear it
		{"close_lead_update", `{"lead_id":"lead_a","name":null}`, `{"lead_id":"lead_a","name":null}`},             // has no strict form
		{"close_lead_create", `{"name":"A","description":null,"url":null,"status_id":null,"status":null,"contacts":null,"addresses":null,"custom_fields":[]}`, `{"name":"A","custom_fields":{}}`},
		{"close_note_create", `{"lead_id":"lead_a","more":{"note":null}}`, `{"lead_id":"lead_a","note":null}`},
	} {
		got, err := lower.Plain(find(t, c.tool), []byte(c.in))
		if err != nil || !sameJSON(got, []byte(c.want)) {
			t.Errorf("%s %s: %s, %v, want %s", c.tool, c.in, got, err, c.want)
		}
	}
	if _, err := lower.Plain(find(t, "close_note_create"), []byte(`{"note":"a","more":{"note":null}}`)); err == nil {
		t.Error("a parameter that is given twice is accepted")
	}
}
