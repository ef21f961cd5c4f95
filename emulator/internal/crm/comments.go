package crm

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func commentResources() []*rest.Resource {
	return []*rest.Resource{
		{
			Name: "comments", Prefix: "comm", Short: true, Model: "Comment", Event: "comment", Authors: rest.AuthorNone, Ascending: true,
			Lead: func(c *rest.Call, o object) string { return threadLead(c, o["thread_id"]) },
			Actions: map[string]func(*rest.Call) (any, error){
				"create": createComment, "update": updateComment, "delete": deleteComment,
			},
			Narrow: narrowComments,
			Render: renderComment,
		},
		{
			Name: "comment_threads", Prefix: "comthr", Short: true, Model: "CommentThread", Event: "comment_thread",
			Authors: rest.AuthorNone, Ascending: true, Render: renderCommentThread, Narrow: narrowThreads,
		},
	}
}

// threadLead returns the id of the lead of a thread.
func threadLead(c *rest.Call, thread any) string {
	if rec := c.State.Find("comment_threads", c.Organization, value.String(thread)); rec != nil {
		return rec.Lead
	}
	return ""
}

// findCommentable returns the object that can be commented on and its object type.
func findCommentable(c *rest.Call, id string) (*store.Record, string) {
	for _, t := range [...][2]string{
		{"activities", "activity"}, {"opportunities", "opportunity"}, {"leads", "lead"}, {"tasks", "task"}, {"contacts", "contact"},
	} {
		if rec := c.State.Find(t[0], c.Organization, id); rec != nil {
			if t[0] == "activities" {
				return rec, c.Engine.ActivityResource(value.String(rec.Data["_type"])).Event
			}
			return rec, t[1]
		}
	}
	return nil, ""
}

func createComment(c *rest.Call) (any, error) {
	var p rest.Problems
	fields := &rest.Resource{Fields: []rest.Field{{Name: "body", Kind: rest.Text, Need: true}, {Name: "object_id", Kind: rest.Text, Need: true}}}
	o := c.Accept(fields, c.Body, true, &p)
	target, kind := findCommentable(c, value.String(o["object_id"]))
	if len(p) == 0 && target == nil {
		p.Add("object_id", rest.MsgNoObject)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	thread := commentThread(c, target.ID)
	if thread == nil {
		thread = c.Insert(c.Engine.Resources["comment_threads"], object{
			"object_id": target.ID, "object_type": kind, "lead_id": value.OrNull(target.Lead),
		})
	}
	rec := c.Insert(c.Engine.Resources["comments"], object{
		"thread_id": thread.ID, "lead_id": value.OrNull(target.Lead), "body": wrapBody(value.String(o["body"])),
		"created_by": value.OrNull(c.User), "updated_by": value.OrNull(c.User), "removed_at": nil, "removed_by": nil,
	})
	return c.Result(rec), nil
}

func commentThread(c *rest.Call, object string) *store.Record {
	for _, rec := range c.State.Table("comment_threads").All(c.Organization) {
		if rec.Data["object_id"] == object {
			return rec
		}
	}
	return nil
}

func updateComment(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if rec.Data["created_by"] != c.User {
		return nil, c.Denied()
	}
	if rec.Data["removed_at"] != nil {
		return nil, rest.WrongList("A removed comment cannot be changed.")
	}
	var p rest.Problems
	o := c.Accept(&rest.Resource{Fields: []rest.Field{{Name: "body", Kind: rest.Text, Need: true}}}, c.Body, true, &p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	c.Apply(c.Resource, rec, object{"body": wrapBody(value.String(o["body"])), "updated_by": value.OrNull(c.User)})
	return c.Result(rec), nil
}

// deleteComment empties a comment. When all its comments are removed, the thread
// is deleted.
func deleteComment(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if rec.Data["created_by"] != c.User && !c.May("manage_others_activities") {
		return nil, c.Denied()
	}
	if rec.Data["removed_at"] == nil {
		c.Apply(c.Resource, rec, object{"body": "", "removed_at": value.Stamp(c.Now), "removed_by": value.OrNull(c.User), "updated_by": value.OrNull(c.User)})
	}
	for _, other := range threadComments(c, rec.Data["thread_id"]) {
		if other.Data["removed_at"] == nil {
			return object{}, nil
		}
	}
	thread := rec.Data["thread_id"]
	dropComments(c, func(o object) bool { return o["id"] == thread })
	return object{}, nil
}

func threadComments(c *rest.Call, thread any) []*store.Record {
	return slices.DeleteFunc(c.State.Table("comments").All(c.Organization), func(rec *store.Record) bool { return rec.Data["thread_id"] != thread })
}

// narrowComments requires exactly one of object_id and thread_id.
func narrowComments(c *rest.Call) (func(*store.Record) bool, error) {
	object, thread := c.Query.Get("object_id"), c.Query.Get("thread_id")
	if (object == "") == (thread == "") {
		return nil, rest.WrongList("Exactly one of object_id and thread_id must be given.")
	}
	if object != "" {
		if rec := commentThread(c, object); rec != nil {
			thread = rec.ID
		}
	}
	return func(rec *store.Record) bool { return rec.Data["thread_id"] == thread }, nil
}

func narrowThreads(c *rest.Call) (func(*store.Record) bool, error) {
	ids, objects := c.Query.Get("ids"), c.Query.Get("object_ids")
	return func(rec *store.Record) bool {
		return (ids == "" || slices.Contains(strings.Split(ids, ","), rec.ID)) &&
			(objects == "" || slices.Contains(strings.Split(objects, ","), value.String(rec.Data["object_id"])))
	}, nil
}

// commentDates renames the dates: comments are the only objects that call them
// created_at and updated_at.
func commentDates(o object) {
	o["created_at"], o["updated_at"] = o["date_created"], o["date_updated"]
	dropDates(o)
}

func renderComment(_ *rest.Call, _ *store.Record, o object) {
	commentDates(o)
	o["mentions"] = mentioned(value.String(o["body"]))
}

func renderCommentThread(c *rest.Call, rec *store.Record, o object) {
	commentDates(o)
	people, n := []any{}, int64(0)
	for _, comment := range threadComments(c, rec.ID) {
		if comment.Data["removed_at"] != nil {
			continue
		}
		n++
		if who := comment.Data["created_by"]; !slices.Contains(people, who) {
			people = append(people, who)
		}
	}
	o["num_comments"], o["participating"] = n, people
}

// dropComments deletes the comment threads that match, with their comments.
func dropComments(c *rest.Call, match func(thread object) bool) {
	threads := c.Engine.Resources["comment_threads"]
	for _, thread := range c.State.Table("comment_threads").All(c.Organization) {
		if !match(thread.Data) {
			continue
		}
		for _, comment := range c.State.Table("comments").All(c.Organization) {
			if comment.Data["thread_id"] == thread.ID {
				c.Drop(c.Engine.Resources["comments"], comment)
			}
		}
		c.Drop(threads, thread)
	}
}
