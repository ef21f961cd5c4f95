package tools_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/closeapi/tools"
)

// Short definitions leave out no parameter that is required, and nothing that they
// name is unknown to the tool. What is for imports is not in them. Paging and the
// selection of fields are only named, except where a search returns nothing but ids
// without them.
func TestProfile(t *testing.T) {
	t.Parallel()
	for _, tool := range tools.All() {
		var schema struct {
			Required   []string `json:"required"`
			Properties map[string]struct {
				Description string `json:"description"`
			} `json:"properties"`
		}
		if err := json.Unmarshal(tool.InputSchema(), &schema); err != nil {
			t.Fatal(err)
		}
		info := tool.Info()
		for _, name := range slices.Concat(info.More, info.Hidden) {
			if _, ok := schema.Properties[name]; !ok || slices.Contains(schema.Required, name) {
				t.Errorf("%s does not show %s, which is required or unknown", tool.Name, name)
			}
		}
		for name := range info.Briefs {
			if _, ok := schema.Properties[name]; !ok {
				t.Errorf("%s has a text for %s, which it does not take", tool.Name, name)
			}
		}
		for name, p := range schema.Properties {
			isHidden, isNamed := slices.Contains(info.Hidden, name), slices.Contains(info.More, name)
			isRare := strings.Contains(p.Description, "Deprecated: ") || strings.Contains(p.Description, "for imports") ||
				strings.Contains(p.Description, "when importing")
			isExtra := name == "_skip" || name == "_fields" && tool.Name != "close_search"
			switch {
			case isRare && !isHidden, isExtra && !isHidden && !isNamed:
				t.Errorf("%s shows %s: %s", tool.Name, name, p.Description)
			case isHidden && isNamed:
				t.Errorf("%s hides %s and names it", tool.Name, name)
			}
		}
		if n := len(regexp.MustCompile(`[.!?]( |$)`).FindAllString(info.Brief, -1)); n > 2 {
			t.Errorf("%s: %d sentences: %s", tool.Name, n, info.Brief)
		}
	}
}

// What a model must not get wrong is said however short the definition is.
func TestBriefTextsWarn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"close_email_update":                 `outbox really sends.*ask the user`,
		"close_sms_update":                   `outbox really sends.*costs money.*ask the user`,
		"close_lead_delete":                  `no undo.*ask the user`,
		"close_lead_merge":                   `delete the source.*no undo`,
		"close_call_update":                  `deletes data for good`,
		"close_sequence_subscription_create": `real emails.*ask the user`,
		"close_webhook_create":               `data of changed records.*[Aa]sk the user`,
	} {
		tool, err := tools.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if brief := tool.Info().Brief; !regexp.MustCompile(want).MatchString(brief) {
			t.Errorf("%s: %q does not say %s", name, brief, want)
		}
	}
	for name, want := range map[string]string{"value": "cents", "status_id": "never a label"} {
		tool, err := tools.Lookup("close_opportunity_update")
		if err != nil {
			t.Fatal(err)
		}
		if brief := tool.Info().Briefs[name]; !strings.Contains(brief, want) {
			t.Errorf("%s: %q does not say %s", name, brief, want)
		}
	}
}
