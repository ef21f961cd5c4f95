package agent_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 250)
	for _, c := range []struct{ in, want string }{
		{``, ``},
		{`{"lead_id":"lead_x","value":12000,"confidence":1.50,"to":["ann@acme.example"],"subject":"Offer"}`, `{"lead_id":"lead_x","value":12000,"confidence":1.50,"to":["ann@acme.example"],"subject":"Offer"}`},
		{`{"body_text":"Dear Ann","body_html":"<p>Dear</p>","note":"hé"}`, `{"body_text":"[8 characters]","body_html":"[11 characters]","note":"[2 characters]"}`},
		{`{"Body-HTML":"<p>Dear</p>","text_body":"Dear","recording_transcript":"hello","body_count":2,"notes":"kept","antibody":"kept"}`, `{"Body-HTML":"[11 characters]","text_body":"[4 characters]","recording_transcript":"[5 characters]","body_count":2,"notes":"kept","antibody":"kept"}`},
		{`{"x":"TOKEN=abc and PRIVATE KEY","y":"Kelvin KEY=1 PASSWORD=geheim"}`, `{"x":"[removed] and PRIVATE KEY","y":"Kelvin KEY=1 [removed]"}`},
		{`{"signature_key":"abc","a":[{"API_Key":"x","password":null}],"access_token":{"v":1},"page_token_count":3}`, `{"signature_key":"[removed]","a":[{"API_Key":"[removed]","password":null}],"access_token":"[removed]","page_token_count":3}`},
		{`{"text":"` + long + `"}`, `{"text":"` + long[:400] + `… [50 more characters]"}`},
		{`{"url":"https://user:pass@x.example/?token=abcdef&x=1"}`, `{"url":"https[removed]x.example/?[removed]&x=1"}`},
		{`{"q":"use api_AbCdEf123456.XyZ and Bearer abcdefghijklmnop"}`, `{"q":"use [removed] and [removed]"}`},
		{`{"more":"{\"signature_key\":\"hidden\",\"body\":\"text\"}"}`, `{"more":"{\"body\":\"[4 characters]\",\"signature_key\":\"[removed]\"}"}`},
		{`{"api_AbCdEf123456":"x"}`, `{"[removed]":"x"}`},
		{`{"body":`, `"[8 bytes that are no JSON]"`},
		{`{"a":1} {"signature_key":"abc"}`, `"[31 bytes that are no JSON]"`},
	} {
		if got := string(agent.Redact([]byte(c.in))); got != c.want {
			t.Errorf("%.60s:\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}
