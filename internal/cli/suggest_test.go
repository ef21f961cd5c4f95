package cli

import (
	"bytes"
	"strings"
	"testing"
)

// run runs a command line without environment.
func run(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	return runWith(t, nil, stdin, args...)
}

func runWith(t *testing.T, env map[string]string, stdin string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := Program{}.Run(t.Context(), args, strings.NewReader(stdin), &out, &out, func(name string) string { return env[name] })
	return code, out.String()
}

// TestSuggestions asks for what does not exist: what is suggested never does more
// than what was asked for.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	for args, c := range map[string]struct{ want, not string }{
		"tools close_task_complete_it":                           {"", "delete"},
		"tools close_led_merg":                                   {"", "close_lead_delete"},
		"tools close_lead_serch":                                 {"close_leads_list", "merge"},
		"tools close_sequence_subscription_cancl":                {"", "subscription_create"},
		"tools close_create_leed":                                {"close_lead_create", "close_call_get"},
		"tools close_lead_delate":                                {"close_lead_delete", ""},
		"schema --format openai close_lead_serch":                {"", "merge"},
		"schema close_lead_serch":                                {"close_leads_list", "merge"},
		"emulator --fault 503,tool=close_lead_serch":             {"close_leads_list", "merge"},
		"emulator --fault 503,tool=close_task_complete_it":       {"", "delete"},
		"call close_lead_serch":                                  {"close_leads_list", "merge"},
		"demo --list":                                            {"", "--live"},
		"demo --livee":                                           {"--live", ""},
		"accounts connet ada":                                    {"accounts connect", "disconnect"},
		"accounts reconnect ada":                                 {"", "disconnect"},
		"accounts unconnect ada":                                 {"", "did you mean"},
		"accounts disconect ada":                                 {"accounts disconnect", ""},
		"accounts keygen --remane":                               {"", "--remove"},
		"accounts connect ada --identity":                        {"", "--new-identity"},
		"accounts connect ada --plain-http":                      {"", "--allow-plain-http"},
		"accounts lst":                                           {"accounts list", ""},
		"api DELETE /lead/lead_a/ --yet":                         {"", "--yes"},
		"call close_lead_delete --lead_id lead_a --force":        {"", "--yes"},
		"call close_lead_delete --lead_id lead_a --noyes":        {"", "--yes"},
		"accounts connect ada --client-secret x":                 {"--client-secret-file", ""},
		"call close_opportunities_list --date_updated__from 202": {"--date_updated__gte", "__lt"},
	} {
		code, out := run(t, "", strings.Fields(args)...)
		if code != exitUsage && code != exitValidation {
			t.Errorf("%s: exit code %d\n%s", args, code, out)
		}
		for line := range strings.Lines(out) {
			if _, meant, ok := strings.Cut(line, "did you mean "); ok && c.not != "" && strings.Contains("did you mean "+meant, c.not) {
				t.Errorf("%s suggests %s", args, meant)
			}
		}
		if !strings.Contains(out, c.want) {
			t.Errorf("%s: no %s\n%s", args, c.want, out)
		}
	}
}
