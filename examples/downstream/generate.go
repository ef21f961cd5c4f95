// Package downstream shows a repository that generates its own Close tools:
// the few it needs of closekit's manifest, one that it adds, and its own
// description of another. Its own module; nothing of closekit is copied in.
package downstream

//go:generate go run github.com/closekit/closekit/cmd/closegen -tools close_lead_*,close_leads_list,close_task_create -manifest ./manifest -out ./closetools -package closetools
