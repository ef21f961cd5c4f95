package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator"
)

// TestSeedInputs makes the calls of testdata/seed with closekit call, in order on a
// fresh emulator, as they stand; only the ids are those of earlier results.
func TestSeedInputs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "seed", "inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var calls []struct {
		Tool  string          `json:"tool"`
		Input json.RawMessage `json:"input"`
	}
	if err := json.Unmarshal(data, &calls); err != nil || len(calls) != 8 {
		t.Fatal(len(calls), err)
	}
	srv := emulator.Start(t)
	run := func(args ...string) (map[string]any, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), self(t), append([]string{"call"}, args...)...)
		cmd.Env = append(os.Environ(), asCommand+"=1", "NO_PROXY=*", "GORACE="+fastExit, "CLOSE_API_KEY="+srv.APIKey(), "CLOSE_BASE_URL="+srv.URL(), "CLOSEKIT_POLICY=")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		var out map[string]any
		if err := cmd.Run(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, &stderr)
		}
		if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
			t.Fatalf("%q: %v: %s", args, err, &stdout)
		}
		return out, stderr.String()
	}
	first := func(page map[string]any) map[string]any {
		t.Helper()
		list, _ := page["data"].([]any)
		if len(list) == 0 {
			t.Fatalf("an empty page: %v", page)
		}
		return list[0].(map[string]any)
	}
	ids := map[string]any{}
	for _, c := range calls {
		input := string(c.Input)
		for name, id := range ids {
			input = strings.ReplaceAll(input, "$"+name, id.(string))
		}
		args := []string{c.Tool, input}
		if c.Tool == "close_sequence_subscription_create" {
			args = append(args, "--yes") // it sends email to the contact
		}
		out, notes := run(args...)
		want := map[string]any{}
		switch c.Tool {
		case "close_lead_create":
			ids["lead_id"] = out["id"]
			contact, _ := run("close_contact_create", `{"lead_id":"`+out["id"].(string)+`","name":"Ann","emails":[{"email":"ann@acme.example"}]}`)
			ids["contact_id"] = contact["id"]
			want = map[string]any{"name": "Acme Corp", "description": "Inbound from demo request"}
		case "close_pipelines_list":
			ids["status_id"] = first(out)["statuses"].([]any)[0].(map[string]any)["id"]
		case "close_opportunity_create":
			want = map[string]any{"value": 1200000.0, "value_currency": "USD", "value_formatted": "$12,000 annual", "confidence": 40.0}
		case "close_call_create":
			want = map[string]any{"status": "completed", "direction": "outbound", "duration": 840.0}
		case "close_task_create":
			want = map[string]any{"text": "Send the proposal to Acme Corp", "date": "2026-11-29"}
		case "close_sequences_list":
			ids["sequence_id"] = first(out)["id"]
		case "close_sequence_subscription_create":
			want = map[string]any{"status": "active", "contact_email": "ann@acme.example"}
			if !strings.Contains(notes, "filled in") {
				t.Errorf("nothing says what was filled in: %s", notes)
			}
		}
		for name, v := range want {
			if out[name] != v {
				t.Errorf("%s: %s is %v, want %v", c.Tool, name, out[name], v)
			}
		}
	}
}
