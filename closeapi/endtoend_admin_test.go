package closeapi_test

import (
	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// testEvents follows the event log over several pages, typed and by name.
func testEvents(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	for range 60 {
		ok(closeapi.NoteCreate(ctx, w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Note: closekit.Some("<p>x</p>")}))(w)
	}
	ok(closeapi.LeadUpdate(ctx, w.c, closeapi.LeadUpdateParams{LeadID: lead.ID, Name: closekit.Some("Acme Corp")}))(w)
	seen, notes := map[closeapi.EventID]bool{}, 0
	for e, err := range closeapi.EventsAll(ctx, w.c, closeapi.EventsListParams{LeadID: closekit.Some(lead.ID)}) {
		if err != nil {
			w.Fatal(err)
		}
		if seen[e.ID] {
			w.Errorf("%s came twice", e.ID)
		}
		seen[e.ID] = true
		if n, isNote := e.AsNote(); isNote {
			notes++
			if n.After == nil || n.After.LeadID.Or("") != lead.ID || n.Before != nil {
				w.Errorf("the change of a note is %+v", n)
			}
		}
		if e.ObjectType == closeapi.WebhookObjectTypeLead && e.Action == closeapi.WebhookActionUpdated {
			change, isLead := e.AsLead()
			w.same("changed", line(isLead, e.Changed("display_name"), e.Changed("status_id")), "true true false")
			w.same("after and before", line(change.After.DisplayName, change.Before.DisplayName), "Acme Corp Acme")
		}
	}
	w.same("notes", notes, 60)
	page := ok(closeapi.EventsList(ctx, w.c, closeapi.EventsListParams{LeadID: closekit.Some(lead.ID), Limit: closekit.Some(10)}))(w)
	first := w.tool("close_events_list", `{"lead_id":%q,"_limit":10}`, lead.ID)
	w.has(first, "data/0/id", page.Data[0].ID, "data/10", nil, "cursor_next", page.Next)
	next := w.tool("close_events_list", `{"lead_id":%q,"_limit":10,"cursor":%q}`, lead.ID, page.Next)
	if at(next, "data/0/id") == at(first, "data/0/id") || at(next, "cursor_previous") == nil {
		w.Errorf("the second page is %v", next)
	}
	got := ok(closeapi.EventGet(ctx, w.c, closeapi.EventGetParams{EventID: page.Data[0].ID}))(w)
	w.same("the same event", mustJSON(got), mustJSON(&page.Data[0]))
	w.has(w.tool("close_event_get", `{"event_id":%q}`, got.ID), "object_id", got.ObjectID)
}

// testGroups changes the members of a group: two ids in a path, and fields that come on
// request only.
func testGroups(w *world) {
	ctx := w.Context()
	me := ok(closeapi.MeGet(ctx, w.c, closeapi.MeGetParams{}))(w).ID
	group := ok(closeapi.GroupCreate(ctx, w.c, closeapi.GroupCreateParams{Name: "North"}))(w)
	w.same("new", line(group.Name.Or(""), len(group.Members)), "North 0")
	id := w.tool("close_group_create", `{"name":"East"}`)["id"]
	if _, err := w.try("close_group_create", `{"name":"East"}`); !closekit.IsValidation(err) {
		w.Errorf("two groups of one name: %v", err)
	}
	for range 2 { // adding twice changes nothing
		ok(closeapi.GroupMemberAdd(ctx, w.c, closeapi.GroupMemberAddParams{GroupID: group.ID, UserID: me}))(w)
		w.has(w.tool("close_group_member_add", `{"group_id":%q,"user_id":%q}`, id, me), "user_id", me)
	}
	got := ok(closeapi.GroupGet(ctx, w.c, closeapi.GroupGetParams{GroupID: group.ID}))(w)
	w.same("members", line(len(got.Members), got.Members[0].UserID == me), "1 true")
	w.has(w.tool("close_group_get", `{"group_id":%q}`, id), "name", "East", "members/0/user_id", me, "members/1", nil)
	renamed := ok(closeapi.GroupUpdate(ctx, w.c, closeapi.GroupUpdateParams{GroupID: group.ID, Name: "South"}))(w)
	w.same("renamed", renamed.Name.Or(""), "South")
	w.has(w.tool("close_group_update", `{"group_id":%q,"name":"West"}`, id), "name", "West")
	list := ok(closeapi.GroupsList(ctx, w.c, closeapi.GroupsListParams{}))(w)
	w.same("list", line(len(list.Data), list.Data[0].Name.Or(""), list.Data[0].Members == nil), "2 South true")
	w.has(w.tool("close_groups_list", `{}`), "data/1/name", "West", "data/1/members", nil)
	for range 2 { // and so does removing
		if err := closeapi.GroupMemberRemove(ctx, w.c, closeapi.GroupMemberRemoveParams{GroupID: group.ID, UserID: me}); err != nil {
			w.Fatal(err)
		}
	}
	w.tool("close_group_member_remove", `{"group_id":%q,"user_id":%q}`, id, me)
	w.same("left", len(ok(closeapi.GroupGet(ctx, w.c, closeapi.GroupGetParams{GroupID: group.ID}))(w).Members), 0)
	if err := closeapi.GroupDelete(ctx, w.c, closeapi.GroupDeleteParams{GroupID: group.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_group_delete", `{"group_id":%q}`, id)
	_, err := closeapi.GroupGet(ctx, w.c, closeapi.GroupGetParams{GroupID: group.ID})
	w.gone(err)
}

// testTemplates fills in a template for one contact and for the results of a query.
func testTemplates(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	contact := w.contact(lead.ID)
	p := closeapi.EmailTemplateCreateParams{Name: "Welcome", Subject: closekit.Some("Dear {{contact.first_name}}"), Body: closekit.Some("{{ lead.display_name }}{{ unknown }}")}
	template := ok(closeapi.EmailTemplateCreate(ctx, w.c, p))(w)
	w.same("new", line(template.Name, template.IsShared.Or(true), len(template.UsedBySequences)), "Welcome false 0")
	id := w.tool("close_email_template_create", `{"name":"Old","is_archived":true}`)["id"]
	out := ok(closeapi.EmailTemplateRender(ctx, w.c, closeapi.EmailTemplateRenderParams{
		EmailTemplateID: template.ID, LeadID: closekit.Some(lead.ID), ContactID: closekit.Some(contact.ID),
	}))(w)
	w.same("rendered", line(out.Subject, out.Body, out.Email), "Dear Ann Acme ann@acme.example")
	w.has(w.tool("close_email_template_render", `{"email_template_id":%q,"query":"acme","entry":0,"mode":"contact"}`, template.ID), "contact_id", contact.ID, "subject", "Dear Ann")
	if _, err := w.try("close_email_template_render", `{"email_template_id":%q,"query":"acme"}`, template.ID); !closekit.IsValidation(err) {
		w.Errorf("a query without entry and mode: %v", err)
	}
	shared := ok(closeapi.EmailTemplateUpdate(ctx, w.c, closeapi.EmailTemplateUpdateParams{EmailTemplateID: template.ID, IsShared: closekit.Some(true)}))(w)
	w.same("shared", shared.IsShared, true)
	w.has(w.tool("close_email_template_update", `{"email_template_id":%q,"subject":null}`, id), "subject", nil)
	list := ok(closeapi.EmailTemplatesList(ctx, w.c, closeapi.EmailTemplatesListParams{IsArchived: closekit.Some(false)}))(w)
	w.same("in use", line(len(list.Data), list.Data[0].ID == template.ID), "1 true")
	w.has(w.tool("close_email_templates_list", `{"is_shared":false}`), "data/0/id", id, "data/1", nil)
	got := ok(closeapi.EmailTemplateGet(ctx, w.c, closeapi.EmailTemplateGetParams{EmailTemplateID: template.ID}))(w)
	w.same("stored", mustJSON(got), mustJSON(shared))
	w.has(w.tool("close_email_template_get", `{"email_template_id":%q,"_fields":["name"]}`, id), "name", "Old", "id", nil)
	if err := closeapi.EmailTemplateDelete(ctx, w.c, closeapi.EmailTemplateDeleteParams{EmailTemplateID: template.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_email_template_delete", `{"email_template_id":%q}`, id)
	_, err := closeapi.EmailTemplateGet(ctx, w.c, closeapi.EmailTemplateGetParams{EmailTemplateID: template.ID})
	w.gone(err)
}
