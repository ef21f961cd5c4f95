package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// binding ties a link to one browser. It is made of the secret of the link and of
// the nonce in the browser's cookie, so opening a link changes nothing on the
// server: several browsers can hold a binding side by side, one that a mail
// scanner opened included, until the first callback uses the link up.
type binding struct {
	state    string // names the flow and proves the nonce
	verifier Secret // of PKCE
}

// bind makes the binding of a browser to a flow.
func (m *Manager) bind(f Flow, nonce string) (binding, error) {
	secret, err := m.vault.Open(f.Sealed.Blob, flowData(f, PurposeVerifier))
	if err != nil {
		return binding{}, &SealError{f.Key, f.Sealed.KeyID}
	}
	defer clear(secret)
	derive := func(what string) string {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(what + " " + nonce))
		return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	return binding{base64.RawURLEncoding.EncodeToString(f.ID[:]) + derive("state"), NewSecret(derive("verifier"))}, nil
}

// flowOfState returns the id of the flow that a state names. It is zero, which no
// flow has, if the state names none. The id is the hash of what is in the link, so
// a state does not open the link.
func flowOfState(state string) (id Hash) {
	if len(state) == 2*tokenLength {
		if b, err := base64.RawURLEncoding.Strict().DecodeString(state[:tokenLength]); err == nil {
			copy(id[:], b)
		}
	}
	return id
}
