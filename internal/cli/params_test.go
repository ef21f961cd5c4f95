package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// parse parses a command line of call and returns the JSON input.
func parse(t *testing.T, args ...string) (string, error) {
	t.Helper()
	p := &program{name: ownName, catalog: tools.Catalog(), stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }}
	r, err := p.parseCall(args)
	if err != nil {
		return "", err
	}
	in, err := p.input(r)
	return string(in), err
}

func TestFlags(t *testing.T) {
	tests := []struct {
		name string
		args string // separated by |
		want string
	}{
		{"none", "close_me_get", `{}`},
		{"text", "close_lead_create|--name|Acme", `{"name":"Acme"}`},
		{"attached", "close_lead_create|--name=Acme=Corp", `{"name":"Acme=Corp"}`},
		{"empty text", "close_lead_create|--name=", `{"name":""}`},
		{"text like a number", "close_lead_create|--name|12", `{"name":"12"}`},
		{"text like a flag", "close_leads_list|--_order_by|-date_updated", `{"_order_by":"-date_updated"}`},
		{"text that stays as it is", "close_lead_create|--name|<a> & \"b\"", `{"name":"<a> & \"b\""}`},
		{"null where it can be", "close_lead_update|--lead_id|lead_a|--url|null", `{"lead_id":"lead_a","url":null}`},
		{"null where it cannot be", "close_lead_create|--name|null", `{"name":null}`},
		{"the word null", "close_lead_update|--lead_id|lead_a|--name|\"null\"|--url|\"null\"", `{"lead_id":"lead_a","name":"null","url":"null"}`},
		{"integer", "close_leads_list|--_limit|5", `{"_limit":5}`},
		{"integer that is none stays for the tool", "close_leads_list|--_limit|five", `{"_limit":"five"}`},
		{"cents with a fraction stay for the tool", "close_opportunity_create|--value|1.5", `{"value":1.5}`},
		{"without the underscore", "close_leads_list|--limit|5", `{"_limit":5}`},
		{"with dashes", "close_lead_get|--lead-id|lead_a", `{"lead_id":"lead_a"}`},
		{"with dashes and double underscores", "close_tasks_list|--date-created-gte|2026-01-01", `{"date_created__gte":"2026-01-01"}`},
		{"alias", "close_leads_list|--search|x|--sort|name", `{"query":"x","_order_by":"name"}`},
		{"alias with words of its own", "close_sequence_subscription_update|--subscription_id|sub_a|--pause", `{"subscription_id":"sub_a","pause":true}`},
		{"one dash", "close_lead_get|-lead_id|lead_a", `{"lead_id":"lead_a"}`},
		{"boolean alone", "close_tasks_list|--is_complete|--lead_id|lead_a", `{"is_complete":true,"lead_id":"lead_a"}`},
		{"boolean with value", "close_tasks_list|--is_complete|false", `{"is_complete":false}`},
		{"boolean attached", "close_tasks_list|--is-complete=true", `{"is_complete":true}`},
		{"list by commas", "close_leads_list|--fields|id, name", `{"_fields":["id","name"]}`},
		{"list by repetition", "close_leads_list|--fields|id|--_fields|name", `{"_fields":["id","name"]}`},
		{"list as JSON", "close_leads_list|--fields|[\"id\",\"a,b\"]", `{"_fields":["id","a,b"]}`},
		{"empty list", "close_leads_list|--fields=", `{"_fields":[]}`},
		{"list of objects", "close_lead_create|--contacts|[{\"name\":\"A\"}]|--contacts|{\"name\":\"B\"}", `{"contacts":[{"name":"A"},{"name":"B"}]}`},
		{"object", "close_lead_create|--custom_fields|{\"cf_a\":1}", `{"custom_fields":{"cf_a":1}}`},
		{"flags of the command", "--api-key|k|close_me_get|-v|--all=false|--base-url=http://x", `{}`},
		{"JSON", "close_lead_create|{\"name\": \"A\"}", `{"name": "A"}`},
		{"JSON after --", "close_lead_create|--|{}", `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(t, strings.Split(tt.args, "|")...)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestExamplesAsFlags passes every example of the manifest as flags, and expects
// the same input.
func TestExamplesAsFlags(t *testing.T) {
	for _, tool := range tools.All() {
		for _, e := range tool.Info().Examples {
			var want map[string]json.RawMessage
			if err := json.Unmarshal([]byte(e.Input), &want); err != nil {
				t.Fatal(err)
			}
			args := []string{tool.Name}
			for _, name := range slices.Sorted(maps.Keys(want)) {
				value := string(want[name])
				var text string
				if json.Unmarshal(want[name], &text) == nil && value != "null" {
					value = text
				}
				args = append(args, "--"+name, value)
			}
			got, err := parse(t, args...)
			if err != nil {
				t.Errorf("%q: %v", args, err)
				continue
			}
			if !same(t, got, string(e.Input)) {
				t.Errorf("%q: got %s, want %s", args, got, e.Input)
			}
			if err := tool.Validate(json.RawMessage(got)); err != nil {
				t.Errorf("%q: %v", args, err)
			}
		}
	}
}

func same(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// TestEveryTool checks that no parameter hides behind a flag of the command,
// that each can be given as a flag, and that the help names it.
func TestEveryTool(t *testing.T) {
	own := []string{"all", "pretty", "check", "wait", "timeout", "record", "undo", "no-undo", "yes", "read-only", "help", "h", "verbose", "v", "api-key", "base-url"}
	for _, tool := range tools.All() {
		input, err := inputOf(tool)
		if err != nil {
			t.Fatal(err)
		}
		fs, help := flagsOf(tool, input), toolHelp(tool, input, jobOf(tools.Catalog(), tool) != nil)
		for i := range input.Properties {
			name := input.Properties[i].name
			for _, spelling := range []string{name, strings.ReplaceAll(name, "_", "-")} {
				if slices.Contains(own, easier(spelling)) {
					t.Errorf("%s: --%s is a flag of the command", tool.Name, spelling)
				}
				if got, ok := fs.find(spelling); !ok || got.key != name {
					t.Errorf("%s: --%s means %q", tool.Name, spelling, got.key)
				}
			}
			if !strings.Contains(help, "\n  --"+name+" ") {
				t.Errorf("%s: the help lacks --%s", tool.Name, name)
			}
		}
		for line := range strings.SplitSeq(help, "\n") {
			if len(line) > 140 && !strings.Contains(line, "closekit call") && !strings.HasPrefix(line, "  --") {
				t.Errorf("%s: long line in the help: %s", tool.Name, line)
			}
		}
		paged := input.property("_skip") != nil || tool.Operation().Cursor != ""
		if isList := strings.HasSuffix(tool.Name, "_list") || strings.HasSuffix(tool.Name, "_search"); paged && !isList || isList && tool.Effect != closekit.Read {
			t.Errorf("%s: pages: %v, effect: %v", tool.Name, paged, tool.Effect)
		}
	}
}

// TestDiagnose covers what scenarios cannot provoke.
func TestDiagnose(t *testing.T) {
	tests := []struct {
		err  error
		code int
		hint string
	}{
		{&closekit.SkipLimitError{Tool: "close_leads_list", Skip: maxSkip}, exitAPI, ""},
		{&closekit.SkipLimitError{Tool: "close_leads_list", Skip: 10, Err: &closekit.Error{Status: 400}}, exitAPI, ""},
		{&closekit.PageError{Tool: "close_leads_list", Position: 200}, exitAPI, ""},
		{&closekit.Error{Tool: "close_me_get", Method: "GET", Status: 429, RetryAfter: 90e9}, exitAPI, "Close asks you to wait for 1m30s"},
		{&closekit.TransportError{Tool: "close_me_get", Method: "GET", Err: os.ErrDeadlineExceeded}, exitTransport, "check the network"},
		{os.ErrNotExist, exitFailure, ""},
	}
	for _, tt := range tests {
		d := diagnose(t.Context(), tt.err)
		if d.code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.err, d.code, tt.code)
		}
		if tt.hint != "" && !strings.Contains(strings.Join(d.hints, "\n"), tt.hint) {
			t.Errorf("%v: hints %q", tt.err, d.hints)
		}
	}
}

// TestStreamDistrusts ends --all with an error where items may be missing.
func TestStreamDistrusts(t *testing.T) {
	for body, want := range map[string]string{
		`{"data":[],"has_more":true}`:                "the page at offset 0 cannot be trusted: it is empty, but has_more is true",
		`{"data":[{"id":"a"}],"has_more":"perhaps"}`: "the response is not a list of items",
		`{"has_more":true}`:                          "the response is not a list of items",
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}))
		env := map[string]string{"CLOSE_API_KEY": "api_0123456789abcdef", "CLOSE_BASE_URL": srv.URL}
		var out, errs bytes.Buffer
		code := (Program{}).Run(t.Context(), []string{"call", "close_contacts_list", "--all"}, strings.NewReader(""), &out, &errs, func(name string) string { return env[name] })
		srv.Close()
		if code != exitAPI || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit code %d, %s", body, code, errs.String())
		}
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	newProgress(&b).show(1) // no terminal
	if b.Len() > 0 {
		t.Errorf("progress without a terminal: %q", b.String())
	}
	p := &progress{&b}
	p.show(200)
	p.done()
	if got := b.String(); !strings.Contains(got, "200 items") || !strings.HasSuffix(got, "\r\033[K") {
		t.Errorf("progress %q", got)
	}
}

// TestToolsJSON checks what programs rely on.
func TestToolsJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if code := (Program{}).Run(t.Context(), []string{"tools", "--json"}, strings.NewReader(""), &out, &errs, func(string) string { return "" }); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var list []struct {
		Name, Description, Method, Path string
		Effects                         []string
		InputSchema                     map[string]any `json:"input_schema"`
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(tools.All()) {
		t.Errorf("%d tools, want %d", len(list), len(tools.All()))
	}
	for _, l := range list {
		if l.Name == "" || l.Description == "" || len(l.Effects) == 0 || l.Method == "" || l.Path == "" || l.InputSchema["type"] != "object" {
			t.Errorf("incomplete: %+v", l)
		}
	}
}

// full is a standard output without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestLostResponse loses the response of calls. After a write the error must keep the
// user from a second one.
func TestLostResponse(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	env := map[string]string{"CLOSE_API_KEY": srv.APIKey(), "CLOSE_BASE_URL": srv.URL()}
	for line, written := range map[string]string{
		"call close_lead_create --name Acme":      "close_lead_create",
		`api POST /lead/ {"name":"Acme"} --yes`:   "POST /lead/",
		"call close_leads_list":                   "",
		"api GET /lead/":                          "",
		"call close_leads_list --all --fields id": "",
	} {
		var errs bytes.Buffer
		code := (Program{}).Run(t.Context(), strings.Fields(line), strings.NewReader(""), full{}, &errs, func(name string) string { return env[name] })
		done := written + " succeeded, but its response is lost: write to standard output: no space left on device"
		if code != exitFailure || strings.Contains(errs.String(), done) != (written != "") || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%s: exit code %d\n%s", line, code, errs.String())
		}
	}
	if n := len(srv.Objects("leads")); n != 2 {
		t.Errorf("%d leads, want 2", n)
	}
}
