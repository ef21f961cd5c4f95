package pgtest_test

import (
	"net"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func ask(t *testing.T, url, query string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	a, b := pgtest.Database(t), pgtest.Database(t)
	if a, b := ask(t, a, "select current_schema()"), ask(t, b, "select current_schema()"); a == b {
		t.Errorf("both are %s", a)
	}
	if got := ask(t, a, "show fsync"); got != "on" {
		t.Errorf("fsync is %s", got)
	}
}

func TestServerCanBeKilled(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, "work_mem = 5MB")
	url := s.Database(t)
	if got := ask(t, url, "show work_mem"); got != "5MB" {
		t.Errorf("the setting was not applied: %s", got)
	}
	for _, end := range []func() error{s.Kill, s.Stop} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", s.Addr()); err == nil {
			conn.Close()
			t.Error("something still listens")
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		ask(t, url, "select current_schema()")
	}
}
