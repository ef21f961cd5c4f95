package drift

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/closekit/closekit/manifest"
)

// gadgets is the manifest of the tests.
func gadgets(t *testing.T) *manifest.API {
	t.Helper()
	doc, err := manifest.Load(manifest.Embedded(), os.DirFS("testdata/manifest"))
	if err != nil {
		t.Fatal(err)
	}
	api, err := manifest.Check(doc)
	if err != nil {
		t.Fatal(err)
	}
	sub, unused := api.Select([]string{"close_gadget*"})
	if len(unused) > 0 {
		t.Fatal(unused)
	}
	return sub
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func check(t *testing.T, report *Report, want []string) {
	t.Helper()
	var got []string
	for _, d := range report.Differences {
		got = append(got, d.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// planted are the differences of testdata/spec.yaml.
var planted = []string{
	"new operation DELETE /gadget/{any}/",
	"gone operation close_gadget_update, PUT /gadget/{gadget_id}/",
	"new query parameter fresh of close_gadgets_list, GET /gadget/: boolean, required",
	"gone query parameter old of close_gadgets_list, GET /gadget/",
	`new query parameter size of close_gadgets_list, GET /gadget/: the value "huge"`,
	`gone query parameter size of close_gadgets_list, GET /gadget/: the value "large"`,
	"new response member data[].inner of close_gadgets_list, GET /gadget/: object",
	"gone response member data[].id of close_gadgets_list, GET /gadget/",
	"different body member size of close_gadget_create, POST /gadget/: string in the manifest, boolean here",
	"different body member weight of close_gadget_create, POST /gadget/: required here, optional in the manifest",
	"new body member parts[].grams of close_gadget_create, POST /gadget/: number",
	"gone body member note of close_gadget_create, POST /gadget/",
	"new response member shade of close_gadget_create, POST /gadget/: object (by example)",
	"different response member weight of close_gadget_create, POST /gadget/: integer in the manifest, string here (by example)",
	"new response member inner of close_gadget_get, GET /gadget/{gadget_id}/: object",
	"gone response member id of close_gadget_get, GET /gadget/{gadget_id}/",
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	api, text := gadgets(t), readFile(t, "testdata/spec.yaml")
	var raw any
	if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.MarshalIndent(plain(raw), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range []string{text, string(asJSON), strings.ReplaceAll(text, "  /gadget/", "  /api/v1/gadget/"), strings.Replace(text, "3.1.0", "3.0.3", 1)} {
		report, err := OpenAPI(api, strings.NewReader(spec))
		if err != nil {
			t.Fatal(err)
		}
		check(t, report, slices.Clone(planted))
		if report.Operations != 3 {
			t.Errorf("%d operations", report.Operations)
		}
	}
	report, err := OpenAPI(api, strings.NewReader(strings.ReplaceAll(text, "  /gadget/:", "  /gadget:")))
	if err != nil || !slices.ContainsFunc(report.Differences, func(d Difference) bool { return d.Change == Different && d.Detail == "the path is /gadget" }) {
		t.Errorf("a path without a slash: %v %v", report, err)
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	report, err := OpenAPI(gadgets(t), strings.NewReader(readFile(t, "testdata/spec.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	report.Accept(append([]string{"# known", "", "gone operation of long ago"}, planted[2:]...))
	check(t, report, slices.Clone(planted[:2]))
	if report.Accepted != len(planted)-2 || !slices.Equal(report.Unused, []string{"gone operation of long ago"}) {
		t.Errorf("%d accepted, unused %q", report.Accepted, report.Unused)
	}
}

func TestOpenAPIRefuses(t *testing.T) {
	t.Parallel()
	api := gadgets(t)
	spec := func(schema string) string {
		return `{"openapi":"3.0.0","paths":{"/gadget/":{"post":{"requestBody":{"content":{"application/json":{"schema":` + schema + `}}}}}},"components":{"schemas":{"A":{"$ref":"#/components/schemas/A"}}}}`
	}
	deep := strings.Repeat(`{"properties":{"a":`, 60) + `{}` + strings.Repeat(`}}`, 60)
	var wide strings.Builder // doubles with every level
	for i := range 19 {
		fmt.Fprintf(&wide, `"W%d":{"properties":{"a":{"$ref":"#/components/schemas/W%d"},"b":{"$ref":"#/components/schemas/W%d"}}},`, i, i+1, i+1)
	}
	bomb := strings.Replace(spec(`{"$ref":"#/components/schemas/W0"}`), `"schemas":{`, `"schemas":{`+wide.String()+`"W19":{},`, 1)
	for _, test := range []struct{ spec, want string }{
		{"", "is \"\", want 3.0"},
		{"[1]", "want 3.0"},
		{"{", "neither JSON nor YAML"},
		{"swagger: '2.0'", "Swagger 2.0"},
		{"openapi: 3.1.0", "no operations"},
		{spec(`{"$ref":"https://example.com/a.json"}`), "leaves the document"},
		{spec(`{"$ref":"other.yaml#/A"}`), "leaves the document"},
		{spec(`{"$ref":"#/components/schemas/None"}`), "leads nowhere"},
		{`{"openapi":"3.1.0","paths":{"/a/":{"$ref":"#/paths/~1a~1"}}}`, "leads back to itself"},
		{spec(deep), "nested more than"},
		{bomb, "more than 200,000 members"},
	} {
		_, err := OpenAPI(api, strings.NewReader(test.spec))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80s: got %v, want %q", test.spec, err, test.want)
		}
	}
	if report, err := OpenAPI(api, strings.NewReader(spec(`{"$ref":"#/components/schemas/A"}`))); err != nil || report == nil {
		t.Errorf("a schema that is itself: %v", err)
	}
}

// TestEmbedded compares the embedded manifest with a specification of nothing, and of
// itself: only what is missing there is reported.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	doc, err := manifest.Load(manifest.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	api, err := manifest.Check(doc)
	if err != nil {
		t.Fatal(err)
	}
	report, err := OpenAPI(api, strings.NewReader(`{"openapi":"3.1.0","paths":{"/lead/":{"post":{}}}}`))
	if err != nil || report.Operations != 1 || len(report.Differences) != len(api.Tools())-1 {
		t.Errorf("%d operations, %d differences, %v", report.Operations, len(report.Differences), err)
	}
}

func TestRecording(t *testing.T) {
	t.Parallel()
	api := gadgets(t)
	lines := strings.Join([]string{
		`{"closekit_recording":1}`,
		`{"method":"GET","path":"/api/v1/gadget/","query":"_limit=5&size=huge&fresh=true&old=perhaps","status":200,"response":{"data":[{"id":"gadg_1","name":7,"size":"tiny","parts":[{"label":"a","grams":2}],"custom.cf_1":[1]},{"name":null}],"has_more":false,"total_results":1,"cursor":null}}`,
		`{"method":"GET","path":"/api/v1/gadget/gadg_1/","query":"_fields=name","status":200,"response":{"name":"Lamp"}}`,
		`{"method":"GET","path":"/api/v1/gadget/gadg_1/","status":404,"response":{"error":"none"}}`,
		`{"method":"POST","path":"/api/v1/gadget/","status":200,"body":{"name":"Lamp","weight":1.5,"glow":true},"response":{"id":"gadg_1"}}`,
		`{"method":"DELETE","path":"/api/v1/gadget/gadg_1/","status":204}`,
		`{"dropped":3}`,
	}, "\n")
	report, err := Recording(api, strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	check(t, report, []string{
		"new operation DELETE /gadget/gadg_1/",
		"new query parameter fresh of close_gadgets_list, GET /gadget/: string",
		"different query parameter old of close_gadgets_list, GET /gadget/: boolean in the manifest, another text here",
		"different response member data[].name of close_gadgets_list, GET /gadget/: string in the manifest, integer here",
		`new response member data[].size of close_gadgets_list, GET /gadget/: the value "tiny"`,
		"new response member data[].parts[].grams of close_gadgets_list, GET /gadget/: integer",
		"gone response member data[].id of close_gadgets_list, GET /gadget/: the manifest says it is always there",
		"new response member cursor of close_gadgets_list, GET /gadget/: any value",
		"different body member weight of close_gadget_create, POST /gadget/: integer in the manifest, number here",
		"new body member glow of close_gadget_create, POST /gadget/: boolean",
	})
	for _, bad := range []string{"", "{}", `{"closekit_recording":2}`, `{"closekit_recording":1}` + "\n{\n", `{"closekit_recording":1}` + "\n" + `{"status":200}` + "\n"} {
		if _, err := Recording(api, strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
