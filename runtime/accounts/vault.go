package accounts

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/closekit/closekit/runtime/accounts/internal/secret"
)

// Vault seals what a store keeps. Package vault has one; a host may bring its
// own. Implementations are safe for concurrent use.
type Vault interface {
	// Seal encrypts and authenticates plaintext with the primary key and
	// returns the id of that key. The same associated data is needed to open
	// it.
	Seal(plaintext, associated []byte) (sealed []byte, keyID uint32, err error)

	// Open is the reverse, with whatever key it was sealed with. It fails
	// closed if a bit of either argument differs.
	Open(sealed, associated []byte) (plaintext []byte, err error)

	// KeyIDs gives the id of the primary key, and of all keys that Open knows.
	KeyIDs() (primary uint32, all []uint32)
}

// AssociatedData is what a blob of an account is bound to: key, row, purpose
// and generation. A blob opens in its own place only.
func AssociatedData(key Key, id, purpose string, generation int64) []byte {
	b := append([]byte("v1"), key.Canonical()...)
	b = appendField(b, id)
	b = appendField(b, purpose)
	return binary.BigEndian.AppendUint64(b, uint64(generation)) //nolint:gosec // only the bits matter
}

// pair is what a grant consists of. Nothing prints it.
type pair struct{ access, refresh Secret }

// sealedPair is the form in which a pair is sealed.
type sealedPair struct {
	Access  string `json:"a"`
	Refresh string `json:"r"`
}

func sealPair(v Vault, p pair, ad []byte) (Sealed, error) {
	plain, err := json.Marshal(sealedPair{secret.Reveal(p.access), secret.Reveal(p.refresh)})
	if err != nil {
		return Sealed{}, errSealing
	}
	defer clear(plain)
	return seal(v, plain, ad)
}

func openPair(v Vault, s Sealed, ad []byte) (pair, error) {
	plain, err := v.Open(s.Blob, ad)
	if err != nil {
		return pair{}, errSealing
	}
	defer clear(plain)
	var sp sealedPair
	if err := json.Unmarshal(plain, &sp); err != nil {
		return pair{}, errSealing
	}
	return pair{NewSecret(sp.Access), NewSecret(sp.Refresh)}, nil
}

// errSealing stands for whatever a vault said, which is not repeated: it may
// come from anywhere.
var errSealing = errors.New("accounts: the vault cannot seal or open")

func seal(v Vault, plain, ad []byte) (Sealed, error) {
	blob, id, err := v.Seal(plain, ad)
	if err != nil || len(blob) == 0 {
		return Sealed{}, errSealing
	}
	return Sealed{blob, id}, nil
}
