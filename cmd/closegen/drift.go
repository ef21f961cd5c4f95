package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/closekit/closekit/internal/drift"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/manifest"
)

// exitDrift is the exit code of drift when the two sides differ.
const exitDrift = 4

const driftUsage = `closegen drift compares the manifest with what else describes the API, and lists what is new, gone or different.

Usage:

  closegen drift -openapi FILE [-tools PATTERN,...] [-manifest DIR] [-accept FILE] [-json]
  closegen drift -recording FILE ...

Examples:

  closegen drift -openapi close.json
      a specification in OpenAPI 3.0 or 3.1, as JSON or YAML; nothing is fetched
  closegen drift -recording close.jsonl
      traffic that "closekit call --record" or runtime/recording has written
  closegen drift -openapi close.json -accept known.txt
      without the differences whose lines are in known.txt

Exit codes: 0 without a difference, 4 with one, 1 if the manifest has a problem, 2 for wrong usage, 3 if a file cannot be
read.

Flags:
`

// runDrift is the command drift.
func runDrift(args []string, stdout, stderr io.Writer) int {
	var o options
	var openapi, recording, accept string
	var asJSON bool
	fl := flag.NewFlagSet("closegen drift", flag.ContinueOnError)
	fl.SetOutput(io.Discard)
	fl.StringVar(&openapi, "openapi", "", "`file` with a specification; - is standard input")
	fl.StringVar(&recording, "recording", "", "`file` with recorded traffic; - is standard input")
	fl.StringVar(&accept, "accept", "", "`file` with lines of differences that are known; # begins a comment")
	fl.StringVar(&o.tools, "tools", "", "only tools that match one of these `patterns`, separated by commas (* matches anything)")
	fl.StringVar(&o.manifest, "manifest", "", "`folder` of *.yaml files that add to the embedded manifest; with a close.yaml it stands on its own")
	fl.BoolVar(&asJSON, "json", false, "print the report as JSON")
	if err := fl.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, driftUsage)
			fl.SetOutput(stdout)
			fl.PrintDefaults()
			return 0
		}
		return fail(stderr, 2, err, "run closegen drift -help for the flags")
	}
	switch {
	case fl.NArg() > 0:
		return fail(stderr, 2, fmt.Errorf("unexpected argument %q", fl.Arg(0)), "run closegen drift -help for the flags")
	case (openapi == "") == (recording == ""):
		return fail(stderr, 2, errors.New("one of -openapi and -recording is needed"), "run closegen drift -help for the flags")
	}
	api, code := load(o, stderr)
	if api == nil {
		return code
	}
	file, compare := openapi, drift.OpenAPI
	if recording != "" {
		file, compare = recording, drift.Recording
	}
	report, err := compareFile(api, file, compare)
	if err != nil {
		return fail(stderr, 3, fmt.Errorf("%s: %w", file, err), "")
	}
	if accept != "" {
		data, err := os.ReadFile(accept) //nolint:gosec // the file that the user names
		if err != nil {
			return fail(stderr, 3, err, "-accept takes a file with lines that drift has printed")
		}
		report.Accept(strings.Split(string(data), "\n"))
	}
	if o.tools != "" { // what is in no tool is not asked for
		report.Known()
	}
	if err := printDrift(report, asJSON, stdout); err != nil {
		return fail(stderr, 3, err, "")
	}
	for _, line := range report.Unused {
		fmt.Fprintf(stderr, "closegen: no longer a difference, take it out of %s: %s\n", accept, line)
	}
	if len(report.Differences) > 0 {
		return exitDrift
	}
	return 0
}

func compareFile(api *manifest.API, file string, compare func(*manifest.API, io.Reader) (*drift.Report, error)) (*drift.Report, error) {
	if file == "-" {
		return compare(api, os.Stdin)
	}
	f, err := os.Open(file) //nolint:gosec // the file that the user names
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	defer f.Close() //nolint:errcheck // read only
	return compare(api, f)
}

func printDrift(r *drift.Report, asJSON bool, w io.Writer) error {
	var b strings.Builder
	if asJSON {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("encode the report: %w", err)
		}
	} else {
		for _, d := range r.Differences {
			fmt.Fprintln(&b, d)
		}
		fmt.Fprintf(&b, "# %s compared, %s", words.Count(r.Operations, "operation"), words.Count(len(r.Differences), "difference"))
		if r.Accepted > 0 {
			fmt.Fprintf(&b, ", %d accepted", r.Accepted)
		}
		fmt.Fprintln(&b)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}
