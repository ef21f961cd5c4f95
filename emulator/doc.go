// Package emulator is an in-memory Close CRM: its REST API below /api/v1 and
// its OAuth server below /oauth2, for tests, for trying things out without a
// Close account, and for developing clients of any kind.
//
// It keeps leads, contacts, opportunities, activities, tasks, comments,
// sequences, pipelines, statuses, custom fields, users and webhook
// subscriptions, and behaves like Close wherever Close's behavior is known: ids
// with the right prefix and length, fields that the server sets, PUT as a patch,
// paging, filters and search, error bodies, rate limits, an event log, signed
// webhook deliveries, rotating refresh tokens and a consent page. Tests can inject
// faults, advance the clock, and inspect what was received, stored or "sent".
// Only webhook deliveries leave the process.
//
// What it does not reproduce: the speed, the quotas and the plan limits of the
// service; eventual consistency of lists and searches (reads of deleted leads
// can be made stale, see Options.StaleReads); POST /data/search/, reports,
// exports, bulk actions, files, telephony, calendars and everything else
// outside the operations that are routed; the automatic steps of sequences; and
// background work, which is done at once. Where Close's behavior is not known,
// the emulator takes the stricter choice, unless a correct client could fail on
// it.
//
// # Use
//
//	srv := emulator.Start(t)
//	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
//
// [Start] listens on a free port until the test ends. [New] returns an
// http.Handler, which also works with net/http/httptest, and listens when
// [Server.Listen] is called. A fresh server holds one organization with two
// users (the first is an administrator), their API keys and email accounts,
// lead statuses, a pipeline with active, won and lost statuses, two sequences,
// one OAuth client, and no leads. [Server.Seed] fills it from a JSON file.
//
// # Search
//
// Leads and opportunities are searched with the parameter query. It understands
// words and quoted phrases, AND, OR, NOT, a minus sign and parentheses, conditions
// such as name:acme, "custom.Team Size" > 20, created >= 2026-03-01 and status in
// ("Qualified", "Customer"), has:email, phone numbers in any notation, fields of
// opportunities such as opportunity_status_type:active, slice:1/10, and
// sort:-date_updated. A query with an unknown field, or one that cannot be read,
// is refused with status 400 and an error that names the part; it is never an
// empty result.
//
// # Adding operations
//
// The operations come from a generated table. An operation of a resource that
// the emulator does not know needs no code: its objects are stored, listed,
// changed and deleted as sent. A resource with rules of its own is described in
// internal/crm, in the file that is named after it. Package internal/rest runs
// the descriptions; internal/oauth and internal/hooks are the OAuth server and
// the webhook deliveries, internal/query and internal/phone read search texts and
// phone numbers.
package emulator
