// Package wiretest holds the second witness of the wire format: the request and
// response pairs in testdata/wire, written from what is known of Close and not
// from this code, are replayed against the SDK and against the emulator, so
// that the two cannot agree on a mistake.
package wiretest
