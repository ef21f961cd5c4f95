package vault_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func open(t *testing.T, key accounts.Secret) *vault.Vault {
	t.Helper()
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func keygen(t *testing.T) accounts.Secret {
	t.Helper()
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	v := open(t, keygen(t))
	plain, ad := []byte("the tokens"), []byte("the place")
	sealed, id, err := v.Seal(plain, ad)
	if err != nil {
		t.Fatal(err)
	}
	primary, all := v.KeyIDs()
	if id != primary || !slices.Equal(all, []uint32{id}) {
		t.Errorf("sealed with %08x, the keys are %08x of %08x", id, primary, all)
	}
	if got, err := v.Open(sealed, ad); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := v.Open(sealed, []byte("elsewhere")); err == nil {
		t.Error("opened elsewhere")
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := v.Open(bad, ad); err == nil {
			t.Errorf("opened with a flipped bit in byte %d", i)
		}
	}
	for n := range sealed {
		if _, err := v.Open(sealed[:n], ad); err == nil {
			t.Errorf("opened %d bytes", n)
		}
	}
	if _, err := open(t, keygen(t)).Open(sealed, ad); err == nil {
		t.Error("opened with another key")
	}
	again, _, err := v.Seal(plain, ad)
	if err != nil || bytes.Equal(again, sealed) {
		t.Error("sealing twice gives the same")
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	key := keygen(t)
	v1 := open(t, key)
	first, _ := v1.KeyIDs()
	old, _, err := v1.Seal([]byte("old"), nil)
	if err != nil {
		t.Fatal(err)
	}
	key, second, err := vault.Add(key)
	if err != nil {
		t.Fatal(err)
	}
	v2 := open(t, key)
	if p, all := v2.KeyIDs(); p != first || len(all) != 2 || !slices.Contains(all, second) {
		t.Errorf("after adding: %08x of %08x", p, all)
	}
	key, err = vault.Promote(key, second)
	if err != nil {
		t.Fatal(err)
	}
	v3 := open(t, key)
	fresh, id, err := v3.Seal([]byte("fresh"), nil)
	if err != nil || id != second {
		t.Errorf("sealed with %08x, %v", id, err)
	}
	for _, v := range []*vault.Vault{v2, v3} { // replicas at different versions
		for _, b := range [][]byte{old, fresh} {
			if _, err := v.Open(b, nil); err != nil {
				t.Errorf("%v: %v", v, err)
			}
		}
	}
	if _, err := vault.Remove(key, second); err == nil {
		t.Error("the primary key was removed")
	}
	if _, err := vault.Promote(key, 12345); err == nil {
		t.Error("an unknown key was promoted")
	}
	key, err = vault.Remove(key, first)
	if err != nil {
		t.Fatal(err)
	}
	v4 := open(t, key)
	if _, err := v4.Open(fresh, nil); err != nil {
		t.Error(err)
	}
	if _, err := v4.Open(old, nil); err == nil {
		t.Error("opened with a removed key")
	}
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	good := vault.Text(keygen(t))
	for name, c := range map[string]struct{ key, want string }{
		"missing":   {"", "missing"},
		"blank":     {" \n", "missing"},
		"foreign":   {"hunter2", "not one of ours"},
		"short":     {good[:20], "damaged"},
		"cut":       {good[:len(good)-8], "damaged"},
		"bad chars": {good[:len(good)-4] + "!!!!", "damaged"},
		"no body":   {"ck1.", "damaged"},
	} {
		_, err := vault.Open(accounts.NewSecret(c.key))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(c.key) > 10 && strings.Contains(err.Error(), c.key[4:]) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if vault.Text(accounts.NewSecret("another secret")) != "" {
		t.Error("a secret that is no keyset was revealed")
	}
	if _, err := vault.Open(accounts.NewSecret(" " + good + "\n")); err != nil {
		t.Errorf("with blanks around it: %v", err)
	}
}

func TestNothingPrintsKeys(t *testing.T) {
	t.Parallel()
	key := keygen(t)
	v := open(t, key)
	text := fmt.Sprintf("%v %+v %#v %s %q %v %#v", v, v, v, v, v, key, key) + fmt.Sprintf("%+v %#v", struct{ v vault.Vault }{*v}, struct{ v *vault.Vault }{v})
	if strings.Contains(text, vault.Text(key)[8:]) || strings.Contains(text, "[]uint8") || strings.Contains(text, "[]byte{") {
		t.Errorf("printed %s", text)
	}
}

// kek is a key encryption key, as a management service has it.
type kek struct {
	cipher.AEAD
	away bool
}

func (k *kek) Encrypt(_ context.Context, plaintext, associated []byte) ([]byte, error) {
	return k.Seal(make([]byte, 12), make([]byte, 12), plaintext, associated), nil
}

func (k *kek) Decrypt(_ context.Context, ciphertext, associated []byte) ([]byte, error) {
	if k.away {
		return nil, errors.New("away")
	}
	return k.Open(nil, ciphertext[:12], ciphertext[12:], associated)
}

func TestWrappedKeyset(t *testing.T) {
	t.Parallel()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	k := &kek{AEAD: a}
	key := keygen(t)
	wrapped, err := vault.Wrap(t.Context(), key, k)
	if err != nil || strings.Contains(wrapped, vault.Text(key)[8:]) {
		t.Fatalf("wrapped: %v", err)
	}
	sealed, _, err := open(t, key).Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.OpenWrapped(t.Context(), wrapped, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(sealed, nil); err != nil {
		t.Error(err)
	}
	k.away = true
	if _, err := vault.OpenWrapped(t.Context(), wrapped, k); err == nil {
		t.Error("opened without the key encryption key")
	}
	if _, err := vault.Open(accounts.NewSecret(wrapped)); err == nil {
		t.Error("a wrapped keyset opened as a plain one")
	}
	if _, err := vault.OpenWrapped(t.Context(), vault.Text(key), k); err == nil {
		t.Error("a plain keyset opened as a wrapped one")
	}
}
