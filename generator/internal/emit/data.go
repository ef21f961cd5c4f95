package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/closekit/closekit/generator/internal/ir"
)

// Data prints a data file: every member of the outer objects, and every property
// of a schema, gets a line, for reading and review.
func Data(f *ir.DataFile) ([]byte, error) {
	var b bytes.Buffer
	d := json.NewDecoder(bytes.NewReader(f.Content))
	if err := indentObject(&b, d, f.Content, "", ""); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// broken are the paths of the objects whose members get a line each; * stands
// for any name.
var broken = []string{"", "/tools", "/$defs", "/tools/*", "/tools/*/input", "/tools/*/input/properties", "/$defs/*", "/lexicon", "/$defs/*/properties"}

func indentObject(b *bytes.Buffer, d *json.Decoder, raw []byte, path, margin string) error {
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
		fmt.Fprintf(b, "%s\t%q: ", margin, key)
		sub := fmt.Sprintf("%s/%s", path, key)
		if !slices.Contains(broken, sub) {
			sub = path + "/*"
		}
		start := d.InputOffset() + 1 // after the colon
		if slices.Contains(broken, sub) && raw[start] == '{' {
			if err := indentObject(b, d, raw, sub, margin+"\t"); err != nil {
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
	b.WriteString("\n" + margin + "}")
	return nil
}
