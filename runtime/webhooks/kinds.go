package webhooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/words"
)

// Sets of actions that many types have.
const (
	changes  = "created updated deleted"
	ofTasks  = changes + " completed"
	ofBulk   = "created updated completed paused"
	ofExport = "created updated completed"
)

// actions are the actions that events about a type of object report, as Close documents
// them. Names of activities may also be written without "activity.".
var actions = map[string]string{
	"lead": changes + " merged", "contact": changes, "opportunity": changes,
	"task.lead": ofTasks, "task.outgoing_call": ofTasks, "task.incoming_email": ofTasks, "task.email_followup": ofTasks, "task.missed_call": ofTasks,
	"task.answered_detached_call": ofTasks, "task.voicemail": ofTasks, "task.opportunity_due": ofTasks, "task.incoming_sms": ofTasks,
	"activity.call":                      changes + " answered completed",
	"activity.email":                     changes + " sent",
	"activity.sms":                       changes + " sent",
	"activity.meeting":                   changes + " scheduled started completed canceled",
	"activity.email_thread":              changes,
	"activity.note":                      changes,
	"activity.whatsapp_message":          changes,
	"activity.form_submission":           changes,
	"activity.custom_activity":           changes,
	"activity.lead_status_change":        changes,
	"activity.opportunity_status_change": changes,
	"activity.lead_merge":                changes,
	"activity.task_completed":            "created deleted",
	"import":                             ofExport + " reverting reverted",
	"export.lead":                        ofExport, "export.opportunity": ofExport,
	"bulk_action.delete": ofBulk, "bulk_action.edit": ofBulk, "bulk_action.email": ofBulk, "bulk_action.sequence_subscription": ofBulk,
	"custom_fields.lead": changes, "custom_fields.contact": changes, "custom_fields.opportunity": changes, "custom_fields.activity": changes,
	"custom_fields.custom_object": changes, "custom_fields.shared": changes,
	"custom_activity_type": changes, "custom_object_type": changes, "custom_object": changes,
	"status.lead": changes, "status.opportunity": changes, "group": changes, "saved_search": changes, "phone_number": changes,
	"email_template": changes, "sms_template": changes, "sequence": changes, "sequence_subscription": changes,
	"comment": changes, "comment_thread": changes,
	"membership":         "activated deactivated",
	"unsubscribed_email": "created deleted",
}

// actionsOf returns the actions of a type, nil if Close does not have it.
func actionsOf(objectType string) []string {
	list, ok := actions[objectType]
	if !ok {
		list = actions["activity."+objectType]
	}
	return strings.Fields(list)
}

// UnknownKindError reports a kind of event that Close does not have.
type UnknownKindError struct {
	Kind string   // as it was written
	Near []string // what may be meant, as [ParseKind] reads it; may be empty
}

// Error names what may be meant.
func (e *UnknownKindError) Error() string {
	text := fmt.Sprintf("webhooks: %s is no kind of event of Close", words.Quote(e.Kind))
	if len(e.Near) == 0 {
		return text + "; it is like lead.created or activity.note.updated"
	}
	return text + "; there are " + words.List(e.Near)
}

// ParseKind reads the form lead.created: everything before the last dot is the type. A type
// or an action that Close does not document is a [*UnknownKindError]: a log that is read
// for it never has an event. For one that Close has added since, write the [Kind] itself.
func ParseKind(text string) (Kind, error) {
	i := strings.LastIndexByte(text, '.')
	k := Kind{ObjectType: text[:max(i, 0)], Action: text[i+1:]}
	if slices.Contains(actionsOf(k.ObjectType), k.Action) {
		return k, nil
	}
	return Kind{}, &UnknownKindError{text, near(k, text)}
}

// near returns the kinds that a text may mean.
func near(k Kind, text string) (list []string) {
	if of := actionsOf(text); len(of) > 0 { // without an action
		return kinds(text, of)
	}
	if of := actionsOf(k.ObjectType); len(of) > 0 {
		if action := words.Misspelled(k.Action, of); action != "" {
			of = []string{action}
		}
		return kinds(k.ObjectType, of)
	}
	var all []string
	for objectType := range actions {
		of := actionsOf(objectType)
		all = append(all, kinds(objectType, of)...)
		if short, ok := strings.CutPrefix(objectType, "activity."); ok {
			all = append(all, kinds(short, of)...)
		}
		if k.ObjectType != "" && strings.HasPrefix(objectType, k.ObjectType+".") && slices.Contains(of, k.Action) { // task.created
			list = append(list, objectType+"."+k.Action)
		}
	}
	slices.Sort(all) // so that the nearest is always the same one
	if best := words.Nearest(text, all); best != "" && len(list) == 0 {
		list = []string{best}
	}
	slices.Sort(list)
	return list
}

func kinds(objectType string, of []string) (list []string) {
	for _, action := range of {
		list = append(list, objectType+"."+action)
	}
	return list
}
