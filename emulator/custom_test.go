package emulator_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// customActivities makes a lead and a type of activities with a required text field.
func customActivities(a *api) (lead, kind, field string) {
	lead = id(a.post("/lead/", object{"name": "Acme"}))
	kind = id(a.want(201, "POST", "/custom_activity/", object{"name": "Site visit"}))
	field = id(a.post("/custom_field/activity/", object{
		"name": "Findings", "type": "textarea", "custom_activity_type_id": kind, "required": true,
	}))
	return lead, kind, field
}

func TestCustomActivities(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, kind, field := customActivities(a)
	body := func(more object) object {
		out := object{"lead_id": lead, "custom_activity_type_id": kind}
		maps.Copy(out, more)
		return out
	}
	a.refused("POST", "/activity/custom/", body(nil), "custom."+field)
	a.refused("POST", "/activity/custom/", object{"lead_id": lead}, "custom_activity_type_id")
	a.refused("POST", "/activity/custom/", body(object{"custom.cf_none": "x"}), "custom.cf_none")
	draft := a.post("/activity/custom/", body(object{"status": "draft"}))
	equal(t, draft, "null", "last_published_at")
	path := "/activity/custom/" + id(draft) + "/"
	a.refused("PUT", path, object{"status": "published"}, "custom."+field)
	published := a.put(path, object{"status": "published", "custom." + field: "Dry."})
	equal(t, published, "2026-03-10T12:00:00+00:00", "last_published_at")
	equal(t, published, "CustomActivity", "_type")
	a.refused("PUT", path, object{"custom." + field: nil}, "custom."+field)

	t.Run("timeline", func(t *testing.T) {
		for _, word := range []string{"Custom", "CustomActivity", kind} {
			equal(t, a.get("/activity/?lead_id="+lead+"&_type="+word), id(draft), "data", 0, "id")
		}
		equal(t, a.get("/activity/custom/?lead_id="+lead+"&custom_activity_type_id="+kind), id(draft), "data", 0, "id")
		equal(t, a.get("/activity/custom/?lead_id="+lead+"&custom_activity_type_id=actitype_other"), "[]", "data")
		a.refused("GET", "/activity/custom/?custom_activity_type_id="+kind, nil, "custom_activity_type_id")
	})
	t.Run("archived", func(t *testing.T) {
		a.put("/custom_activity/"+kind+"/", object{"is_archived": true})
		a.refused("POST", "/activity/custom/", body(object{"custom." + field: "x"}), "custom_activity_type_id")
	})
	t.Run("cascade", func(t *testing.T) {
		a.want(204, "DELETE", "/custom_activity/"+kind+"/", nil)
		a.want(404, "GET", path, nil)
		a.want(404, "GET", "/custom_field/activity/"+field+"/", nil)
	})
}

func TestCustomActivityRoles(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, kind, field := customActivities(a)
	a.put("/custom_activity/"+kind+"/", object{"editable_with_roles": []string{"admin"}})
	body := object{"lead_id": lead, "custom_activity_type_id": kind, "custom." + field: "x"}
	a.second().want(403, "POST", "/activity/custom/", body)
	a.post("/activity/custom/", body)
	a.second().want(403, "POST", "/custom_activity/", object{"name": "x"})
}

func TestCustomObjects(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, other := id(a.post("/lead/", object{"name": "Acme"})), id(a.post("/lead/", object{"name": "Other"}))
	kind := id(a.want(201, "POST", "/custom_object_type/", object{"name": "Contract", "name_plural": "Contracts"}))
	a.refused("POST", "/custom_object_type/", object{"name": "Contract"}, "name_plural")
	field := id(a.want(201, "POST", "/custom_field/custom_object_type/", object{
		"name": "Replaces", "type": "custom_object", "custom_object_type_id": kind, "referenced_custom_type_id": kind,
	}))
	create := func(lead string, more object) object {
		more["lead_id"], more["custom_object_type_id"], more["name"] = lead, kind, "C"
		return more
	}
	first := a.want(201, "POST", "/custom_object/", create(lead, object{}))
	a.refused("POST", "/custom_object/", create(lead, object{"custom." + field: lead}), "custom."+field)
	second := a.want(201, "POST", "/custom_object/", create(other, object{"custom." + field: id(first)}))
	a.refused("GET", "/custom_object/", nil, "lead_id")
	equal(t, a.get("/custom_object/?lead_id="+other), id(second), "data", 0, "id")
	list := a.get("/custom_object_type/")
	if _, ok := list["has_more"]; ok {
		t.Error("the list of types has has_more")
	}
	equal(t, list, field, "data", 0, "back_reference_fields", 0, "id")

	a.post("/lead/merge/", object{"source": other, "destination": lead})
	equal(t, a.get("/custom_object/"+id(second)+"/"), lead, "lead_id")
	a.del("/lead/" + lead + "/")
	a.want(404, "GET", "/custom_object/"+id(second)+"/", nil)
}

func TestSharedFields(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, kind, findings := customActivities(a)
	shared := id(a.post("/custom_field/shared/", object{"name": "Region", "type": "text"}))
	key, root := "custom."+shared, "/custom_field/shared/"+shared+"/association/"
	a.refused("PUT", "/lead/"+lead+"/", object{key: "North"}, key)
	for name, field := range map[string]string{"color": "object_type", "lead/x": "object_type", "custom_activity_type/actitype_none": "object_type", "": "object_type"} {
		a.refused("POST", root, object{"object_type": name}, field)
	}
	a.want(201, "POST", root, object{"object_type": "lead"})
	a.refused("POST", root, object{"object_type": "lead"}, "object_type")
	a.want(201, "POST", root, object{"object_type": "custom_activity_type/" + kind, "required": true})
	a.refused("POST", "/activity/custom/", object{"lead_id": lead, "custom_activity_type_id": kind, "custom." + findings: "x"}, key)
	visit := a.post("/activity/custom/", object{"lead_id": lead, "custom_activity_type_id": kind, "custom." + findings: "x", key: "South"})
	equal(t, a.put("/lead/"+lead+"/", object{key: "North"}), "North", key)
	a.put(root+"lead/", object{"editable_with_roles": []string{"admin"}})
	a.second().refused("PUT", "/lead/"+lead+"/", object{key: "West"}, key)
	equal(t, a.get("/custom_field/lead/"), "[]", "data")
	if got := len(a.get("/lead/?query=" + strings.ReplaceAll(fmt.Sprintf("custom.%s:North", shared), " ", "%20"))["data"].([]any)); got != 1 {
		t.Errorf("the search by a shared field finds %d leads", got)
	}

	a.want(204, "DELETE", root+"lead/", nil)
	a.want(404, "GET", root+"lead/", nil)
	if _, ok := a.get("/lead/" + lead + "/")[key]; ok {
		t.Error("the value of the lead is still there")
	}
	equal(t, a.get("/activity/custom/"+id(visit)+"/"), "South", key)
	a.want(204, "DELETE", "/custom_activity/"+kind+"/", nil)
	equal(t, a.get("/custom_field/shared/"+shared+"/"), "[]", "associations")
}

func TestFieldOrder(t *testing.T) {
	t.Parallel()
	a := start(t)
	var ids []string
	for _, name := range []string{"One", "Two", "Three"} {
		ids = append(ids, id(a.post("/custom_field/lead/", object{"name": name, "type": "text"})))
	}
	path := "/custom_field_schema/lead/"
	a.refused("PUT", path, object{"fields": []object{{"id": "cf_none"}}}, "fields")
	ordered := a.put(path, object{"fields": []object{{"id": ids[2]}}})
	for i, want := range []string{ids[2], ids[0], ids[1]} {
		equal(t, ordered, want, "fields", i, "id")
	}
	a.put(path, object{"fields": []object{{"id": ids[1]}, {"id": ids[2]}}})
	equal(t, a.get(path), ids[1], "fields", 0, "id")
	a.second().want(403, "PUT", path, object{"fields": []object{}})
	a.want(404, "GET", "/custom_field_schema/activity/actitype_none/", nil)
	a.want(404, "GET", "/custom_field_schema/lead/x/", nil)
}
