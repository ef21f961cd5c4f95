// Package store keeps the objects, users and organizations of an emulated Close in
// memory. It has no lock; the server has one.
package store
