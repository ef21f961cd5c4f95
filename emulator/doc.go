// Package emulator is an in-memory Close CRM: its REST API below /api/v1 and
// its OAuth server below /oauth2, for tests, for trying things out without a
// Close account, and for developing clients of any kind.
//
// It serves every operation of the manifest, and a few that only other clients use.
// By areas of the API, these are leads, contacts and opportunities; activities and
// tasks; templates and accounts for messages; sequences; custom fields and types;
// search, Smart Views and bulk actions; reports and exports; phone numbers and
// dialers; scheduling links; users, groups, webhooks and events. It behaves like
// Close wherever Close's behavior is known: ids with the right prefix and length,
// fields that the server sets, dates in each resource's spelling, PUT as a patch,
// paging, filters, searches that are evaluated, error bodies, permissions, rate
// limits, an event log, signed webhook deliveries, uploads to a storage host,
// rotating refresh tokens and a consent page. Bulk actions and exports work in the
// background and take a second for each step; tests that advance the clock need not
// wait. Tests can also inject faults, and inspect what was received, stored or
// "sent". Only webhook deliveries leave the process.
//
// What it does not reproduce: the speed, the quotas and the plan limits of the
// service; eventual consistency of lists and of what a query finds (what was deleted
// can be read for a while, see Options.StaleReads); what comes from outside, such as
// incoming messages, answered telephones, calendars and filled-in pages, which a
// seed, [Server.AddDialer] and [Server.AddPhoneNumber] stand in for; the automatic
// steps of sequences; and the models of Close, in whose place a value is written
// that the field accepts. Where Close's behavior is not known, the emulator takes
// the stricter choice, unless a correct client could fail on it.
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
