package emulator

// extraRoutes are operations that no tool has, and other clients use: the older path of the
// custom fields of leads, and changes of entries in the timeline.
var extraRoutes = []route{
	{method: "GET", path: "/custom_fields/lead/", resource: "custom_fields_lead", action: "list", status: 200},
	{method: "GET", path: "/custom_fields/lead/{id}/", resource: "custom_fields_lead", action: "get", status: 200},
	{method: "POST", path: "/custom_fields/lead/", resource: "custom_fields_lead", action: "create", status: 200},
	{method: "PUT", path: "/custom_fields/lead/{id}/", resource: "custom_fields_lead", action: "update", status: 200},
	{method: "DELETE", path: "/custom_fields/lead/{id}/", resource: "custom_fields_lead", action: "delete", status: 200},
	{method: "PUT", path: "/activity/status_change/lead/{id}/", resource: "lead_status_changes", action: "update", status: 200},
	{method: "PUT", path: "/activity/status_change/opportunity/{id}/", resource: "opportunity_status_changes", action: "update", status: 200},
}
