// Package vault seals tokens with a keyset of XChaCha20-Poly1305 keys: one
// primary key that seals, and older ones that still open. A keyset is a text
// that the operator keeps, alone or wrapped by a key management service.
//
// To rotate: [Add] a key and give the text to every replica, then [Promote] it
// and do so again, then run Manager.Reseal, and when nothing is counted under
// the old key any more, [Remove] it.
package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/closekit/closekit/runtime/accounts"
)

// Vault is an [accounts.Vault] on a keyset. It is immutable and safe for
// concurrent use, and nothing prints its keys.
type Vault struct {
	aead    func() tink.AEAD // a closure, which no verb looks into
	primary uint32
	ids     []uint32
}

var _ accounts.Vault = (*Vault)(nil)

// KEK wraps a keyset: a key management service, or anything that can encrypt
// a few hundred bytes. It is asked once per start.
type KEK interface {
	Encrypt(ctx context.Context, plaintext, associated []byte) ([]byte, error)
	Decrypt(ctx context.Context, ciphertext, associated []byte) ([]byte, error)
}

const (
	plainPrefix   = "ck1." // a keyset in the clear
	wrappedPrefix = "ckw1."
	kekData       = "closekit accounts keyset v1"
	maxKeyText    = 64 << 10
)

var errMissing = errors.New("vault: the key is missing; make one with Keygen")

// Keygen makes a keyset of one key and returns it as a text. It opens
// everything; keep it apart from the database.
func Keygen() (accounts.Secret, error) {
	h, err := keyset.NewHandle(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return accounts.Secret{}, errors.New("vault: a key cannot be made")
	}
	return text(h)
}

// Text returns the text of a keyset for its operator: for printing it once after
// [Keygen], and for writing it to a file. It reveals keysets only; any other
// secret has an empty text.
func Text(key accounts.Secret) string {
	if _, err := parse(key); err != nil {
		return ""
	}
	return key.Reveal()
}

// Open makes a vault of the text that [Keygen], [Add], [Promote] or [Remove]
// returned. A text that is empty, cut or no keyset is an error.
func Open(key accounts.Secret) (*Vault, error) {
	h, err := parse(key)
	if err != nil {
		return nil, err
	}
	return of(h)
}

// Wrap encrypts the text of a keyset with a KEK, for storing it.
func Wrap(ctx context.Context, key accounts.Secret, kek KEK) (string, error) {
	h, err := parse(key)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := h.WriteWithContext(ctx, keyset.NewBinaryWriter(&b), adapter{kek}, []byte(kekData)); err != nil {
		return "", errors.New("vault: the key encryption key cannot wrap the keyset")
	}
	return wrappedPrefix + base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
}

// OpenWrapped makes a vault of what [Wrap] returned.
func OpenWrapped(ctx context.Context, wrapped string, kek KEK) (*Vault, error) {
	key, err := Unwrap(ctx, wrapped, kek)
	if err != nil {
		return nil, err
	}
	return Open(key)
}

// Unwrap is the reverse of [Wrap], for changing a keyset.
func Unwrap(ctx context.Context, wrapped string, kek KEK) (accounts.Secret, error) {
	b, err := decode(wrapped, wrappedPrefix)
	if err != nil {
		return accounts.Secret{}, err
	}
	h, err := keyset.ReadWithContext(ctx, keyset.NewBinaryReader(bytes.NewReader(b)), adapter{kek}, []byte(kekData))
	if err != nil {
		return accounts.Secret{}, errors.New("vault: the key encryption key cannot unwrap the keyset")
	}
	return text(h)
}

// adapter is a KEK as tink wants it.
type adapter struct{ kek KEK }

func (a adapter) EncryptWithContext(ctx context.Context, plaintext, associated []byte) ([]byte, error) {
	return a.kek.Encrypt(ctx, plaintext, associated)
}

func (a adapter) DecryptWithContext(ctx context.Context, ciphertext, associated []byte) ([]byte, error) {
	return a.kek.Decrypt(ctx, ciphertext, associated)
}

// Add adds a key that opens but does not seal yet, and returns the new text
// and the key's id.
func Add(key accounts.Secret) (accounts.Secret, uint32, error) {
	return change(key, func(m *keyset.Manager) (uint32, error) { return m.Add(aead.XChaCha20Poly1305KeyTemplate()) })
}

// Promote makes a key the primary one.
func Promote(key accounts.Secret, id uint32) (accounts.Secret, error) {
	key, _, err := change(key, func(m *keyset.Manager) (uint32, error) { return id, m.SetPrimary(id) })
	return key, err
}

// Remove removes a key that is not the primary one. What is still sealed with
// it is lost.
func Remove(key accounts.Secret, id uint32) (accounts.Secret, error) {
	key, _, err := change(key, func(m *keyset.Manager) (uint32, error) { return id, m.Delete(id) })
	return key, err
}

func change(key accounts.Secret, f func(*keyset.Manager) (uint32, error)) (accounts.Secret, uint32, error) {
	h, err := parse(key)
	if err != nil {
		return accounts.Secret{}, 0, err
	}
	m := keyset.NewManagerFromHandle(h)
	id, err := f(m)
	if err != nil {
		return accounts.Secret{}, 0, fmt.Errorf("vault: the keyset cannot be changed: %w", err)
	}
	if h, err = m.Handle(); err != nil {
		return accounts.Secret{}, 0, errors.New("vault: the keyset cannot be changed")
	}
	key, err = text(h)
	return key, id, err
}

func text(h *keyset.Handle) (accounts.Secret, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&b)); err != nil {
		return accounts.Secret{}, errors.New("vault: the keyset cannot be written")
	}
	return accounts.NewSecret(plainPrefix + base64.RawURLEncoding.EncodeToString(b.Bytes())), nil
}

func parse(key accounts.Secret) (*keyset.Handle, error) {
	b, err := decode(key.Reveal(), plainPrefix)
	if err != nil {
		return nil, err
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(b)))
	if err != nil {
		return nil, errors.New("vault: the key is damaged; copy it again, whole")
	}
	return h, nil
}

func decode(s, prefix string) ([]byte, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, errMissing
	}
	body, ok := strings.CutPrefix(s, prefix)
	if !ok || len(s) > maxKeyText {
		return nil, fmt.Errorf("vault: the key is not one of ours: it must begin with %q", prefix)
	}
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(b) == 0 {
		return nil, errors.New("vault: the key is damaged; copy it again, whole")
	}
	return b, nil
}

func of(h *keyset.Handle) (*Vault, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, errors.New("vault: the key is damaged, or not one of this program; copy it again, whole")
	}
	v := &Vault{aead: func() tink.AEAD { return a }}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, errors.New("vault: the key is damaged; copy it again, whole")
		}
		if e.KeyStatus() != keyset.Enabled {
			continue
		}
		v.ids = append(v.ids, e.KeyID())
		if e.IsPrimary() {
			v.primary = e.KeyID()
		}
	}
	return v, nil
}

// Seal implements [accounts.Vault].
func (v *Vault) Seal(plaintext, associated []byte) ([]byte, uint32, error) {
	b, err := v.aead().Encrypt(plaintext, associated)
	if err != nil {
		return nil, 0, errors.New("vault: cannot seal")
	}
	return b, v.primary, nil
}

// Open implements [accounts.Vault].
func (v *Vault) Open(sealed, associated []byte) ([]byte, error) {
	b, err := v.aead().Decrypt(sealed, associated)
	if err != nil {
		return nil, errors.New("vault: cannot open: another key, another place, or damaged")
	}
	return b, nil
}

// KeyIDs implements [accounts.Vault].
func (v *Vault) KeyIDs() (primary uint32, all []uint32) {
	return v.primary, append([]uint32(nil), v.ids...)
}

// String names the keys by their ids.
func (v *Vault) String() string {
	return fmt.Sprintf("vault with primary key %08x of %d", v.primary, len(v.ids))
}

// GoString is String.
func (v *Vault) GoString() string { return v.String() }

// LogValue logs the id of the primary key.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }
