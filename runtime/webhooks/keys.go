package webhooks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Vault seals the signature keys that a store keeps. The vault of package
// runtime/accounts/vault is one. Implementations are safe for concurrent use.
type Vault interface {
	// Seal encrypts and authenticates plaintext. The same associated data is needed
	// to open it.
	Seal(plaintext, associated []byte) (sealed []byte, keyID uint32, err error)
	// Open decrypts. It fails if a bit of either argument differs.
	Open(sealed, associated []byte) ([]byte, error)
	// KeyIDs returns the id of the key that seals, and those of all that open.
	KeyIDs() (primary uint32, all []uint32)
}

// keepKey is how long an opened key is used without asking the store, which tells how
// long a subscription that another process removed is still accepted.
const keepKey = time.Minute

// maxKeys bounds the opened keys in memory.
const maxKeys = 10_000

// Keys are the subscriptions in a store, with their signature keys sealed. Make it with
// [NewKeys]. It is safe for concurrent use.
type Keys struct {
	store Store
	vault Vault
	now   func() time.Time

	mu   sync.Mutex
	open map[string]openKey
}

type openKey struct {
	sub Subscription
	at  time.Time
}

// NewKeys returns the keys in a store.
func NewKeys(store Store, vault Vault) *Keys {
	return &Keys{store: store, vault: vault, now: time.Now, open: map[string]openKey{}}
}

// Lookup is a function for [Config].Keys. An opened key is kept in memory for a minute.
func (k *Keys) Lookup(ctx context.Context, id string) (Subscription, error) {
	now := k.now()
	k.mu.Lock()
	kept, ok := k.open[id]
	k.mu.Unlock()
	if age := now.Sub(kept.at); ok && age >= 0 && age < keepKey {
		return kept.sub, nil
	}
	row, err := k.store.Subscription(ctx, id)
	if err != nil {
		k.forget(id)
		return Subscription{}, err
	}
	sub, err := k.unseal(row)
	if err != nil {
		return Subscription{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.open) >= maxKeys {
		clear(k.open)
	}
	k.open[id] = openKey{sub, now}
	return sub, nil
}

func (k *Keys) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, id)
}

// Save seals the key of a subscription and stores it, replacing what the id had. [Ensure]
// calls it; call it for a subscription that was created elsewhere.
func (k *Keys) Save(ctx context.Context, url string, s Subscription) error {
	if s.Key.IsZero() || s.Tenant == "" || !validID(s.ID) {
		return errors.New("webhooks: a subscription that is stored needs an id, a tenant and a key")
	}
	row := Row{ID: s.ID, Tenant: s.Tenant, Organization: s.Organization, URL: url}
	var err error
	if row.Sealed, row.KeyID, err = k.vault.Seal(s.Key.reveal(), associated(row)); err != nil {
		return errSealing
	}
	k.forget(s.ID)
	return k.store.SaveSubscription(ctx, row)
}

// Remove removes a subscription from the store, for a tenant that has left. It does not
// delete it in Close.
func (k *Keys) Remove(ctx context.Context, id string) error {
	k.forget(id)
	return k.store.DeleteSubscription(ctx, id)
}

// Reseal seals the keys anew that another key of the vault than the primary one has sealed,
// and returns how many. Run it after the vault's key was replaced.
func (k *Keys) Reseal(ctx context.Context) (n int, err error) {
	rows, err := k.store.Subscriptions(ctx, "")
	if err != nil {
		return 0, err
	}
	primary, _ := k.vault.KeyIDs()
	for _, row := range rows {
		if row.KeyID == primary {
			continue
		}
		sub, err := k.unseal(row)
		if err != nil {
			return n, err
		}
		if err := k.Save(ctx, row.URL, sub); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// errSealing stands for any error of a vault, whose text is not repeated: it may hold
// anything.
var errSealing = errors.New("webhooks: the vault cannot seal the signature key")

func (k *Keys) unseal(row Row) (Subscription, error) {
	key, err := k.vault.Open(row.Sealed, associated(row))
	if err != nil || len(key) != keyBytes {
		return Subscription{}, fmt.Errorf("webhooks: the vault cannot open the signature key of %s: it was sealed with another key, or the row is damaged; Ensure replaces it", row.ID)
	}
	return Subscription{ID: row.ID, Tenant: row.Tenant, Organization: row.Organization, Key: newKey(key)}, nil
}

// associated binds a sealed key to its row: in the row of another tenant or subscription it
// does not open.
func associated(row Row) []byte {
	b := []byte("closekit webhook key v1")
	for _, field := range []string{row.Tenant, row.Organization, row.ID} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field))) //nolint:gosec // bounded far below
		b = append(b, field...)
	}
	return b
}
