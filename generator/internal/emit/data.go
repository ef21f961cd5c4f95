package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/closekit/closekit/generator/internal/ir"
)

// Data prints a data file: every member of the outer objects, and every property
// of a schema, gets a line, so that a change is reviewed by line. Nothing is
// indented: the data is embedded in programs as it is, and tabs would be a
// twentieth of it.
func Data(f *ir.DataFile) ([]byte, error) {
	var b bytes.Buffer
	d := json.NewDecoder(bytes.NewReader(f.Content))
	if err := breakObject(&b, d, f.Content, ""); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// broken are the paths of the objects whose members get a line each; * stands
// for any name.
var broken = []string{"", "/tools", "/$defs", "/tools/*", "/tools/*/input", "/tools/*/input/properties", "/$defs/*", "/lexicon", "/$defs/*/properties"}

func breakObject(b *bytes.Buffer, d *json.Decoder, raw []byte, path string) error {
	if _, err := d.Token(); err != nil { // {
		return err
	}
	b.WriteString("{\n")
	for first := true; d.More(); first = false {
		if !first {
			b.WriteString(",\n")
		}
		key, err := d.Token()
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%q: ", key)
		sub := fmt.Sprintf("%s/%s", path, key)
		if !slices.Contains(broken, sub) {
			sub = path + "/*"
		}
		start := d.InputOffset() + 1 // after the colon
		if slices.Contains(broken, sub) && raw[start] == '{' {
			if err := breakObject(b, d, raw, sub); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		b.Write(value)
	}
	if _, err := d.Token(); err != nil { // }
		return err
	}
	b.WriteString("\n}")
	return nil
}
