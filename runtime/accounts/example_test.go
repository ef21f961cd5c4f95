package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// A program without web pages from start to stop. The emulator stands for Close
// and its user; with real Close, Transport is left out, and what the
// browser ends at is pasted by the user.
func Example() {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "accounts")
	check(err)
	defer os.RemoveAll(dir)
	srv := emulator.New(emulator.Options{})

	key, err := vault.Keygen() // made once, and kept apart from the database
	check(err)
	keys, err := vault.Open(key)
	check(err)
	store, err := sqlitestore.Open(filepath.Join(dir, "accounts.db"))
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	m, err := accounts.New(ctx, accounts.Config{
		Store: store, Vault: keys, StateDir: filepath.Join(dir, "state"), Transport: srv.Transport(),
		Connections: []accounts.Connection{{
			Name: "close", ClientID: srv.ClientID(), ClientSecret: accounts.NewSecret(srv.ClientSecret()),
			RedirectURL: "https://app.example.com/callback",
		}},
		OnEvent: func(_ context.Context, e accounts.Event) error {
			log.Println(e.Key, e.Type, e.Reason) // tell whom it concerns
			return nil
		},
	})
	check(err)
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()

	// The only place that makes a principal: behind your own login.
	ada, err := accounts.NewPrincipal("acme", "ada")
	check(err)
	connect := func() {
		flow, err := m.PasteLocal(ctx, ada, "close")
		check(err)
		page, err := srv.Allow(flow.URL(), "", "") // the user opens flow.URL() and presses Allow
		check(err)
		_, err = flow.Finish(ctx, page)
		check(err)
	}
	connect()

	// From here on there is only the handle.
	account, err := m.Account(ada, "close")
	check(err)
	client := closekit.NewClient(account, closekit.HTTPClient(&http.Client{Transport: srv.Transport()}))
	lead, err := closeapi.LeadCreate(ctx, client, closeapi.LeadCreateParams{Name: "Acme Corp"})
	check(err)
	fmt.Println("created", lead.Name)

	// The user takes the access away, and gives it again.
	srv.RevokeGrant("", "")
	_, err = closeapi.MeGet(ctx, client, closeapi.MeGetParams{})
	if again := new(accounts.AuthorizationRequiredError); errors.As(err, &again) {
		fmt.Println(again)
		connect()
	}
	_, err = closeapi.MeGet(ctx, client, closeapi.MeGetParams{}) // the same client
	check(err)
	fmt.Println("works again")

	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
	check(m.Close(context.Background())) // commits what was sent
	check(store.Close())
	// Output:
	// created Acme Corp
	// the user must connect the account at "close": it is REVOKED (invalid_grant)
	// works again
}
