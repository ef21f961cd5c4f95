package emulator_test

import (
	"testing"
	"time"
)

func TestTaskLife(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	task := a.post("/task/", object{"lead_id": lead, "text": "call", "date": "2026-03-11", "_type": "lead"})
	for path, want := range map[string]string{
		"_type": "lead", "date": "2026-03-11", "due_date": "2026-03-11", "view": "future", "is_complete": "false", "priority": "medium",
		"lead_name": "Acme", "assigned_to_name": "Ada Example", "object_id": "null", "object_type": "null", "is_dateless": "false",
	} {
		equal(t, task, want, path)
	}
	equal(t, a.get("/lead/"+lead+"/"), id(task), "tasks", 0, "id")
	path := "/task/" + id(task) + "/"
	done := a.put(path, object{"is_complete": true})
	equal(t, done, "archive", "view")
	equal(t, done, "taskcompleted", "object_type")
	equal(t, a.get("/lead/"+lead+"/"), "[]", "tasks")
	activity := a.get("/activity/task_completed/" + text(done["object_id"]) + "/")
	equal(t, activity, id(task), "task_id")
	equal(t, activity, "call", "task_text")
	if got := events(a, "object_id="+id(task)+"&action=completed"); got != "task.lead.completed" {
		t.Errorf("got events %q", got)
	}
	undone := a.put(path, object{"is_complete": false, "text": "call again", "date": nil})
	equal(t, undone, "null", "object_id")
	equal(t, undone, "true", "is_dateless")
	a.want(404, "GET", "/activity/task_completed/"+id(activity)+"/", nil)
	dated := a.put(path, object{"date": "2026-03-10T15:00:00.250+02:00", "priority": "high"})
	equal(t, dated, "2026-03-10T13:00:00.250000+00:00", "date")
	equal(t, dated, "inbox", "view")
	born := a.post("/task/", object{"lead_id": lead, "text": "done", "is_complete": true, "due_date": "2026-03-01", "assigned_to": a.srv.Users()[1].ID})
	equal(t, born, "taskcompleted", "object_type")
	equal(t, born, "2026-03-01", "date")
	other := a.lead("Globex")
	equal(t, a.put(path, object{"lead_id": other}), "Globex", "lead_name")
	equal(t, a.get("/task/?lead_id="+other), id(task), "data", 0, "id")
	a.refused("PUT", path, object{"lead_id": nil}, "lead")
	a.del(path)
	a.want(404, "DELETE", path, nil)
}

func TestTaskRules(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	contact := a.contact(lead, "Bob")
	call := a.post("/task/", object{"_type": "outgoing_call", "lead_id": lead, "contact_id": contact})
	equal(t, call, "Bob", "contact_name")
	a.refused("PUT", "/task/"+id(call)+"/", object{"text": "x"}, "text")
	a.refused("PUT", "/task/"+id(call)+"/", object{"assigned_to": nil}, "assigned_to")
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"no lead":    {object{"text": "x"}, "lead"},
		"no text":    {object{"lead_id": lead}, "text"},
		"no contact": {object{"lead_id": lead, "_type": "outgoing_call"}, "contact"},
		"type":       {object{"lead_id": lead, "text": "x", "_type": "incoming_sms"}, "_type"},
		"user":       {object{"lead_id": lead, "text": "x", "assigned_to": "Ada"}, "assigned_to"},
		"date":       {object{"lead_id": lead, "text": "x", "date": "tomorrow"}, "date"},
		"date type":  {object{"lead_id": lead, "text": "x", "date": 5}, "date"},
		"priority":   {object{"lead_id": lead, "text": "x", "priority": "low"}, "priority"},
		"complete":   {object{"lead_id": lead, "text": "x", "is_complete": "yes"}, "is_complete"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/task/", c.body, c.field) })
	}
}

func TestTaskLists(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, other := a.lead("Acme"), a.lead("Globex")
	contact := a.contact(lead, "Bob")
	ben := a.srv.Users()[1].ID
	for _, o := range []object{
		{"lead_id": lead, "text": "today", "date": "2026-03-10"},
		{"lead_id": lead, "text": "tomorrow", "date": "2026-03-11"},
		{"lead_id": other, "text": "past", "date": "2026-03-01", "assigned_to": ben},
		{"lead_id": other, "text": "done", "date": "2026-03-02", "is_complete": true},
		{"lead_id": lead, "text": "dateless"},
		{"lead_id": lead, "text": "dial", "_type": "outgoing_call", "contact_id": contact, "date": "2026-04-01"},
	} {
		a.srv.Advance(time.Second)
		a.post("/task/", o)
	}
	for query, want := range map[string]string{
		"":                                    "dateless done past tomorrow today",
		"_type=all":                           "dial dateless done past tomorrow today",
		"_type=outgoing_call":                 "dial",
		"_type__in=outgoing_call,lead":        "dial dateless done past tomorrow today",
		"view=inbox":                          "dateless past today",
		"view=inbox&date__lt=2026-03-05":      "dateless past today",
		"view=future":                         "tomorrow",
		"view=archive":                        "done",
		"lead_id=" + other:                    "done past",
		"assigned_to=" + ben:                  "past",
		"is_complete=true":                    "done",
		"is_complete=False&lead_id=" + other:  "past",
		"date__lt=2026-03-10":                 "done past",
		"date__gte=2026-03-11":                "tomorrow",
		"due_date__lte=2026-03-01":            "past",
		"date=2026-03-11":                     "tomorrow",
		"_order_by=date&date__lte=2026-03-09": "past done",
		"_order_by=-date_created&_limit=1":    "dateless",
		"id__in=task_x":                       "",
		"date_created__gt=2026-03-10T12:00:04Z&_type=all": "dial dateless",
	} {
		if got := column(a.get("/task/?"+query), "text"); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	east := a.with("x-tz-offset", "13")
	if got := column(east.get("/task/?view=future"), "text"); got != "" {
		t.Errorf("future at +13: got %q", got)
	}
	if got := column(a.with("x-tz-offset", "-12.5").get("/task/?view=future&_type=all"), "text"); got != "dial tomorrow today" {
		t.Errorf("future at -12.5: got %q", got)
	}
	equal(t, a.get("/task/"), "5", "total_results")
	a.refused("GET", "/task/?view=all", nil, "view")
	a.refused("GET", "/task/?is_complete=maybe", nil, "is_complete")

	equal(t, a.want(200, "PUT", "/task/?lead_id="+lead, object{"is_complete": true}), "true", "ok")
	if got := column(a.get("/task/?lead_id="+lead+"&view=archive"), "text"); got != "dateless tomorrow today" {
		t.Errorf("after the bulk update: got %q", got)
	}
	a.want(200, "PUT", "/task/", object{"_params": object{"assigned_to": []any{ben}}, "date": "2026-05-05"})
	if got := column(a.get("/task/?date=2026-05-05"), "text"); got != "past" {
		t.Errorf("after the bulk update with _params: got %q", got)
	}
	a.want(200, "PUT", "/task/?_type__in=outgoing_call&date_created__gt=2026-03-10T12:00:04Z", object{"date": "2026-06-06"})
	a.want(200, "PUT", "/task/?date__gt=2026-06-05&date__lte=2026-06-06&_type=all&date_updated__gte=2026-03-10", object{"assigned_to": ben})
	if got := column(a.get("/task/?_type=all&assigned_to="+ben), "text"); got != "past dial" && got != "dial past" {
		t.Errorf("after the bulk update by dates: got %q", got)
	}
	a.refused("PUT", "/task/", object{"assigned_to": "unknown"}, "assigned_to")
}
