// Package emulator is an in-memory Close CRM: its REST API below /api/v1 and
// its OAuth server below /oauth2, for tests, for trying things out without a
// Close account, and for developing clients of any kind.
//
// It keeps leads, contacts, opportunities, activities, tasks, comments,
// sequences, pipelines, statuses, custom fields, users and webhook
// subscriptions, and behaves towards a client as Close does: ids with the right
// prefix and length, fields that the server sets, PUT as a patch, paging,
// filters and search, error bodies, rate limits, an event log, webhooks that
// really are delivered and signed, rotating refresh tokens and a consent page.
// Faults happen on demand, time moves on demand, and what was received, stored
// or "sent" can be inspected. Nothing ever leaves the process but webhooks.
//
// What it does not reproduce: the speed, the quotas and the plan limits of the
// service; eventual consistency of lists and searches (reads of deleted leads
// can be made stale, see Options.StaleReads); POST /data/search/, reports,
// exports, bulk actions, files, telephony, calendars and everything else
// outside the operations that are routed; the automatic steps of sequences; and
// background work, which is done at once. Where nobody knows how Close behaves,
// the stricter way was taken if it is still one that a correct client survives.
//
// # Use
//
//	srv := emulator.Start(t)
//	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
//
// [Start] listens on a free port until the test ends. [New] returns an
// http.Handler, which also works with net/http/httptest, and listens when
// [Server.Listen] is called. A fresh server holds one organization with two
// users (the first is an administrator), their API keys and e-mail accounts,
// lead statuses, a pipeline with active, won and lost statuses, two sequences,
// one OAuth client, and no leads. [Server.Seed] fills it from a JSON file.
//
// # Adding operations
//
// The operations come from a generated table. An operation of a resource that
// the emulator does not know needs no code: its objects are stored, listed,
// changed and deleted as they come. A resource with rules of its own has a
// description in the file that is named after it.
package emulator
