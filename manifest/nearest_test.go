package manifest

import "testing"

func TestNear(t *testing.T) {
	t.Parallel()
	tools := []string{"close_lead_create", "close_lead_merge", "close_lead_delete", "close_leads_list", "close_task_complete", "close_task_delete"}
	for name, want := range map[string]string{
		"close_lead_creat": `did you mean "close_lead_create"?`, "close_lead_xyzzy": "",
		"close_led_create": `did you mean "close_lead_create"?`, "close_lead_search": "", "close_lead_marge": `did you mean "close_lead_merge"?`,
		"close_lead_remove": "", "close_task_delet": `did you mean "close_task_delete"?`, "close_task_finish": "",
	} {
		if got := nearName(name, tools); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	fields := []string{"date_created__gt", "date_created__lt", "is_active", "status_id"}
	for name, want := range map[string]string{
		"date_created__g": "", "is_inactive": "", "statusid": `did you mean "status_id"?`, "date_created_from": `did you mean "date_created__gt"?`,
	} {
		if got := nearName(name, fields); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
