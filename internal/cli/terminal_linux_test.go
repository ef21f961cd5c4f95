package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/closekit/closekit/emulator"
)

// openPTY returns both ends of a new pseudo terminal.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlocked int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlocked} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 { //nolint:gosec // an ioctl takes an address
			t.Fatal(errno)
		}
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

// outcome is what came of a command that asked on a terminal.
type outcome struct {
	asked          string
	before         int // requests before the answer
	code           int
	stdout, stderr string
}

// onTerminal runs a command that deletes the lead lead_a of its standard input, and
// answers its question.
func onTerminal(t *testing.T, srv *emulator.Server, types string, args ...string) (o outcome) {
	t.Helper()
	master, slave := openPTY(t)
	cmd := exec.CommandContext(t.Context(), self(t), args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "NO_PROXY=*", "GORACE="+fastExit, "CLOSE_API_KEY="+srv.APIKey(), "CLOSE_BASE_URL="+srv.URL(), "CLOSEKIT_POLICY=")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(`{"lead_id": "lead_a"}`), &stdout, &stderr
	cmd.ExtraFiles = []*os.File{slave}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := master.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.asked, err = bufio.NewReader(master).ReadString('?'); err != nil {
		t.Fatalf("%q, %v; standard error: %s", o.asked, err, stderr.String())
	}
	o.before = len(srv.Requests())
	if _, err := master.WriteString(types); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	o.code, o.stdout, o.stderr = cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	return o
}

// TestAgentAsks lets a person decide on the call of an agent.
func TestAgentAsks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about, types string
		code, leads  int
		stdout       string
	}{
		{"yes", "yes\n", 0, 0, `"outcome":"done"`},
		{"no", "no\n", exitUnconfirmed, 1, `"outcome":"denied"`},
		{"Ctrl-C", "\x03", exitInterrupted, 1, `"outcome":"pending"`},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			srv := emulator.Start(t)
			if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
				t.Fatal(err)
			}
			o := onTerminal(t, srv, c.types, "agent", "call", "close_lead_delete", "-", "--json")
			if !strings.Contains(o.asked, "an agent wants to call close_lead_delete") || !strings.Contains(o.asked, "cannot be restored") {
				t.Errorf("asked: %s", o.asked)
			}
			if o.code != c.code || len(srv.Objects("leads")) != c.leads || !strings.Contains(o.stdout, c.stdout) {
				t.Errorf("exit code %d, %d leads; output: %s; standard error: %s", o.code, len(srv.Objects("leads")), o.stdout, o.stderr)
			}
		})
	}
}

// TestTerminal answers on a terminal that is none of the standard streams, after
// the question, as a person does.
func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about, types string
		code, leads  int
	}{
		{"yes", "yes\n", 0, 0},
		{"no", "no\n", exitUnconfirmed, 1},
		{"not quite yes", "yesterday\n", exitUnconfirmed, 1},
		{"end of input", "\x04", exitUnconfirmed, 1},
		{"Ctrl-C", "\x03", exitInterrupted, 1},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			srv := emulator.Start(t)
			if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
				t.Fatal(err)
			}
			o := onTerminal(t, srv, c.types, "call", "close_lead_delete", "-")
			if o.before != 0 {
				t.Errorf("%d requests before the answer", o.before)
			}
			if o.code != c.code || len(srv.Objects("leads")) != c.leads {
				t.Errorf("exit code %d, %d leads; standard error: %s", o.code, len(srv.Objects("leads")), o.stderr)
			}
			if (o.stdout == "{}\n") != (c.code == 0) {
				t.Errorf("standard output: %q", o.stdout)
			}
		})
	}
}
