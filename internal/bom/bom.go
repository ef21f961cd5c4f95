// Package bom reads text that other programs wrote: UTF-8 that starts with a byte
// order mark, and UTF-16, which is refused with a hint.
package bom

import (
	"bytes"
	"errors"
)

// Mark is the byte order mark, which some programs write at the start of UTF-8.
const Mark = "\uFEFF"

// ErrUTF16 reports text in UTF-16, which some Windows programs write.
var ErrUTF16 = errors.New("the text is UTF-16; save it as UTF-8")

// Trim removes a byte order mark.
func Trim(b []byte) []byte { return bytes.TrimPrefix(b, []byte(Mark)) }

// IsUTF16 reports whether b is text in UTF-16: JSON and YAML start with two
// characters that are ASCII.
func IsUTF16(b []byte) bool {
	return len(b) >= 2 && (b[0] == 0xFF && b[1] == 0xFE || b[0] == 0xFE && b[1] == 0xFF || (b[0] == 0) != (b[1] == 0))
}

// Text returns b without a byte order mark, or [ErrUTF16].
func Text(b []byte) ([]byte, error) {
	if IsUTF16(b) {
		return nil, ErrUTF16
	}
	return Trim(b), nil
}
