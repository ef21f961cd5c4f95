package modeltest

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
)

// sendFrame sends one event in the binary framing that AWS streams: the lengths of the
// whole and of the headers with their checksum, the headers, the payload, and the
// checksum of everything before.
func sendFrame(w http.ResponseWriter, event string, v any) {
	var h []byte
	h = header(h, ":event-type", event)
	h = header(h, ":content-type", "application/json")
	h = header(h, ":message-type", "event")
	_, _ = w.Write(frame(h, encode(v))) // a client that is gone
	flush(w)
}

// header appends a header whose value is a string.
func header(h []byte, name, value string) []byte {
	const text = 7
	h = append(h, byte(len(name))) //nolint:gosec // the names above are short
	h = append(append(h, name...), text)
	h = binary.BigEndian.AppendUint16(h, uint16(len(value))) //nolint:gosec // as above
	return append(h, value...)
}

func frame(headers, payload []byte) []byte {
	const prelude, checksum = 12, 4
	whole := prelude + len(headers) + len(payload) + checksum
	f := binary.BigEndian.AppendUint32(nil, uint32(whole))     //nolint:gosec // a piece of a script is short
	f = binary.BigEndian.AppendUint32(f, uint32(len(headers))) //nolint:gosec // as above
	f = binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
	f = append(append(f, headers...), payload...)
	return binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
}
