package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// conversation is what is remembered of a rep.
type conversation struct {
	Run      string // of the agent: approvals, limits and the audit go on with it
	Account  string // user and organization at Close
	Messages []json.RawMessage
}

// memory keeps conversations: a sealed file for each rep and provider, whose messages
// differ, and others for an emulated Close, which must not take the place of a real one's.
type memory struct {
	dir, provider string
	emulated      bool
	vault         *vault.Vault
}

func (m *memory) path(rep string) string {
	name := rep + "." + m.provider
	if m.emulated {
		name += ".emulated"
	}
	return filepath.Join(m.dir, name+".chat")
}

// bound is what a sealed conversation is bound to: the file of another rep does not open.
func (m *memory) bound(rep string) []byte {
	return []byte("sales-assistant: conversation of " + rep + " with " + m.provider)
}

// load returns the conversation of a rep, an empty one if there is none.
func (m *memory) load(rep string) (*conversation, error) {
	c := &conversation{}
	sealed, err := os.ReadFile(m.path(rep))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		sealed, err = m.vault.Open(sealed, m.bound(rep))
	}
	if err == nil {
		err = json.Unmarshal(sealed, c)
	}
	if err != nil {
		return nil, fmt.Errorf("the conversation of %s cannot be read: %w; set CLOSEKIT_KEY to the key that it was kept with, or delete %s", rep, err, m.path(rep))
	}
	return c, nil
}

// save replaces the file at once, so that it is never half written.
func (m *memory) save(rep string, c *conversation) error {
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	sealed, _, err := m.vault.Seal(plain, m.bound(rep))
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.path(rep)+".new", sealed, 0o600); err != nil {
		return err
	}
	return os.Rename(m.path(rep)+".new", m.path(rep))
}

// openVault returns the vault that seals conversations and approvals. Without
// CLOSEKIT_KEY its key is in a file beside them, which is made once.
func openVault(dir string, getenv func(string) string) (*vault.Vault, error) {
	if key := getenv("CLOSEKIT_KEY"); key != "" {
		v, err := vault.Open(accounts.NewSecret(key))
		if err != nil {
			return nil, fmt.Errorf("CLOSEKIT_KEY: %w", err)
		}
		return v, nil
	}
	path := filepath.Join(dir, "key")
	key, err := os.ReadFile(path) //nolint:gosec // in the folder of this program
	if errors.Is(err, fs.ErrNotExist) {
		var made accounts.Secret
		if made, err = vault.Keygen(); err == nil {
			key = []byte(vault.Text(made))
			err = os.WriteFile(path, key, 0o600)
		}
	}
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(accounts.NewSecret(string(key)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
