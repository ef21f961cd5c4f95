// Package codec is the JSON machinery under the generated code: a pull scanner
// for answers, an appender for requests, and the walker that checks, encodes
// and strictly decodes parameters in one pass over a table of fields.
//
// It uses no reflection and no unsafe. Nothing here is safe for concurrent use;
// every call of the SDK has a decoder and a walker of its own, from a pool.
package codec
