package webhooks_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts/vault"
	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/sqlitestore"
)

// rename is what the program does with an event: it keeps the names of leads in its own
// table, in the transaction that marks the event as handled.
func rename(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
	lead, ok := d.Event.AsLead()
	if !ok || lead.After == nil || d.Event.Action == "updated" && !d.Event.Changed("name") {
		return nil // nothing that matters here
	}
	_, err := tx.ExecContext(ctx, `insert into names (lead, name, ordering) values (?1, ?2, ?3)
		on conflict (lead) do update set name = ?2, ordering = ?3 where ordering < ?3`, d.Event.ObjectID, lead.After.Name.Or(""), d.Order())
	return err
}

// statusOf returns the status of a lead before and after an event.
func statusOf(d *webhooks.Delivery) (before, after closeapi.LeadStatusID, changed bool) {
	lead, ok := d.Event.AsLead()
	if !ok || lead.Before == nil || lead.After == nil || !d.Event.Changed("status_id") {
		return "", "", false
	}
	return lead.Before.StatusID.Or(""), lead.After.StatusID.Or(""), true
}

// receive makes a subscription for a tenant and serves its deliveries.
func receive(ctx context.Context, client *closekit.Client, file string, v *vault.Vault, mux *http.ServeMux, url string) (*sqlitestore.Store, webhooks.Once, error) {
	store, err := sqlitestore.Open(file)
	if err != nil {
		return nil, nil, err
	}
	once := store.Transactional(0, rename)
	keys := webhooks.NewKeys(store, v)
	receiver, err := webhooks.NewReceiver(webhooks.Config{Keys: keys.Lookup, Once: once})
	if err != nil {
		return nil, nil, err
	}
	mux.Handle("/close/events", receiver)

	_, err = webhooks.Ensure(ctx, client, keys, webhooks.Want{
		Tenant: "acme",
		URL:    url + "/close/events",
		Kinds:  []webhooks.Kind{{ObjectType: "lead", Action: "created"}, {ObjectType: "lead", Action: "updated"}},
	}, once)
	return store, once, err
}

// catchUp reads every hour what was not delivered.
func catchUp(ctx context.Context, client *closekit.Client, store *sqlitestore.Store, once webhooks.Once) {
	l := webhooks.Log{Tenant: "acme", Kinds: []webhooks.Kind{{ObjectType: "lead", Action: "created"}, {ObjectType: "lead", Action: "updated"}}}
	for {
		if _, err := webhooks.CatchUp(ctx, client, store, l, once); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
			return
		}
	}
}

// The guide, docs/webhooks.md, explains these functions.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	srv := emulator.New(emulator.Options{})
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	client := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	dir, err := os.MkdirTemp("", "webhooks")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "app.db")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "create table names (lead text primary key, name text, ordering text)"); err != nil {
		log.Fatal(err)
	}
	key, err := vault.Keygen()
	if err != nil {
		log.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	app := httptest.NewServer(mux)
	defer app.Close()
	store, once, err := receive(ctx, client, file, v, mux, app.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	srv.SetWebhookMode(emulator.WebhookMode{Duplicate: true, Reverse: true})
	lead, err := closeapi.LeadCreate(ctx, client, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		log.Fatal(err)
	}
	srv.Advance(time.Second)
	if _, err := closeapi.LeadUpdate(ctx, client, closeapi.LeadUpdateParams{LeadID: lead.ID, Name: closekit.Some("Acme Corp")}); err != nil {
		log.Fatal(err)
	}
	if err := srv.WaitWebhooks(ctx); err != nil {
		log.Fatal(err)
	}
	var name string
	if err := db.QueryRowContext(ctx, "select name from names").Scan(&name); err != nil {
		log.Fatal(err)
	}
	fmt.Println(name, len(srv.Deliveries()), "deliveries")

	cancel()
	catchUp(ctx, client, store, once) // which ends with the context
	// Output: Acme Corp 4 deliveries
}
