// Package wire is what generated code calls: it turns a parameter struct into a
// request, a response into a result, and a tool's JSON input into parameters.
//
// A generated struct says with its types and tags what it is; the package makes
// a plan of a type when the type is first used, and reads and writes structs by
// plan. That takes unsafe, and only here: without it every member needs a
// function of its own, and every type its own copy of the generic code.
//
// Programs use the generated packages and package closekit. The API here follows
// the generator and may change with every release; the handshake [GeneratedV2]
// makes the compiler say so.
package wire
