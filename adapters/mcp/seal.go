package closemcp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/closekit/closekit/agent"
)

// state is what a client brings back with the answer of a person.
type state struct {
	Approval string // "" for a consent
	Page     bool   // the person decides on the page of the host
	Shown    agent.Digest
	Run      string
	Call     string // digest of the call as the client made it
}

// sealer makes states unreadable and unforgeable for clients. A state is bound to the
// user: it opens for no other.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	if key == nil {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) != 32 {
		return nil, errors.New("closemcp: Config.StateKey must have 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead}, err
}

func associated(user string) []byte { return []byte("closekit mcp state\x00" + user) }

func (s *sealer) seal(user string, st state) (string, error) {
	b, err := json.Marshal(st)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, b, associated(user))), nil //nolint:gosec // the cipher chooses the nonce
}

func (s *sealer) open(user, sealed string) (state, error) {
	var st state
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return st, errForeign
	}
	if b, err = s.aead.Open(nil, nil, b, associated(user)); err != nil {
		return st, errForeign
	}
	return st, json.Unmarshal(b, &st)
}

var errForeign = errors.New("the answer does not belong to a question of this server to this user")
