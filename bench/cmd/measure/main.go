// Command measure runs a program several times and prints its wall time, CPU
// time and peak memory: each run and the medians. The peak is that of the
// largest process among the program and its children, as the kernel counts it.
//
//	measure [-n RUNS] [-before COMMAND] [-name NAME] PROGRAM [ARG...]
//
// -before is a shell command that runs, unmeasured, before each run.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

func main() {
	n := flag.Int("n", 5, "`runs`")
	before := flag.String("before", "", "shell `command` to run before each run")
	name := flag.String("name", "", "`name` to print (default: the program's)")
	verbose := flag.Bool("v", false, "show the program's output")
	flag.Parse()
	if flag.NArg() == 0 {
		fail("no program is given")
	}
	if *name == "" {
		*name = flag.Arg(0)
	}
	var wall, cpu, peak []float64
	for range *n {
		if *before != "" {
			if out, err := exec.Command("sh", "-c", *before).CombinedOutput(); err != nil {
				fail("%s: %v\n%s", *before, err, out)
			}
		}
		c := exec.Command(flag.Arg(0), flag.Args()[1:]...)
		c.Stdout, c.Stderr = io.Discard, os.Stderr
		if *verbose {
			c.Stdout = os.Stdout
		}
		start := time.Now()
		if err := c.Run(); err != nil {
			fail("%s: %v", flag.Arg(0), err)
		}
		w := time.Since(start).Seconds()
		s := c.ProcessState
		u, ok := s.SysUsage().(*syscall.Rusage)
		if !ok {
			fail("this system does not report resource usage")
		}
		wall = append(wall, w)
		cpu = append(cpu, (s.UserTime() + s.SystemTime()).Seconds())
		peak = append(peak, float64(u.Maxrss)/1024) // KiB on Linux
		fmt.Printf("%-24s %8.3f s wall %8.3f s CPU %8.1f MiB peak\n", *name, w, cpu[len(cpu)-1], peak[len(peak)-1])
	}
	fmt.Printf("%-24s %8.3f s wall %8.3f s CPU %8.1f MiB peak (median of %d)\n", *name, median(wall), median(cpu), median(peak), *n)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "measure: "+format+"\n", args...)
	os.Exit(1)
}
