package accounts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/oauthtest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	used := NewMemoryStore()
	keep := newTestVault(1)
	good := func() Config {
		return Config{Store: NewMemoryStore(), Vault: newTestVault(1), Connections: []Connection{testConnection()}, Transport: oauthtest.New()}
	}
	cfg := good()
	cfg.Store, cfg.Vault = used, keep
	if _, err := New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no store":            {func(c *Config) { c.Store = nil }, "Store is missing"},
		"nil store":           {func(c *Config) { c.Store = (*MemoryStore)(nil) }, "Store is missing"},
		"nil vault":           {func(c *Config) { c.Vault = (*testVault)(nil) }, "Vault is missing"},
		"no vault":            {func(c *Config) { c.Vault = nil }, "Vault is missing"},
		"empty vault":         {func(c *Config) { c.Vault = newTestVault() }, "no key"},
		"broken vault":        {func(c *Config) { c.Vault.(*testVault).broken = true }, "cannot seal"},
		"unknown key":         {func(c *Config) { c.Store, c.Vault = used, newTestVault(2) }, "00000001"},
		"wrong key":           {func(c *Config) { c.Store, c.Vault = used, newTestVault(1) }, "key 00000001 is not"},
		"no connection":       {func(c *Config) { c.Connections = nil }, "Connections is empty"},
		"no name":             {func(c *Config) { c.Connections[0].Name = "" }, "no name"},
		"bad name":            {func(c *Config) { c.Connections[0].Name = "a/b" }, "path"},
		"two of a name":       {func(c *Config) { c.Connections = append(c.Connections, c.Connections[0]) }, "two connections"},
		"no client id":        {func(c *Config) { c.Connections[0].ClientID = "" }, "client id"},
		"no client secret":    {func(c *Config) { c.Connections[0].ClientSecret = Secret{} }, "client secret"},
		"no redirect URL":     {func(c *Config) { c.Connections[0].RedirectURL = "" }, "redirect URL"},
		"plain redirect URL":  {func(c *Config) { c.Connections[0].RedirectURL = "http://app.example/cb" }, "https"},
		"plain token URL":     {func(c *Config) { c.Connections[0].TokenURL = "http://api.example/" }, "https"},
		"URL with a user":     {func(c *Config) { c.Connections[0].TokenURL = "https://u:p@api.example/" }, "user"},
		"no session resolver": {func(c *Config) { c.BaseURL = "https://app.example/c" }, "SessionResolver"},
		"foreign return":      {func(c *Config) { c.ReturnTo = map[string]string{"x": "//evil.example/"} }, "ReturnTo"},
		"script return":       {func(c *Config) { c.ReturnTo = map[string]string{"x": "javascript:alert(1)"} }, "ReturnTo"},
		"backslash return":    {func(c *Config) { c.ReturnTo = map[string]string{"x": `/\evil.example`} }, "ReturnTo"},
		"script home":         {func(c *Config) { c.HomeURL = "javascript:alert(1)" }, "HomeURL"},
		"bad state dir":       {func(c *Config) { c.StateDir = filepath.Join(os.DevNull, "x") }, "state directory"},
	} {
		cfg := good()
		c.change(&cfg)
		if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q in it", name, err, c.want)
		}
	}
	cfg = good()
	cfg.Store, cfg.Vault = used, keep
	if _, err := New(t.Context(), cfg); err != nil {
		t.Errorf("after the refusals the right key gives %v", err)
	}
}
