// Package closekit is the client of the Close CRM API that the packages of this
// module share: credentials, retries, rate limits, errors, paging, and the value
// types of parameters and results. The operations themselves are in
// [github.com/closekit/closekit/closeapi], one typed function each, and by name
// in closeapi/tools.
//
// A call travels one way. A generated function such as closeapi.LeadCreate
// checks and encodes its parameters in one pass and hands the request to
// [Client.Do]. The client asks its [Source] for a credential, sends, waits, and
// retries where that is safe. The response is decoded into the function's result,
// or returned as an [*Error].
//
// A [Client] is safe for concurrent use. The package has no mutable global
// configuration and does no work at init; what it shares between calls are pools
// of buffers.
package closekit
