package pgstore_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

// pool puts PgBouncer in transaction mode, with four sessions for everybody,
// before a database.
func pool(t *testing.T, database string) string {
	t.Helper()
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		if os.Getenv(pgtest.Require) == "1" {
			t.Fatal("PgBouncer is not installed")
		}
		t.Skip("PgBouncer is not installed")
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := t.TempDir()
	password, _ := u.User.Password()
	ini := fmt.Sprintf(`[databases]
pooled = host=127.0.0.1 port=%s dbname=postgres user=closekit password=%s connect_query='set search_path to %s'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
`, u.Port(), password, u.Query().Get("search_path"), port)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", file}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := exec.Command(bin, args...)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	for i := 0; ; i++ {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return "postgres://closekit:any@" + addr + "/pooled?sslmode=disable"
		}
		if i == 100 {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestBehindAPooler(t *testing.T) {
	t.Parallel()
	t.Run("conformance", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) accounts.Store {
			t.Helper()
			return open(t, pool(t, pgtest.Database(t)))
		})
	})
	t.Run("many for few", func(t *testing.T) {
		t.Parallel()
		s := open(t, pool(t, pgtest.Database(t))+"&pool_max_conns=50")
		var wg sync.WaitGroup
		for _, r := range connect(t, s, 1000) {
			wg.Go(func() {
				r, err := s.Claim(t.Context(), accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: "a", Lease: time.Minute})
				if err == nil {
					_, err = s.Commit(t.Context(), commitOf(r, "a"))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
