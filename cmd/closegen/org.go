package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/manifest"
)

const orgUsage = `closegen org writes a Go package with the custom fields, statuses and pipelines of an
organization, from the lock file that "closekit org pull" wrote. It needs no network:
the same file makes the same bytes.

Usage:

  closegen org -lock FILE -out DIR [-package NAME] [-users] [-check]

Flags:
`

// runOrg is the command closegen org. Its exit codes are those of run.
func runOrg(args []string, stdout, stderr io.Writer) int {
	var o options
	var lock string
	var users bool
	fl := flag.NewFlagSet("closegen org", flag.ContinueOnError)
	fl.SetOutput(io.Discard)
	fl.StringVar(&lock, "lock", "", "lock `file` of the organization")
	fl.StringVar(&o.out, "out", "", "`folder` to write the package to")
	fl.StringVar(&o.pkg, "package", "", "`name` of the package (default: the name of the folder)")
	fl.StringVar(&o.importPath, "import", "", "import `path` of the package (default: from the go.mod above the folder)")
	fl.BoolVar(&users, "users", false, "also a constant for each user")
	fl.BoolVar(&o.check, "check", false, "write nothing; exit 1 if something is not up to date")
	if err := fl.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, orgUsage)
			fl.SetOutput(stdout)
			fl.PrintDefaults()
			return 0
		}
		return fail(stderr, 2, err, "run closegen org -help for the flags")
	}
	switch {
	case fl.NArg() > 0:
		return fail(stderr, 2, fmt.Errorf("unexpected argument %q", fl.Arg(0)), "run closegen org -help for the flags")
	case lock == "" || o.out == "":
		return fail(stderr, 2, errors.New("-lock and -out are needed"), "run closegen org -help for the flags")
	}
	data, err := os.ReadFile(lock) //nolint:gosec // the user names the file
	if err != nil {
		return fail(stderr, 3, err, `write the lock file with "closekit org pull"`)
	}
	if code := o.place(stderr); code != 0 {
		return code
	}
	files, notes, err := generator.Organization(lock, data, generator.Options{Package: o.pkg, ImportPath: o.importPath, Users: users})
	var problems manifest.Problems
	switch {
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems.Error())
		return fail(stderr, 1, fmt.Errorf("the lock file has %s; nothing was written", words.Count(len(problems), "problem")), "")
	case err != nil:
		return fail(stderr, 1, err, "")
	}
	if o.check {
		notes = nil // they were read when the files were written
	}
	for _, n := range notes {
		n.Msg = "warning: " + n.Msg
		fmt.Fprintln(stderr, n)
	}
	if code := inTheWayOf(&o, files, stderr); code != 0 {
		return code
	}
	return finish(o, []output{{dir: o.out, files: files}}, stdout, stderr)
}
