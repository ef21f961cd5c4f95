// Package wire is the runtime of generated code: it converts a parameter struct to
// a request, a response to a result, and a tool's JSON input to parameters.
//
// The types and tags of a generated struct describe its members. The package
// compiles a plan of each type on first use, and decodes, encodes and checks structs
// with it. This package is the only one that uses unsafe: without it, every member
// would need a function of its own, and every type its own copy of the generic
// code.
//
// Programs use the generated packages and package closekit. The API of this package
// follows the generator and may change with every release; [GeneratedV2] is a
// compile-time check of the version.
package wire
