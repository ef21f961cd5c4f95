package emulator

import (
	"slices"
	"strings"
)

func commentResources() []*resource {
	return []*resource{
		{
			name: "comments", prefix: "comm", short: true, model: "Comment", event: "comment", authors: authorNone, ascending: true,
			lead: func(c *call, o object) string { return c.threadLead(o["thread_id"]) },
			actions: map[string]func(*call) (any, error){
				"create": createComment, "update": updateComment, "delete": deleteComment,
			},
			narrow: narrowComments,
			render: renderComment,
		},
		{
			name: "comment_threads", prefix: "comthr", short: true, model: "CommentThread", event: "comment_thread",
			authors: authorNone, ascending: true, render: renderCommentThread, narrow: narrowThreads,
		},
	}
}

// threadLead returns the id of the lead of a thread.
func (c *call) threadLead(thread any) string {
	if rec := c.st.find("comment_threads", c.org, str(thread)); rec != nil {
		return rec.lead
	}
	return ""
}

// commentable returns the object that can be commented on and its object type.
func (c *call) commentable(id string) (*record, string) {
	for _, t := range [...][2]string{
		{"activities", "activity"}, {"opportunities", "opportunity"}, {"leads", "lead"}, {"tasks", "task"}, {"contacts", "contact"},
	} {
		if rec := c.st.find(t[0], c.org, id); rec != nil {
			if t[0] == "activities" {
				return rec, c.e.activityResource(str(rec.data["_type"])).event
			}
			return rec, t[1]
		}
	}
	return nil, ""
}

func createComment(c *call) (any, error) {
	var p problems
	fields := &resource{fields: []field{{name: "body", kind: text, need: true}, {name: "object_id", kind: text, need: true}}}
	o := c.accept(fields, c.body, true, &p)
	target, kind := c.commentable(str(o["object_id"]))
	if len(p) == 0 && target == nil {
		p.add("object_id", errNoObject)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	thread := c.commentThread(target.id)
	if thread == nil {
		thread = c.insert(c.e.resources["comment_threads"], object{
			"object_id": target.id, "object_type": kind, "lead_id": orNull(target.lead),
		})
	}
	rec := c.insert(c.e.resources["comments"], object{
		"thread_id": thread.id, "lead_id": orNull(target.lead), "body": wrapBody(str(o["body"])),
		"created_by": orNull(c.user), "updated_by": orNull(c.user), "removed_at": nil, "removed_by": nil,
	})
	return c.result(rec), nil
}

func (c *call) commentThread(object string) *record {
	for _, rec := range c.st.table("comment_threads").all(c.org) {
		if rec.data["object_id"] == object {
			return rec
		}
	}
	return nil
}

func updateComment(c *call) (any, error) {
	rec, err := c.target()
	if err != nil {
		return nil, err
	}
	if rec.data["created_by"] != c.user {
		return nil, c.denied()
	}
	if rec.data["removed_at"] != nil {
		return nil, wrongList("A removed comment cannot be changed.")
	}
	var p problems
	o := c.accept(&resource{fields: []field{{name: "body", kind: text, need: true}}}, c.body, true, &p)
	if err := p.err(); err != nil {
		return nil, err
	}
	c.apply(c.r, rec, object{"body": wrapBody(str(o["body"])), "updated_by": orNull(c.user)})
	return c.result(rec), nil
}

// deleteComment empties a comment. When all its comments are removed, the thread
// is deleted.
func deleteComment(c *call) (any, error) {
	rec, err := c.target()
	if err != nil {
		return nil, err
	}
	if rec.data["created_by"] != c.user && !c.may("manage_others_activities") {
		return nil, c.denied()
	}
	if rec.data["removed_at"] == nil {
		c.apply(c.r, rec, object{"body": "", "removed_at": stamp(c.now), "removed_by": orNull(c.user), "updated_by": orNull(c.user)})
	}
	for _, other := range c.threadComments(rec.data["thread_id"]) {
		if other.data["removed_at"] == nil {
			return object{}, nil
		}
	}
	thread := rec.data["thread_id"]
	c.dropComments(func(o object) bool { return o["id"] == thread })
	return object{}, nil
}

func (c *call) threadComments(thread any) []*record {
	return slices.DeleteFunc(c.st.table("comments").all(c.org), func(rec *record) bool { return rec.data["thread_id"] != thread })
}

// narrowComments requires exactly one of object_id and thread_id.
func narrowComments(c *call) (func(*record) bool, error) {
	object, thread := c.query.Get("object_id"), c.query.Get("thread_id")
	if (object == "") == (thread == "") {
		return nil, wrongList("Exactly one of object_id and thread_id must be given.")
	}
	if object != "" {
		if rec := c.commentThread(object); rec != nil {
			thread = rec.id
		}
	}
	return func(rec *record) bool { return rec.data["thread_id"] == thread }, nil
}

func narrowThreads(c *call) (func(*record) bool, error) {
	ids, objects := c.query.Get("ids"), c.query.Get("object_ids")
	return func(rec *record) bool {
		return (ids == "" || slices.Contains(strings.Split(ids, ","), rec.id)) &&
			(objects == "" || slices.Contains(strings.Split(objects, ","), str(rec.data["object_id"])))
	}, nil
}

// commentDates renames the dates: comments are the only objects that call them
// created_at and updated_at.
func commentDates(o object) {
	o["created_at"], o["updated_at"] = o["date_created"], o["date_updated"]
	dropDates(o)
}

func renderComment(_ *call, _ *record, o object) {
	commentDates(o)
	o["mentions"] = mentioned(str(o["body"]))
}

func renderCommentThread(c *call, rec *record, o object) {
	commentDates(o)
	people, n := []any{}, int64(0)
	for _, comment := range c.threadComments(rec.id) {
		if comment.data["removed_at"] != nil {
			continue
		}
		n++
		if who := comment.data["created_by"]; !slices.Contains(people, who) {
			people = append(people, who)
		}
	}
	o["num_comments"], o["participating"] = n, people
}
