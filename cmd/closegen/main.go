// Command closegen turns the YAML manifest of the Close API into a typed Go SDK
// and a tool registry. Run it with -help for its flags, or from a go:generate
// line:
//
//	//go:generate go tool closegen -tools close_lead_*,close_task_create -out ./closetools -package closetools
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/internal/buildinfo"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/manifest"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `closegen writes a typed Go SDK and a tool registry from the manifest of the Close API.

Usage:

  closegen -out DIR [-package NAME] [-tools PATTERN,...] [-manifest DIR] [-check]
  closegen org -lock FILE -out DIR [-package NAME] [-users] [-check]
  closegen drift -help
      compare the manifest with a specification, or with recorded traffic

Examples:

  closegen -out ./closetools -tools 'close_lead_*,close_task_create'
      only these tools, from the manifest that comes with closegen
  closegen -out ./closetools -manifest ./manifest
      all tools, and those that ./manifest adds
  closegen -out ./closetools -check
      write nothing; exit 1 and list the files that are not up to date
  closegen org -lock acme.lock.json -out ./acme
      the custom fields, statuses and pipelines of an organization, from the lock
      file that "closekit org pull" wrote

Flags:
`

// options are the flags.
type options struct {
	manifest, out, pkg, tools, importPath, routes, reference string
	check, version                                           bool
}

// run is the program. It returns the exit code: 0 for success, 1 if the manifest
// has a problem or -check found a stale file, 2 for wrong usage, 3 if a file could
// not be read or written.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "org" {
		return runOrg(args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "drift" {
		return runDrift(args[1:], stdout, stderr)
	}
	var o options
	fl := flag.NewFlagSet("closegen", flag.ContinueOnError)
	fl.SetOutput(io.Discard)
	fl.StringVar(&o.out, "out", "", "`folder` to write the package to")
	fl.StringVar(&o.pkg, "package", "", "`name` of the package (default: the name of the folder)")
	fl.StringVar(&o.tools, "tools", "", "only tools that match one of these `patterns`, separated by commas (* matches anything)")
	fl.StringVar(&o.manifest, "manifest", "", "`folder` of *.yaml files, in it or below, that add to the embedded manifest; with a close.yaml it stands on its own")
	fl.StringVar(&o.importPath, "import", "", "import `path` of the package (default: from the go.mod above the folder)")
	fl.StringVar(&o.routes, "routes", "", "also write the routes of the tools, for the emulator, to this `file` in a package of its own")
	fl.StringVar(&o.reference, "reference", "", "also write the reference documentation to this `folder`")
	fl.BoolVar(&o.check, "check", false, "write nothing; exit 1 if something is not up to date")
	fl.BoolVar(&o.version, "version", false, "print the version")
	help := func(w io.Writer) {
		fmt.Fprint(w, usage)
		fl.SetOutput(w)
		fl.PrintDefaults()
	}
	if err := fl.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			help(stdout)
			return 0
		}
		return fail(stderr, 2, err, "run closegen -help for the flags")
	}
	switch {
	case o.version:
		fmt.Fprintln(stdout, "closegen "+buildinfo.Text(""))
		return 0
	case fl.NArg() > 0:
		return fail(stderr, 2, fmt.Errorf("unexpected argument %q", fl.Arg(0)), "patterns for -tools go in one argument, separated by commas; quote them, or the shell expands the *")
	case o.out == "":
		return fail(stderr, 2, errors.New("-out is missing"), "run closegen -help for the flags")
	}
	if dir, twice := sameFolder(o); twice {
		return fail(stderr, 2, fmt.Errorf("two outputs go to %s", dir), "each of -out, -routes and -reference takes a folder of its own, because closegen deletes generated files that do not belong there")
	}
	return generate(o, stdout, stderr)
}

// sameFolder finds a folder that two outputs would share.
func sameFolder(o options) (dir string, twice bool) {
	tools := filepath.Join(o.out, "tools")
	dirs := []string{filepath.Clean(o.out), tools, filepath.Join(tools, "data")}
	if o.routes != "" {
		dirs = append(dirs, filepath.Dir(o.routes))
	}
	if o.reference != "" {
		dirs = append(dirs, filepath.Clean(o.reference))
	}
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			return dir, true
		}
	}
	return "", false
}

func fail(w io.Writer, code int, err error, hint string) int {
	fmt.Fprintf(w, "closegen: error: %v\n", err)
	if hint != "" {
		fmt.Fprintf(w, "closegen: hint: %s\n", hint)
	}
	return code
}

// output is a folder and the files that belong there.
type output struct {
	dir   string
	files []generator.File
	alone bool // the folder has files of other origin; delete none
}

func (o *output) diff() ([]string, error) {
	if o.alone {
		return generator.DiffFile(o.dir, o.files[0])
	}
	return generator.Diff(o.dir, o.files)
}

func (o *output) write() ([]string, error) {
	if o.alone {
		return generator.WriteFile(o.dir, o.files[0])
	}
	return generator.Write(o.dir, o.files)
}

// place decides on the name and the import path of the package. It returns an exit
// code, 0 if there are both.
func (o *options) place(stderr io.Writer) int {
	abs, err := filepath.Abs(o.out)
	if err != nil {
		return fail(stderr, 3, err, "")
	}
	if o.pkg == "" {
		o.pkg = strings.ReplaceAll(filepath.Base(abs), "-", "")
	}
	if o.pkg == "main" {
		return fail(stderr, 2, errors.New("a package named main cannot be imported"), "set another name with -package, or another folder with -out")
	}
	if !validPackage(o.pkg) {
		return fail(stderr, 2, fmt.Errorf("%q is not a name for a Go package", o.pkg), "set one with -package, in lower case")
	}
	if o.importPath == "" {
		if o.importPath, err = importPath(abs); err != nil {
			return fail(stderr, 2, err, "run it inside a Go module, or set the import path with -import")
		}
	}
	return 0
}

func generate(o options, stdout, stderr io.Writer) int {
	api, code := load(o, stderr)
	if api == nil {
		return code
	}
	if code := o.place(stderr); code != 0 {
		return code
	}
	files, err := generator.Generate(api, generator.Options{Package: o.pkg, ImportPath: o.importPath})
	var problems manifest.Problems
	switch {
	case errors.As(err, &problems):
		return report(problems, stderr)
	case err != nil:
		return fail(stderr, 1, err, "")
	}
	if code := inTheWayOf(&o, files, stderr); code != 0 {
		return code
	}
	outputs := []output{{dir: o.out, files: files}}
	if o.routes != "" {
		data, code := routes(o, api, stderr)
		if data == nil {
			return code
		}
		outputs = append(outputs, output{filepath.Dir(o.routes), []generator.File{{Path: filepath.Base(o.routes), Data: data}}, true})
	}
	if o.reference != "" {
		outputs = append(outputs, output{dir: o.reference, files: generator.Reference(api)})
	}
	return finish(o, outputs, stdout, stderr)
}

// inTheWayOf reports what Go files of others do not agree with, as an exit code.
func inTheWayOf(o *options, files []generator.File, stderr io.Writer) int {
	ps := inTheWay(o.out, o.pkg, files)
	if len(ps) == 0 {
		return 0
	}
	fmt.Fprintln(stderr, ps.Error())
	return fail(stderr, 1, fmt.Errorf("%s in the way; nothing was written", words.Count(len(ps), "declaration")), "choose another folder, or move them")
}

// routes makes the route table: for the emulator itself, or as a package of its own.
func routes(o options, api *manifest.API, stderr io.Writer) ([]byte, int) {
	if !api.IsClose() {
		return nil, fail(stderr, 2, fmt.Errorf("-routes is for the emulator of Close, and the manifest describes %s", api.Name), "leave it out")
	}
	dir, err := filepath.Abs(filepath.Dir(o.routes))
	if err != nil {
		return nil, fail(stderr, 3, err, "")
	}
	if path, err := importPath(dir); err == nil && path == "github.com/closekit/closekit/emulator" {
		return generator.Routes(api), 0
	}
	pkg := strings.ReplaceAll(filepath.Base(dir), "-", "")
	if !validPackage(pkg) {
		return nil, fail(stderr, 2, fmt.Errorf("%q is not a name for a Go package", pkg), "choose another folder for -routes")
	}
	data, err := generator.OwnRoutes(api, pkg)
	if err != nil {
		return nil, fail(stderr, 1, err, "")
	}
	return data, 0
}

// finish writes the files, or compares them with what is there.
func finish(o options, outputs []output, stdout, stderr io.Writer) int {
	stale := 0
	for _, out := range outputs {
		if o.check {
			diff, err := out.diff()
			if err != nil {
				return fail(stderr, 3, err, "")
			}
			for _, d := range diff {
				fmt.Fprintf(stderr, "%s\n", filepath.Join(out.dir, d))
			}
			stale += len(diff)
			continue
		}
		changed, err := out.write()
		if err != nil {
			return fail(stderr, 3, err, "")
		}
		fmt.Fprintf(stdout, "%s: %s, %d changed\n", out.dir, words.Count(len(out.files), "file"), len(changed))
	}
	if stale > 0 {
		return fail(stderr, 1, fmt.Errorf("not up to date: %s", words.Count(stale, "generated file")), "run go generate ./... and commit the result")
	}
	return 0
}

// load reads and checks the manifest, and selects tools.
func load(o options, stderr io.Writer) (*manifest.API, int) {
	layers := []fs.FS{manifest.Embedded()}
	if o.manifest != "" {
		info, err := os.Stat(o.manifest)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a folder", o.manifest)
		}
		if err != nil {
			return nil, fail(stderr, 3, err, "-manifest takes the folder of the *.yaml files")
		}
		dir := os.DirFS(o.manifest)
		if _, err := fs.Stat(dir, "close.yaml"); err == nil {
			layers = []fs.FS{dir}
		} else {
			layers = append(layers, dir)
		}
	}
	doc, err := manifest.Load(layers...)
	var api *manifest.API
	if err == nil {
		api, err = manifest.Check(doc)
	}
	var ps manifest.Problems
	switch {
	case errors.As(err, &ps):
		return nil, report(ps, stderr)
	case err != nil:
		return nil, fail(stderr, 3, err, "")
	}
	if o.tools == "" {
		return api, 0
	}
	patterns := strings.Split(o.tools, ",")
	for i, p := range patterns {
		patterns[i] = strings.TrimSpace(p)
	}
	sub, unused := api.Select(patterns)
	if len(unused) > 0 {
		return nil, fail(stderr, 1, fmt.Errorf("no tool matches %q", unused), "closekit tools lists the names")
	}
	return sub, 0
}

// report prints what is wrong with the manifest.
func report(ps manifest.Problems, stderr io.Writer) int {
	fmt.Fprintln(stderr, ps.Error())
	return fail(stderr, 1, fmt.Errorf("the manifest has %s; nothing was written", words.Count(len(ps), "problem")), "docs/manifest.md explains the format key by key")
}

func validPackage(name string) bool {
	for i, r := range name {
		if (r < 'a' || r > 'z') && r != '_' && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	// The go command takes the last two for a test and for a comment.
	return name != "" && name != "_" && !token.IsKeyword(name) && !strings.HasSuffix(name, "_test") && name != "documentation"
}

// importPath finds the import path of a folder from the go.mod above it.
func importPath(dir string) (string, error) {
	for root := dir; ; root = filepath.Dir(root) {
		f, err := os.Open(filepath.Join(root, "go.mod")) //nolint:gosec // the go.mod of the user
		if err == nil {
			defer f.Close() //nolint:errcheck // read only
			for s := bufio.NewScanner(f); s.Scan(); {
				if mod, ok := strings.CutPrefix(strings.TrimSpace(s.Text()), "module "); ok {
					rel, err := filepath.Rel(root, dir)
					if err != nil {
						return "", err
					}
					mod, _, _ = strings.Cut(mod, "//")
					mod = strings.Trim(strings.TrimSpace(mod), `"`)
					return strings.TrimSuffix(mod+"/"+filepath.ToSlash(rel), "/."), nil
				}
			}
			return "", fmt.Errorf("%s names no module", f.Name())
		}
		if root == filepath.Dir(root) {
			return "", fmt.Errorf("no go.mod above %s", dir)
		}
	}
}
