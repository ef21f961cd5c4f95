package emulator

import (
	"cmp"
	"slices"
	"strconv"
)

func pipelineResources() []*resource {
	byPosition := func(_ *call, rows []*record) { sortByPosition(rows) }
	hidePosition := func(_ *call, _ *record, o object) { delete(o, "position") }
	return []*resource{
		{
			name: "pipelines", prefix: "pipe", short: true, model: "Pipeline", naive: true, authors: authorPlain,
			right:   "manage_organization",
			fields:  []field{{name: "name", kind: text, need: true, notNull: true}},
			prepare: preparePipeline, created: pipelineCreated, change: changePipeline, release: releasePipeline,
			render: renderPipeline, arrange: byPosition, ascending: true,
		},
		{
			name: "lead_statuses", prefix: "stat", model: "LeadStatus", event: "status.lead", authors: authorNone,
			right:   "manage_organization",
			fields:  []field{{name: "label", kind: text, need: true, notNull: true}, {name: "color", kind: text}},
			prepare: prepareStatus("lead_statuses"), release: releaseLeadStatus,
			render: renderStatus, arrange: byPosition, ascending: true,
		},
		{
			name: "opportunity_statuses", prefix: "stat", model: "OpportunityStatus", event: "status.opportunity",
			authors: authorNone, right: "manage_organization",
			fields: []field{
				{name: "label", kind: text, need: true, notNull: true},
				{name: "type", kind: choice, choices: []string{"active", "won", "lost"}, access: onCreate, notNull: true},
				{name: "pipeline_id", kind: reference, table: "pipelines", errKey: "pipeline", access: onCreate, notNull: true},
			},
			prepare: prepareOpportunityStatus, release: releaseOpportunityStatus, filters: map[string]kind{"pipeline_id": text, "type": text},
			render: func(c *call, rec *record, o object) {
				hidePosition(c, rec, o)
				dropDates(o)
			},
			arrange: byPosition, ascending: true,
		},
	}
}

func dropDates(o object) {
	delete(o, "date_created")
	delete(o, "date_updated")
}

func renderStatus(_ *call, _ *record, o object) {
	if o["color"] == nil {
		delete(o, "color")
	}
	delete(o, "position")
	dropDates(o)
}

func sortByPosition(rows []*record) {
	slices.SortStableFunc(rows, func(a, b *record) int {
		return cmp.Or(cmp.Compare(integer(a.data["position"]), integer(b.data["position"])), bySeq(a, b))
	})
}

// statuses returns the statuses of an organization, or of one pipeline, in
// their order.
func (c *call) statuses(table, pipeline string) []*record {
	rows := slices.DeleteFunc(c.st.table(table).all(c.org), func(r *record) bool {
		return pipeline != "" && r.data["pipeline_id"] != pipeline
	})
	if table == "opportunity_statuses" && pipeline == "" {
		var out []*record
		for _, p := range c.pipelines() {
			out = append(out, c.statuses(table, p.id)...)
		}
		return out
	}
	sortByPosition(rows)
	return rows
}

func (c *call) pipelines() []*record {
	rows := c.st.table("pipelines").all(c.org)
	sortByPosition(rows)
	return rows
}

func (c *call) statusLabel(table, id string) any {
	if rec := c.st.find(table, c.org, id); rec != nil {
		return rec.data["label"]
	}
	return nil
}

// reorder moves the listed statuses to the first positions, in that order, and
// into the pipeline.
func (c *call) reorder(table, pipeline string, order []any) {
	var rows []*record
	for _, e := range order {
		o, _ := e.(object)
		if rec := c.st.find(table, c.org, str(o["id"])); rec != nil && !slices.Contains(rows, rec) {
			rows = append(rows, rec)
		}
	}
	for _, rec := range c.statuses(table, pipeline) {
		if !slices.Contains(rows, rec) {
			rows = append(rows, rec)
		}
	}
	for i, rec := range rows {
		rec.data = shallow(rec.data)
		rec.data["position"] = int64(i)
		if pipeline != "" {
			rec.data["pipeline_id"] = pipeline
		}
	}
}

func preparePipeline(c *call, o, body object, p *problems) {
	o["position"] = int64(len(c.pipelines()))
	c.checkStatusList(body, p)
}

// checkStatusList checks the statuses of a pipeline in a request: existing ones
// by id, new ones by label and type.
func (c *call) checkStatusList(body object, p *problems) {
	raw, ok := body["statuses"]
	if !ok || raw == nil {
		return
	}
	rows, ok := raw.([]any)
	if !ok {
		p.add("statuses", errType("list"))
		return
	}
	wrong := object{}
	for i, e := range rows {
		o, ok := e.(object)
		id, hasID := o["id"]
		switch {
		case !ok:
			wrong[strconv.Itoa(i)] = errType("dict")
		case hasID && c.st.find("opportunity_statuses", c.org, str(id)) == nil:
			wrong[strconv.Itoa(i)] = object{"id": errNoObject}
		case !hasID && str(o["label"]) == "":
			wrong[strconv.Itoa(i)] = object{"label": errRequired}
		case !hasID && o["type"] != nil && !slices.Contains([]string{"active", "won", "lost"}, str(o["type"])):
			wrong[strconv.Itoa(i)] = object{"type": errNotChoice}
		}
	}
	if len(wrong) > 0 {
		p.add("statuses", object{"errors": wrong})
	}
}

func pipelineCreated(c *call, rec *record, body object) { c.storeStatuses(rec.id, body) }

// storeStatuses adds the new statuses of a checked list and orders all of them.
func (c *call) storeStatuses(pipeline string, body object) {
	rows, ok := body["statuses"].([]any)
	if !ok {
		return
	}
	order := []any{}
	for _, e := range rows {
		o, _ := e.(object)
		if _, hasID := o["id"]; !hasID {
			o = c.insert(c.e.resources["opportunity_statuses"], object{
				"label": o["label"], "type": cmp.Or(str(o["type"]), "active"), "pipeline_id": pipeline, "position": int64(0),
			}).data
		}
		order = append(order, o)
	}
	c.reorder("opportunity_statuses", pipeline, order)
}

func changePipeline(c *call, rec *record, _, body object, p *problems) {
	c.checkStatusList(body, p)
	if len(*p) == 0 {
		c.storeStatuses(rec.id, body)
	}
}

func releasePipeline(c *call, rec *record) error {
	if len(c.statuses("opportunity_statuses", rec.id)) > 0 {
		return wrongList("A pipeline with statuses cannot be deleted.")
	}
	return nil
}

func renderPipeline(c *call, rec *record, o object) {
	delete(o, "position")
	rows := []any{}
	for _, status := range c.statuses("opportunity_statuses", rec.id) {
		rows = append(rows, object{"id": status.id, "label": status.data["label"], "type": status.data["type"]})
	}
	o["statuses"] = rows
}

func prepareStatus(table string) func(*call, object, object, *problems) {
	return func(c *call, o, _ object, p *problems) {
		rows := c.st.table(table).all(c.org)
		o["position"] = int64(len(rows))
		for _, rec := range rows {
			if rec.data["label"] == o["label"] && rec.data["pipeline_id"] == o["pipeline_id"] {
				p.add("label", "A status with this label exists already.")
			}
		}
	}
}

func prepareOpportunityStatus(c *call, o, body object, p *problems) {
	if o["type"] == nil {
		kind, ok := body["status_type"].(string) // the name in older documentation
		switch {
		case !ok:
			o["type"] = "active"
		case slices.Contains([]string{"active", "won", "lost"}, kind):
			o["type"] = kind
		default:
			p.add("type", errNotChoice)
		}
	}
	if o["pipeline_id"] == nil {
		if all := c.pipelines(); len(all) > 0 {
			o["pipeline_id"] = all[0].id
		} else {
			p.add("pipeline", errRequired)
		}
	}
	prepareStatus("opportunity_statuses")(c, o, body, p)
}

func releaseLeadStatus(c *call, rec *record) error {
	for _, lead := range c.st.table("leads").all(c.org) {
		if lead.data["status_id"] == rec.id {
			return wrongList("A status that leads use cannot be deleted.")
		}
	}
	if len(c.statuses("lead_statuses", "")) == 1 {
		return wrongList("The last status cannot be deleted.")
	}
	return nil
}

func releaseOpportunityStatus(c *call, rec *record) error {
	for _, o := range c.st.table("opportunities").all(c.org) {
		if o.data["status_id"] == rec.id {
			return wrongList("A status that opportunities use cannot be deleted.")
		}
	}
	return nil
}
