//go:build unix

package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// planEnv holds the plan of a process that the tests start of themselves.
const planEnv = "CLOSEKIT_FAULT_PLAN"

func TestMain(m *testing.M) {
	if text := os.Getenv(planEnv); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(pgtest.Run(m))
}

// plan is what a worker does.
type plan struct {
	Store    string // of openStore
	Key      string // text of the vault's keyset
	Provider string
	StateDir string
	Task     string // "once", "full", "race" or "serve"
	Users    []string
	Step     failpoint.Step // where to die
}

// closer is a store that is closed in the end.
type closer interface {
	accounts.Store
	Close() error
}

func openStore(ctx context.Context, where string) (closer, error) {
	if strings.HasPrefix(where, "postgres://") {
		return pgstore.Open(ctx, where)
	}
	return sqlitestore.Open(where)
}

const conName = "close"

func config(store accounts.Store, key accounts.Secret, provider, dir string) (accounts.Config, error) {
	v, err := vault.Open(key)
	return accounts.Config{
		Store: store, Vault: v, StateDir: dir, KeepWarm: accounts.Always(),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Connections: []accounts.Connection{{
			Name: conName, ClientID: oauthtest.ClientID, ClientSecret: accounts.NewSecret(oauthtest.ClientSecret), RedirectURL: "https://app.example/cb",
			AuthorizeURL: provider + "/oauth2/authorize/", TokenURL: provider + "/oauth2/token/", RevokeURL: provider + "/oauth2/revoke/", Rate: 2000,
		}},
	}, err
}

func principal(user string) accounts.Principal {
	p, err := accounts.NewPrincipal("tenant", user)
	if err != nil {
		panic(err) // the tests choose the names
	}
	return p
}

func work(text string) error {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	store, err := openStore(ctx, p.Store)
	if err != nil {
		return err
	}
	cfg, err := config(store, accounts.NewSecret(p.Key), p.Provider, p.StateDir)
	if err != nil {
		return err
	}
	m, err := accounts.New(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	switch p.Task {
	case "once":
		err = once(ctx, m, p)
	case "full":
		err = full(ctx, m, p)
	case "race":
		err = race(ctx, m, p)
	case "serve":
		err = serve(ctx, m, p)
	}
	return errors.Join(err, m.Close(context.Background()), store.Close())
}

// die ends this process as nothing can catch it.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// once renews one account, and dies at a step of it.
func once(ctx context.Context, m *accounts.Manager, p plan) error {
	a, err := m.Account(principal(p.Users[0]), conName)
	if err != nil {
		return err
	}
	_, err = a.Credential(failpoint.With(ctx, func(s failpoint.Step) error {
		if s == p.Step {
			die()
		}
		return nil
	}))
	return err
}

// full lets no file of this process grow, as a full disk does, and wants that to
// be noticed.
func full(ctx context.Context, m *accounts.Manager, p plan) error {
	var usual syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1, Max: usual.Max}); err != nil {
		return err
	}
	err := whoami(ctx, m, p.Provider, p.Users[0])
	if back := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &usual); back != nil {
		return back
	}
	if !errors.Is(err, accounts.ErrTemporarilyUnavailable) {
		return fmt.Errorf("with a full disk: %w", err)
	}
	return nil
}

// whoami calls the provider as a user and checks whose token was sent.
func whoami(ctx context.Context, m *accounts.Manager, provider, user string) error {
	a, err := m.Account(principal(user), conName)
	if err != nil {
		return err
	}
	me, err := closeapi.MeGet(ctx, closekit.NewClient(a, closekit.BaseURL(provider)), closeapi.MeGetParams{})
	if err != nil {
		return err
	}
	if got := string(me.ID); got != closeUser(user) {
		return fmt.Errorf("I3: %s acted as %s", user, got)
	}
	return nil
}

// race has all accounts renewed, in an order of its own.
func race(ctx context.Context, m *accounts.Manager, p plan) error {
	rand.Shuffle(len(p.Users), func(i, j int) { p.Users[i], p.Users[j] = p.Users[j], p.Users[i] })
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs error
	slots := make(chan struct{}, 32)
	for _, user := range p.Users {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := whoami(ctx, m, p.Provider, user)
			for errors.Is(err, accounts.ErrTemporarilyUnavailable) { // a store that is overrun; the parent looks at the clock
				err = whoami(ctx, m, p.Provider, user)
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = errors.Join(errs, fmt.Errorf("%s: %w", user, err))
			}
		})
	}
	wg.Wait()
	return errs
}

// serve renews what is due and calls as all users, until it is told to stop.
// It reports the errors of callers that are not a matter of time, and counts
// the others.
func serve(ctx context.Context, m *accounts.Manager, p plan) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	passing, bad := 0, error(nil)
	for ctx.Err() == nil && len(p.Users) > 0 {
		user := p.Users[rand.IntN(len(p.Users))]
		err := whoami(ctx, m, p.Provider, user)
		switch {
		case err == nil, ctx.Err() != nil:
		case errors.Is(err, accounts.ErrTemporarilyUnavailable):
			passing++
		default:
			bad = errors.Join(bad, fmt.Errorf("%s: %w", user, err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
	<-ctx.Done()
	<-done
	fmt.Println("unavailable", passing)
	return bad
}
