package shape_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/shape"
)

func fields(names ...string) []closekit.ShowField {
	var list []closekit.ShowField
	for _, n := range names {
		list = append(list, closekit.ShowField{Name: n})
	}
	return list
}

// TestListsSayOnce tests what a list says once instead of in every record, and when it
// does not.
func TestListsSayOnce(t *testing.T) {
	t.Parallel()
	contact := fields("id", "lead_id", "name", "title", "emails.email")
	for name, c := range map[string]struct {
		show      []closekit.ShowField
		raw, want string
	}{
		"lead and names once": {
			contact,
			`[{"id":"a","lead_id":"lead_1","name":"Ann","title":"CTO"},{"id":"b","lead_id":"lead_1","name":"Bo","title":"CEO","emails":[{"email":"b@x"}]},{"id":"c","lead_id":"lead_2","name":"Cy","emails":[{"email":"c@x"},{"email":"d@x"}]}]`,
			`Columns: ["id","name","title","emails"]
lead_id lead_1:
["a","Ann","CTO"]
["b","Bo","CEO",["b@x"]]
lead_id lead_2:
["c","Cy",null,["c@x","d@x"]]`,
		},
		"shared by all": {
			contact,
			`[{"id":"a","lead_id":"lead_1","name":"Ann"},{"id":"b","lead_id":"lead_1","name":"Bo"},{"id":"c","lead_id":"lead_1","name":"Cy"}]`,
			"All of them: {\"lead_id\":\"lead_1\"}\nColumns: [\"id\",\"name\"]\n[\"a\",\"Ann\"]\n[\"b\",\"Bo\"]\n[\"c\",\"Cy\"]",
		},
		"a lead again": { // in the order of Close: a group is what follows its line
			fields("id", "lead_id"),
			`[{"id":"a","lead_id":"lead_1"},{"id":"b","lead_id":"lead_1"},{"id":"c","lead_id":"lead_2"},{"id":"d","lead_id":"lead_2"},{"id":"e","lead_id":"lead_2"},{"id":"f","lead_id":"lead_1"}]`,
			"lead_id lead_1:\n{\"id\":\"a\"}\n{\"id\":\"b\"}\nlead_id lead_2:\n{\"id\":\"c\"}\n{\"id\":\"d\"}\n{\"id\":\"e\"}\nlead_id lead_1:\n{\"id\":\"f\"}",
		},
		"own leads": {
			fields("id", "lead_id"),
			`[{"id":"a","lead_id":"lead_1"},{"id":"b","lead_id":"lead_2"},{"id":"c","lead_id":"lead_3"}]`,
			"Columns: [\"id\",\"lead_id\"]\n[\"a\",\"lead_1\"]\n[\"b\",\"lead_2\"]\n[\"c\",\"lead_3\"]",
		},
		"one has no lead": {
			fields("id", "lead_id", "n"),
			`[{"id":"a","lead_id":"lead_1","n":1},{"id":"b","lead_id":"lead_1","n":2},{"id":"c","lead_id":"lead_1","n":3},{"id":"d","lead_id":null,"n":4}]`,
			"Columns: [\"id\",\"lead_id\",\"n\"]\n[\"a\",\"lead_1\",1]\n[\"b\",\"lead_1\",2]\n[\"c\",\"lead_1\",3]\n[\"d\",null,4]",
		},
		"no id": { // what is not plainly an id is never written without quotes
			fields("id", "lead_id", "n"),
			`[{"id":"a","lead_id":"x:\n[\"b\"]","n":1},{"id":"b","lead_id":"x:\n[\"b\"]","n":2},{"id":"c","lead_id":"lead_1","n":3},{"id":"d","lead_id":"lead_1","n":4}]`,
			"Columns: [\"id\",\"lead_id\",\"n\"]\n[\"a\",\"x:\\n[\\\"b\\\"]\",1]\n[\"b\",\"x:\\n[\\\"b\\\"]\",2]\n[\"c\",\"lead_1\",3]\n[\"d\",\"lead_1\",4]",
		},
		"sparse": {
			fields("id", "a", "b", "c"),
			`[{"id":"1","a":1},{"id":"2","b":1},{"id":"3","c":1}]`,
			"{\"id\":\"1\",\"a\":1}\n{\"id\":\"2\",\"b\":1}\n{\"id\":\"3\",\"c\":1}",
		},
		"two":    {fields("id", "n"), `[{"id":"1","n":1},{"id":"2","n":2}]`, "{\"id\":\"1\",\"n\":1}\n{\"id\":\"2\",\"n\":2}"},
		"secret": {fields("id", "n", "api_key"), `[{"id":"1","n":1,"api_key":"k"},{"id":"2","n":2,"api_key":"k2"},{"id":"3","n":3,"api_key":"k3"}]`, "Columns: [\"id\",\"n\"]\n[\"1\",1]\n[\"2\",2]\n[\"3\",3]"},
		"wide": {
			fields("a", "b", "c", "d", "e", "f", "g", "h", "id"),
			`[{"id":"1","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1},{"id":"2","a":2,"b":2,"c":2,"d":2,"e":2,"f":2,"g":2,"h":2},{"id":"3","a":3,"b":3,"c":3,"d":3,"e":3,"f":3,"g":3,"h":3}]`,
			`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"id":"1"}
{"a":2,"b":2,"c":2,"d":2,"e":2,"f":2,"g":2,"h":2,"id":"2"}
{"a":3,"b":3,"c":3,"d":3,"e":3,"f":3,"g":3,"h":3,"id":"3"}`,
		},
		"no objects": {
			fields("id", "n"),
			`[{"id":"1","n":1},"x",{"id":"3","n":3},{"id":"4","n":4}]`,
			"Columns: [\"id\",\"n\"]\n[\"1\",1]\n\"x\"\n[\"3\",3]\n[\"4\",4]",
		},
		"times": {
			fields("id", "at"),
			`[{"id":"1","at":"2026-06-19T12:05:28.327000+00:00"},{"id":"2","at":"2026-06-19T12:05:29+00:00"},{"id":"3","at":"2026-06-19T12:05:28+02:00"},{"id":"4","at":"2026-06-19T12:05:28.+00:00"}]`,
			"Columns: [\"id\",\"at\"]\n[\"1\",\"2026-06-19T12:05:28Z\"]\n[\"2\",\"2026-06-19T12:05:29Z\"]\n[\"3\",\"2026-06-19T12:05:28+02:00\"]\n[\"4\",\"2026-06-19T12:05:28.+00:00\"]",
		},
	} {
		spec := shape.Spec{Budget: 4000, Show: c.show}
		got, _, _ := strings.Cut(spec.Answer(shape.Parse([]byte(c.raw))), "\n"+shape.Thousands(strings.Count(c.raw, `"id":`)))
		if got = strings.TrimSuffix(got, "\n4 shown; that is all"); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestTableWithinBudget tests that a table whose texts are long says what was cut, and
// never has more than its budget.
func TestTableWithinBudget(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 40, 400} {
		var records []string
		for i := range n {
			records = append(records, fmt.Sprintf(`{"id":"acti_%d","lead_id":"lead_%d","note":%q}`, i, i/4, strings.Repeat("Ann asked for more. ", 40)))
		}
		spec := shape.Spec{Budget: 1500, Show: fields("id", "lead_id", "note"), Whole: "close_note_get", Pages: true}
		text := spec.Answer(shape.Parse([]byte(`{"data":[` + strings.Join(records, ",") + `]}`)))
		if shape.Tokens([]byte(text)) > 1500 {
			t.Errorf("%d records: %d tokens", n, shape.Tokens([]byte(text)))
		}
		if !strings.Contains(text, `…"`) || !strings.Contains(text, "Cut: note. More of it: close_note_get with _fields note.") {
			t.Errorf("%d records: the answer does not say what was cut:\n%s", n, text)
		}
		if n > 40 && !strings.Contains(text, "of this page did not fit") {
			t.Errorf("%d records: the answer does not say how many were left out", n)
		}
	}
}
