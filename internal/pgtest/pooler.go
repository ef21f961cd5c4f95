package pgtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Pooler starts PgBouncer in transaction mode, with four sessions for all clients,
// in front of a database of the shared server, and returns its URL. Like the
// server, it is required if [Require] is 1.
func Pooler(tb testing.TB, database string) string {
	tb.Helper()
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		if os.Getenv(Require) == "1" {
			tb.Fatal("PgBouncer is not installed")
		}
		tb.Skip("PgBouncer is not installed")
	}
	u, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close() // for PgBouncer
	dir := tb.TempDir()
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
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := []string{"-q", file}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := exec.Command(bin, args...) //nolint:gosec,noctx // the pooler itself, which the clean-up ends
	cmd.Stderr = tb.Output()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	for i := 0; ; i++ {
		c, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", addr)
		if err == nil {
			_ = c.Close() // it answers
			return "postgres://closekit:any@" + addr + "/pooled?sslmode=disable"
		}
		if i == 1500 { // half a minute
			tb.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
