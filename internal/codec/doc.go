// Package codec is the JSON engine of the module: a pull decoder for responses, an
// appender for requests, and the object that keeps members without a field.
//
// It uses no reflection and no unsafe. Decoders and encoders are not safe for
// concurrent use; every call of the SDK takes a decoder of its own from a pool.
package codec
