package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

const allKnown = "the parameters are lead_id, key, name, status, label, count, _skip, value and 29 more"

// TestInput decodes a tool's input strictly. The required parameters are added
// unless the input starts with a space.
func TestInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about, in string
		want      []string
	}{
		{"required", " {}", []string{"lead_id: is required (find one with close_leads_list)", "key: is required"}},
		{"nothing is an empty object", " ", []string{"lead_id: is required (find one with close_leads_list)", "key: is required"}},
		{"unknown, near", `{"statsu":"won"}`, []string{`statsu: is not a known parameter (did you mean "status"?)`}},
		{"unknown, near an alias", `{"colums":["a"]}`, []string{`colums: is not a known parameter (did you mean "columns"?)`}},
		{"unknown, far", `{"zzzzzzzzzzzz":1}`, []string{"zzzzzzzzzzzz: is not a known parameter (" + allKnown + ")"}},
		{"letter case", `{"Name":"x"}`, []string{`Name: is not a known parameter (did you mean "name"?)`}},
		{"twice", `{"name":"a","name":"b"}`, []string{"name: is given twice"}},
		{"twice by escape", `{"name":"a","n\u0061me":"b"}`, []string{"name: is given twice"}},
		{"twice unknown", `{"statsu":"a","statsu":"b"}`, []string{"statsu: is given twice", `statsu: is not a known parameter (did you mean "status"?)`}},
		{"alias and name", `{"fields":["a"],"_fields":["b"]}`, []string{"fields: is another name for _fields, which is given too (give only one)"}},
		{"two aliases", `{"fields":["a"],"columns":["b"]}`, []string{"columns: is another name for _fields, which is given too (give only one)"}},
		{"alias twice", `{"fields":["a"],"fields":["b"]}`, []string{"fields: is given twice"}},
		{"alias with map, bad", `{"pause":"yes"}`, []string{`pause: must be one of true, false, got "yes" (or use status)`}},
		{"alias with map and name", `{"pause":true,"status":"won"}`, []string{"pause: is another name for status, which is given too (give only one)"}},
		{"wrong types", `{"name":5,"count":"5","score":"x","done":1,"_fields":{},"contacts":5,"home":[],"contact_id":7,"flag":"true","value":true}`, []string{
			"name: must be a string, got 5", `count: must be an integer, got "5"`, `value: must be an integer amount in cents, got true (write $12,000 as 1200000)`,
			`score: must be a number, got "x"`, "done: must be true or false, got 1", "_fields: must be a list, got {}", "contacts: must be a list, got 5", "home: must be an object, got []",
			`flag: must be true or false, got "true"`, "contact_id: must be a string, got 7 (find one with close_contacts_list. They belong to leads.)",
		}},
		{"custom fields of the wrong type", `{"custom_fields":[]}`, []string{"custom_fields: must be an object, got []"}},
		{"a required one that cannot be read is not missing", ` {"lead_id":5,"key":null}`, []string{
			"lead_id: must be a string, got 5 (find one with close_leads_list)", "key: is required",
		}},
		{"values and types at once", `{"count":500,"name":7}`, []string{"name: must be a string, got 7", "count: must be from 0 to 100, got 500"}},
		{"cents with a fraction", `{"value":12.5}`, []string{"value: must be an integer amount in cents, got 12.5 (write 12.50 dollars as 1250)"}},
		{"cents like 19.99", `{"value":19.99}`, []string{"value: must be an integer amount in cents, got 19.99 (write 19.99 dollars as 1999)"}},
		{"negative cents", `{"value":-0.05}`, []string{"value: must be an integer amount in cents, got -0.05 (write -0.05 dollars as -5)"}},
		{"dollars with a point", `{"value":12000.00}`, []string{"value: must be an integer amount in cents, got 12000.00 (write 12000.00 dollars as 1200000)"}},
		{"dollars with a point, one digit", `{"value":12000.0}`, []string{"value: must be an integer amount in cents, got 12000.0 (write 12000.00 dollars as 1200000)"}},
		{"dollars with a point, many digits", `{"value":-12000.5000}`, []string{"value: must be an integer amount in cents, got -12000.5000 (write -12000.50 dollars as -1200050)"}},
		{"dollars with a point, large", `{"value":90071992547409.93}`, []string{"value: must be an integer amount in cents, got 90071992547409.93 (write 90071992547409.93 dollars as 9007199254740993)"}},
		{"dollars with a point and an exponent", `{"value":1.2e4}`, []string{"value: must be an integer amount in cents, got 1.2e4 (write $12,000 as 1200000)"}},
		{"a third of a dollar", `{"value":0.333}`, []string{"value: must be an integer amount in cents, got 0.333 (write $12,000 as 1200000)"}},
		{"cents as text", `{"value":"$12,000"}`, []string{`value: must be an integer amount in cents, got "$12,000" (write $12,000 as 1200000)`}},
		{"too much money", `{"value":1e300}`, []string{"value: must be an integer amount in cents, got 1e300 (write $12,000 as 1200000)"}},
		{"2 to the 63rd", `{"value":9223372036854775808,"amount":9223372036854775808.0}`, []string{
			"value: must be an integer amount in cents, got 9223372036854775808 (write $12,000 as 1200000)", "amount: must be an integer, got 9223372036854775808.0",
		}},
		{"integers with a fraction", `{"count":1.5,"amount":1e400}`, []string{"count: must be an integer, got 1.5", "amount: must be an integer, got 1e400"}},
		{"numbers beyond a float", `{"score":1e400}`, []string{"score: must be a number, got 1e400"}},
		{"nested unknown", `{"contacts":[{"nam":"x","emails":[{"mail":"a@b","email":"a@b"}]},{"secret":"s","late":"l"}]}`, []string{
			`contacts[0].emails[0].mail: is not a known parameter (did you mean "email"?)`,
			`contacts[0].nam: is not a known parameter (did you mean "name"?)`,
			`contacts[1].late: is not a known parameter (the parameters are name, emails, custom_fields)`,
		}},
		{"nested twice", `{"home":{"city":"a","city":"b"}}`, []string{"home.city: is given twice"}},
		{"nested wrong type", `{"contacts":["Jane",{"emails":"a@b"},null,{"emails":["a@b"]}]}`, []string{
			`contacts[0]: must be an object, got "Jane"`, `contacts[1].emails: must be a list, got "a@b"`, "contacts[2]: must be an object, got null", `contacts[3].emails[0]: must be an object, got "a@b"`,
		}},
		{"elements of the wrong type", `{"contact_ids":["cont_a",5,"x"],"_fields":["a",null]}`, []string{
			"_fields[1]: must be a string, got null", "contact_ids[1]: must be a string, got 5 (find one with close_contacts_list. They belong to leads.)",
			`contact_ids[2]: must be a contact id such as cont_…, got "x" (find one with close_contacts_list. They belong to leads.)`,
		}},
		{"a body list joined by commas", `{"contact_ids":"cont_a,cont_b"}`, []string{`contact_ids: must be a list, got "cont_a,cont_b" (give a list such as ["a", "b"], also for one)`}},
		{"custom fields by name", `{"custom.Industry":"x","custom_fields":{"cf_b.add":"x"}}`, []string{
			"custom_fields.cf_b.add: .add is for updates (give the whole list under cf_b)",
			`custom_fields.Industry: must be named by a custom field id such as cf_…, got "Industry" (list the ids with the custom field tools; names are not accepted)`,
		}},
		{"custom fields both ways", `{"custom.cf_a":"x","custom_fields":{"cf_a":"y"}}`, []string{"custom_fields.cf_a: is given twice"}},
		{"custom field twice", `{"custom_fields":{"cf_a":"y","cf_a":"z"}}`, []string{"custom_fields.cf_a: is given twice"}},
		{"not an object", ` [1]`, []string{"input must be a JSON object, got [1]"}},
		{"text", ` "x"`, []string{`input must be a JSON object, got "x"`}},
		{"null", ` null`, []string{"input must be a JSON object, got null"}},
		{"broken", ` {"a":`, []string{"input must be a JSON object, got invalid JSON at byte 5"}},
		{"long values are shortened", `{"count":"` + strings.Repeat("é", 100) + `"}`, []string{`count: must be an integer, got "` + strings.Repeat("é", 29) + `…`}},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			in := c.in
			if !strings.HasPrefix(in, " ") {
				in = `{"lead_id":"lead_a","key":"k",` + in[1:]
			}
			_, err := create.Parse([]byte(in))
			expect(t, err, c.want...)
		})
	}
}

func TestInputRepairs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about string
		op    *wire.Operation
		in    string
		query string
		body  string // without the preset kind
	}{
		{"nothing", &create, `{}`, "", ``},
		{"aliases", &create, `{"fields":["a","b"],"pause":true}`, "_fields=a,b", `"status":"lost"`},
		{"alias for a path parameter", &create, `{"lead":"lead_b"}`, "", ``},
		{"list as JSON text", &create, `{"contact_ids":"[\"cont_a\", \"cont_b\"]"}`, "", `"contact_ids":["cont_a","cont_b"]`},
		{"list of objects as JSON text", &create, `{"contacts":" [{\"name\":\"x\"}] "}`, "", `"contacts":[{"name":"x"}]`},
		{"object as JSON text", &create, `{"home":"{\"city\":\"x\",\"inside\":\"{\\\"city\\\":\\\"y\\\"}\"}"}`, "", `"home":{"city":"x","inside":{"city":"y"}}`},
		{"element as JSON text", &create, `{"contacts":["{\"name\":\"x\"}"]}`, "", `"contacts":[{"name":"x"}]`},
		{"custom fields as JSON text", &create, `{"custom_fields":"{\"cf_a\":1}"}`, "", `"custom.cf_a":1`},
		{"a query list joined by commas", &create, `{"_fields":"id, name,x"}`, "_fields=id,name,x", ``},
		{"one string for a query list", &create, `{"_fields":"id"}`, "_fields=id", ``},
		{"whole floats", &create, `{"value":12e4,"count":5.0,"amount":1e3,"_skip":0.0}`, "_skip=0", `"count":5,"value":120000,"amount":1000`},
		{"large integers stay exact", &create, `{"value":9007199254740993,"amount":9223372036854775807}`, "", `"value":9007199254740993,"amount":9223372036854775807`},
		{"null for a list that can be null", &create, `{"anys":null}`, "", `"anys":[]`},
		{"null for an object", &create, `{"home":null,"custom_fields":null}`, "", ``},
		{"null for what cannot be null", &create, `{"status":null,"label":null,"value":null,"score":null,"done":null,"date":null,"when":null,"email":null,"contacts":null,"home":null,"contact_ids":null,"_fields":null,"flag":null,"filter":null,"contact_id":null,"custom_fields":null,"fields":null,"pause":null}`, "", ``},
		{"null in the query of an update", &update, `{"_fields":null,"flag":null}`, "", ``},
		{"null in a nested object", &create, `{"contacts":[{"name":null,"emails":[{"email":"a@b","type":null}]},{"emails":null}],"home":{"city":"x","inside":null}}`, "", `"contacts":[{"name":null,"emails":[{"email":"a@b"}]},{}],"home":{"city":"x"}`},
		{"null in a nested object of an update", &update, `{"contacts":[{"late":null,"emails":[{"email":"a@b","type":null}]}]}`, "", `"contacts":[{"emails":[{"email":"a@b"}]}]`},
		{"what a response has besides", &create, `{"contacts":[{"name":"x","secret":"s"}]}`, "", `"contacts":[{"name":"x"}]`},
		{"what a response has besides, in an update", &update, `{"contacts":"[{\"name\":\"x\",\"secret\":{}}]"}`, "", `"contacts":[{"name":"x"}]`},
		{"null", &create, `{"name":null,"any":null}`, "", `"name":null,"any":null`},
		{"custom fields as a map and as keys", &create, `{"custom_fields":{"cf_a":"x","custom.cf_b":[1]},"custom.lcf_c":null}`, "", `"custom.cf_a":"x","custom.cf_b":[1],"custom.lcf_c":null`},
		{"nested custom fields", &create, `{"contacts":[{"custom.cf_a":"x","custom_fields":{"cf_b":2}}]}`, "", `"contacts":[{"custom.cf_b":2,"custom.cf_a":"x"}]`},
		{"add and remove", &update, `{"custom.cf_a.add":"x","custom_fields":{"cf_a.remove":"y"}}`, "", `"custom.cf_a.remove":"y","custom.cf_a.add":"x"`},
		{"what updates have besides", &update, `{"contacts":[{"late":"l"}]}`, "", `"contacts":[{"late":"l"}]`},
		{"raw", &create, `{"any":{"b":[1.0,{"x":null}]},"anys":[1,"x",{}],"filter":{"a":"b"}}`, "filter=%7B%22a%22:%22b%22%7D", `"any":{"b":[1.0,{"x":null}]},"anys":[1,"x",{}]`},
		{"text stays text", &create, `{"name":"[1]","query":"{\"a\":1}","label":"a,b"}`, "query=%7B%22a%22:1%7D", `"name":"[1]","label":"a,b"`},
		{"everything else", &create, `{"score":12.5,"done":false,"date":"2026-01-02","when":"2026-01-02T03:04:05Z","flag":false,"factor":1e-7,"role_id":"admin"}`, "flag=false&factor=1e-7", `"score":12.5,"done":false,"date":"2026-01-02","when":"2026-01-02T03:04:05Z","role_id":"admin"`},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			var in map[string]json.RawMessage
			if err := json.Unmarshal([]byte(c.in), &in); err != nil {
				t.Fatal(err)
			}
			rest := strings.TrimPrefix(c.in, "{")
			if rest != "}" {
				rest = "," + rest
			}
			lead := `"lead_id":"lead_a",`
			if _, ok := in["lead"]; ok {
				lead = ""
			}
			p, err := c.op.Parse([]byte("{" + lead + `"key":"k"` + rest))
			if err != nil {
				t.Fatal(err)
			}
			got := send(t, c.op, p)
			body, err := reference([]byte(got.body))
			if err != nil {
				t.Fatal(err)
			}
			sep := ","
			if c.body == "" {
				sep = ""
			}
			want, err := reference([]byte(`{"kind":"lead"` + sep + c.body + "}"))
			if err != nil {
				t.Fatal(err)
			}
			if got.query != c.query || !same(body, want, false) || strings.Contains(got.body, "lead_a") {
				t.Errorf("query %s, want %s\nbody %s, want %s", got.query, c.query, got.body, c.body)
			}
		})
	}
}

// TestNullInUpdates reports a null that would clear what cannot be cleared.
func TestNullInUpdates(t *testing.T) {
	t.Parallel()
	const keep = "cannot be cleared, got null (leave it out to keep its value"
	_, err := update.Parse([]byte(`{"lead_id":null,"key":null,"name":null,"status":null,"value":null,"done":null,"contacts":null,"home":null,"custom_fields":null}`))
	expect(t, err, "lead_id: is required (find one with close_leads_list)", "key: is required", "status: "+keep+")", "value: "+keep+")", "done: "+keep+")",
		"contacts: "+keep+", or give [] to empty it)", "home: "+keep+")", "custom_fields: cannot be cleared, got null (give null for the single fields)")
	p := valid() // in Go, null is written on purpose
	p.Status = closekit.Null[closedEnum]()
	expect(t, create.Validate(p), "status: cannot be null, got null (leave it out instead)")
}

// TestInputIsTheCallers modifies the input after it was decoded.
func TestInputIsTheCallers(t *testing.T) {
	t.Parallel()
	in := []byte(`{"lead_id":"lead_abcdefgh","key":"key","any":{"a":"bcdefgh"},"anys":["abcdefgh"],"custom.cf_a":"abcdefgh","contact_ids":["cont_abcdefgh"]}`)
	p, err := create.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%s", send(t, &create, p))
	for i := range in {
		in[i] = '#'
	}
	if after := fmt.Sprintf("%s", send(t, &create, p)); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// plain has required parameters of every kind.
type plain struct {
	Int    int               `json:"int" close:"required,min=0,max=9"`
	Cents  closekit.Cents    `json:"cents" close:"required"`
	Float  float64           `json:"float" close:"required"`
	Bool   bool              `json:"bool" close:"required"`
	List   []string          `json:"list" close:"required"`
	Object *place            `json:"object" close:"required"`
	Raw    json.RawMessage   `json:"raw" close:"required"`
	Map    map[string]string `json:"map"` // received only
}

func TestPlainParameters(t *testing.T) {
	t.Parallel()
	op := &wire.Operation{Operation: closekit.Operation{Tool: "close_plain", Path: "/"}, Params: func() any { return new(plain) }}
	p, err := op.Parse([]byte(`{"int":5,"cents":1e3,"float":0.5,"bool":true,"list":["a"],"object":{"city":"x"},"raw":{"a":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, op, p); got.body != `{"int":5,"cents":1000,"float":0.5,"bool":true,"list":["a"],"object":{"city":"x"},"raw":{"a":1}}` {
		t.Error(got.body)
	}
	for in, want := range map[string][]string{
		`{"int":null,"cents":null,"float":null,"bool":null,"list":null,"object":null,"raw":null}`: {
			"int: is required", "cents: is required", "float: is required", "bool: is required", "list: is required", "object: is required", "raw: is required",
		},
		`{"int":10,"cents":0.5,"float":"1","bool":"true","list":[],"object":{},"raw":[]}`: {
			"cents: must be an integer amount in cents, got 0.5 (write 0.50 dollars as 50)",
			`float: must be a number, got "1"`, `bool: must be true or false, got "true"`, "object.city: is required", "int: must be from 0 to 9, got 10", "list: is required",
		},
		`{}`: {"int: is required", "cents: is required", "float: is required", "bool: is required", "list: is required", "object: is required", "raw: is required"},
	} {
		_, err := op.Parse([]byte(in))
		expect(t, err, want...)
	}
}

type noParams struct{}

func TestNoParameters(t *testing.T) {
	t.Parallel()
	op := &wire.Operation{Operation: closekit.Operation{Tool: "close_me_get"}, Params: func() any { return new(noParams) }}
	_, err := op.Parse([]byte(`{"id":1}`))
	expect(t, err, "id: is not a known parameter (the tool takes no parameters)")
	if _, err := op.Parse(nil); err != nil {
		t.Error(err)
	}
}

// FuzzInput decodes any input: it must not panic, and accepted input must be sent as
// valid JSON.
func FuzzInput(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"lead_id":"lead_a","key":"k"}`, `{"contacts":"[{\"emails\":\"[]\"}]"}`, `{"home":"{\"inside\":{}}"}`, `{"custom_fields":"{}"}`, `{"value":1.0}`, `[`, `{"custom.":1}`,
		`{"lead_id":"lead_a","key":"k","any":{"a":[1]},"anys":[{}],"_fields":"a,b","custom.cf_a":[1,"x"],"contacts":[{"name":null}]}`, `{"fields":"[]","columns":null}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, upd bool) {
		op := &create
		if upd {
			op = &update
		}
		p, err := op.Parse(in)
		if err != nil {
			if len(problems(t, err)) == 0 || err.Error() == "" {
				t.Fatal("an error without a problem")
			}
			return
		}
		if got := send(t, op, p); !json.Valid([]byte(got.body)) {
			t.Fatalf("%q sends %q", in, got.body)
		}
	})
}
