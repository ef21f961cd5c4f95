package closeapi_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/closeapi"
)

// TestAsCustomActivity reads custom activities, which Close sends with another type
// than that of the filter.
func TestAsCustomActivity(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]bool{"CustomActivity": true, "Custom": true, "Call": false} {
		var a closeapi.Activity
		if err := json.Unmarshal([]byte(`{"_type":"`+typ+`","id":"acti_x","custom_activity_type_id":"actitype_x"}`), &a); err != nil {
			t.Fatal(err)
		}
		custom, is := a.AsCustomActivity()
		if is != want || is && custom.CustomActivityTypeID.Or("") != "actitype_x" {
			t.Errorf("%s: %v, %+v", typ, is, custom)
		}
	}
}
