package manifest

import (
	"embed"
	"io/fs"
)

//go:embed close
var files embed.FS

//go:embed schema.json
var schemaJSON []byte

// Embedded returns the manifest of Close that comes with this module: close.yaml
// and a folder for each area of the API.
func Embedded() fs.FS {
	sub, err := fs.Sub(files, "close")
	if err != nil {
		panic(err) // the path is valid
	}
	return sub
}

// Schema returns the JSON Schema of manifest files.
func Schema() []byte { return schemaJSON }
