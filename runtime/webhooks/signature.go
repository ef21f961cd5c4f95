package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

const redacted = "[redacted]"

// The headers of a delivery.
const (
	headerHash = "Close-Sig-Hash"
	headerTime = "Close-Sig-Timestamp"
)

// keyBytes is the length of the keys of Close.
const keyBytes = 32

// SigningKey is the key with which Close signs the deliveries of a subscription. No verb
// of fmt, no encoder and no logger prints it; all of them show a placeholder. The zero
// value verifies nothing. It is safe for concurrent use.
type SigningKey struct{ reveal func() []byte } // a closure, which no printer looks into

// ParseSigningKey reads the signature_key of a subscription, 64 hexadecimal digits.
func ParseSigningKey(text string) (SigningKey, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != keyBytes {
		return SigningKey{}, errors.New("webhooks: the signature key must be 64 hexadecimal digits; it is in the response that created the subscription")
	}
	return newKey(key), nil
}

func newKey(key []byte) SigningKey { return SigningKey{func() []byte { return key }} }

// IsZero reports whether there is no key.
func (k SigningKey) IsZero() bool { return k.reveal == nil }

// Sign returns the signature of a delivery, for tests of a receiver: the HMAC-SHA256 of
// the timestamp's text followed by the body, as hexadecimal digits. Without a key it is
// empty.
func (k SigningKey) Sign(timestamp string, body []byte) string {
	if k.IsZero() {
		return ""
	}
	return hex.EncodeToString(k.sum(timestamp, body))
}

// sum returns the MAC. The key is what the hexadecimal digits mean, not their text.
func (k SigningKey) sum(timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, k.reveal())
	mac.Write([]byte(timestamp))
	mac.Write(body)
	return mac.Sum(nil)
}

// signature is what the headers of a delivery say.
type signature struct {
	timestamp string
	hash      []byte
}

// readSignature reads the headers. It returns false unless there is one of each and
// both have the form that Close sends.
func readSignature(h http.Header) (signature, bool) {
	hashes, times := h[headerHash], h[headerTime]
	if len(hashes) != 1 || len(times) != 1 || len(times[0]) == 0 || len(times[0]) > 15 {
		return signature{}, false
	}
	for _, c := range []byte(times[0]) {
		if c < '0' || c > '9' {
			return signature{}, false
		}
	}
	hash, err := hex.DecodeString(hashes[0])
	return signature{times[0], hash}, err == nil && len(hash) == sha256.Size
}

// verifies reports whether a signature was made with the key, in a time that does not
// depend on where the signatures differ.
func (k SigningKey) verifies(s signature, body []byte) bool {
	return !k.IsZero() && hmac.Equal(k.sum(s.timestamp, body), s.hash)
}

// Format prints a placeholder, whatever the verb.
func (k SigningKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) } // fmt.State cannot fail

// String returns a placeholder.
func (k SigningKey) String() string { return redacted }

// GoString returns a placeholder.
func (k SigningKey) GoString() string { return redacted }

// MarshalText returns a placeholder.
func (k SigningKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GobEncode returns a placeholder.
func (k SigningKey) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a placeholder.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(redacted) }
