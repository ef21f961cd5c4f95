package emulator_test

import (
	"fmt"
	"testing"
	"time"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	contact := a.contact(lead, "Bob")
	mention := `<body><p>hi <span data-type="mention" data-id="user_x" class="mention">Ada</span></p></body>`
	n := a.post("/activity/note/", object{"lead_id": lead, "contact_id": contact, "note": "x", "title": "T", "pinned": true})
	for path, want := range map[string]string{
		"_type": "Note", "note_html": "<body><p>x</p></body>", "title": "T", "pinned": "true", "pinned_at": "2026-03-10T12:00:00+00:00",
		"source": "api", "user_name": "Ada Example", "activity_at": "2026-03-10T12:00:00+00:00", "users": "[]", "note_mentions": "[]",
	} {
		equal(t, n, want, path)
	}
	path := "/activity/note/" + id(n) + "/"
	got := a.put(path, object{"note_html": mention, "pinned": false, "lead_id": "ignored"})
	equal(t, got, `["user_x"]`, "note_mentions")
	equal(t, got, "hi Ada", "note")
	equal(t, got, "null", "pinned_at")
	equal(t, got, lead, "lead_id")
	equal(t, a.put(path, object{"note": nil}), "", "note_html")
	equal(t, a.get(path+"?_fields=title"), `{"title":"T"}`)
	a.refused("POST", "/activity/note/", object{"note": "x"}, "lead")
	a.refused("POST", "/activity/note/", object{"lead_id": lead, "pinned": "yes"}, "pinned")
	a.refused("POST", "/activity/note/", object{"lead_id": lead, "contact_id": "cont_x"}, "contact")
	a.want(404, "GET", "/activity/call/"+id(n)+"/", nil)
	imported := a.post("/activity/note/", object{"lead_id": lead, "date_created": "2020-01-02T03:04:05.5+02:00", "created_by": a.srv.Users()[1].ID})
	equal(t, imported, "2020-01-02T01:04:05.500000+00:00", "date_created")
	equal(t, imported, "2020-01-02T01:04:05.500000+00:00", "activity_at")
	equal(t, imported, "Ben Sample", "created_by_name")
	a.second().want(403, "DELETE", path, nil)
	a.del(path)
	a.want(404, "GET", path, nil)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	contact := a.contact(lead, "Bob")
	c := a.post("/activity/call/", object{"lead_id": lead, "direction": "outbound", "duration": 840, "note": "went well", "phone": "8004445555", "recording_url": "https://example.com/a.mp3"})
	for path, want := range map[string]string{
		"_type": "Call", "status": "completed", "source": "External", "call_method": "external", "disposition": "answered", "duration": "840",
		"remote_phone": "+18004445555", "remote_phone_formatted": "+1 800-444-5555", "remote_country_iso": "US", "local_country_iso": "",
		"has_recording": "true", "note_html": "<body><p>went well</p></body>", "cost": "null", "recording_transcript": "null",
	} {
		equal(t, c, want, path)
	}
	path := "/activity/call/" + id(c) + "/"
	if got := a.get(path + "?_fields=recording_transcript"); len(got) != 1 {
		t.Errorf("got %v, want the transcript", got)
	}
	got := a.put(path, object{"status": "no-answer", "duration": nil, "direction": "inbound", "recording_url": nil})
	equal(t, got, "no-answer", "disposition")
	equal(t, got, "inbound", "direction")
	equal(t, got, "false", "has_recording")
	a.put(path, object{"status": "completed"})
	if got := events(a, "object_type=activity.call&action=completed"); got != "activity.call.completed activity.call.completed" {
		t.Errorf("got events %q", got)
	}
	byContact := a.post("/activity/call/", object{"contact_id": contact})
	equal(t, byContact, lead, "lead_id")
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"no lead":      {object{}, "lead"},
		"status":       {object{"lead_id": lead, "status": "done"}, "status"},
		"status type":  {object{"lead_id": lead, "status": 5}, "status"},
		"direction":    {object{"lead_id": lead, "direction": "incoming"}, "direction"},
		"duration":     {object{"lead_id": lead, "duration": 604801}, "duration"},
		"phone":        {object{"lead_id": lead, "phone": "abc"}, "phone"},
		"recording":    {object{"lead_id": lead, "recording_url": "http://example.com"}, "recording_url"},
		"disposition":  {object{"lead_id": lead, "source": "Elsewhere"}, "source"},
		"unknown user": {object{"lead_id": lead, "user_id": "user_x"}, "user"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/activity/call/", c.body, c.field) })
	}
	own := a.post("/activity/call/", object{"lead_id": lead, "source": "Close.io", "direction": "inbound"})
	a.refused("PUT", "/activity/call/"+id(own)+"/", object{"duration": 5}, "duration")
	a.put("/activity/call/"+id(own)+"/", object{"note": "fine", "duration": 0.0})
}

func TestActivityLists(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, other := a.lead("Acme"), a.lead("Globex")
	contact := a.contact(lead, "Bob")
	for _, o := range []object{
		{"lead_id": lead, "note": "n1", "contact_id": contact},
		{"lead_id": lead, "note": "n2", "activity_at": "2020-01-01T00:00:00Z"},
		{"lead_id": other, "note": "n3"},
	} {
		a.srv.Advance(time.Minute)
		a.post("/activity/note/", o)
	}
	a.srv.Advance(time.Minute)
	a.post("/activity/call/", object{"lead_id": lead, "note": "c1"})
	ada := a.srv.Users()[0].ID
	for query, want := range map[string]string{
		"lead_id=" + lead:                                                         "c1 n2 n1 null",
		"lead_id=" + lead + "," + other:                                           "c1 n3 n2 n1 null null",
		"lead_id__in=" + lead + "," + other:                                       "c1 n3 n2 n1 null null",
		"lead_id=" + lead + "&_type=Note":                                         "n2 n1",
		"lead_id=" + lead + "&_type=Note,Call":                                    "c1 n2 n1",
		"lead_id=" + lead + "&_type__in=Call,Created":                             "c1 null",
		"lead_id=" + lead + "&contact_id=" + contact:                              "n1",
		"lead_id=" + lead + "&user_id=" + ada:                                     "c1 n2 n1 null",
		"lead_id=" + lead + "&user_id__in=user_x":                                 "",
		"lead_id=" + lead + "&date_created__gt=2026-03-10T12:01:00%2B00:00":       "c1 n2",
		"lead_id=" + lead + "&_order_by=date_created":                             "null n1 n2 c1",
		"lead_id=" + lead + "&_order_by=-activity_at":                             "c1 n1 null n2",
		"lead_id=" + lead + "&_order_by=-activity_at&activity_at__lte=2026-01-01": "n2",
		"lead_id=" + lead + "&_limit=1&_skip=2":                                   "n1",
		"":                                                                        "c1 n3 n2 n1 null null",
		"_type=Note":                                                              "n3 n2 n1",
		"user_id=" + ada + "&_type=Note,Call":                                     "c1 n3 n2 n1",
		"user_id=user_x":                                                          "",
		"contact_id__in=" + contact:                                               "n1",
		"_order_by=-activity_at&_type=Note":                                       "n3 n1 n2",
	} {
		if got := column(a.get("/activity/?"+query), "note"); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	for query, field := range map[string]string{
		"lead_id=" + lead + "&activity_at__gt=2026-01-01":                         "activity_at__gt",
		"lead_id=" + lead + "&_order_by=-activity_at&date_created__gt=2026-01-01": "date_created__gt",
		"lead_id=" + lead + "&date_created__gt=soon":                              "date_created__gt",
		"_limit=201": "_limit",
	} {
		a.refused("GET", "/activity/?"+query, nil, field)
	}
	if got := column(a.get("/activity/note/?lead_id="+lead+"&activity_at__lt=2021-01-01"), "note"); got != "n2" {
		t.Errorf("notes by activity_at: got %q", got)
	}
	if got := column(a.get("/activity/created/"), "_type"); got != "Created Created" {
		t.Errorf("created: got %q", got)
	}
	created := text(at(a.get("/activity/created/"), "data", 0, "id"))
	equal(t, a.get("/activity/created/"+created+"/"), "Created", "_type")
	a.want(405, "PUT", "/activity/created/"+created+"/", object{})
}

func TestStatusChangesAreHistory(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	s := a.get("/status/lead/")
	change := a.post("/activity/status_change/lead/", object{"lead_id": lead, "old_status_id": at(s, "data", 0, "id"), "new_status_id": at(s, "data", 1, "id")})
	equal(t, change, "Bad Fit", "new_status_label")
	equal(t, a.get("/lead/"+lead+"/"), "Potential", "status_label")
	a.del("/activity/status_change/lead/" + id(change) + "/")
	a.refused("POST", "/activity/status_change/lead/", object{"lead_id": lead}, "old_status_id")
	opportunity := id(a.post("/opportunity/", object{"lead_id": lead}))
	won := a.post("/activity/status_change/opportunity/", object{
		"lead_id": lead, "opportunity_id": opportunity, "old_status_id": a.status("Lost"), "new_status_id": a.status("Won"),
	})
	equal(t, won, "Won", "new_status_label")
	equal(t, a.get("/opportunity/"+opportunity+"/"), "Demo Completed", "status_label")
}

func TestComments(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	note := id(a.post("/activity/note/", object{"lead_id": lead, "note": "x"}))
	first := a.want(201, "POST", "/comment/", object{"object_id": note, "body": "<body><p>one</p></body>"})
	second := a.second().want(201, "POST", "/comment/", object{"object_id": note, "body": "two"})
	thread := text(first["thread_id"])
	for path, want := range map[string]string{
		"body": "<body><p>one</p></body>", "lead_id": lead, "mentions": "[]", "removed_at": "null", "created_at": "2026-03-10T12:00:00+00:00",
		"date_created": "null", "created_by": a.srv.Users()[0].ID,
	} {
		equal(t, first, want, path)
	}
	equal(t, second, thread, "thread_id")
	equal(t, second, "<body>two</body>", "body")
	for _, query := range []string{"object_id=" + note, "thread_id=" + thread} {
		if got := column(a.get("/comment/?"+query), "id"); got != id(first)+" "+id(second) {
			t.Errorf("%s: got %q", query, got)
		}
	}
	a.want(400, "GET", "/comment/", nil)
	a.want(400, "GET", "/comment/?object_id=x&thread_id=y", nil)
	equal(t, a.get("/comment/?object_id="+lead), "[]", "data")
	equal(t, a.get("/comment_thread/?object_ids="+note), "2", "data", 0, "num_comments")
	equal(t, a.get("/comment_thread/?ids=x"), "[]", "data")
	equal(t, a.get("/comment_thread/"+thread+"/"), "activity.note", "object_type")
	a.refused("POST", "/comment/", object{"object_id": note}, "body")
	a.refused("POST", "/comment/", object{"object_id": "acti_x", "body": "x"}, "object_id")

	path := "/comment/" + id(first) + "/"
	equal(t, a.put(path, object{"body": "new"}), "<body>new</body>", "body")
	a.refused("PUT", path, object{"comment": "new"}, "body")
	a.second().want(403, "PUT", path, object{"body": "not mine"})
	a.second().want(403, "DELETE", path, nil)
	a.want(204, "DELETE", path, nil)
	gone := a.get(path)
	equal(t, gone, "", "body")
	equal(t, gone, a.srv.Users()[0].ID, "removed_by")
	a.want(400, "PUT", path, object{"body": "again"})
	equal(t, a.get("/comment_thread/"+thread+"/"), "1", "num_comments")
	a.want(204, "DELETE", path, nil)
	a.want(204, "DELETE", "/comment/"+id(second)+"/", nil)
	a.want(404, "GET", path, nil)
	a.want(404, "GET", "/comment_thread/"+thread+"/", nil)
	a.want(404, "PUT", path, object{"body": "x"})
	a.want(404, "DELETE", path, nil)
	for _, path := range []string{"/opportunity/", "/task/"} {
		o := id(a.post(path, object{"lead_id": lead, "text": "x"}))
		a.want(201, "POST", "/comment/", object{"object_id": o, "body": "x"})
		a.del(path + o + "/")
	}
	if got := len(a.srv.Objects("comment_threads")); got != 0 {
		t.Errorf("got %d threads after their objects were deleted", got)
	}
}

func TestCallCustomFields(t *testing.T) {
	a := start(t)
	lead := id(a.post("/lead/", object{"name": "Acme"}))
	call := a.post("/activity/call/", object{"lead_id": lead, "custom.cf_a": "x", "custom.cf_b": []any{"1"}})
	if call["custom.cf_a"] != "x" {
		t.Errorf("got %v, want the value given", call["custom.cf_a"])
	}
	call = a.put("/activity/call/"+id(call)+"/", object{"custom.cf_a": nil, "custom.cf_b.add": "2"})
	if _, there := call["custom.cf_a"]; there {
		t.Error("null did not remove the value")
	}
	if got := fmt.Sprint(call["custom.cf_b"]); got != "[1 2]" {
		t.Errorf("got %v, want both values", got)
	}
}

func TestEmptyCallNote(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	const empty = "<body><p></p></body>"
	call := a.post("/activity/call/", object{"lead_id": lead})
	for name, got := range map[string]object{
		"no note":       call,
		"empty note":    a.post("/activity/call/", object{"lead_id": lead, "note": ""}),
		"null":          a.post("/activity/call/", object{"lead_id": lead, "note": nil}),
		"changed":       a.put("/activity/call/"+id(call)+"/", object{"note": "x"}),
		"emptied":       a.put("/activity/call/"+id(call)+"/", object{"note": ""}),
		"emptied, rich": a.put("/activity/call/"+id(call)+"/", object{"note_html": empty}),
	} {
		want := empty
		if name == "changed" {
			want = "<body><p>x</p></body>"
		}
		if text(got["note_html"]) != want || name != "changed" && text(got["note"]) != "" {
			t.Errorf("%s: got %v and %v", name, got["note"], got["note_html"])
		}
	}
	equal(t, a.post("/activity/note/", object{"lead_id": lead, "note": ""}), "", "note_html")
}

func TestActivitiesWithoutLead(t *testing.T) {
	t.Parallel()
	a := start(t, strict)
	two := "&lead_id=" + a.lead("Acme") + "," + a.lead("Globex")
	for query, field := range map[string]string{
		"_type=Note": "_type", "user_id=user_x": "user_id", "contact_id__in=cont_x": "contact_id__in", "_order_by=-activity_at": "_order_by",
	} {
		a.refused("GET", "/activity/?"+query, nil, field)
		a.refused("GET", "/activity/?"+query+two, nil, field)
	}
	a.get("/activity/?date_created__gt=2020-01-01" + two)
}
