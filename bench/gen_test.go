package bench

import (
	"fmt"
	"testing"

	"github.com/closekit/closekit/bench/synth"
	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/manifest"
)

// generate does the work of closegen in memory and returns the number of
// operations, of files and of lines of Go.
func generate(tb testing.TB, copies int) (ops, files, lines int) {
	tb.Helper()
	fsys, err := synth.Manifest(copies)
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := manifest.Load(fsys)
	if err != nil {
		tb.Fatal(err)
	}
	api, err := manifest.Check(doc)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := generator.Generate(api, generator.Options{Package: "closeapi", ImportPath: "example.com/closeapi"})
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range out {
		if len(f.Path) > 3 && f.Path[len(f.Path)-3:] == ".go" {
			for _, c := range f.Data {
				if c == '\n' {
					lines++
				}
			}
		}
	}
	return len(api.Tools()), len(out), lines
}

// TestSynth checks that the copies are whole: two more have twice the operations of one
// more, about as many lines for each, and most of the operations.
func TestSynth(t *testing.T) {
	ops1, _, lines1 := generate(t, 1)
	ops2, _, lines2 := generate(t, 2)
	ops3, files3, lines3 := generate(t, 3)
	t.Logf("%d, %d and %d operations; 3x: %d files, %d lines", ops1, ops2, ops3, files3, lines3)
	if ops3-ops2 != ops2-ops1 || 4*(ops2-ops1) < 3*ops1 || float64(lines3-lines2) < 0.9*float64(lines2-lines1) {
		t.Errorf("%d, %d and %d operations in %d, %d and %d lines", ops1, ops2, ops3, lines1, lines2, lines3)
	}
}

// BenchmarkGenerate loads, checks and generates manifests of once, twice and
// four times the operations of Close.
func BenchmarkGenerate(b *testing.B) {
	for _, n := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("%dx", n), func(b *testing.B) {
			b.ReportAllocs()
			ops, start := 0, cpuTime()
			for b.Loop() {
				ops, _, _ = generate(b, n)
			}
			b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*ops), "µs/operation")
		})
	}
}
