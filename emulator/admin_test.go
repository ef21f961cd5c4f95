package emulator_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator"
)

// events returns "object_type action" of all events, the latest first.
func (a *api) events() []string {
	a.t.Helper()
	var out []string
	for _, e := range a.want(200, "GET", "/event/", nil)["data"].([]any) {
		o := e.(object)
		out = append(out, o["object_type"].(string)+" "+o["action"].(string))
	}
	return out
}

func TestMembers(t *testing.T) {
	t.Parallel()
	a := start(t)
	ada, ben, org := a.srv.Users()[0], a.srv.Users()[1], a.srv.Organizations()[0].ID
	a.want(400, "POST", "/membership/", object{"email": "eve@elsewhere.example", "role_id": "user"})
	a.want(400, "POST", "/membership/", object{"email": ben.Email, "role_id": "user"})
	a.want(400, "POST", "/membership/", object{"email": "cleo@example.com", "role_id": "boss"})
	cleo := a.want(200, "POST", "/membership/", object{"email": "cleo@example.com", "role_id": "user"})
	if got := a.events()[0]; got != "membership activated" {
		t.Errorf("the event is %s", got)
	}
	key, err := a.srv.AddAPIKey(cleo["user_id"].(string), org)
	if err != nil {
		t.Fatal(err)
	}
	c := a.key(key)
	id := cleo["id"].(string)
	c.want(403, "PUT", "/membership/"+id+"/", object{"role_id": "admin"})
	c.want(403, "DELETE", "/membership/"+id+"/", nil)

	// A role of the organization counts at once.
	role := a.want(201, "POST", "/role/", object{"name": "Office", "permissions": []string{"manage_organization", "view_all_leads"}, "visibility_user_lcf_ids": []string{"cf_x"}})
	if role["visibility_user_lcf_ids"] != nil {
		t.Errorf("a role that sees all has %v", role["visibility_user_lcf_ids"])
	}
	changed := a.want(200, "PUT", "/membership/"+id+"/", object{"role_id": role["id"], "auto_record_calls": "enabled"})
	if changed["auto_record_calls"] != "enabled" || len(changed["permissions_granted"].([]any)) != 2 {
		t.Errorf("got %v", changed)
	}
	a.want(400, "DELETE", "/role/"+role["id"].(string)+"/", nil)
	a.want(400, "DELETE", "/role/admin/", nil)
	a.want(400, "PUT", "/role/user/", object{"name": "x"})
	if n := len(a.want(200, "GET", "/role/", nil)["data"].([]any)); n != 5 {
		t.Errorf("%d roles", n)
	}

	// The bulk update takes the ids in its body, and without them changes all.
	bulk := c.want(200, "PUT", "/membership/", object{"_params": object{"id__in": []any{id}}, "role_id": "user"})
	if bulk["count"] != 1.0 {
		t.Errorf("changed %v members", bulk["count"])
	}
	a.want(200, "DELETE", "/role/"+role["id"].(string)+"/", nil)
	if all := a.want(200, "PUT", "/membership/", object{"track_email_opens": false}); all["count"] != 3.0 {
		t.Errorf("changed %v members", all["count"])
	}

	c.want(200, "PUT", "/membership/"+id+"/pinned_views/", object{"saved_view_ids": []string{"save_a", "save_b"}})
	a.want(200, "PUT", "/membership/"+id+"/pinned_views/", object{"saved_view_ids": []string{"save_c"}})
	if pinned := a.want(200, "GET", "/membership/"+id+"/pinned_views/", nil)["saved_view_ids"].([]any); len(pinned) != 1 {
		t.Errorf("pinned are %v, the list was to be replaced", pinned)
	}

	a.want(200, "DELETE", "/membership/"+id+"/", nil)
	if got := a.events()[0]; got != "membership deactivated" {
		t.Errorf("the event is %s", got)
	}
	c.want(401, "GET", "/me/", nil)
	o := a.want(200, "GET", "/organization/"+org+"/?_expand=inactive_memberships__user", nil)
	former := o["inactive_memberships"].([]any)
	if len(o["memberships"].([]any)) != 2 || len(former) != 1 || former[0].(object)["user"].(object)["email"] != "cleo@example.com" {
		t.Errorf("members %v, former %v", o["memberships"], former)
	}
	again := a.want(200, "POST", "/membership/", object{"email": "Cleo@example.com", "role_id": "user"})
	if again["id"] != cleo["id"] || again["user_id"] != cleo["user_id"] {
		t.Errorf("the membership came back as %v, want %v", again["id"], cleo["id"])
	}
	if !a.srv.RemoveUser(ben.ID, org) || a.srv.RemoveUser(ben.ID, org) {
		t.Error("a user is to be removed once")
	}
	a.want(400, "DELETE", "/membership/"+membership(a, ada.ID)+"/", nil)
}

func membership(a *api, user string) string {
	a.t.Helper()
	for _, m := range a.want(200, "GET", "/organization/"+a.srv.Organizations()[0].ID+"/", nil)["memberships"].([]any) {
		if m.(object)["user_id"] == user {
			return m.(object)["id"].(string)
		}
	}
	a.t.Fatalf("no membership of %s", user)
	return ""
}

func TestSendAs(t *testing.T) {
	t.Parallel()
	a := start(t)
	ada, ben, org := a.srv.Users()[0].ID, a.srv.Users()[1].ID, a.srv.Organizations()[0].ID
	b := a.key(a.srv.APIKeyOf(ben, org))
	dee, err := a.srv.AddUser(emulator.User{FirstName: "Dee", Email: "dee@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	d := a.key(a.srv.APIKeyOf(dee.ID, org))
	both := object{"allowing_user_id": ada, "allowed_user_id": ben}
	b.want(403, "POST", "/send_as/", both) // only the user who allows it may ask
	id := a.want(201, "POST", "/send_as/", both)["id"].(string)
	a.want(400, "POST", "/send_as/", both)
	a.want(400, "POST", "/send_as/", object{"allowing_user_id": ada, "allowed_user_id": ada})
	d.want(403, "GET", "/send_as/"+id+"/", nil)
	d.want(403, "DELETE", "/send_as/"+id+"/", nil)
	d.want(403, "GET", "/send_as/?allowed_user_id="+ben, nil)
	count := func(c *api, query string) int { return len(c.want(200, "GET", "/send_as/"+query, nil)["data"].([]any)) }
	if count(a, "") != 1 || count(b, "") != 0 || count(b, "?allowed_user_id="+ben) != 1 {
		t.Error("the list without filter is to be what the caller allows")
	}
	after := a.want(200, "POST", "/send_as/bulk/", object{"allowed_user_ids": []string{dee.ID, ben}, "disallowed_user_ids": []string{}})
	if len(after["data"].([]any)) != 2 {
		t.Errorf("got %v", after)
	}
	a.want(400, "POST", "/send_as/bulk/", object{"allowed_user_ids": []string{ben}, "disallowed_user_ids": []string{ben}})
	after = a.want(200, "POST", "/send_as/bulk/", object{"disallowed_user_ids": []string{dee.ID}})
	if len(after["data"].([]any)) != 1 {
		t.Errorf("got %v", after)
	}
	b.want(204, "DELETE", "/send_as/?allowing_user_id="+ada, nil)
	a.want(404, "DELETE", "/send_as/?allowed_user_id="+ben, nil)
	a.want(400, "DELETE", "/send_as/", nil)
}

func TestSchedulingLinks(t *testing.T) {
	t.Parallel()
	a := start(t)
	ben, org := a.srv.Users()[1].ID, a.srv.Organizations()[0].ID
	b := a.key(a.srv.APIKeyOf(ben, org))
	link := object{"name": "Intro", "url": "https://meet.example/ada", "source_id": "12"}
	a.want(403, "POST", "/scheduling_link/integration/", link)
	a.want(403, "DELETE", "/scheduling_link/integration/12/", nil)
	token, err := a.srv.Grant(a.srv.Users()[0].ID, org)
	if err != nil {
		t.Fatal(err)
	}
	app := a.bearer(token.AccessToken)
	first := app.want(200, "POST", "/scheduling_link/integration/", link)
	link["name"] = "Intro 2"
	second := app.want(200, "POST", "/scheduling_link/integration/", link)
	if first["id"] != second["id"] || second["name"] != "Intro 2" || second["source"] != "THIRD_PARTY" {
		t.Errorf("got %v and %v, want one link", first, second)
	}
	a.want(400, "PUT", "/scheduling_link/"+first["id"].(string)+"/", object{"name": "x"}) // the app maintains it
	own := a.want(201, "POST", "/scheduling_link/", object{"name": "Mine", "url": "https://meet.example/me", "source_id": "12"})
	if own["source"] != "MANUAL" || own["source_id"] != nil {
		t.Errorf("got %v", own)
	}
	a.want(400, "POST", "/scheduling_link/", object{"name": "Mine", "url": "javascript:alert(1)"})
	ownID := own["id"].(string)
	b.want(403, "PUT", "/scheduling_link/"+ownID+"/", object{"name": "x"})
	if n := len(b.want(200, "GET", "/scheduling_link/", nil)["data"].([]any)); n != 0 {
		t.Errorf("Ben has %d links", n)
	}

	b.want(403, "POST", "/shared_scheduling_link/", object{"name": "Demo"})
	shared := a.want(201, "POST", "/shared_scheduling_link/", object{"name": "Big Demo"})["id"].(string)
	b.want(400, "POST", "/shared_scheduling_link_association/", object{"shared_scheduling_link_id": shared, "user_scheduling_link_id": ownID})
	a.want(400, "POST", "/shared_scheduling_link_association/", object{"shared_scheduling_link_id": shared, "user_scheduling_link_id": ownID, "url": "https://a.example"})
	a.want(201, "POST", "/shared_scheduling_link_association/", object{"shared_scheduling_link_id": shared, "user_scheduling_link_id": ownID})
	b.want(201, "POST", "/shared_scheduling_link_association/", object{"shared_scheduling_link_id": shared, "url": "https://meet.example/ben"})
	b.want(403, "POST", "/shared_scheduling_link_association/unmap/", object{"shared_scheduling_link_id": shared, "user_id": a.srv.Users()[0].ID})
	a.want(200, "POST", "/shared_scheduling_link_association/unmap/", object{"shared_scheduling_link_id": shared, "user_id": ben})
	a.want(404, "POST", "/shared_scheduling_link_association/unmap/", object{"shared_scheduling_link_id": shared, "user_id": ben})
	a.want(204, "DELETE", "/scheduling_link/"+ownID+"/", nil)
	a.want(404, "POST", "/shared_scheduling_link_association/unmap/", object{"shared_scheduling_link_id": shared})
	app.want(204, "DELETE", "/scheduling_link/integration/12/", nil)
	app.want(404, "DELETE", "/scheduling_link/integration/12/", nil)
}

func TestPhoneNumbers(t *testing.T) {
	t.Parallel()
	a := start(t)
	org := a.srv.Organizations()[0].ID
	for _, c := range []struct {
		body   object
		status string
	}{
		{object{"country": "FR", "with_sms": true}, "has-voice-only"},
		{object{"country": "DE"}, "needs-more-info"},
		{object{"country": "XX"}, "error"},
	} {
		if got := a.want(400, "POST", "/phone_number/request/internal/", c.body); got["status"] != c.status || got["error"] == "" {
			t.Errorf("%v: got %v, want the status %s", c.body, got, c.status)
		}
	}
	if err := a.srv.SetUnpaid(org, true); err != nil {
		t.Fatal(err)
	}
	if got := a.want(400, "POST", "/phone_number/request/internal/", object{"country": "US"}); got["status"] != "billing-error" {
		t.Errorf("got %v", got)
	}
	if err := a.srv.SetUnpaid(org, false); err != nil {
		t.Fatal(err)
	}
	a.want(400, "POST", "/phone_number/request/internal/", object{"country": "US", "prefix": "65x"})
	one := a.want(201, "POST", "/phone_number/request/internal/", object{"country": "US"})
	two := a.want(201, "POST", "/phone_number/request/internal/", object{"country": "US", "sharing": "group"})
	if one["number"] == two["number"] || one["is_group_number"] != false || two["is_group_number"] != true {
		t.Errorf("got %v and %v", one, two)
	}
	if strings.HasSuffix(one["date_created"].(string), "+00:00") {
		t.Errorf("date_created is %v, want no offset", one["date_created"])
	}
	path := "/phone_number/" + one["id"].(string) + "/"
	ben := a.key(a.srv.APIKeyOf(a.srv.Users()[1].ID, org))
	ben.want(403, "PUT", path, object{"label": "x"})
	a.want(400, "PUT", path, object{"inbound_ring_duration": 5})
	a.want(400, "PUT", path, object{"participants": []string{"user_unknown"}})
	a.want(400, "PUT", path, object{"forward_to": "nonsense"})
	a.want(200, "PUT", path, object{"participants": []string{a.srv.Users()[1].ID}})
	if got := ben.want(200, "PUT", path, object{"label": "Ben"}); got["user_id"] != a.srv.Users()[1].ID {
		t.Errorf("got %v", got)
	}
	find := func(query string) int { return len(a.want(200, "GET", "/phone_number/?"+query, nil)["data"].([]any)) }
	if find("participant_user_id="+a.srv.Users()[1].ID) != 1 || find("participant_user_id="+a.srv.Users()[0].ID) != 0 || find("is_group_number=true") != 1 {
		t.Error("the filters of numbers are wrong")
	}
	a.want(200, "DELETE", path, nil)
	if _, err := a.srv.AddPhoneNumber(org, "+16505550188", "external", a.srv.Users()[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.srv.AddPhoneNumber(org, "+16505550188", "external"); err == nil {
		t.Error("one number was added twice")
	}
	if find("number=%2B16505550188") != 1 {
		t.Error("the external number is missing")
	}
	if got := a.events()[0]; got != "phone_number created" {
		t.Errorf("the event is %s", got)
	}
	a.want(201, "POST", "/blocked_phone_number/", object{"phone": "(650) 555-0199", "reason": "Spam"})
	a.want(400, "POST", "/blocked_phone_number/", object{"phone": "+16505550199", "reason": "Spam"})
	a.want(400, "POST", "/blocked_phone_number/", object{"phone": "nonsense", "reason": "Spam"})
	if _, err := a.srv.AddDialer(emulator.Dialer{Organization: "orga_unknown"}); err == nil {
		t.Error("a dialer was added to an unknown organization")
	}
}

func TestUnsubscribed(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.want(200, "POST", "/lead/", object{"name": "Acme", "contacts": []any{object{"name": "Bob", "emails": []any{object{"email": "bob@acme.example"}}}}})
	contact := "/contact/" + lead["contacts"].([]any)[0].(object)["id"].(string) + "/"
	unsubscribed := func() any {
		return a.want(200, "GET", contact, nil)["emails"].([]any)[0].(object)["is_unsubscribed"]
	}
	a.want(400, "POST", "/unsubscribe/email/", object{"email": "nonsense"})
	a.want(400, "POST", "/unsubscribe/email/", object{})
	a.want(201, "POST", "/unsubscribe/email/", object{"email": "Bob@acme.example"})
	a.want(201, "POST", "/unsubscribe/email/", object{"email": "bob@acme.example"})
	if n := len(a.want(200, "GET", "/unsubscribe/email/", nil)["data"].([]any)); n != 1 || unsubscribed() != true {
		t.Errorf("%d addresses, the contact is unsubscribed: %v", n, unsubscribed())
	}
	a.want(200, "DELETE", "/unsubscribe/email/bob%40acme.example/", nil)
	a.want(404, "DELETE", "/unsubscribe/email/bob%40acme.example/", nil)
	if unsubscribed() != false {
		t.Error("the contact is still unsubscribed")
	}
	if got := a.events()[:1]; got[0] != "unsubscribed_email deleted" {
		t.Errorf("the event is %s", got)
	}
}

func TestPlaybooks(t *testing.T) {
	t.Parallel()
	a := start(t)
	one := a.want(201, "POST", "/playbook/", object{"name": "One"})["id"].(string)
	a.want(201, "POST", "/playbook/", object{"name": "Two"})
	if got := a.want(200, "POST", "/playbook/"+one+"/archive/", object{}); got["archived_at"] == nil || got["position"] != nil {
		t.Errorf("got %v", got)
	}
	names := func(query string) string {
		var out []string
		for _, p := range a.want(200, "GET", "/playbook/?"+query, nil)["data"].([]any) {
			out = append(out, p.(object)["name"].(string))
		}
		return strings.Join(out, " ")
	}
	if names("is_archived=true") != "One" || names("is_archived=false") != "Two" {
		t.Errorf("archived %q, others %q", names("is_archived=true"), names("is_archived=false"))
	}
	if got := a.want(200, "POST", "/playbook/"+one+"/unarchive/", object{}); got["position"] != 2.0 {
		t.Errorf("the position is %v, want the last one", got["position"])
	}
	if got := names("position__gt=0"); got != "Two One" {
		t.Errorf("got %q", got)
	}
}

func TestIntegrationLinks(t *testing.T) {
	t.Parallel()
	a := start(t)
	ben := a.key(a.srv.APIKeyOf(a.srv.Users()[1].ID, a.srv.Organizations()[0].ID))
	link := object{"name": "ERP", "type": "lead", "url": "https://erp.example/?q={{ lead.name }}"}
	ben.want(403, "POST", "/integration_link/", link)
	a.want(200, "POST", "/integration_link/", link)
	a.want(400, "POST", "/integration_link/", object{"name": "ERP", "type": "task", "url": "https://erp.example"})
	lead := a.want(200, "POST", "/lead/", object{"name": "A&B"})
	if got := lead["integration_links"].([]any); len(got) != 1 || got[0].(object)["url"] != "https://erp.example/?q=A%26B" {
		t.Errorf("got %v", got)
	}
}

func TestSMSTemplates(t *testing.T) {
	t.Parallel()
	a := start(t)
	ben := a.key(a.srv.APIKeyOf(a.srv.Users()[1].ID, a.srv.Organizations()[0].ID))
	id := a.want(201, "POST", "/sms_template/", object{"name": "Hi", "text": "Hi"})["id"].(string)
	if n := len(ben.want(200, "GET", "/sms_template/", nil)["data"].([]any)); n != 0 {
		t.Errorf("Ben sees %d templates of others", n)
	}
	a.want(200, "PUT", "/sms_template/"+id+"/", object{"is_shared": true, "status": "archived"})
	a.want(400, "PUT", "/sms_template/"+id+"/", object{"status": "gone"})
	if n := len(ben.want(200, "GET", "/sms_template/", nil)["data"].([]any)); n != 1 {
		t.Errorf("Ben sees %d templates", n)
	}
	if got := a.events(); got[0] != "sms_template updated" || got[1] != "sms_template created" {
		t.Errorf("the events are %v", got)
	}
}
