package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
)

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := pgstore.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if _, _, err := s.Ensure(t.Context(), fmt.Sprint("id", i), key(t, 0), "test"); err != nil {
				t.Error(err)
			}
			s.Close()
		})
	}
	wg.Wait()
	if v := query(t, url, `select string_agg(version::text, ',') from closekit_version`); v != "1,2" {
		t.Errorf("the versions are %q", v)
	}
}

func TestExists(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	for range 2 { // looking makes nothing
		if found, err := pgstore.Exists(t.Context(), url); err != nil || found {
			t.Errorf("in an empty database: %v, %v", found, err)
		}
	}
	open(t, url)
	if found, err := pgstore.Exists(t.Context(), url); err != nil || !found {
		t.Errorf("after Open: %v, %v", found, err)
	}
}

func TestNewerVersion(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s, err := pgstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	query(t, url, `insert into closekit_version (version) values (99) returning ''`)
	_, err = pgstore.Open(t.Context(), url)
	if err == nil || !strings.Contains(err.Error(), "of version 99, and this program knows no version above 2") {
		t.Errorf("the error is %v", err)
	}
}

// TestOlderVersion opens a database that lacks the last migration.
func TestOlderVersion(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s, err := pgstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	query(t, url, `with gone as (delete from closekit_version where version = 2) select ''`)
	query(t, url, `drop table closekit_budgets`)
	if n, err := open(t, url).ShareBudget(t.Context(), "orga_1", "a", time.Minute); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	const secret = "p4ssw0rd-canary"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	good := pgtest.Database(t)
	_, host, _ := strings.Cut(good, "@")
	for name, url := range map[string]string{
		"no server":      "postgres://closekit:" + secret + "@" + free + "/db?sslmode=disable",
		"wrong password": "postgres://closekit:" + secret + "@" + host,
		"no database":    "postgres://closekit:" + secret + "@" + strings.Replace(host, "/postgres?", "/nosuch?", 1),
		"bad port":       "postgres://closekit:" + secret + "@localhost:no/db",
		"bad escape":     "postgres://closekit:" + secret + "%zz@localhost/db",
		"bad option":     "postgres://closekit:" + secret + "@localhost/db?sslmode=perhaps",
		"bad pool":       "postgres://closekit:" + secret + "@localhost/db?pool_max_conns=" + secret,
		"bad mode":       "postgres://closekit:" + secret + "@localhost/db?default_query_exec_mode=" + secret,
		"password only":  "postgres://:" + secret + "@/?host=",
		"keys":           "host=localhost port=no password=" + secret,
		"quoted keys":    "host=localhost port=no password='" + secret,
		"not a URL":      secret,
		"control":        "postgres://closekit:" + secret + "\x7f@localhost/db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s, err := pgstore.Open(ctx, url)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				for _, format := range []string{"%v", "%+v", "%#v"} {
					if text := fmt.Sprintf(format, e); strings.Contains(text, secret) {
						t.Errorf("the password is in %s", text)
					}
				}
			}
			t.Log(err)
		})
	}
}

// TestNoRights opens a database as a user who may not make tables: fine when
// they are there, clear when they are not.
func TestNoRights(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.Database(t)
	query(t, url, `select 1::text`)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(text string) {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec("create role app login password 'app'")
	exec("grant usage on schema " + query(t, url, "select current_schema()::text") + " to app")
	_, host, _ := strings.Cut(url, "@")
	app := "postgres://app:app@" + host
	if _, err := pgstore.Open(t.Context(), app); err == nil || !strings.Contains(err.Error(), "may not make them") {
		t.Errorf("without tables: %v", err)
	}
	open(t, url)
	exec("grant select, insert, update, delete on all tables in schema " + query(t, url, "select current_schema()::text") + " to app")
	connect(t, open(t, app), 1)
}
