package accounts

import (
	"encoding/binary"
	"encoding/json"
	"errors"
)

// Vault encrypts the tokens that a store keeps. Package vault implements it; a
// host may use another implementation. Implementations are safe for concurrent
// use.
type Vault interface {
	// Seal encrypts and authenticates plaintext with the primary key and
	// returns the id of that key. The same associated data is needed to open
	// it.
	Seal(plaintext, associated []byte) (sealed []byte, keyID uint32, err error)

	// Open decrypts, with the key that it was sealed with. It fails if a bit of
	// either argument differs.
	Open(sealed, associated []byte) (plaintext []byte, err error)

	// KeyIDs returns the id of the primary key, and of all keys that Open knows.
	KeyIDs() (primary uint32, all []uint32)
}

// AssociatedData binds a blob of an account to its key, row, purpose and
// generation, so that it opens in its own place only.
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
	plain, err := json.Marshal(sealedPair{p.access.Reveal(), p.refresh.Reveal()})
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

// errSealing stands for any error of a vault, whose text is not repeated: it may
// hold anything.
var errSealing = errors.New("accounts: the vault cannot seal or open")

func seal(v Vault, plain, ad []byte) (Sealed, error) {
	blob, id, err := v.Seal(plain, ad)
	if err != nil || len(blob) == 0 {
		return Sealed{}, errSealing
	}
	return Sealed{blob, id}, nil
}

// heldCode is a code that waits for the host, and what redeems it.
type heldCode struct {
	Code     string `json:"c"`
	Verifier string `json:"v"`
}

// sealCode seals a code for the host to confirm.
func sealCode(v Vault, code string, verifier Secret, data []byte) (Sealed, error) {
	plain, err := json.Marshal(heldCode{code, verifier.Reveal()})
	if err != nil {
		return Sealed{}, errSealing
	}
	defer clear(plain)
	return seal(v, plain, data)
}
