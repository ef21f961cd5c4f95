package hand

import (
	"encoding/json"
	"strings"

	"github.com/closekit/closekit/bench/model"
)

// KeepLead keeps custom fields with encoding/json the usual way: decode twice.
type KeepLead struct {
	model.Lead
	Custom map[string]json.RawMessage `json:"-"`
}

// UnmarshalJSON decodes the fields, and then all members for those of custom fields.
func (l *KeepLead) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &l.Lead); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for k := range all {
		if !strings.HasPrefix(k, "custom.") {
			delete(all, k)
		}
	}
	l.Custom = all
	return nil
}

// KeepPage is a page of such leads.
type KeepPage struct {
	Data    []KeepLead `json:"data"`
	HasMore bool       `json:"has_more"`
}
