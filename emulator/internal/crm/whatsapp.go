package crm

import (
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func whatsAppResource() *rest.Resource {
	fields := onlyOnCreate(activityFields, "lead_id")
	for i := range fields {
		if name := fields[i].Name; name == "contact_id" || name == "activity_at" {
			fields[i].Need, fields[i].NotNull = true, true
		}
	}
	return activityType(&rest.Resource{
		Name: "whatsapp_messages", Type: "WhatsAppMessage", Event: "activity.whatsapp_message",
		Fields: slices.Concat(fields, []rest.Field{
			{Name: "external_whatsapp_message_id", Kind: rest.Text, Access: rest.OnCreate, Need: true},
			{Name: "message_markdown", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "direction", Kind: rest.Choice, Choices: []string{"incoming", "outgoing"}, Need: true, NotNull: true},
			{Name: "local_phone", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "remote_phone", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "integration_link", Kind: rest.Text},
			{Name: "response_to_id", Kind: rest.Reference, Table: "activities"},
			{Name: "attachments", Kind: rest.Objects, NotNull: true},
		}),
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			prepareActivity(c, o, p)
			setDefaults(o, object{"attachments": []any{}, "integration_link": nil, "integration_name": nil, "response_to_id": nil, "source": "whatsapp"})
			checkNumbers(c, o, p)
		},
		Change: func(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
			patchActivity(c, rec, patch, p)
			checkNumbers(c, patch, p)
		},
		Render: func(c *rest.Call, _ *store.Record, o object) {
			o["text"], o["message_html"] = readMarkdown(value.String(o["message_markdown"]))
			for _, k := range []string{"local_phone", "remote_phone"} {
				n, _ := parsePhone(c, value.String(o[k]))
				o[k+"_formatted"] = value.OrNull(n.Formatted)
			}
		},
	}, "external_whatsapp_message_id")
}

// checkNumbers stores phone numbers in the form of E.164.
func checkNumbers(c *rest.Call, o object, p *rest.Problems) {
	for _, k := range []string{"local_phone", "remote_phone"} {
		s, ok := o[k].(string)
		if !ok {
			continue
		}
		n, ok := parsePhone(c, s)
		if !ok {
			p.Add(k, msgPhone)
		}
		o[k] = n.E164
	}
}

// chatMarks are the marks of WhatsApp around a part of a message, with their tags.
var chatMarks = []struct {
	mark *regexp.Regexp
	tag  string
}{
	{regexp.MustCompile("```([^`]+)```"), "code"},
	{regexp.MustCompile("`([^`\n]+)`"), "code"},
	{regexp.MustCompile(`\*([^*\n]+)\*`), "strong"},
	{regexp.MustCompile(`\b_([^_\n]+)_\b`), "em"},
	{regexp.MustCompile(`~([^~\n]+)~`), "s"},
}

// readMarkdown returns a message without its marks, and as HTML.
func readMarkdown(s string) (text, rich string) {
	text, rich = s, html.EscapeString(s)
	for _, m := range chatMarks {
		text = m.mark.ReplaceAllString(text, "$1")
		rich = m.mark.ReplaceAllString(rich, "<"+m.tag+">$1</"+m.tag+">")
	}
	return text, "<p>" + strings.ReplaceAll(rich, "\n", "<br/>") + "</p>"
}
