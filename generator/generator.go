// Package generator turns a checked manifest into files: the typed SDK, the
// tool registry with its schemas, the emulator's routes and the reference.
//
// Generation is a pure function: the same manifest makes the same bytes on any
// machine, and nothing is read or written. [Write] and [Diff] are for the disk.
package generator

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/closekit/closekit/generator/internal/emit"
	"github.com/closekit/closekit/generator/internal/ir"
	"github.com/closekit/closekit/internal/organization"
	"github.com/closekit/closekit/manifest"
)

// File is one generated file.
type File struct {
	Path string // relative, with slashes
	Data []byte
}

// Options name what is generated.
type Options struct {
	Package    string // name of the Go package
	ImportPath string // its import path; the tools package below it needs it
	Users      bool   // of [Organization]: a constant for each user too
}

// Generate makes the typed SDK and the tool registry. The files are in the
// order of their paths.
func Generate(api *manifest.API, o Options) ([]File, error) {
	p, err := ir.Build(api, o.Package, o.ImportPath)
	if err != nil {
		return nil, err
	}
	jobs := []job{
		{"doc.go", func() ([]byte, error) { return emit.Doc(p) }},
		{"ids.go", func() ([]byte, error) { return emit.IDs(p) }},
		{"operations.go", func() ([]byte, error) { return emit.Operations(p) }},
		{"plans_test.go", func() ([]byte, error) { return emit.Plans(p) }},
		{"tools/tools.go", func() ([]byte, error) { return emit.Tools(p) }},
	}
	for i := range p.Files {
		f := &p.Files[i]
		jobs = append(jobs, job{f.Name, func() ([]byte, error) { return emit.Resource(p, f) }})
	}
	for i := range p.Data {
		jobs = append(jobs, job{"tools/data/" + p.Data[i].Name, func() ([]byte, error) { return emit.Data(&p.Data[i]) }})
	}
	return run(jobs)
}

// Organization makes the package with the names of one organization from its lock file,
// without asking Close. file is the name of the lock file in messages. Notes are about
// Go names that are not what a reader expects; a mistake in the file is a
// [manifest.Problems].
func Organization(file string, lock []byte, o Options) (files []File, notes manifest.Problems, err error) {
	l, err := organization.Parse(lock)
	var wrong *organization.FileError
	if errors.As(err, &wrong) {
		return nil, nil, manifest.Problems{{Pos: manifest.Pos{File: file, Line: wrong.Line, Col: wrong.Col}, Msg: wrong.Msg}}
	}
	if err != nil {
		return nil, nil, err
	}
	p, notes, err := ir.OrganizationOf(l, file, o.Package, o.ImportPath, o.Users)
	if err != nil {
		return nil, nil, err
	}
	jobs := []job{{"doc.go", func() ([]byte, error) { return emit.OrganizationDoc(p) }}, {"constants.go", func() ([]byte, error) { return emit.Constants(p) }}}
	for i := range p.Kinds {
		k := &p.Kinds[i]
		jobs = append(jobs, job{k.File + ".go", func() ([]byte, error) { return emit.Fields(p, k) }},
			job{k.File + ".schema.json", func() ([]byte, error) { return k.Schema, nil }})
	}
	files, err = run(jobs)
	return files, notes, err
}

// Routes makes the emulator's route table.
func Routes(api *manifest.API) []byte { return emit.Routes(ir.Routes(api), ir.RouteTables(api)) }

// OwnRoutes makes a Go file of a package with the routes of the tools, for the
// option Routes of the emulator.
func OwnRoutes(api *manifest.API, pkg string) ([]byte, error) {
	return emit.OwnRoutes(pkg, ir.Routes(api))
}

// Reference makes the reference documentation, a Markdown file per resource
// and an index.
func Reference(api *manifest.API) []File {
	ref := ir.ReferenceOf(api)
	files := []File{{"README.md", emit.PageIndex(ref)}}
	for i := range ref.Pages {
		p := &ref.Pages[i]
		files = append(files, File{p.Path, emit.Page(p)})
	}
	slices.SortFunc(files, byPath)
	return files
}

type job struct {
	path string
	make func() ([]byte, error)
}

// run makes the files in parallel, because formatting Go takes most of the
// time, and returns them in order.
func run(jobs []job) ([]File, error) {
	files, errs := make([]File, len(jobs)), make([]error, len(jobs))
	var wg sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, j := range jobs {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			data, err := j.make()
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", j.path, err)
			}
			files[i] = File{j.path, data}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortFunc(files, byPath)
	return files, nil
}

func byPath(a, b File) int { return cmp.Compare(a.Path, b.Path) }
