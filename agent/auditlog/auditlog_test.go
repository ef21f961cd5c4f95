package auditlog_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
	"github.com/closekit/closekit/agent/storetest"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func open(t *testing.T, path string, opts ...auditlog.Option) *auditlog.Log {
	t.Helper()
	l, err := auditlog.Open(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verify(t *testing.T, path string) agent.ChainReport {
	t.Helper()
	r, err := auditlog.Verify(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// written writes 40 records from many goroutines, and returns the path.
func written(t *testing.T, opts ...auditlog.Option) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := auditlog.Open(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			if err := l.Record(t.Context(), storetest.Record(i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLog(t *testing.T) {
	t.Parallel()
	l := open(t, filepath.Join(t.TempDir(), "audit.jsonl"), auditlog.WithVault(newVault(t)))
	storetest.RunLog(t, func(*testing.T) (a, b agent.Log) { return l, l })
}

// TestSnapshots tests that snapshots are in no log in clear, and in none at all without
// a vault.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	for name, opts := range map[string][]auditlog.Option{"sealed": {auditlog.WithVault(v)}, "omitted": nil} {
		path := written(t, opts...)
		b := read(t, path)
		if bytes.Contains(b, []byte("Old name")) {
			t.Errorf("%s: a snapshot is in clear", name)
		}
		list, err := auditlog.Read(bytes.NewReader(b), agent.RunQuery{Limit: 1}, v)
		if err != nil || len(list) != 1 || (len(list[0].Before) == 1) != (name == "sealed") {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		if name == "omitted" && !bytes.Contains(b, []byte(`"before_omitted":1`)) {
			t.Error("the log does not say that snapshots were left out")
		}
		if _, err := auditlog.Read(bytes.NewReader(b), agent.RunQuery{}, newVault(t)); (err != nil) != (name == "sealed") {
			t.Errorf("%s, with another key: %v", name, err)
		}
	}
}

// TestChangesShow tries each kind of change of a file.
func TestChangesShow(t *testing.T) {
	t.Parallel()
	path := written(t)
	lines := bytes.SplitAfter(read(t, path), []byte("\n"))
	lines = lines[:len(lines)-1]
	other := bytes.SplitAfter(read(t, written(t)), []byte("\n"))
	if r := verify(t, path); r.Records != 40 || r.First != 1 || r.Last != 40 {
		t.Fatalf("the report is %+v", r)
	}
	for name, c := range map[string]struct {
		change func(l [][]byte) [][]byte
		line   int64
	}{
		"a byte of the content": {func(l [][]byte) [][]byte { l[9] = bytes.Replace(l[9], []byte("user_x"), []byte("user_y"), 1); return l }, 10},
		"removed":               {func(l [][]byte) [][]byte { return append(l[:4], l[5:]...) }, 5},
		"moved":                 {func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l }, 4},
		"twice":                 {func(l [][]byte) [][]byte { l[3] = append(bytes.Clone(l[3]), l[3]...); return l }, 5},
		"another key": {func(l [][]byte) [][]byte {
			l[7] = bytes.Replace(l[7], []byte("{"), []byte(`{"note":"x",`), 1)
			return l
		}, 8},
		"a key twice":   {func(l [][]byte) [][]byte { l[7] = bytes.Replace(l[7], []byte("{"), []byte(`{"seq":8,`), 1); return l }, 8},
		"a space":       {func(l [][]byte) [][]byte { l[7] = bytes.Replace(l[7], []byte(","), []byte(", "), 1); return l }, 8},
		"an empty line": {func(l [][]byte) [][]byte { l[7] = append([]byte("\n"), l[7]...); return l }, 8},
		"content cut out": {func(l [][]byte) [][]byte {
			l[7] = append(l[7][:bytes.Index(l[7], []byte(`,"record"`))], "}\n"...)
			return l
		}, 8},
		"last line cut":           {func(l [][]byte) [][]byte { l[39] = l[39][:30]; return l }, 40},
		"the rest of another log": {func(l [][]byte) [][]byte { return append(l[:9], other[9:40]...) }, 10},
		"no text":                 {func(l [][]byte) [][]byte { l[20] = []byte("\x00\xff\n"); return l }, 21},
	} {
		copied := make([][]byte, len(lines))
		for i := range lines {
			copied[i] = bytes.Clone(lines[i])
		}
		changed := bytes.Join(c.change(copied), nil)
		var broken *agent.ChainError
		if _, err := auditlog.Verify(bytes.NewReader(changed)); !errors.As(err, &broken) || broken.Line != c.line {
			t.Errorf("%s: %v, want an error of line %d", name, err, c.line)
		}
		file := filepath.Join(t.TempDir(), "changed.jsonl")
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := auditlog.Open(file)
		if (err != nil) != (name != "last line cut") {
			t.Errorf("%s: opening it: %v", name, err)
		}
		if l != nil {
			_ = l.Close()
		}
		if name != "last line cut" && !bytes.Equal(read(t, file), changed) {
			t.Errorf("%s: the file was written to", name)
		}
	}
}

// TestTornLine cuts a log at every byte of its last line, as a crash can, and goes on.
func TestTornLine(t *testing.T) {
	t.Parallel()
	whole := read(t, written(t))
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for cut := last; cut < len(whole); cut += 37 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := auditlog.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if l.Torn() != int64(cut-last) {
			t.Errorf("%d bytes were removed, want %d", l.Torn(), cut-last)
		}
		if err := errors.Join(l.Record(t.Context(), storetest.Record(39)), l.Close()); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, path); r.Last != 40 {
			t.Errorf("the report is %+v", r)
		}
	}
}

func TestOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path)
	if _, err := auditlog.Open(path); !errors.Is(err, auditlog.ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), storetest.Record(1)); err == nil {
		t.Error("a record was written after Close")
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestRetentionAndErasure deletes records and content, and verifies what is left.
func TestRetentionAndErasure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path)
	for i := range 40 {
		if err := l.Record(t.Context(), storetest.Record(i)); err != nil {
			t.Fatal(err)
		}
	}
	head := verify(t, path).Head
	first := storetest.Record(0).Time
	n, err := l.Prune(t.Context(), first.Add(10*time.Second))
	if err != nil || n != 10 {
		t.Errorf("%d records were pruned, %v", n, err)
	}
	n, err = l.Erase(t.Context(), "ada")
	if err != nil || n != 15 {
		t.Errorf("%d records were erased, %v", n, err)
	}
	if n, err := l.Erase(t.Context(), "ada"); err != nil || n != 0 {
		t.Errorf("again: %d records were erased, %v", n, err)
	}
	if b := read(t, path); bytes.Contains(b, []byte(`"account":"ada"`)) || !bytes.Contains(b, []byte(`"account":"bob"`)) {
		t.Error("the content of the account is in the file, or that of another is not")
	}
	if r := verify(t, path); r.First != 11 || r.Records != 30 || r.Erased != 15 || r.Head != head {
		t.Errorf("the report is %+v", r)
	}
	if err := l.Record(t.Context(), storetest.Record(40)); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.Last != 41 {
		t.Errorf("the report is %+v", r)
	}
	if n, err := l.Prune(t.Context(), first.Add(time.Hour)); err != nil || n != 30 {
		t.Errorf("%d records were pruned, %v", n, err)
	}
	if err := l.Record(t.Context(), storetest.Record(41)); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.First != 41 || r.Last != 42 {
		t.Errorf("the report is %+v", r)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %s", strings.Join(left, " "))
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var last *auditlog.Log
	storetest.RunKeys(t, func(t *testing.T, v agent.Vault) storetest.Sealing {
		t.Helper()
		if last != nil {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
		}
		last = open(t, path, auditlog.WithVault(v))
		return last
	}, func() error {
		_, err := auditlog.Verify(bytes.NewReader(read(t, path)))
		return err
	})
}
