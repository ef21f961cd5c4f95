package emulator

import "slices"

// extraRoutes are operations that the tools depend on, a few that other clients
// use, and those whose action does not follow from method and path. Their
// resource and action override those of a tool route with the same method and
// path.
var extraRoutes = slices.Concat(
	crudRoutes("/status/lead/", "lead_statuses", 200, 200),
	crudRoutes("/status/opportunity/", "opportunity_statuses", 200, 200),
	crudRoutes("/sequence/", "sequences", 200, 200),
	crudRoutes("/sequence_subscription/", "sequence_subscriptions", 201, 200),
	crudRoutes("/custom_fields/lead/", "custom_fields_lead", 200, 200),
	crudRoutes("/activity/status_change/lead/", "lead_status_changes", 200, 200),
	crudRoutes("/activity/status_change/opportunity/", "opportunity_status_changes", 200, 200),
	readRoutes("/activity/created/", "created"),
	readRoutes("/activity/lead_merge/", "lead_merges"),
	readRoutes("/activity/task_completed/", "tasks_completed"),
	readRoutes("/activity/import_update/", "import_updates"),
	readRoutes("/activity/form_submission/", "form_submissions"),
	readRoutes("/activity/emailthread/", "email_threads"),
	readRoutes("/comment_thread/", "comment_threads"),
	readRoutes("/connected_account/", "connected_accounts"),
	readRoutes("/event/", "events"),
	[]route{
		{method: "DELETE", path: "/activity/task_completed/{id}/", resource: "tasks_completed", action: "delete", status: 200},
		{method: "DELETE", path: "/activity/import_update/{id}/", resource: "import_updates", action: "delete", status: 200},
		{method: "DELETE", path: "/activity/form_submission/{id}/", resource: "form_submissions", action: "delete", status: 200},
		{method: "DELETE", path: "/activity/emailthread/{id}/", resource: "email_threads", action: "delete", status: 200},
		{method: "GET", path: "/me/", resource: "users", action: "me", status: 200},
		{method: "POST", path: "/lead/merge/", resource: "leads", action: "merge", status: 200},
		{method: "PUT", path: "/task/", resource: "tasks", action: "bulk", status: 200},
		{method: "GET", path: "/organization/{id}/", resource: "organizations", action: "get", status: 200},
		{method: "PUT", path: "/organization/{id}/", resource: "organizations", action: "update", status: 200},
		{method: "GET", path: "/custom_field_schema/{id...}/", resource: "custom_field_schemas", action: "get", status: 200},
	},
)

func readRoutes(path, resource string) []route {
	return []route{
		{method: "GET", path: path, resource: resource, action: "list", status: 200},
		{method: "GET", path: path + "{id}/", resource: resource, action: "get", status: 200},
	}
}

func crudRoutes(path, resource string, created, deleted int) []route {
	return append(readRoutes(path, resource), []route{
		{method: "POST", path: path, resource: resource, action: "create", status: created},
		{method: "PUT", path: path + "{id}/", resource: resource, action: "update", status: 200},
		{method: "DELETE", path: path + "{id}/", resource: resource, action: "delete", status: deleted},
	}...)
}
