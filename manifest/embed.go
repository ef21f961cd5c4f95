package manifest

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

//go:embed schema.json
var schemaJSON []byte

// Embedded is the manifest of Close that comes with this module.
func Embedded() fs.FS { return files }

// Schema is the JSON Schema of manifest files.
func Schema() []byte { return schemaJSON }
