// Package pgtest starts a PostgreSQL server for tests: a temporary cluster of the
// binaries that are installed.
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestSomething(t *testing.T) {
//		url := pgtest.Database(t) // skips if PostgreSQL is not installed
//	}
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Require is the environment variable that, set to 1, makes tests fail instead
// of being skipped where PostgreSQL is not installed.
const Require = "CLOSEKIT_REQUIRE_POSTGRES"

// shared is the server that all tests of a package use.
var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// Run runs the tests of a package, and stops the shared server after them.
func Run(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		if err := shared.server.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	return code
}

// Database creates an empty database on the shared server, which it starts if
// needed, and returns its URL. The database is dropped when the test ends.
func Database(tb testing.TB) string {
	tb.Helper()
	shared.Lock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start()
	}
	s, err := shared.server, shared.err
	shared.Unlock()
	check(tb, err)
	return s.Database(tb)
}

// Start starts a server for one test, which may stop and kill it. Settings are
// lines of postgresql.conf.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	s, err := start(settings...)
	check(tb, err)
	tb.Cleanup(func() {
		if err := s.remove(); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return s
}

var errNone = errors.New("PostgreSQL is not installed: no initdb in PATH, in the folder of pg_config, or in /usr/lib/postgresql")

func check(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case errors.Is(err, errNone) && os.Getenv(Require) != "1":
		tb.Skipf("%v (set %s=1 to fail instead)", err, Require)
	case err != nil:
		tb.Fatalf("pgtest: %v", err)
	}
}

// Server is a PostgreSQL server that listens on a port of its own.
type Server struct {
	dir, bin string
	port     int
	password string
	user     *syscall.SysProcAttr // nil: the user of this process

	mu    sync.Mutex
	ended chan struct{} // closed when it ends; nil while it is down
	stdin io.Closer     // the server ends with it
	count int
}

// binaries finds the folder with initdb and postgres.
func binaries() (string, error) {
	var dirs []string
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	if out, err := exec.CommandContext(context.Background(), "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(dirs, found...) {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir, nil
		}
	}
	return "", errNone
}

func version(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return n
}

func start(settings ...string) (s *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s = &Server{bin: bin, password: "pw-" + rand.Text()}
	if s.dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	pwfile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pwfile, []byte(s.password+"\n"), 0o600); err != nil {
		return nil, err
	}
	if s.user, err = unprivileged(s.dir, pwfile); err != nil {
		return nil, err
	}
	out, err := s.command("initdb", "--pgdata="+s.data(), "--username=closekit", "--pwfile="+pwfile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	conf := append([]string{
		"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 200", "shared_buffers = '128MB'",
		"fsync = on", "logging_collector = off", "max_wal_size = '2GB'",
	}, settings...)
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(strings.Join(conf, "\n") + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	for range 5 { // another process may take the port
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.Start(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not block
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...) //nolint:gosec // that is what it is for
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = s.user
	return cmd
}

// Dir is the folder with all files of the server.
func (s *Server) Dir() string { return s.dir }

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password is the password in the URLs.
func (s *Server) Password() string { return s.password }

// URL returns the URL of a database.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("closekit", s.password), Host: s.Addr(), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Start starts the server again, on the same port, and waits until it accepts connections.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return errors.New("the server runs already")
	}
	// The shell ends the server when this process ends, however that happens.
	const script = `"$@" </dev/null & pid=$!
		( read -r _; kill -INT $pid ) <&3 2>/dev/null &
		wait $pid; code=$?; kill $! 2>/dev/null; exit $code`
	var log tail
	cmd := s.command("postgres")
	cmd.Args = []string{"sh", "-c", "exec 3<&0; " + script, "sh", cmd.Path, "-D", s.data(), "-p", strconv.Itoa(s.port)}
	sh, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	cmd.Path, cmd.Stdout, cmd.Stderr = sh, &log, &log
	cmd.WaitDelay = 10 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the code says nothing
	}()
	deadline := time.After(60 * time.Second)
	for {
		conn, err := s.connect("postgres")
		if err == nil {
			s.ended, s.stdin = ended, stdin
			return conn.Close(context.Background())
		}
		select {
		case <-ended:
			return fmt.Errorf("postgres ended at once: %s", log.String())
		case <-deadline:
			return errors.Join(fmt.Errorf("postgres does not answer: %w: %s", err, log.String()), stdin.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) connect(database string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return pgx.Connect(ctx, s.URL(database))
}

// Stop stops the server like an operator, closing all connections.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(func(int) error { return s.stdin.Close() })
}

// Kill kills the server, like a power failure.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(func(pid int) error {
		p, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		return p.Kill()
	})
}

func (s *Server) end(how func(pid int) error) error {
	if s.ended == nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	if err := how(pid); err != nil {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(60 * time.Second):
		return errors.New("postgres does not end")
	}
	_ = s.stdin.Close() // it may be closed already
	s.ended, s.stdin = nil, nil
	return nil
}

func (s *Server) remove() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }

// Database creates an empty database and returns its URL. It is a schema, which
// is faster and isolated enough for tests.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	s.mu.Lock()
	s.count++
	name := "test" + strconv.Itoa(s.count)
	s.mu.Unlock()
	if err := s.exec("create schema " + name); err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() {
		s.mu.Lock()
		up := s.ended != nil
		s.mu.Unlock()
		if !up {
			return
		}
		if err := s.exec("drop schema " + name + " cascade"); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return s.URL("postgres") + "&search_path=" + name
}

func (s *Server) exec(query string) error {
	conn, err := s.connect("postgres")
	if err != nil {
		return err
	}
	_, err = conn.Exec(context.Background(), query)
	return errors.Join(err, conn.Close(context.Background()))
}

// tail keeps the last output of the server.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > 8<<10 {
		t.b = t.b[len(t.b)-4<<10:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
