package tools_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/closeapi/tools"
)

// checked is a usual input of close_opportunity_create.
const checked = `{"lead_id":"lead_8QVYxUCzNBMZ0SvkwMbWnoXhGTbnTdp2kA5UyfBpV5G","status_id":"stat_JM0tYSpAjzGZmXqCL4kFqFdFVk6wUdXQBEuFFpjmDMb","value":1200000,"value_period":"annual","confidence":40,"date_won":"2026-12-31","note":"Asked for an offer by Friday."}`

// BenchmarkCheck compares the check of an input with decoding it and validating it
// against the tool's schema.
func BenchmarkCheck(b *testing.B) {
	tool, err := tools.Lookup("close_opportunity_create")
	if err != nil {
		b.Fatal(err)
	}
	schema := compile(b, tool.Name, tool.InputSchema())
	b.Run("Validate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := tool.Validate(json.RawMessage(checked)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("EffectOf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tool.EffectOf(json.RawMessage(checked)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("jsonschema", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader([]byte(checked)))
			d.UseNumber()
			var v any
			if err := d.Decode(&v); err != nil {
				b.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestCheckAllocates tests that a check stays cheap: agents check every input.
func TestCheckAllocates(t *testing.T) { //nolint:paralleltest // it counts allocations
	tool, err := tools.Lookup("close_opportunity_create")
	if err != nil {
		t.Fatal(err)
	}
	input := json.RawMessage(checked)
	const most = 8
	if n := testing.AllocsPerRun(200, func() {
		if _, err := tool.EffectOf(input); err != nil {
			t.Error(err)
		}
	}); n > most {
		t.Errorf("a check makes %.0f allocations, want at most %d", n, most)
	}
}
