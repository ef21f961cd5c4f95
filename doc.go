// Package closekit is the client of the Close CRM API that the packages of this
// module share: credentials, retries, rate limits, errors, paging, and the value
// types of parameters and results. The operations are in
// [github.com/closekit/closekit/closeapi], one typed function each; package
// closeapi/tools has them as tools, which are called by name with JSON.
//
// Every call takes the same path. A generated function such as
// closeapi.LeadCreate checks and encodes its parameters in one pass and passes the
// request to [Client.Do]. The client gets a credential from its [Source], sends,
// waits, and retries if that is safe. The response is decoded into the function's
// result, or returned as an [*Error].
//
// A [Client] is safe for concurrent use. The package has no mutable global
// configuration and does no work at init; calls share only pools of buffers.
package closekit
