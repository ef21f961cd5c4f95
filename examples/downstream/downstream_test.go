package downstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"example.com/downstream/closeroutes"
	"example.com/downstream/closetools"
	"example.com/downstream/closetools/tools"
	"github.com/closekit/closekit"
	"github.com/closekit/closekit/cli"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
)

func TestGeneratedTools(t *testing.T) {
	s := emulator.Start(t)
	ctx := context.Background()
	c := closekit.NewClient(closekit.APIKey(s.APIKey()), closekit.BaseURL(s.URL()))

	// A tool of our own, typed and by name.
	status, err := closetools.StageCreate(ctx, c, closetools.StageCreateParams{Label: "Nurture"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := tools.Lookup("close_stages_list")
	if err != nil {
		t.Fatal(err)
	}
	out, err := list.Call(ctx, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), `"Nurture"`) {
		t.Errorf("the new status is not in the list: %s", out)
	}

	// A tool of closekit's manifest, generated here.
	lead, err := closetools.LeadCreate(ctx, c, closetools.LeadCreateParams{Name: "Acme", StatusID: closekit.Some(status.ID)})
	if err != nil {
		t.Fatal(err)
	}
	if lead.StatusLabel != "Nurture" {
		t.Errorf("got status %q, want Nurture", lead.StatusLabel)
	}

	// Generated packages compose: the same client serves closekit's own.
	if _, err := closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: closeapi.LeadID(lead.ID)}); err != nil {
		t.Error(err)
	}
}

func TestSubset(t *testing.T) {
	var names []string
	for _, tool := range tools.All() {
		names = append(names, tool.Name)
	}
	if _, err := tools.Lookup("close_contact_create"); err == nil {
		t.Errorf("close_contact_create was not asked for; there are %v", names)
	}
	create, err := tools.Lookup("close_lead_create")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(create.Info().Description, "only after a call") {
		t.Errorf("our description is missing: %s", create.Info().Description)
	}
	var v *closekit.ValidationError
	if err := create.Validate(json.RawMessage(`{"nam": "Acme"}`)); !errors.As(err, &v) || !strings.Contains(err.Error(), `did you mean "name"`) {
		t.Errorf("got %v, want a hint at the name", err)
	}
}

// command runs the command acme and returns its exit code and output.
func command(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := cli.Program{Name: "acme", Tools: tools.Catalog(), Routes: closeroutes.Routes()}
	code = p.Run(t.Context(), args, strings.NewReader(""), &out, &errs, func(name string) string { return env[name] })
	return code, out.String(), errs.String()
}

func TestCommand(t *testing.T) {
	s := emulator.Start(t, func(o *emulator.Options) { o.Routes = closeroutes.Routes() })
	env := map[string]string{"CLOSE_API_KEY": s.APIKey(), "CLOSE_BASE_URL": s.URL()}
	for _, c := range []struct {
		line   string
		code   int
		output string // on one of the streams
	}{
		{"call close_stage_create --label Nurture", 0, `"label":"Nurture"`},
		{"call close_stages_list", 0, `"Nurture"`},
		{"call close_stage_create --lable Nurture", 2, "did you mean --label?"},
		{"call close_contact_create {}", 2, "unknown tool"},
		{"--version", 0, "acme 0."},
		{"version", 0, "acme 0."},
		{"--help", 0, "acme calls Close CRM tools by name"},
		{"call --help", 0, "acme call TOOL"},
		{"call close_lead_create --help", 0, "acme schema close_lead_create"},
		{"accounts --help", 0, "acme accounts connect ada"},
		{"help exit-codes", 0, "Exit codes of acme"},
		{"help environment", 0, "\"acme emulator\" prints"},
		{"completion bash", 0, "bash completion V2 for acme"},
		{"tools --search qqqq", 0, "\"acme tools\" lists all"},
		{"tols", 2, "acme: error: unknown command"},
		{"tols", 2, "did you mean \"acme tools\"?"},
		{"call", 2, "usage: acme call"},
		{"demo", 0, "Next: \"acme tools\" lists all tools"},
		{"api", 2, "for example acme api GET /me/"},
		{"accounts show ada", 2, "acme: error: "},
		{`call close_lead_create {"name":"closekit_call"} --read-only`, 7, "acme: error: "},
		{"api DELETE /lead/closekit-call/ {}", 7, "run: acme api DELETE /lead/closekit-call/ "},
		{"schema close_stage_create", 0, `"label"`},
		{"tools stage", 0, "close_stage_create"},
		{"call close_lead_create --help", 0, "only after a call"},
		{"__complete call close_stag", 0, "close_stage_create\n"},
		{"__complete call close_stage_create --la", 0, "--label\n"},
		{"emulator --fault 503,tool=close_stage_creat", 2, "did you mean close_stage_create?"},
		{"emulator --fault 503,tool=close_stage_create --addr nowhere", 1, "cannot listen"}, // the fault is accepted
	} {
		code, out, errs := command(t, env, strings.Fields(c.line)...)
		if code != c.code || !strings.Contains(out+errs, c.output) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", c.line, code, c.code, out, errs)
		}
	}
	if requests := s.Requests(); len(requests) == 0 || requests[0].Tool != "close_stage_create" {
		t.Errorf("the emulator does not know the tool: %+v", requests)
	}
}

// TestCommandName reads all help and messages of the command acme: they do not call
// it closekit, and what is to be repeated stays as it was given.
func TestCommandName(t *testing.T) {
	var walk func(args []string, depth int)
	seen := 0
	walk = func(args []string, depth int) {
		code, out, errs := command(t, nil, append(slices.Clone(args), "--help")...)
		seen++
		if code != 0 || strings.Contains(out+errs, "closekit") {
			t.Errorf("%q: exit code %d\n%s%s", args, code, out, errs)
		}
		_, list, _ := strings.Cut(out, "Available Commands:\n")
		for line := range strings.Lines(list) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if name == "" {
				break
			}
			if depth < 3 {
				walk(append(slices.Clone(args), name), depth+1)
			}
		}
	}
	walk(nil, 0)
	if seen < 20 {
		t.Errorf("only %d helps", seen)
	}
	const input = `{"lead_id":"lead_a","note":"use \"closekit call x\""}`
	env := map[string]string{"CLOSE_API_KEY": "api_x", "CLOSE_BASE_URL": "http://127.0.0.1:1"}
	code, _, errs := command(t, env, "api", "DELETE", "/lead/lead_a/", input)
	if want := "run: acme api DELETE /lead/lead_a/ '" + input + "' --yes\n"; code != 7 || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, want %s\n%s", code, want, errs)
	}
}
