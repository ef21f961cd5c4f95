// Command lines counts the lines of generated Go code per operation.
//
//	lines FOLDER...
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/closekit/closekit/manifest"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lines:", err)
		os.Exit(1)
	}
}

func run(dirs []string) error {
	doc, err := manifest.Load(manifest.Embedded())
	if err != nil {
		return err
	}
	api, err := manifest.Check(doc)
	if err != nil {
		return err
	}
	lines, size, files := 0, 0, 0
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return err
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if strings.HasSuffix(name, "_test.go") || !bytes.HasPrefix(b, []byte("// Code generated ")) {
				continue
			}
			files++
			size += len(b)
			lines += bytes.Count(b, []byte("\n"))
		}
	}
	n := len(api.Tools())
	fmt.Printf("generated code: %d files, %d kB, %d lines, %d operations: %.1f lines per operation\n", files, size/1000, lines, n, float64(lines)/float64(n))
	return nil
}
