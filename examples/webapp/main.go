// Command webapp is a small web program whose users connect their own Close
// accounts. It shows how a host embeds package accounts: README.md says which
// file answers which question.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

// shutdownTime is how long requests and renewals may take to end after Ctrl-C.
const shutdownTime = 40 * time.Second

// run serves until ctx ends, and then ends everything in the reverse order.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("webapp", flag.ContinueOnError)
	flags.SetOutput(out)
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to listen on")
	base := flags.String("base-url", "", "public `URL` of this program, https unless it is local; http:// and -addr when empty")
	db := flags.String("db", "", "SQLite `file` for connected accounts; a temporary one when empty")
	keygen := flags.Bool("keygen", false, "print a new key for CLOSEKIT_KEY and exit")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *keygen {
		key, err := vault.Keygen()
		fmt.Fprintln(out, vault.Text(key))
		return err
	}

	key := accounts.NewSecret(getenv("CLOSEKIT_KEY"))
	switch {
	case key.IsZero() && *db != "":
		return errors.New("-db needs CLOSEKIT_KEY, or the file could not be read after a restart; -keygen creates a key")
	case key.IsZero():
		fmt.Fprintln(out, "CLOSEKIT_KEY is not set: tokens are sealed with a key that lives as long as this process.")
		if key, err = vault.Keygen(); err != nil {
			return err
		}
	}
	sealer, err := vault.Open(key)
	if err != nil {
		return fmt.Errorf("CLOSEKIT_KEY: %w", err)
	}
	if *db == "" {
		dir, err := os.MkdirTemp("", "webapp-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }() // its key is lost
		*db = filepath.Join(dir, "accounts.db")
	}
	store, err := sqlitestore.Open(*db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already, unless something below fails
	baseURL := cmp.Or(*base, "http://"+listener.Addr().String())
	crm, err := openCRM(getenv("CLOSE_CLIENT_ID"), getenv("CLOSE_CLIENT_SECRET"), baseURL)
	if err != nil {
		return err
	}
	defer crm.close()

	app, err := newApp(ctx, config{baseURL: baseURL, crm: crm, store: store, vault: sealer, stateDir: *db + ".state", log: os.Stderr})
	if err != nil {
		return err
	}
	// What runs in the background goes on while the last requests end.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { _ = app.manager.Run(work) }) // it only says that it was stopped
	server := &http.Server{Handler: app.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	fmt.Fprintf(out, "Connected accounts are kept in %s\n", *db)
	fmt.Fprintf(out, "Leads come from %s\n", crm.name)
	for _, u := range app.users {
		fmt.Fprintf(out, "Log in as %s with password %s\n", u.name, u.password)
	}
	fmt.Fprintf(out, "Open %s (Ctrl-C ends)\n", baseURL)

	select {
	case err = <-served:
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err = errors.Join(err, server.Shutdown(grace))
	stopWork()
	background.Wait()
	return errors.Join(err, app.manager.Close(grace))
}
