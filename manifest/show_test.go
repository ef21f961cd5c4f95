package manifest_test

import "testing"

// wholeResponses are the tools whose responses models read whole, and why.
var wholeResponses = map[string]string{
	"close_file_upload_create":           "a program sends the form as it is",
	"close_lead_merge":                   "one member, the outcome",
	"close_memberships_bulk_update":      "one member, the outcome",
	"close_send_as_bulk_update":          "a list that is no page, of records with three members",
	"close_tasks_bulk_update":            "one member, the outcome",
	"close_report_activity_get":          "a report is its numbers",
	"close_report_activity_metrics_list": "the metrics that reports take",
	"close_report_custom_get":            "a report is its numbers",
	"close_report_funnel_stages_get":     "a report is its numbers",
	"close_report_funnel_totals_get":     "a report is its numbers",
	"close_report_sent_emails_get":       "a report is its numbers",
}

// TestShowOfEveryTool wants every tool that returns something to say what models read of
// it, or to say here why not.
func TestShowOfEveryTool(t *testing.T) {
	t.Parallel()
	api := embedded(t)
	for _, tool := range api.Tools() {
		why, whole := wholeResponses[tool.Name]
		switch {
		case tool.Returns == nil && len(tool.Show) > 0:
			t.Errorf("%s shows fields of a response without any", tool.Name)
		case tool.Returns != nil && (len(tool.Show) == 0) != whole:
			t.Errorf("%s shows %d fields, and the reason to show all is %q", tool.Name, len(tool.Show), why)
		}
	}
	for name := range wholeResponses {
		if api.Tool(name) == nil {
			t.Errorf("there is no tool %s", name)
		}
	}
}
