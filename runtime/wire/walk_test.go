package wire_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var v *closekit.ValidationError
	if !errors.As(err, &v) {
		t.Fatalf("%T: %v", err, err)
	}
	var list []string
	for _, p := range v.Problems {
		list = append(list, p.String())
	}
	return list
}

func expect(t *testing.T, err error, want ...string) {
	t.Helper()
	if got := problems(t, err); !reflect.DeepEqual(got, want) {
		t.Errorf("got:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// sent is an encoded request.
type sent struct{ path, query, body string }

func send(t *testing.T, op *wire.Operation, p any) sent {
	t.Helper()
	path, query, body, problems := wire.Encoded(op, p)
	for _, p := range problems {
		t.Errorf("unexpected problem: %s", p)
	}
	return sent{path, query, body}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	some := closekit.Some[string]
	for _, c := range []struct {
		about string
		op    *wire.Operation
		set   func(*params)
		want  []string
	}{
		{"nothing wrong", &create, func(*params) {}, nil},
		{"required", &create, func(p *params) { *p = params{} }, []string{
			"lead_id: is required (find one with close_leads_list)", "key: is required",
		}},
		{"null where it may be", &create, func(p *params) {
			p.Name, p.Count, p.Query, p.Any = closekit.Null[string](), closekit.Null[int](), closekit.Null[string](), json.RawMessage("null")
		}, nil},
		{"null where it may not be", &create, func(p *params) {
			p.Status, p.Value, p.Score, p.Done = closekit.Null[closedEnum](), closekit.Null[closekit.Cents](), closekit.Null[float64](), closekit.Null[bool]()
		}, []string{
			"status: cannot be null, got null (leave it out instead)", "value: cannot be null, got null (leave it out instead)",
			"score: cannot be null, got null (leave it out instead)", "done: cannot be null, got null (leave it out instead)",
		}},
		{"closed enum", &create, func(p *params) { p.Status = closekit.Some(closedEnum("Actve")) }, []string{`status: must be one of active, won, lost, got "Actve" (find one with close_statuses_list)`}},
		{"closed enum, another case", &create, func(p *params) { p.Status = closekit.Some(closedEnum("Active")) }, []string{`status: must be one of active, won, lost, got "Active" (did you mean "active"?)`}},
		{"closed enum, nothing near", &create, func(p *params) { p.Status = closekit.Some(closedEnum("quite another")) }, []string{`status: must be one of active, won, lost, got "quite another" (find one with close_statuses_list)`}},
		{"closed enum, empty", &create, func(p *params) { p.Status = closekit.Some(closedEnum("")) }, []string{`status: must be one of active, won, lost, got "" (find one with close_statuses_list)`}},
		{"open enum", &create, func(p *params) { p.Label = closekit.Some(openEnum("new value")) }, nil},
		{"characters, not bytes", &create, func(p *params) { p.Name = some("ééééé") }, nil},
		{"too long", &create, func(p *params) { p.Name = some("éééééé") }, []string{"name: must have at most 5 characters, got 6"}},
		{"bounds", &create, func(p *params) {
			p.Count = closekit.Some(101)
			p.Skip = closekit.Some(-1)
			p.Score = closekit.Some(9.99)
		}, []string{
			"count: must be from 0 to 100, got 101", "_skip: must be 0 or more, got -1", "score: must be 10 or more, got 9.99",
		}},
		{"at the bounds", &create, func(p *params) {
			p.Count = closekit.Some(100)
			p.Skip = closekit.Some(0)
			p.Score = closekit.Some(10.0)
		}, nil},
		{"below", &create, func(p *params) { p.Count = closekit.Some(-1) }, []string{"count: must be from 0 to 100, got -1"}},
		{"no number", &create, func(p *params) { p.Score = closekit.Some(math.NaN()); p.Factor = closekit.Some(math.Inf(-1)) }, []string{
			"score: must be a finite number, got NaN", "factor: must be a finite number, got -Inf",
		}},
		{"list size", &create, func(p *params) { p.Fields = []string{"a", "b", "c", "d"}; p.IDs = []contactID{} }, []string{
			"_fields: must have at most 3 elements, got 4", "contact_ids: must have at least 1 elements, got 0",
		}},
		{"comma in a query list", &create, func(p *params) { p.Fields = []string{"a", "b,c"} }, []string{
			`_fields[1]: must not contain a comma, got "b,c" (the list is sent joined by commas)`,
		}},
		{"an id of another kind", &create, func(p *params) { p.Lead = "cont_abc" }, []string{`lead_id: must be a lead id such as lead_…, got "cont_abc", a contact id (find one with close_leads_list)`}},
		{"an id of another kind in a list", &create, func(p *params) { p.IDs = []contactID{"cont_a", "lcont_b", "oppo_c"} }, []string{
			`contact_ids[2]: must be a contact id such as cont_…, got "oppo_c", an opportunity id (find one with close_contacts_list. They belong to leads.)`,
		}},
		{"an unknown prefix", &create, func(p *params) { p.Lead = "nlead_abc" }, nil},
		{"a label for an id", &create, func(p *params) { p.Contact = closekit.Some(contactID("Jane Doe")) }, []string{
			`contact_id: must be a contact id such as cont_…, got "Jane Doe" (find one with close_contacts_list. They belong to leads.)`,
		}},
		{"broken ids", &create, func(p *params) {
			p.IDs = []contactID{"", "cont", "cont_", "_a", "cont_a b", "cont_a/../b", "cont_é", "cont_a_b"}
		}, []string{
			`contact_ids[0]: must be a contact id such as cont_…, got "" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[1]: must be a contact id such as cont_…, got "cont" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[2]: must be a contact id such as cont_…, got "cont_" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[3]: must be a contact id such as cont_…, got "_a" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[4]: must be a contact id such as cont_…, got "cont_a b" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[5]: must be a contact id such as cont_…, got "cont_a/../b" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[6]: must be a contact id such as cont_…, got "cont_é" (find one with close_contacts_list. They belong to leads.)`,
			`contact_ids[7]: must be a contact id such as cont_…, got "cont_a_b" (find one with close_contacts_list. They belong to leads.)`,
		}},
		{"literal ids", &create, func(p *params) { p.Role = closekit.Some(roleID("admin")) }, nil},
		{"no literal id", &create, func(p *params) { p.Role = closekit.Some(roleID("boss")) }, []string{`role_id: must be a role id such as role_…, got "boss"`}},
		{"texts of a kind", &create, func(p *params) {
			p.Date, p.When, p.Either = closekit.Some(closekit.Date("1.2.2026")), closekit.Some(closekit.DateTime("2026-01-02")), closekit.Some(closekit.DateTime("soon"))
			p.Email, p.Phone, p.URL, p.TZ = some("ann"), some("none"), some("javascript:x"), some("New York")
		}, []string{
			`date: must be a date such as 2026-03-31, got "1.2.2026"`, `when: must be a time with offset such as 2026-03-31T15:04:05Z, got "2026-01-02"`,
			`either: must be a date such as 2026-03-31 or a time such as 2026-03-31T15:04:05Z, got "soon"`, `email: must be an email address, got "ann"`,
			`phone: must be a phone number, best with country code such as +14155550123, got "none"`, `url: must be a web address such as https://example.com, got "javascript:x"`,
			`timezone: must be a time zone name such as America/New_York, got "New York"`,
		}},
		{"dots in a path", &create, func(p *params) { p.Key = ".." }, []string{`key: must not be empty, "." or "..", got ".."`}},
		{"one dot in a path", &create, func(p *params) { p.Key = "." }, []string{`key: must not be empty, "." or "..", got "."`}},
		{"raw", &create, func(p *params) {
			p.Any = json.RawMessage(`{"a":`)
			p.Anys = []json.RawMessage{[]byte("1"), []byte("x")}
			p.Filter = json.RawMessage("]")
		}, []string{
			"any: must be valid JSON, got invalid JSON at byte 5", "anys: must be valid JSON, got invalid JSON at byte 3", "filter: must be valid JSON, got invalid JSON at byte 0",
		}},
		{"long values are shortened", &create, func(p *params) { p.Email = some(strings.Repeat("é", 100)) }, []string{
			`email: must be an email address, got "` + strings.Repeat("é", 30) + `"…`,
		}},
		{"nested, all at once", &create, func(p *params) {
			p.People = []person{
				{Emails: []mail{{Email: "a@b"}, {Email: "ann", Type: closekit.Some(mailType("hme"))}}},
				{Name: some("longer"), Emails: []mail{{}}},
			}
			p.Home = &place{City: "x", Inside: &place{Inside: &place{City: "y"}}}
			p.Count = closekit.Some(-5)
		}, []string{
			"count: must be from 0 to 100, got -5", `contacts[0].emails[1].email: must be an email address, got "ann"`,
			`contacts[0].emails[1].type: must be one of office, home, got "hme"`, "contacts[1].name: must have at most 5 characters, got 6",
			"contacts[1].emails[0].email: is required", "home.inside.city: is required",
		}},
		{"custom fields", &create, func(p *params) {
			p.Custom = closekit.CustomFields{
				{Key: "Industry", Value: closekit.CustomText("x")},
				{Key: "cf_", Value: closekit.CustomText("x")},
				{Key: "cf_a.b", Value: closekit.CustomText("x")},
				{Key: "cf_b."},
				{Key: "custom.cf_x"},
				{Key: "", Value: closekit.CustomText("")},
				{Key: "cf_c", Value: closekit.CustomText("ok")},
				{Key: "lcf_c"},
				{Key: "cf_c", Value: closekit.CustomText("again")},
			}
			p.Custom = append(p.Custom, closekit.CustomField{Key: "cf_d", Value: rawValue([]byte(`{"a":1}`))}, closekit.CustomField{Key: "cf_e", Value: rawValue([]byte(`[1`))})
			p.Custom.Add("cf_f", closekit.CustomText("x"))
		}, []string{
			`custom_fields.Industry: must be named by a custom field id such as cf_…, got "Industry" (list the ids with the custom field tools; names are not accepted)`,
			`custom_fields.cf_: must be named by a custom field id such as cf_…, got "cf_" (list the ids with the custom field tools; names are not accepted)`,
			`custom_fields.cf_a.b: may only end in .add or .remove, got "b"`, `custom_fields.cf_b.: may only end in .add or .remove, got ""`,
			`custom_fields.custom.cf_x: must be named by a custom field id such as cf_…, got "custom" (list the ids with the custom field tools; names are not accepted)`,
			`custom_fields.: must be named by a custom field id such as cf_…, got "" (list the ids with the custom field tools; names are not accepted)`,
			`custom_fields.cf_c: is given twice`, `custom_fields.cf_d: must be a text, a number, a list of texts or null, got {"a":1}`, `custom_fields.cf_e: must be valid JSON, got invalid JSON at byte 2`,
			`custom_fields.cf_f.add: .add is for updates (give the whole list under cf_f)`,
		}},
		{"custom fields of an update", &update, func(p *params) {
			p.Custom.Add("cf_a", closekit.CustomText("x"))
			p.Custom.Remove("cf_a", closekit.CustomText("y"))
			p.Custom.Clear("cf_b")
		}, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			p := valid()
			c.set(p)
			expect(t, c.op.Validate(p), c.want...)
		})
	}
}

func TestValidationErrorText(t *testing.T) {
	t.Parallel()
	err := create.Validate(&params{Key: "k"})
	if got := err.Error(); got != "close_thing_create: lead_id: is required (find one with close_leads_list)" {
		t.Error(got)
	}
	err = create.Validate(&params{})
	if got := err.Error(); got != "close_thing_create: 2 problems with the input\n  lead_id: is required (find one with close_leads_list)\n  key: is required" {
		t.Error(got)
	}
	if !closekit.IsValidation(err) {
		t.Error("IsValidation")
	}
}

func TestNestedTooDeep(t *testing.T) {
	t.Parallel()
	p := valid()
	for range 300 {
		p.Home = &place{City: "x", Inside: p.Home}
	}
	got := problems(t, create.Validate(p))
	if len(got) != 1 || !strings.HasSuffix(got[0], ".inside: is nested too deep") {
		t.Errorf("%.300q", got)
	}
	in := `{"lead_id":"lead_a","key":"k","home":` + strings.Repeat(`{"city":"x","inside":`, 150) + "null" + strings.Repeat("}", 150) + "}"
	if _, err := create.Parse([]byte(in)); err != nil {
		t.Error(err)
	}
	in = `{"lead_id":"lead_a","key":"k","home":` + strings.Repeat(`{"city":"x","inside":`, 250) + "null" + strings.Repeat("}", 250) + "}"
	if _, err := create.Parse([]byte(in)); err == nil {
		t.Error("accepted")
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	some := closekit.Some[string]
	for _, c := range []struct {
		about string
		op    *wire.Operation
		set   func(*params)
		want  sent
	}{
		{"nothing", &create, func(*params) {}, sent{body: `{"kind":"lead"}`}},
		{"a preset is overruled", &create, func(p *params) { p.Kind = closekit.Some(kindEnum("call")) }, sent{body: `{"kind":"call"}`}},
		{"values", &create, func(p *params) {
			p.Name, p.Count, p.Value, p.Score, p.Done, p.Amount = some("a\"é"), closekit.Some(0), closekit.Some(closekit.Cents(1200050)), closekit.Some(12.5), closekit.Some(false), closekit.Some(math.MinInt)
		}, sent{body: `{"name":"a\"é","count":0,"value":1200050,"score":12.5,"done":false,"kind":"lead","amount":-9223372036854775808}`}},
		{"nulls", &create, func(p *params) {
			p.Name, p.Count, p.Query, p.Any = closekit.Null[string](), closekit.Null[int](), closekit.Null[string](), json.RawMessage("null")
		}, sent{query: "query=", body: `{"name":null,"count":null,"any":null,"kind":"lead"}`}},
		{"empty values", &create, func(p *params) { p.Name = some(""); p.People = []person{}; p.Anys = []json.RawMessage{} }, sent{body: `{"name":"","contacts":[],"anys":[],"kind":"lead"}`}},
		{"rich text is wrapped", &create, func(p *params) { p.Note = some("<p>x</p>") }, sent{body: `{"note_html":"<body><p>x</p></body>","kind":"lead"}`}},
		{"rich text is wrapped once", &create, func(p *params) { p.Note = some(" \n<body class='a'>x</body>") }, sent{body: `{"note_html":" \n<body class='a'>x</body>","kind":"lead"}`}},
		{"no body element", &create, func(p *params) { p.Note = some("<bodyguard>") }, sent{body: `{"note_html":"<body><bodyguard></body>","kind":"lead"}`}},
		{"query", &create, func(p *params) {
			p.Skip, p.Flag, p.Factor, p.Query, p.Fields, p.Filter = closekit.Some(100), closekit.Some(true), closekit.Some(0.5), some("a b&c=d+e/é%?#;"), []string{"id", "custom.cf_a"}, json.RawMessage(`{"a":1}`)
		}, sent{query: "_skip=100&_fields=id,custom.cf_a&flag=true&factor=0.5&query=a+b%26c%3Dd%2Be%2F%C3%A9%25%3F%23%3B&filter=%7B%22a%22:1%7D", body: `{"kind":"lead"}`}},
		{"path", &create, func(p *params) { p.Key = "a b/../c?d#e%2f\\é" }, sent{path: "/thing/lead_abc/a%20b%2F..%2Fc%3Fd%23e%252f%5C%C3%A9/", body: `{"kind":"lead"}`}},
		{"nested", &create, func(p *params) {
			p.People = []person{{Name: closekit.Null[string](), Emails: []mail{{Email: "a@b"}}, Secret: some("s"), Late: some("l")}, {}}
			p.People[1].Custom.Set("cf_a", closekit.CustomTexts("x", "y"))
			p.Home = &place{City: "x"}
		}, sent{body: `{"contacts":[{"name":null,"emails":[{"email":"a@b"}]},{"custom.cf_a":["x","y"]}],"home":{"city":"x"},"kind":"lead"}`}},
		{"nested in an update", &update, func(p *params) {
			p.People = []person{{Late: some("l"), Secret: some("s")}}
		}, sent{body: `{"contacts":[{"late":"l"}],"kind":"lead"}`}},
		{"what a result knew besides is not sent", &create, func(p *params) {
			var v person
			if err := json.Unmarshal([]byte(`{"name":"n","id":"cont_a","secret":"s","emails":[],"odd":1}`), &v); err != nil {
				t.Error(err)
			}
			p.People = []person{v}
		}, sent{body: `{"contacts":[{"name":"n","emails":[]}],"kind":"lead"}`}},
		{"custom fields", &update, func(p *params) {
			p.Custom.Set("cf_a", closekit.CustomNumber(1.5))
			p.Custom.Set("custom.lcf_b", closekit.CustomTexts[string]())
			p.Custom.Clear("cf_c")
			p.Custom.Add("cf_d", closekit.CustomText("x"))
			p.Custom.Remove("cf_d", closekit.CustomInteger(-3))
		}, sent{body: `{"kind":"lead","custom.cf_a":1.5,"custom.lcf_b":[],"custom.cf_c":null,"custom.cf_d.add":"x","custom.cf_d.remove":-3}`}},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			p := valid()
			c.set(p)
			if c.want.path == "" {
				c.want.path = "/thing/lead_abc/k/"
			}
			if got := send(t, c.op, p); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// addressed are parameters with special places and names.
type addressed struct {
	Place  string               `json:"place" close:"path,required,segments"`
	Part   string               `json:"part" close:"path,required"`
	Filter closekit.Opt[string] `json:"filter_name" close:"query,key=name"`
	Name   closekit.Opt[string] `json:"name"`
	Alone  closekit.Opt[string] `json:"alone" close:"key=solo"`
	Fields []string             `json:"_fields" close:"query,preset=id,name"`
	Limit  closekit.Opt[int]    `json:"_limit" close:"query,preset=5"`
	Draft  closekit.Opt[bool]   `json:"draft" close:"query,preset=true"`
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	some := closekit.Some[string]
	op := wire.Operation{
		Operation: closekit.Operation{Tool: "close_part_update", Method: "PUT", Path: "/a/{place}/b/{part}/", Effect: closekit.Write},
		Params:    func() any { return new(addressed) },
	}
	for _, c := range []struct {
		about string
		op    *wire.Operation
		set   addressed
		want  sent
	}{
		{"presets in a query", &op, addressed{Place: "activity/actitype_a", Part: "x/y"}, sent{"/a/activity/actitype_a/b/x%2Fy/", "_fields=id,name&_limit=5&draft=true", "{}"}},
		{
			"names on the wire", &op,
			addressed{Place: "a b/ü", Part: "p", Filter: some("old"), Name: some("new"), Alone: some("1"), Fields: []string{"id"}, Limit: closekit.Some(1), Draft: closekit.Some(false)},
			sent{"/a/a%20b/%C3%BC/b/p/", "name=old&_fields=id&_limit=1&draft=false", `{"name":"new","solo":"1"}`},
		},
	} {
		if got := send(t, c.op, &c.set); got != c.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.about, got, c.want)
		}
	}
	for _, place := range []string{"", "/", "a/", "/a", "a//b", "a/../b", ".", "..", "../lead", "a/."} {
		if err := op.Validate(&addressed{Place: place, Part: "p"}); err == nil {
			t.Errorf("the path %q passes", place)
		}
	}
	req, err := op.Prepare([]byte(`{"place":"activity/x","part":"p","filter_name":"old","name":"new"}`), nil)
	if err != nil || req.Query != "name=old&_fields=id,name&_limit=5&draft=true" || string(req.Body) != `{"name":"new"}` {
		t.Errorf("%+v, %v", req, err)
	}
}

// node is a query whose members depend on its type.
type node struct {
	Type      string               `json:"type" close:"required,send,cases=and:queries|or:queries|text:text mode?|field:condition|all:"`
	Negate    closekit.Opt[bool]   `json:"negate" close:"send"`
	Queries   []node               `json:"queries" close:"send"`
	Text      closekit.Opt[string] `json:"text" close:"send"`
	Mode      closekit.Opt[string] `json:"mode" close:"send"`
	Condition *condition           `json:"condition" close:"send"`
}

type condition struct {
	closekit.Object
	Kind  string                `json:"kind" close:"required,send,cases=at_least:value|one_of:ids"`
	Value closekit.Opt[float64] `json:"value" close:"send"`
	IDs   []leadID              `json:"ids" close:"send"`
}

type search struct {
	Kind  closekit.Opt[string] `json:"kind" close:"query,cases=one:query|many:queries name?,preset=one"`
	Query *node                `json:"query"`
	Many  []node               `json:"queries"`
	Name  closekit.Opt[string] `json:"name" close:"query,maxlen=3"`
}

func TestCases(t *testing.T) {
	t.Parallel()
	op := wire.Operation{
		Operation: closekit.Operation{Tool: "close_search", Method: "POST", Path: "/data/search/"},
		Params:    func() any { return new(search) }, ByCase: wire.ByCase{},
	}
	for _, c := range []struct {
		input string
		want  []string
	}{
		{`{"query":{"type":"and","queries":[{"type":"text","text":"x"},{"type":"text","text":"x","mode":"phrase"},{"type":"all","negate":true}]}}`, nil},
		{`{"query":{"type":"unknown","text":"x","queries":[]}}`, nil},
		{`{"query":{"type":"field","condition":{"kind":"at_least","value":0}}}`, nil},
		{`{"query":{"type":"and"}}`, []string{"query.queries: is required when type is and"}},
		{`{"query":{}}`, []string{"query.type: is required"}},
		{`{"query":{"type":"or","queries":[{"type":"text","text":"x"},{"type":"or","queries":[{"type":"text"}],"mode":"m"}]}}`, []string{
			`query.queries[1].mode: does not go with type or (it goes with type "text")`,
			"query.queries[1].queries[0].text: is required when type is text",
		}},
		{`{"query":{"type":"field","condition":{"kind":"one_of","value":1}}}`, []string{
			"query.condition.ids: is required when kind is one_of",
			`query.condition.value: does not go with kind one_of (it goes with kind "at_least")`,
		}},
		{`{"query":{"type":"text","text":7}}`, []string{`query.text: must be a string, got 7`}},
		{`{}`, []string{"query: is required when kind is one"}},
		{`{"kind":"many","queries":[{"type":"text"}],"name":"abcd"}`, []string{
			"name: must have at most 3 characters, got 4",
			"queries[0].text: is required when type is text",
		}},
		{`{"kind":"one","query":{"type":"all"},"name":"a"}`, []string{`name: does not go with kind one (it goes with kind "many")`}},
		{`{"kind":"other","name":"a"}`, nil},
	} {
		t.Run(c.input, func(t *testing.T) {
			t.Parallel()
			_, err := op.Parse([]byte(c.input))
			expect(t, err, c.want...)
		})
	}
	expect(t, op.Validate(&search{Query: &node{Type: "and", Queries: []node{{Type: "text"}}}}), "query.queries[0].text: is required when type is text")
}

// TestRules has rules of the parameters name and status, fields 2 and 3, and kind,
// field 24.
func TestRules(t *testing.T) {
	t.Parallel()
	rule := func(r wire.Rule) *wire.Operation {
		return &wire.Operation{Operation: create.Operation, Params: newParams, Rules: wire.Rules{r}}
	}
	name, status := closekit.Some("n"), closekit.Some(closedEnum("won"))
	none, one, two := func(*params) {}, func(p *params) { p.Name = name }, func(p *params) { p.Name, p.Status = name, status }
	fields := []uint8{2, 3}
	for _, c := range []struct {
		about string
		rule  wire.Rule
		set   func(*params)
		want  []string
	}{
		{"exactly one, none", wire.Rule{Kind: wire.ExactlyOne, Fields: fields}, none, []string{"give exactly one of name or status, got none"}},
		{"exactly one, one", wire.Rule{Kind: wire.ExactlyOne, Fields: fields}, one, nil},
		{"exactly one, two", wire.Rule{Kind: wire.ExactlyOne, Fields: fields, About: "why"}, two, []string{"give exactly one of name or status, got 2 of them (why)"}},
		{"at least one, none", wire.Rule{Kind: wire.AtLeastOne, Fields: fields}, none, []string{"give at least one of name or status, got none"}},
		{"at least one, one", wire.Rule{Kind: wire.AtLeastOne, Fields: fields}, one, nil},
		{"at least one, two", wire.Rule{Kind: wire.AtLeastOne, Fields: fields}, two, nil},
		{"at most one, none", wire.Rule{Kind: wire.AtMostOne, Fields: fields}, none, nil},
		{"at most one, one", wire.Rule{Kind: wire.AtMostOne, Fields: fields}, one, nil},
		{"at most one, two", wire.Rule{Kind: wire.AtMostOne, Fields: fields}, two, []string{"give only one of name and status, got 2 of them"}},
		{"null is nothing to create from", wire.Rule{Kind: wire.AtLeastOne, Fields: fields}, func(p *params) { p.Name = closekit.Null[string]() }, []string{
			"give at least one of name or status, got none",
		}},
		{"needs, null", wire.Rule{Kind: wire.Needs, If: 3, Fields: []uint8{2}}, func(p *params) { p.Status, p.Name = status, closekit.Null[string]() }, []string{
			"name: is required when status is given",
		}},
		{"needs, not given", wire.Rule{Kind: wire.Needs, If: 3, Fields: []uint8{2, 5}}, none, nil},
		{"needs, given", wire.Rule{Kind: wire.Needs, If: 3, Fields: []uint8{2, 5}}, func(p *params) { p.Status = status }, []string{
			"name: is required when status is given", "count: is required when status is given",
		}},
		{"needs, one there", wire.Rule{Kind: wire.Needs, If: 3, Fields: []uint8{2, 5}}, two, []string{"count: is required when status is given"}},
		{"needs a value, another one", wire.Rule{Kind: wire.Needs, If: 3, Is: "lost", Fields: []uint8{2}}, func(p *params) { p.Status = status }, nil},
		{"needs a value, that one", wire.Rule{Kind: wire.Needs, If: 3, Is: "won", Fields: []uint8{2}, About: "why"}, func(p *params) { p.Status = status }, []string{
			"name: is required when status is won (why)",
		}},
		{"needs a value, by preset", wire.Rule{Kind: wire.Needs, If: 24, Is: "lead", Fields: []uint8{2}}, none, []string{"name: is required when kind is lead"}},
		{"needs a value, preset overruled", wire.Rule{Kind: wire.Needs, If: 24, Is: "lead", Fields: []uint8{2}}, func(p *params) { p.Kind = closekit.Some(kindEnum("call")) }, nil},
		{"a list counts", wire.Rule{Kind: wire.AtLeastOne, Fields: []uint8{20, 21, 22, 32}}, func(p *params) { p.People = []person{} }, nil},
		{"an object counts", wire.Rule{Kind: wire.AtLeastOne, Fields: []uint8{20, 21, 22, 32}}, func(p *params) { p.Home = &place{City: "x"} }, nil},
		{"raw counts", wire.Rule{Kind: wire.AtLeastOne, Fields: []uint8{20, 21, 22, 32}}, func(p *params) { p.Any = []byte("1") }, nil},
		{"custom fields count", wire.Rule{Kind: wire.AtLeastOne, Fields: []uint8{20, 21, 22, 32}}, func(p *params) { p.Custom.Set("cf_a", closekit.CustomText("x")) }, nil},
		{"needs one, not given", wire.Rule{Kind: wire.NeedsOne, If: 3, Fields: []uint8{18}}, func(p *params) { p.Fields = []string{"a", "b"} }, nil},
		{"needs one, one", wire.Rule{Kind: wire.NeedsOne, If: 3, Fields: []uint8{18}}, func(p *params) { p.Status, p.Fields = status, []string{"a"} }, nil},
		{"needs one, in the body", wire.Rule{Kind: wire.NeedsOne, If: 3, Fields: []uint8{19}}, func(p *params) { p.Status, p.IDs = status, []contactID{"cont_a"} }, nil},
		{"needs one, none", wire.Rule{Kind: wire.NeedsOne, If: 3, Fields: []uint8{18}}, func(p *params) { p.Status = status }, []string{
			"_fields: is required when status is given",
		}},
		{"needs one, two", wire.Rule{Kind: wire.NeedsOne, If: 3, Is: "won", Fields: []uint8{18}, About: "why"}, func(p *params) { p.Status, p.Fields = status, []string{"a", "a"} }, []string{
			"_fields: must have exactly one element when status is won, got 2 of them (why)",
		}},
		{"needs one, two, another value", wire.Rule{Kind: wire.NeedsOne, If: 3, Is: "lost", Fields: []uint8{18}}, func(p *params) { p.Status, p.Fields = status, []string{"a", "b"} }, nil},
		{"differ, none", wire.Rule{Kind: wire.Differ, Fields: fields}, none, nil},
		{"differ, one", wire.Rule{Kind: wire.Differ, Fields: fields}, one, nil},
		{"differ, two", wire.Rule{Kind: wire.Differ, Fields: fields}, two, nil},
		{"differ, the same", wire.Rule{Kind: wire.Differ, Fields: []uint8{3, 2, 4}, About: "why"}, func(p *params) { p.Name, p.Label = name, closekit.Some(openEnum("n")) }, []string{
			`give different values for status and name and label, got "n" twice (why)`,
		}},
		{"what is nested does not", wire.Rule{Kind: wire.AtMostOne, Fields: []uint8{20, 21}}, func(p *params) {
			p.People = []person{{Emails: []mail{{Email: "a@b"}}, Name: name}, {Name: name}}
		}, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			p := valid()
			c.set(p)
			expect(t, rule(c.rule).Validate(p), c.want...)
		})
	}
}

type pathParams struct {
	Key   string               `json:"key" close:"path,required"`
	Query closekit.Opt[string] `json:"query" close:"query"`
	List  []string             `json:"ids" close:"query"`
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"", ".", "..", "...", "a", "a/b", "../x", "%2e%2e", "%2F", "a?b#c", "\x00\xff", "é", "a;b", "a\\b", "//", "a&b=c", "+ ", "{key}", ",", "a,b"} {
		f.Add(s, s, s)
		f.Add("k", "", s)
	}
	op := &wire.Operation{Operation: closekit.Operation{Path: "/thing/{key}/end/"}, Params: func() any { return new(pathParams) }}
	f.Fuzz(func(t *testing.T, key, query, elem string) {
		key, query, elem = strings.ToValidUTF8(key, "?"), strings.ToValidUTF8(query, "?"), strings.ToValidUTF8(elem, "?")
		path, q, _, problems := wire.Encoded(op, &pathParams{Key: key, Query: closekit.Some(query), List: []string{elem, "b"}})
		bad := map[string]bool{"": true, ".": true, "..": true}[key]
		if bad || strings.Contains(elem, ",") {
			if len(problems) == 0 {
				t.Fatalf("%q and %q pass", key, elem)
			}
			return
		}
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		u, err := url.Parse("https://host/api" + path + "?" + q)
		if err != nil {
			t.Fatal(err)
		}
		if u.Host != "host" || u.User != nil || u.Fragment != "" || u.EscapedPath() != "/api"+path || u.RawQuery != q {
			t.Fatalf("%q is read as %#v", path+"?"+q, u)
		}
		parts := strings.Split(u.EscapedPath(), "/")
		if len(parts) != 6 || parts[1] != "api" || parts[2] != "thing" || parts[4] != "end" || parts[5] != "" {
			t.Fatalf("%q has other segments", path)
		}
		if got, err := url.PathUnescape(parts[3]); err != nil || got != key {
			t.Fatalf("key %q comes back as %q, %v", key, got, err)
		}
		values, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(values) != 2 || values.Get("query") != query || values.Get("ids") != elem+",b" {
			t.Fatalf("query %q is read as %v, %v", q, values, err)
		}
	})
}

// rawValue returns a value with any bytes, valid or not.
func rawValue(raw []byte) (v closekit.CustomValue) {
	_ = v.UnmarshalJSON(raw)
	return v
}

func FuzzSend(f *testing.F) {
	f.Add("n", 5, 1.5, int64(7), []byte(`{"a":1}`), "cf_a", "v", true)
	f.Add("\xff\"\\\n\u2028", -1, math.NaN(), int64(-1), []byte(`{`), "cf_a.add", "\x00", false)
	f.Add("", 0, math.Inf(1), int64(0), []byte(``), "", "", true)
	f.Add("{", 0, math.Copysign(0, -1), int64(0), []byte(` 1 `), "a_{", "}", true)
	f.Fuzz(func(t *testing.T, s string, n int, x float64, m int64, raw []byte, key, v string, upd bool) {
		p := &params{
			Lead: "lead_a", Key: s, Name: closekit.Some(s), Label: closekit.Some(openEnum(s)), Count: closekit.Some(n), Value: closekit.Some(closekit.Cents(m)), Score: closekit.Some(x),
			Done: closekit.Some(upd), Note: closekit.Some(v), IDs: []contactID{contactID(v)}, Any: raw, Anys: []json.RawMessage{raw, []byte("1"), raw}, Amount: closekit.Some(int(m)),
			People: []person{{Name: closekit.Some(v), Emails: []mail{{Email: s}, {Email: v, Type: closekit.Some(mailType(s))}}}, {Late: closekit.Some(s)}}, Home: &place{City: s, Inside: &place{City: v}},
		}
		p.Custom.Set(key, closekit.CustomText(v))
		p.Custom = append(p.Custom, closekit.CustomField{Key: "cf_raw", Value: rawValue(raw)})
		p.Custom.Set("cf_num", closekit.CustomNumber(x))
		p.People[0].Custom.Set(key, closekit.CustomTexts(s, v))
		op := &create
		if upd {
			op = &update
		}
		_, _, body, _ := wire.Encoded(op, p)
		// A body that is not sent because of problems is JSON too.
		if !json.Valid([]byte(body)) {
			t.Fatalf("invalid JSON: %q", body)
		}
		if !utf8.ValidString(s) || !utf8.ValidString(v) {
			return
		}
		var back struct {
			Name  string `json:"name"`
			Label string `json:"label"`
			Home  struct {
				City   string `json:"city"`
				Inside struct {
					City string `json:"city"`
				} `json:"inside"`
			} `json:"home"`
			Amount int64 `json:"amount"`
		}
		if err := json.Unmarshal([]byte(body), &back); err != nil {
			t.Fatal(err)
		}
		if back.Name != s || back.Label != s || back.Home.City != s || back.Home.Inside.City != v || back.Amount != m {
			// An empty required string is omitted, and a problem.
			t.Fatalf("%+v comes from %s", back, body)
		}
	})
}
