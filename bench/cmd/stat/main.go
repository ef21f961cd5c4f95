// Command stat prints medians and ratios of go test -bench output that holds
// several passes.
//
//	stat [-base NAME] [-md] FILE...
//
// Ratios are to the contender named by -base; a benchmark without it is printed
// without ratios.
package main

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// sample is one line: values by unit.
type sample map[string]float64

type group struct {
	name  string
	names []string // of contenders, in order of appearance
	runs  map[string][]sample
}

func main() {
	base := flag.String("base", "peer-ogen", "`contender` that ratios refer to")
	md := flag.Bool("md", false, "print Markdown tables")
	flag.Parse()
	groups, err := read(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "stat:", err)
		os.Exit(1)
	}
	for _, g := range groups {
		g.print(*base, *md)
	}
}

func read(files []string) ([]*group, error) {
	var groups []*group
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // only read
		s := bufio.NewScanner(f)
		for s.Scan() {
			full, values, ok := parse(s.Text())
			if !ok {
				continue
			}
			bench, contender, _ := strings.Cut(full, "/")
			i := slices.IndexFunc(groups, func(g *group) bool { return g.name == bench })
			if i < 0 {
				i = len(groups)
				groups = append(groups, &group{name: bench, runs: map[string][]sample{}})
			}
			g := groups[i]
			if g.runs[contender] == nil {
				g.names = append(g.names, contender)
			}
			g.runs[contender] = append(g.runs[contender], values)
		}
		if err := s.Err(); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// parse reads "BenchmarkX/name-2  100  12 ns/op  3 B/op".
func parse(line string) (name string, values sample, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
		return "", nil, false
	}
	name = strings.TrimPrefix(f[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			name = name[:i]
		}
	}
	values = sample{}
	for i := 2; i+1 < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return "", nil, false
		}
		values[f[i+1]] = v
	}
	return name, values, true
}

// median of one unit; missing values are left out.
func median(runs []sample, unit string) float64 {
	var v []float64
	for _, r := range runs {
		if x, ok := r[unit]; ok {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// ratio is the median of the ratios of each pass, so that a slow minute of the
// machine affects both contenders.
func ratio(a, b []sample, unit string) string {
	var v []sample
	for i := range min(len(a), len(b)) {
		if x, y := a[i][unit], b[i][unit]; y != 0 {
			v = append(v, sample{"": x / y})
		}
	}
	if len(v) == 0 {
		return ""
	}
	return strconv.FormatFloat(median(v, ""), 'f', 3, 64)
}

func (g *group) print(base string, md bool) {
	b := g.runs[base]
	slices.SortStableFunc(g.names, func(x, y string) int {
		return cmp.Compare(median(g.runs[x], "ns/op"), median(g.runs[y], "ns/op"))
	})
	row, title := "%-22s %11s %6s %11s %6s %10s %6s %8s %6s\n", "\n%s (%d passes, ratios to %s)\n"
	if md {
		row, title = "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", "\n%s: medians of %d passes, ratios to %s\n\n"
	}
	if b == nil {
		base = "nothing"
	}
	fmt.Printf(title, g.name, len(g.runs[g.names[0]]), base)
	fmt.Printf(row, "contender", "ns/op", "ratio", "CPU ns", "ratio", "B/op", "ratio", "allocs", "ratio")
	if md {
		fmt.Println("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	}
	for _, n := range g.names {
		cells := []any{n}
		for _, unit := range []string{"ns/op", "cpu-ns/op", "B/op", "allocs/op"} {
			cells = append(cells, strconv.FormatFloat(median(g.runs[n], unit), 'f', 0, 64), ratio(g.runs[n], b, unit))
		}
		fmt.Printf(row, cells...)
	}
}
