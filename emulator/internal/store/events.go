package store

import (
	"bytes"
	"compress/flate"
	"io"
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

// Event is one entry of the event log. There are several for every object, so that its
// body is packed: it is JSON, compressed.
type Event struct {
	Organization string
	Created      time.Time
	Updated      time.Time

	// Members of the body by which the log is searched.
	ID, ObjectType, ObjectID, Action, Lead, User, Request string

	packed []byte
}

// Body returns a copy of the event as the API returns it.
func (e *Event) Body() value.Object {
	r := flate.NewReaderDict(bytes.NewReader(e.packed), eventWords)
	data, err := io.ReadAll(r)
	if err != nil {
		return value.Object{} // what SetBody wrote can be read
	}
	body, err := value.DecodeObject(data)
	if err != nil {
		return value.Object{}
	}
	return body
}

// Field returns a member of the body by which the log is searched.
func (e *Event) Field(name string) string {
	switch name {
	case "object_type":
		return e.ObjectType
	case "object_id":
		return e.ObjectID
	case "action":
		return e.Action
	case "lead_id":
		return e.Lead
	case "user_id":
		return e.User
	case "request_id":
		return e.Request
	}
	return ""
}

// SetBody replaces the body of an event.
func (st *State) SetBody(e *Event, body value.Object) {
	text := func(name string) string { return value.String(body[name]) }
	e.ID, e.ObjectType, e.ObjectID, e.Action = text("id"), text("object_type"), text("object_id"), text("action")
	e.Lead, e.User, e.Request = text("lead_id"), text("user_id"), text("request_id")
	var b bytes.Buffer
	if st.packer == nil {
		st.packer, _ = flate.NewWriterDict(&b, packLevel, eventWords) // it fails only for a level that does not exist
	} else {
		st.packer.Reset(&b)
	}
	_, _ = st.packer.Write(value.Encode(body)) // a buffer takes everything
	_ = st.packer.Close()
	e.packed = bytes.Clone(b.Bytes())
}

// packLevel is the lowest level of compression that uses a dictionary.
const packLevel = 2

// eventWords is what events have in common: the names of their members. It is only for
// compression; what is not in it costs more memory.
var eventWords = []byte(`"pipeline_name":"confidence":100,"value_period":"one_time","value_formatted":"expected_value":"annualized_value":` +
	`"opportunity_id":"status_type":"active","is_complete":false,"is_dateless":"assigned_to":"assigned_to_name":"due_date":` +
	`"emails":[{"email":"","email_lower":"","is_unsubscribed":false,"type":"office"}],"phones":[{"country":"US","phone":"+1","phone_formatted":"+1 ","type":` +
	`"timezone":null,"title":"","urls":[],"html_url":"https://app.close.com/lead/lead_","integration_links":[],"addresses":[],"contact_ids":["cont_"],` +
	`"description":"","display_name":"","name":"","status_id":"stat_","status_label":"Potential","url":null,"_type":"Created","activity_at":"contact_id":null,` +
	`"import_id":null,"source":"api","users":[],"user_name":"","created_by_name":"","updated_by_name":"","created_by":"user_","updated_by":"user_",` +
	`{"action":"created","api_key_id":null,"changed_fields":[],"data":{"date_updated":"+00:00","date_created":"+00:00","id":"lead_","lead_id":"lead_",` +
	`"organization_id":"orga_"},"date_created":"","date_updated":"","id":"ev_","lead_id":"lead_","meta":{"request_method":"POST","request_path":"/api/v1/lead/"},` +
	`"oauth_client_id":null,"oauth_scope":null,"object_id":"acti_","object_type":"activity.created","organization_id":"orga_","previous_data":{},` +
	`"request_id":"req_","user_id":"user_"}`)
