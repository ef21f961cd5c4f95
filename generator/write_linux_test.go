package generator_test

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/closekit/closekit/generator"
)

// TestWriteFullDisk writes with a limit on the size of files, which fails in
// the middle of a file as a full disk does. It does so in a process of its own,
// because the limit would hold for the log that go test keeps of files, too.
func TestWriteFullDisk(t *testing.T) {
	const own = "CLOSEKIT_TEST_OWN_PROCESS"
	if os.Getenv(own) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriteFullDisk$")
		cmd.Env = append(os.Environ(), own+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	before := map[string]string{"a.go": goHeader + "old", "gone.go": goHeader}
	disk(t, dir, before)
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	small := old
	small.Cur = 1000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	changed, err := generator.Write(dir, []generator.File{file("a.go", goHeader+strings.Repeat("x", 5000))})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err == nil || !strings.Contains(err.Error(), "a.go") || len(changed) > 0 {
		t.Errorf("changed %q, error %v", changed, err)
	}
	holds(t, dir, before) // neither cut short, nor deleted, nor a file left over
}
