// Package wire is for generated code only. Its functions read a result's
// members (Get…), write them (Put…) and walk a request's fields; what they do
// is documented with the generated functions that call them. Its API follows
// the generator and may change with every release; the compile-time handshake
// of generated code ([closekit.GeneratedV1]) says so before anything runs.
package wire
