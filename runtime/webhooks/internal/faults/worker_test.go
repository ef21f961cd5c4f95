//go:build unix

package faults

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/webhooks"
	"github.com/closekit/closekit/runtime/webhooks/pgstore"
	"github.com/closekit/closekit/runtime/webhooks/sqlitestore"
)

// planEnv holds the plan of a process that the tests start of themselves.
const planEnv = "CLOSEKIT_HOOK_PLAN"

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

// point is where a worker dies.
type point string

// The points, in the order of a delivery.
const (
	arrived point = "arrived" // verified, not yet marked or claimed
	began   point = "began"   // in the function, before it writes
	wrote   point = "wrote"   // in the function, after it has written: before the commit
	handled point = "handled" // committed, before the response
)

// plan is what a worker does.
type plan struct {
	Store string // a file or a postgres:// URL
	Other string // a file for the effects of leased deliveries, if Store is one
	Tx    bool   // whether effects are written through the transaction of the mark
	Die   point  // empty: never
	Nth   int32  // the delivery at which to die, from 1
}

const (
	keyText        = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	subscriptionID = "whsub_1"
	createEffects  = "create table if not exists effects (event text not null)"
	insertEffect   = "insert into effects (event) values ($1)"
)

// leaseTimeout is short, because the claim of a dead worker holds up the event for twice as
// long.
const leaseTimeout = 50 * time.Millisecond

// die ends this process as nothing can catch it.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func work(text string) error {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	key, err := webhooks.ParseSigningKey(keyText)
	if err != nil {
		return err
	}
	var seen [4]atomic.Int32
	at := func(here point) {
		i := strings.Index("abwh", string(here[:1])) // each point begins with a letter of its own
		if n := seen[i].Add(1); here == p.Die && n >= p.Nth {
			die()
		}
	}
	ctx := context.Background()
	once, err := handler(ctx, p, at)
	if err != nil {
		return err
	}
	receiver, err := webhooks.NewReceiver(webhooks.Config{
		Keys: webhooks.Fixed(webhooks.Subscription{ID: subscriptionID, Tenant: "acme", Key: key}),
		Once: func(ctx context.Context, d *webhooks.Delivery) (bool, error) {
			at(arrived)
			first, err := once(ctx, d)
			if err == nil {
				at(handled)
			}
			return first, err
		},
	})
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("ready", l.Addr())
	go func() { // the parent ends the worker by closing its standard input
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		_ = l.Close()
	}()
	srv := http.Server{Handler: receiver, ReadHeaderTimeout: time.Minute}
	if err := srv.Serve(l); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// handler opens the store and returns what handles deliveries.
func handler(ctx context.Context, p plan, at func(point)) (webhooks.Once, error) {
	if strings.HasPrefix(p.Store, "postgres://") {
		store, err := pgstore.Open(ctx, p.Store)
		if err != nil {
			return nil, err
		}
		if p.Tx {
			return store.Transactional(0, func(ctx context.Context, tx pgx.Tx, d *webhooks.Delivery) error {
				at(began)
				_, err := tx.Exec(ctx, insertEffect, string(d.Event.ID))
				at(wrote)
				return err
			}), nil
		}
		pool, err := pgxpool.New(ctx, p.Store)
		return leased(store, at, func(ctx context.Context, id string) error {
			_, err := pool.Exec(ctx, insertEffect, id)
			return err
		}), err
	}
	store, err := sqlitestore.Open(p.Store)
	if err != nil {
		return nil, err
	}
	if p.Tx {
		return store.Transactional(0, func(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
			at(began)
			_, err := tx.ExecContext(ctx, insertEffect, string(d.Event.ID))
			at(wrote)
			return err
		}), nil
	}
	db, err := sql.Open("sqlite", "file:"+p.Other+"?_pragma=busy_timeout(20000)")
	return leased(store, at, func(ctx context.Context, id string) error {
		_, err := db.ExecContext(ctx, insertEffect, id)
		return err
	}), err
}

func leased(store webhooks.Store, at func(point), effect func(context.Context, string) error) webhooks.Once {
	return webhooks.Leased(store, leaseTimeout, func(ctx context.Context, d *webhooks.Delivery) error {
		at(began)
		err := effect(context.WithoutCancel(ctx), string(d.Event.ID))
		at(wrote)
		return err
	})
}
