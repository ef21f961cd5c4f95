package lower

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

// shown says where the lean profile has a parameter.
type shown int

const (
	main   shown = iota // in the schema
	more                // named, and taken by the parameter more
	hidden              // not at all; it is still accepted
)

// shownOf says it for all parameters at the top level. Required ones are always main.
func shownOf(t *tool.Tool, s *tool.Schema) map[string]shown {
	where := map[string]shown{}
	families := map[string]bool{} // names of filters with operators, as in date__gte
	first := ""
	for _, p := range s.Properties {
		base, op, ok := strings.Cut(p.Name, "__")
		if ok && op != "in" && !isDeprecated(p.Schema) {
			families[base] = true
			if first == "" {
				first = base
			}
		}
	}
	for _, p := range s.Properties {
		base, op, hasOp := strings.Cut(p.Name, "__")
		sh := main
		switch {
		case slices.Contains(s.Required, p.Name):
		case isDeprecated(p.Schema), isForImports(p.Schema), isPaging(s, p.Name), isImplied(p.Schema):
			sh = hidden
		case t.Method != "" && slices.Contains(rare, p.Name), slices.Contains(rare, t.Name+"."+p.Name):
			sh = more
		case hasOp && op == "in":
			if s.Property(base) != nil {
				sh = more
			}
		case families[base] && base != first, hasOp && op != "gte" && op != "lt", families[base] && !hasOp:
			sh = more
		case isMarkup(s, p):
			sh = more
		}
		where[p.Name] = sh
	}
	showSingle(s, where)
	return where
}

// showSingle shows a parameter that more would have for itself.
func showSingle(s *tool.Schema, where map[string]shown) {
	single := ""
	for _, p := range s.Properties {
		if where[p.Name] == more {
			if single != "" {
				return
			}
			single = p.Name
		}
	}
	if single != "" {
		where[single] = main
	}
}

// rare are parameters that few tasks need.
var rare = []string{
	"attachments", "source", "quality_info", "conversation_type_id", "playbook_id", "agent_config_id", "disable_notification",
	"send_in", "send_to_inbox", "followup_date", "followup_sequence_id", "followup_sequence_delay", "followup_sequence_add_cc_bcc",
	"opens", "template_id", "outcome_id", "recording_url", "voicemail_url", "recording_transcript", "verify_ssl",
	"referenced_custom_type_id", "back_reference_is_visible", "editable_with_roles", "lead_saved_search_id", "status_label",
	"id", "id__in", "is_dateless", "resolution", "timezone", "urls", "calls_assigned_to", "email_account_id",
	"pipeline_id",
	"close_call_create.user_id", "close_email_create.user_id", "close_sms_create.user_id", "close_note_create.user_id",
	"close_call_update.user_id", "close_email_update.user_id", "close_sms_update.user_id",
	"close_call_update.lead_id", "close_sms_update.lead_id", "close_task_update.lead_id",
	"close_email_create.activity_at", "close_sms_create.activity_at", "close_note_create.activity_at",
	"close_email_update.activity_at", "close_sms_update.activity_at", "close_note_update.activity_at",
	"close_email_create.direction", "close_sms_create.direction",
}

// isRareWithin reports whether a property of a nested object is left out of the lean
// profile: also references, which are the parent's.
func isRareWithin(p tool.Property) bool {
	return isForImports(p.Schema) || slices.Contains(rare, p.Name) || isImpliedSource(p.Name, sourceOf(p.Schema))
}

func isDeprecated(s *tool.Schema) bool { return strings.Contains(s.Description, "Deprecated: ") }

func isForImports(s *tool.Schema) bool {
	return strings.Contains(s.Description, "; for imports.") || strings.Contains(s.Description, "only when importing.")
}

// paging are the parameters that choose the part of a response.
var paging = []string{"_fields", "_limit", "_skip"}

// isPaging reports whether the executor takes care of the parameter. How many results
// there are at most matters where they can be sorted.
func isPaging(s *tool.Schema, name string) bool {
	return name == "_skip" || name == "_fields" || name == "_limit" && s.Property("_order_by") == nil
}

// isImplied reports whether leaving the parameter out says the same.
func isImplied(s *tool.Schema) bool {
	for _, text := range []string{"the credential's own is implied", "Defaults to that of the credential", "implied by the path", "It is checked and not sent", "Organization of the task."} {
		if strings.Contains(s.Description, text) {
			return true
		}
	}
	return false
}

// isMarkup reports whether the parameter is a text as markup that can also be given
// plain.
func isMarkup(s *tool.Schema, p tool.Property) bool {
	plain, ok := strings.CutSuffix(p.Name, "_html")
	return ok && (s.Property(plain) != nil || s.Property(plain+"_text") != nil)
}
