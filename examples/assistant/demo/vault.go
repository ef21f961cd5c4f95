package demo

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

// demoVault is an [accounts.Vault] with a random key that is lost with the
// process, as are the tokens in memory that it seals. A program that keeps its
// tokens takes runtime/accounts/vault, whose keys can be stored and rotated.
type demoVault struct{ aead cipher.AEAD }

// keyID names the only key.
const keyID = 1

func newVault() (*demoVault, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &demoVault{aead}, nil
}

// Seal implements [accounts.Vault].
func (v *demoVault) Seal(plaintext, associated []byte) ([]byte, uint32, error) {
	return v.aead.Seal(nil, nil, plaintext, associated), keyID, nil //nolint:gosec // the AEAD makes a random nonce
}

// Open implements [accounts.Vault].
func (v *demoVault) Open(sealed, associated []byte) ([]byte, error) {
	return v.aead.Open(nil, nil, sealed, associated)
}

// KeyIDs implements [accounts.Vault].
func (v *demoVault) KeyIDs() (uint32, []uint32) { return keyID, []uint32{keyID} }
