// Command openapi prints the OpenAPI document of the manifest of Close.
package main

import (
	"fmt"
	"os"

	"github.com/closekit/closekit/bench/openapi"
	"github.com/closekit/closekit/manifest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run() error {
	doc, err := manifest.Load(manifest.Embedded())
	if err != nil {
		return err
	}
	api, err := manifest.Check(doc)
	if err != nil {
		return err
	}
	b, err := openapi.Document(api)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(b, '\n'))
	return err
}
