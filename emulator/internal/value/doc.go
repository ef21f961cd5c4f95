// Package value holds JSON values as the emulator stores them, and the two formats
// of time that Close uses.
package value
