package crm

import (
	"net/http"
	"slices"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// meetingResource describes meetings. They come from calendars, so only a seed makes them,
// with the fields that clients cannot set.
func meetingResource() *rest.Resource {
	own := []rest.Field{
		{Name: "title", Kind: rest.Text},
		{Name: "starts_at", Kind: rest.Instant, Need: true},
		{Name: "ends_at", Kind: rest.Instant, Need: true},
		{Name: "status", Kind: rest.Choice, Choices: []string{"canceled", "declined-by-lead", "declined-by-org"}},
		{Name: "attendees", Kind: rest.Objects},
		{Name: "is_recurring", Kind: rest.Flag},
		{Name: "location", Kind: rest.Text},
		{Name: "note", Kind: rest.Text},
		{Name: "transcripts", Kind: rest.Objects},
		{Name: "provider_calendar_event_id", Kind: rest.Text},
		{Name: "provider_calendar_ids", Kind: rest.Texts},
		{Name: "provider_calendar_type", Kind: rest.Choice, Choices: []string{"google", "microsoft"}},
	}
	fields := slices.Concat(activityFields, own)
	for i := range fields {
		fields[i].Access = rest.OnCreate
	}
	r := activityType(&rest.Resource{
		Name: "meetings", Type: "Meeting", Event: "activity.meeting",
		Fields: append(fields,
			rest.Field{Name: "user_note_html", Kind: rest.Text},
			rest.Field{Name: "outcome_id", Kind: rest.Reference, Table: "outcomes"}),
		Prepare: prepareMeeting,
		Change: func(c *rest.Call, _ *store.Record, patch, _ object, _ *rest.Problems) {
			noteMeeting(c, patch)
			if _, ok := patch["outcome_id"]; ok {
				patch["outcome_reason"] = nil
				if patch["outcome_id"] != nil {
					patch["outcome_reason"] = "user-selected"
				}
			}
		},
		Narrow: narrowMeetings,
		Render: renderMeeting,
		OnDemand: func(_ *rest.Call, rec *store.Record) object {
			return object{"transcripts": value.List(rec.Data["transcripts"])}
		},
		Actions: map[string]func(*rest.Call) (any, error){"set_integration": setMeetingIntegration},
	}, "provider_calendar_event_id", "provider_calendar_type")
	r.Filters["starts_at"] = rest.Instant
	return r
}

func prepareMeeting(c *rest.Call, o, _ object, p *rest.Problems) {
	if o["activity_at"] == nil {
		o["activity_at"] = o["starts_at"]
	}
	prepareActivity(c, o, p)
	from, _, _ := value.ParseTime(value.String(o["starts_at"]), time.UTC)
	to, _, _ := value.ParseTime(value.String(o["ends_at"]), time.UTC)
	if to.Before(from) {
		p.Add("ends_at", "A meeting cannot end before it begins.")
	}
	o["duration"] = int64(to.Sub(from).Seconds())
	for _, k := range []string{
		"actual_duration", "status", "location", "note", "user_note", "user_note_html", "user_note_date_updated", "summary",
		"outcome_id", "outcome_reason", "outcome_autofill_confidence", "outcome_autofill_reasoning", "playbook_id", "playbook_reason",
		"conversation_type_id", "conversation_type_reason", "connected_account_id", "calendar_event_link", "notetaker_id",
		"provider_calendar_event_id", "provider_calendar_type",
	} {
		setDefaults(o, object{k: nil})
	}
	for _, k := range []string{
		"attendees", "calendar_event_uids", "provider_calendar_ids", "conference_links", "attached_call_ids", "integrations", "transcripts",
	} {
		setDefaults(o, object{k: []any{}})
	}
	setDefaults(o, object{"title": "", "is_recurring": false, "source": "calendar"})
	noteMeeting(c, o)
}

// noteMeeting keeps the plain text and the time of a note in step with the note.
func noteMeeting(c *rest.Call, o object) {
	rich, ok := o["user_note_html"]
	if !ok {
		return
	}
	if rich == nil {
		o["user_note"], o["user_note_date_updated"] = nil, nil
		return
	}
	o["user_note_html"] = wrapBody(value.String(rich))
	o["user_note"], o["user_note_date_updated"] = plainFromRich(value.String(rich)), value.Stamp(c.Now)
}

func renderMeeting(c *rest.Call, _ *store.Record, o object) {
	delete(o, "transcripts")
	o["user_note_mentions"] = mentioned(value.String(o["user_note_html"]))
	if o["status"] != nil {
		return
	}
	from, _, _ := value.ParseTime(value.String(o["starts_at"]), time.UTC)
	to, _, _ := value.ParseTime(value.String(o["ends_at"]), time.UTC)
	switch {
	case c.Now.Before(from):
		o["status"] = "upcoming"
	case c.Now.Before(to):
		o["status"] = "in-progress"
	default:
		o["status"] = "completed"
	}
}

// narrowMeetings reads the filters on the calendar, which go only with its event.
func narrowMeetings(c *rest.Call) (func(*store.Record) bool, error) {
	if c.Query.Get("provider_calendar_event_id") == "" {
		for _, name := range []string{
			"provider_calendar_id", "provider_calendar_type", "starts_at", "starts_at__gt", "starts_at__gte", "starts_at__lt", "starts_at__lte",
		} {
			if c.Query.Get(name) != "" {
				return nil, rest.FieldError(name, "This filter needs provider_calendar_event_id.")
			}
		}
	}
	calendar := c.Query.Get("provider_calendar_id")
	return func(rec *store.Record) bool {
		return calendar == "" || slices.Contains(value.List(rec.Data["provider_calendar_ids"]), any(calendar))
	}, nil
}

// setMeetingIntegration stores what an application shows on a meeting. It belongs to the
// application, so it needs an access token.
func setMeetingIntegration(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if c.Client == "" {
		return nil, rest.Refuse(http.StatusForbidden, "This endpoint is only available with OAuth.")
	}
	all := slices.Clone(value.List(rec.Data["integrations"]))
	at := slices.IndexFunc(all, func(e any) bool { return e.(object)["oauth_client"].(object)["id"] == c.Client })
	var p rest.Problems
	data := c.Accept(&rest.Resource{Fields: []rest.Field{{Name: "integration_data", Kind: rest.Dict}}}, c.Body, true, &p)["integration_data"]
	if err := p.Err(); err != nil {
		return nil, err
	}
	if data == nil { // an empty body changes nothing
		if at < 0 {
			return object{}, nil
		}
		return all[at], nil
	}
	if at < 0 {
		at = len(all)
		all = append(all, object{
			"id": c.State.IDs.Short("evtint"), "integration_name": c.Client, "oauth_client": object{"id": c.Client, "name": c.Client},
		})
	}
	mine := value.Shallow(all[at].(object))
	mine["integration_data"] = data
	all[at] = mine
	c.Apply(c.Resource, rec, object{"integrations": all})
	return mine, nil
}
