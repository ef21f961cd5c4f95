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

// TestSynth checks that the copies are whole: n times the operations, and about
// n times the lines.
func TestSynth(t *testing.T) {
	ops1, files1, lines1 := generate(t, 1)
	ops3, files3, lines3 := generate(t, 3)
	t.Logf("1x: %d operations, %d files, %d lines; 3x: %d, %d, %d", ops1, files1, lines1, ops3, files3, lines3)
	if ops3 != 3*ops1 || float64(lines3) < 2.8*float64(lines1) {
		t.Error("not three times as much")
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
