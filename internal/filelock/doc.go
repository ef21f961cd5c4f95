// Package filelock keeps a file to one process, with a lock that ends with the
// process.
package filelock
