package ir

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/manifest"
)

func TestThirdPerson(t *testing.T) {
	for in, want := range map[string]string{
		"Create a lead.":  "creates a lead.",
		"Fetch one lead.": "fetches one lead.",
		"Push it.":        "pushes it.",
		"Miss it.":        "misses it.",
		"Fix it.":         "fixes it.",
		"Copy a lead.":    "copies a lead.",
		"Say who.":        "says who.",
		"Do it.":          "does it.",
		"List leads.":     "lists leads.",
	} {
		if got := thirdPerson(in); got != want {
			t.Errorf("thirdPerson(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestArticles(t *testing.T) {
	for in, want := range map[string]string{
		"A lead.":        "T is a lead.",
		"The answer.":    "T is the answer.",
		"Answer to it.":  "T: answer to it.",
		"SMS of a lead.": "T: SMS of a lead.",
		"":               "T is an object of the API.",
	} {
		if got := typeDoc("T", in); got != want {
			t.Errorf("typeDoc(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "A": "a", "ID of it": "ID of it", "Über": "über"} {
		if got := lowerFirst(in); got != want {
			t.Errorf("lowerFirst(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHumanize(t *testing.T) {
	for in, want := range map[string]string{"_fields": "Fields.", "lead_id": "Lead id.", "date_created__gte": "Date created gte.", "_": ""} {
		if got := humanize(in); got != want {
			t.Errorf("humanize(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRoutePath(t *testing.T) {
	for in, want := range map[string]string{
		"/lead/":                           "/lead/",
		"/lead/{lead_id}/":                 "/lead/{id}/",
		"/lead/{lead_id}/merge/":           "/lead/{id}/merge/",
		"/lead/{lead_id}/part/{part_id}/x": "/lead/{id}/part/{part_id}/x",
	} {
		if got := routePath(&manifest.Tool{Path: in}); got != want {
			t.Errorf("routePath(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIDPattern(t *testing.T) {
	for want, k := range map[string]*manifest.IDKind{
		"^[a-z0-9]+_[A-Za-z0-9]+$":                           nil,
		"^lead_[A-Za-z0-9]+$":                                {Name: "lead", Prefixes: []string{"lead"}},
		"^(task_[A-Za-z0-9]+|noti_[A-Za-z0-9]+)$":            {Name: "task", Prefixes: []string{"task", "noti"}},
		"^(admin|user|role_[A-Za-z0-9]+)$":                   {Name: "role", Prefixes: []string{"role"}, Literals: []string{"admin", "user"}},
		"^(a|b_[A-Za-z0-9]+|c_[A-Za-z0-9]+|d_[A-Za-z0-9]+)$": {Name: "x", Prefixes: []string{"b", "c", "d"}, Literals: []string{"a"}},
	} {
		if got := idPattern(k); got != want {
			t.Errorf("idPattern(%+v) = %q, want %q", k, got, want)
		}
	}
}

// TestOrder checks that JSON keeps the order of members and does not escape
// what is not HTML.
func TestOrder(t *testing.T) {
	inner := object{{"z", 1}, {"a", json.RawMessage(`"<b> & c"`)}}
	got, err := encode(object{{"second", inner}, {"first", []string{"<p>"}}})
	if want := `{"second":{"z":1,"a":"<b> & c"},"first":["<p>"]}`; err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	if _, err := encode(object{{"bad", func() {}}}); err == nil {
		t.Error("a function was encoded")
	}
}
