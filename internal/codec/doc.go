// Package codec is the JSON engine of the module: a pull scanner for responses,
// an appender for requests, and the object that keeps what has no field.
//
// It uses no reflection and no unsafe. Nothing here is safe for concurrent use;
// every call of the SDK has a decoder of its own, from a pool.
package codec
