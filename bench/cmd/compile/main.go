// Command compile measures what compiling packages costs: the CPU time of the compiler
// alone, for each of the packages, without what they import, the cache and the linker. The
// packages are compiled in turn, so that all of them see the same load of a shared machine.
//
//	compile [-n ROUNDS] NAME=FOLDER...
//
// Ratios are of each package to the first one: the median of the ratios of each round, and
// the ratio of the smallest times.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	n := flag.Int("n", 5, "`rounds`")
	flag.Parse()
	if err := run(os.Stdout, *n, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, n int, args []string) error {
	if n < 1 || len(args) == 0 {
		return errors.New("give at least one round and one NAME=FOLDER")
	}
	work, err := os.MkdirTemp("", "compile")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	var list []*target
	for _, arg := range args {
		name, folder, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%s is not NAME=FOLDER", arg)
		}
		t, err := prepare(name, folder, filepath.Join(work, fmt.Sprint(len(list))))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, t)
	}
	for range n {
		for _, t := range list {
			if err := t.compile(); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return report(w, list)
}

// target is a package with the command that compiles it.
type target struct {
	name, folder string
	command      []string
	lines        int
	seconds      []float64 // of CPU time, for each round
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	CgoFiles, SFiles        []string
	EmbedPatterns           []string
	DepOnly                 bool
	Module                  *struct{ GoVersion string }
}

// prepare builds what a package imports, and makes the command that compiles it as the go
// command would.
func prepare(name, folder, work string) (*target, error) {
	cmd := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,CgoFiles,SFiles,EmbedPatterns,DepOnly,Module", ".")
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var imports strings.Builder
	var pkg listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		switch {
		case !p.DepOnly:
			pkg = p
		case p.Export != "":
			fmt.Fprintf(&imports, "packagefile %s=%s\n", p.ImportPath, p.Export)
		}
	}
	if len(pkg.CgoFiles)+len(pkg.SFiles)+len(pkg.EmbedPatterns) > 0 || len(pkg.GoFiles) == 0 || pkg.Module == nil {
		return nil, errors.New("the folder needs Go files in a module, and nothing but Go files")
	}
	config := work + ".importcfg"
	if err := os.WriteFile(config, []byte(imports.String()), 0o600); err != nil {
		return nil, err
	}
	cmd = exec.Command("go", "tool", "-n", "compile")
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	compiler, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool: %w", err)
	}
	t := &target{name: name, folder: pkg.Dir}
	t.command = []string{
		strings.TrimSpace(string(compiler)), "-o", work + ".a", "-p", pkg.ImportPath, "-lang=" + version.Lang("go"+pkg.Module.GoVersion), "-complete", "-nolocalimports",
		fmt.Sprintf("-c=%d", min(4, runtime.GOMAXPROCS(0))), "-importcfg", config, "-pack",
	}
	for _, file := range pkg.GoFiles {
		b, err := os.ReadFile(filepath.Join(pkg.Dir, file))
		if err != nil {
			return nil, err
		}
		t.lines += bytes.Count(b, []byte("\n"))
		t.command = append(t.command, "./"+file)
	}
	return t, nil
}

func (t *target) compile() error {
	cmd := exec.Command(t.command[0], t.command[1:]...)
	cmd.Dir = t.folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	s := cmd.ProcessState
	t.seconds = append(t.seconds, (s.UserTime() + s.SystemTime()).Seconds())
	return nil
}

func report(w io.Writer, list []*target) error {
	base := list[0]
	b := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(b, "CPU of the compiler\tlines\tmedian of %d\tsmallest\tto %s: median\tsmallest\t\n", len(base.seconds), base.name)
	for _, t := range list {
		ratios := make([]float64, len(t.seconds))
		for i, s := range t.seconds {
			ratios[i] = s / base.seconds[i]
		}
		least := slices.Min(t.seconds)
		fmt.Fprintf(b, "%s\t%d\t%.3f s\t%.3f s\t%.3f\t%.3f\t\n", t.name, t.lines, median(t.seconds), least, median(ratios), least/slices.Min(base.seconds))
	}
	return b.Flush()
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
