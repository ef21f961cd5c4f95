//go:build unix

package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestEmulatorFaults drives an emulator as a client in any language does, which
// can only choose its flags.
func TestEmulatorFaults(t *testing.T) {
	t.Parallel()
	c := start(t, nil, self(t), "emulator", "--json", "--api-key", "api_of_mine", "--extra-fields", "--link-local-webhooks", "--rate-limit", "3/1h",
		"--fault", "503,tool=close_lead_create,skip=1,times=2,header=Retry-After:7", "--fault", "cut,method=put,path=/api/v1/task/*,times=all",
		"--fault", "after,html,path=/api/v1/contact/")
	var e endpoints
	if err := json.Unmarshal([]byte(c.line()), &e); err != nil {
		t.Fatal(err)
	}
	if e.APIKey != "api_of_mine" {
		t.Errorf("the key is %s", e.APIKey)
	}
	send := func(method, path, body string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, e.BaseURL+"/api/v1"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("api_of_mine", "")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, nil, ""
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header, string(text)
	}
	for i, want := range []int{200, 503, 503, 200} {
		status, h, _ := send("POST", "/lead/", `{"name": "x"}`)
		if status != want || want == 503 && h.Get("Retry-After") != "7" {
			t.Errorf("lead %d: %d, %v", i, status, h)
		}
	}
	for range 2 {
		if status, _, _ := send("PUT", "/task/task_a/", `{}`); status != 0 {
			t.Errorf("status %d, want no response", status)
		}
	}
	if status, _, _ := send("POST", "/contact/", `{"name": "x"}`); status != 502 {
		t.Errorf("status %d", status)
	}
	if status, _, body := send("POST", "/webhook/", `{"url": "http://169.254.169.254/", "events": [{"object_type": "lead", "action": "created"}]}`); status != 201 {
		t.Errorf("a link-local webhook: %d %s", status, body)
	}
	_, _, me := send("GET", "/me/", "")
	if !strings.Contains(me, `"x_unknown"`) {
		t.Errorf("no extra field: %s", me)
	}
	for i, want := range []int{200, 200, 429} {
		status, h, _ := send("GET", "/me/", "")
		if status != want || h.Get("RateLimit") == "" {
			t.Errorf("call %d: %d, %v", i, status, h)
		}
	}
	c.signal(syscall.SIGTERM)
	if _, code := c.end(); code != 0 {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
}
