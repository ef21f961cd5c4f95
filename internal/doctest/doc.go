// Package doctest checks the documents and comments of the whole repository:
// that what they refer to exists, and that they avoid words that the glossary
// of CONTRIBUTING.md rules out. It has no code of its own.
package doctest
