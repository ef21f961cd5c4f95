// Command synth writes the manifest of Close with n copies of every resource to a
// folder, for closegen -manifest.
//
//	synth -n COPIES -out FOLDER
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/closekit/closekit/bench/synth"
)

func main() {
	n := flag.Int("n", 1, "how many `times` every resource is there")
	out := flag.String("out", "", "`folder` to write to; it must not exist")
	flag.Parse()
	fsys, err := synth.Manifest(*n)
	if err == nil {
		err = os.CopyFS(*out, fsys)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
}
