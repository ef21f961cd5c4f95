// Package runtime is what the generated Close SDK stands on: the client, its
// credentials, retries, errors, paging, and the value types of parameters and
// results.
//
// A call travels one way. A generated function such as closeapi.LeadCreate
// hands its parameters to [Call]; they are checked and encoded in one pass; the
// client asks its [Source] for a credential, sends, waits and retries where that
// is safe; the answer is decoded by generated code, or turned into an [*Error].
//
// A [Client] is safe for concurrent use. Nothing in this package keeps global
// state or works before it is called.
package runtime
