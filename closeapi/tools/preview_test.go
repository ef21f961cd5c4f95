package tools_test

import (
	"slices"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// Every record that a call can change or destroy is shown before, and only by tools that
// read.
func TestPreview(t *testing.T) {
	t.Parallel()
	unreadable := map[string]string{ // the parameters are all that a person can see
		"close_membership_delete":                  "Close reads no membership by its id",
		"close_scheduling_link_integration_delete": "Close reads no link by the id that an app gave it",
		"close_unsubscribed_email_delete":          "the record is the address, which is the parameter",
	}
	for _, tool := range tools.All() {
		reads := tool.Info().Preview
		if tool.Effect == closekit.Read && len(reads) > 0 {
			t.Errorf("%s reads and has a preview", tool.Name)
		}
		for _, p := range reads {
			read, err := tools.Lookup(p.Tool)
			switch {
			case err != nil:
				t.Errorf("%s: %v", tool.Name, err)
			case read.Effect != closekit.Read:
				t.Errorf("the preview of %s has the effect of %s", tool.Name, p.Tool)
			case len(p.With) == 0:
				t.Errorf("%s reads %s without a parameter", tool.Name, p.Tool)
			case (len(p.Show) == 0) == (p.Count == ""):
				t.Errorf("%s shows %v of %s and counts %q", tool.Name, p.Show, p.Tool, p.Count)
			}
		}
		why, isUnreadable := unreadable[tool.Name]
		switch mustShow := tool.Effect.Has(closekit.Overwrite) && tool.Method != "POST"; {
		case mustShow && len(reads) == 0 && !isUnreadable:
			t.Errorf("%s overwrites or deletes and shows nothing before", tool.Name)
		case isUnreadable && (!mustShow || len(reads) > 0):
			t.Errorf("%s is listed as one that cannot be shown: %s", tool.Name, why)
		}
		delete(unreadable, tool.Name)
	}
	for name, why := range unreadable {
		t.Errorf("there is no %s, which is listed: %s", name, why)
	}
}

// What leaves the house, or is lost, is shown in full.
func TestPreviewShows(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"close_email_update":                 {"to", "cc", "bcc", "subject", "body_text", "body_html", "attachments", "status"},
		"close_sms_update":                   {"remote_phone", "text", "attachments", "status"},
		"close_lead_delete":                  {"display_name", "contacts", "opportunities", "tasks", "activities"},
		"close_lead_merge":                   {"display_name", "contacts", "opportunities", "tasks", "activities"},
		"close_sequence_subscription_create": {"name", "steps", "display_name", "emails.email"},
		"close_note_create":                  {"display_name"},
		"close_webhook_update":               {"url", "events"},
		"close_custom_field_lead_delete":     {"name", "choices"},
	} {
		tool, err := tools.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range tool.Info().Preview {
			got = append(got, p.Count)
			for _, f := range p.Show {
				got = append(got, f.Name)
			}
		}
		for _, field := range want {
			if !slices.Contains(got, field) {
				t.Errorf("the preview of %s does not show %s: %q", name, field, got)
			}
		}
	}
}

// A call that runs meanwhile must not change what a person was shown.
func TestPreviewIsStable(t *testing.T) {
	t.Parallel()
	moving := []string{"date_updated", "opportunities", "tasks", "counters", "latest_error", "subscription_counts_by_status", "step_last_processed_at"}
	for _, tool := range tools.All() {
		for _, p := range tool.Info().Preview {
			for _, f := range p.Show {
				if slices.Contains(moving, f.Name) {
					t.Errorf("the preview of %s shows %s of %s, which other work changes", tool.Name, f.Name, p.Tool)
				}
			}
		}
	}
}
