package crm

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func pipelineResources() []*rest.Resource {
	byPosition := func(_ *rest.Call, rows []*store.Record) { sortByPosition(rows) }
	hidePosition := func(_ *rest.Call, _ *store.Record, o object) { delete(o, "position") }
	return []*rest.Resource{
		{
			Name: "pipelines", Prefix: "pipe", Short: true, Model: "Pipeline", Authors: rest.AuthorPlain,
			Right:   "manage_organization",
			Fields:  []rest.Field{{Name: "name", Kind: rest.Text, Need: true, NotNull: true}},
			Prepare: preparePipeline, Created: pipelineCreated, Change: changePipeline, Release: releasePipeline,
			Render: renderPipeline, Arrange: byPosition, Ascending: true,
		},
		{
			Name: "lead_statuses", Prefix: "stat", Model: "LeadStatus", Event: "status.lead", Authors: rest.AuthorNone,
			Right:   "manage_organization",
			Fields:  []rest.Field{{Name: "label", Kind: rest.Text, Need: true, NotNull: true}, {Name: "color", Kind: rest.Text}},
			Prepare: prepareStatus("lead_statuses"), Release: releaseLeadStatus,
			Render: renderStatus, Arrange: byPosition, Ascending: true,
		},
		{
			Name: "opportunity_statuses", Prefix: "stat", Model: "OpportunityStatus", Event: "status.opportunity",
			Authors: rest.AuthorNone, Right: "manage_organization",
			Fields: []rest.Field{
				{Name: "label", Kind: rest.Text, Need: true, NotNull: true},
				{Name: "type", Kind: rest.Choice, Choices: []string{"active", "won", "lost"}, Access: rest.OnCreate, NotNull: true},
				{Name: "pipeline_id", Kind: rest.Reference, Table: "pipelines", ErrorKey: "pipeline", Access: rest.OnCreate, NotNull: true},
			},
			Prepare: prepareOpportunityStatus, Release: releaseOpportunityStatus, Filters: map[string]rest.Kind{"pipeline_id": rest.Text, "type": rest.Text},
			Render: func(c *rest.Call, rec *store.Record, o object) {
				hidePosition(c, rec, o)
				dropDates(o)
			},
			Arrange: byPosition, Ascending: true,
		},
	}
}

func dropDates(o object) {
	delete(o, "date_created")
	delete(o, "date_updated")
}

func renderStatus(_ *rest.Call, _ *store.Record, o object) {
	if o["color"] == nil {
		delete(o, "color")
	}
	delete(o, "position")
	dropDates(o)
}

func sortByPosition(rows []*store.Record) {
	slices.SortStableFunc(rows, func(a, b *store.Record) int {
		return cmp.Or(cmp.Compare(value.Int(a.Data["position"]), value.Int(b.Data["position"])), store.BySeq(a, b))
	})
}

// statusesOf returns the statuses of an organization, or of one pipeline, in
// their order.
func statusesOf(c *rest.Call, table, pipeline string) []*store.Record {
	rows := slices.DeleteFunc(c.State.Table(table).All(c.Organization), func(r *store.Record) bool {
		return pipeline != "" && r.Data["pipeline_id"] != pipeline
	})
	if table == "opportunity_statuses" && pipeline == "" {
		var out []*store.Record
		for _, p := range pipelinesOf(c) {
			out = append(out, statusesOf(c, table, p.ID)...)
		}
		return out
	}
	sortByPosition(rows)
	return rows
}

func pipelinesOf(c *rest.Call) []*store.Record {
	rows := c.State.Table("pipelines").All(c.Organization)
	sortByPosition(rows)
	return rows
}

func statusLabel(c *rest.Call, table, id string) any {
	if rec := c.State.Find(table, c.Organization, id); rec != nil {
		return rec.Data["label"]
	}
	return nil
}

// reorderStatuses moves the listed statuses to the first positions, in that order, and
// into the pipeline.
func reorderStatuses(c *rest.Call, table, pipeline string, order []any) {
	var rows []*store.Record
	for _, e := range order {
		o, _ := e.(object)
		if rec := c.State.Find(table, c.Organization, value.String(o["id"])); rec != nil && !slices.Contains(rows, rec) {
			rows = append(rows, rec)
		}
	}
	for _, rec := range statusesOf(c, table, pipeline) {
		if !slices.Contains(rows, rec) {
			rows = append(rows, rec)
		}
	}
	for i, rec := range rows {
		rec.Data = value.Shallow(rec.Data)
		rec.Data["position"] = int64(i)
		if pipeline != "" {
			rec.Data["pipeline_id"] = pipeline
		}
	}
}

func preparePipeline(c *rest.Call, o, body object, p *rest.Problems) {
	o["position"] = int64(len(pipelinesOf(c)))
	checkStatusList(c, body, p)
}

// checkStatusList checks the statuses of a pipeline in a request: existing ones
// by id, new ones by label and type.
func checkStatusList(c *rest.Call, body object, p *rest.Problems) {
	raw, ok := body["statuses"]
	if !ok || raw == nil {
		return
	}
	rows, ok := raw.([]any)
	if !ok {
		p.Add("statuses", rest.MsgType("list"))
		return
	}
	wrong := object{}
	for i, e := range rows {
		o, ok := e.(object)
		id, hasID := o["id"]
		switch {
		case !ok:
			wrong[strconv.Itoa(i)] = rest.MsgType("dict")
		case hasID && c.State.Find("opportunity_statuses", c.Organization, value.String(id)) == nil:
			wrong[strconv.Itoa(i)] = object{"id": rest.MsgNoObject}
		case !hasID && value.String(o["label"]) == "":
			wrong[strconv.Itoa(i)] = object{"label": rest.MsgRequired}
		case !hasID && o["type"] != nil && !slices.Contains([]string{"active", "won", "lost"}, value.String(o["type"])):
			wrong[strconv.Itoa(i)] = object{"type": rest.MsgNotChoice}
		}
	}
	if len(wrong) > 0 {
		p.Add("statuses", object{"errors": wrong})
	}
}

func pipelineCreated(c *rest.Call, rec *store.Record, body object) { storeStatuses(c, rec.ID, body) }

// storeStatuses adds the new statuses of a checked list and orders all of them.
func storeStatuses(c *rest.Call, pipeline string, body object) {
	rows, ok := body["statuses"].([]any)
	if !ok {
		return
	}
	order := []any{}
	for _, e := range rows {
		o, _ := e.(object)
		if _, hasID := o["id"]; !hasID {
			o = c.Insert(c.Engine.Resources["opportunity_statuses"], object{
				"label": o["label"], "type": cmp.Or(value.String(o["type"]), "active"), "pipeline_id": pipeline, "position": int64(0),
			}).Data
		}
		order = append(order, o)
	}
	reorderStatuses(c, "opportunity_statuses", pipeline, order)
}

func changePipeline(c *rest.Call, rec *store.Record, _, body object, p *rest.Problems) {
	checkStatusList(c, body, p)
	if len(*p) == 0 {
		storeStatuses(c, rec.ID, body)
	}
}

func releasePipeline(c *rest.Call, rec *store.Record) error {
	if len(statusesOf(c, "opportunity_statuses", rec.ID)) > 0 {
		return rest.WrongList("A pipeline with statuses cannot be deleted.")
	}
	return nil
}

func renderPipeline(c *rest.Call, rec *store.Record, o object) {
	delete(o, "position")
	rows := []any{}
	for _, status := range statusesOf(c, "opportunity_statuses", rec.ID) {
		rows = append(rows, object{"id": status.ID, "label": status.Data["label"], "type": status.Data["type"]})
	}
	o["statuses"] = rows
}

func prepareStatus(table string) func(*rest.Call, object, object, *rest.Problems) {
	return func(c *rest.Call, o, _ object, p *rest.Problems) {
		rows := c.State.Table(table).All(c.Organization)
		o["position"] = int64(len(rows))
		for _, rec := range rows {
			if rec.Data["label"] == o["label"] && rec.Data["pipeline_id"] == o["pipeline_id"] {
				p.Add("label", "A status with this label exists already.")
			}
		}
	}
}

func prepareOpportunityStatus(c *rest.Call, o, body object, p *rest.Problems) {
	if o["type"] == nil {
		kind, ok := body["status_type"].(string) // the name in older documentation
		switch {
		case !ok:
			o["type"] = "active"
		case slices.Contains([]string{"active", "won", "lost"}, kind):
			o["type"] = kind
		default:
			p.Add("type", rest.MsgNotChoice)
		}
	}
	if o["pipeline_id"] == nil {
		if all := pipelinesOf(c); len(all) > 0 {
			o["pipeline_id"] = all[0].ID
		} else {
			p.Add("pipeline", rest.MsgRequired)
		}
	}
	prepareStatus("opportunity_statuses")(c, o, body, p)
}

func releaseLeadStatus(c *rest.Call, rec *store.Record) error {
	for _, lead := range c.State.Table("leads").All(c.Organization) {
		if lead.Data["status_id"] == rec.ID {
			return rest.WrongList("A status that leads use cannot be deleted.")
		}
	}
	if len(statusesOf(c, "lead_statuses", "")) == 1 {
		return rest.WrongList("The last status cannot be deleted.")
	}
	return nil
}

func releaseOpportunityStatus(c *rest.Call, rec *store.Record) error {
	for _, o := range c.State.Table("opportunities").All(c.Organization) {
		if o.Data["status_id"] == rec.ID {
			return rest.WrongList("A status that opportunities use cannot be deleted.")
		}
	}
	return nil
}
