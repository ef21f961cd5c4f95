package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asProgram makes the test binary the program itself.
const asProgram = "SALES_ASSISTANT_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// desk is the program in a process of its own, on a pseudo terminal.
type desk struct {
	*testing.T
	cmd    *exec.Cmd
	master *os.File
	ended  chan struct{} // nothing more is shown

	mu    sync.Mutex
	shown string
	seen  int           // of what was shown, how much was expected
	more  chan struct{} // something was shown
}

// environment has no keys but those that are passed.
func environment(dir string, variables ...string) []string {
	return append([]string{asProgram + "=1", "GORACE=atexit_sleep_ms=0", "NO_PROXY=*", "TZ=UTC", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}, variables...)
}

// program returns the command, with its folder in dir.
func program(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append([]string{"-dir", dir}, args...)...)
	cmd.Env = environment(dir, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// start starts the program on a new pseudo terminal.
func start(t *testing.T, dir string, env []string, args ...string) *desk {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("no pseudo terminals here: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, cmd: program(t, dir, env, args...), master: master, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = slave, slave, slave
	d.cmd.SysProcAttr.Setctty = true
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	go d.read()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // unless it has ended
		_ = d.cmd.Wait()
		_ = master.Close()
	})
	return d
}

func (d *desk) read() {
	defer close(d.ended)
	for b := make([]byte, 4096); ; {
		n, err := d.master.Read(b)
		d.mu.Lock()
		d.shown += strings.ReplaceAll(string(b[:n]), "\r\n", "\n")
		d.mu.Unlock()
		select {
		case d.more <- struct{}{}:
		default:
		}
		if err != nil { // the program has closed its end
			return
		}
	}
}

// expect waits until a text is shown, after those that were expected before, and
// returns what was shown up to it.
func (d *desk) expect(text string) string {
	d.Helper()
	for late := time.After(30 * time.Second); ; {
		d.mu.Lock()
		part := d.shown[d.seen:]
		if i := strings.Index(part, text); i >= 0 {
			d.seen += i + len(text)
			d.mu.Unlock()
			return part[:i]
		}
		d.mu.Unlock()
		select {
		case <-d.more:
		case <-d.ended:
			d.Fatalf("ended without %q:\n%s", text, d.all())
		case <-late:
			d.Fatalf("%q is not shown:\n%s", text, d.all())
		}
	}
}

func (d *desk) all() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shown
}

// types types keys; Ctrl-C is \x03, Ctrl-D \x04.
func (d *desk) types(keys string) {
	d.Helper()
	if _, err := d.master.WriteString(keys); err != nil {
		d.Fatal(err)
	}
}

// quit ends the program, and returns all that was shown.
func (d *desk) quit() string {
	d.Helper()
	d.types("/quit\n")
	return d.end()
}

// end waits for the end of the program, which must be a good one.
func (d *desk) end() string {
	d.Helper()
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		d.Fatalf("it does not end:\n%s", d.all())
	}
	if err := d.cmd.Wait(); err != nil {
		d.Errorf("%v:\n%s", err, d.all())
	}
	return d.all()
}
