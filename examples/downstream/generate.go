// Package downstream shows a repository that generates its own Close tools:
// the few it needs of closekit's manifest, two that it names itself, and its own
// description of another. Command acme is the command line with these tools. It is
// a module of its own; nothing of closekit is copied in.
package downstream

//go:generate go run github.com/closekit/closekit/cmd/closegen -tools close_stage*,close_lead_create,close_lead_get,close_lead_update,close_lead_delete,close_lead_merge,close_leads_list,close_task_create -manifest ./manifest -out ./closetools -routes ./closeroutes/routes.go -package closetools
