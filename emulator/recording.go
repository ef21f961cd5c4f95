package emulator

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
	"github.com/closekit/closekit/internal/recordfile"
)

// LoadRecording makes the objects of recorded traffic records of the first
// organization, so that a reported problem can be looked at: what runtime/recording or
// "closekit call --record" has written. It returns how many objects it has stored.
//
// An object is stored as it was seen last, with its id, and without the checks of a
// request; what was deleted in the recording is left out. Contacts, opportunities and
// tasks of a lead are stored too, and the statuses and pipelines that objects name. An
// object that was read with _fields has only these. Nothing is stored if the recording
// cannot be read.
func (s *Server) LoadRecording(r io.Reader) (int, error) {
	exchanges, _, err := recordfile.Read(r)
	if err != nil {
		return 0, err //nolint:wrapcheck // it says what it read
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.settle()
	l := &loader{Call: s.system(s.st.Organizations[0].ID), s: s, at: map[string]*loaded{}}
	for i := range exchanges {
		l.exchange(&exchanges[i])
	}
	return l.store()
}

// loaded is an object of a recording.
type loaded struct {
	resource *rest.Resource
	o        object
}

// loader collects the objects of a recording.
type loader struct {
	*rest.Call
	s    *Server
	at   map[string]*loaded // by table and id
	list []*loaded          // in the order of their first appearance
}

func (l *loader) exchange(e *recordfile.Exchange) {
	path, ok := strings.CutPrefix(e.Path, "/api/v1")
	if !ok || e.Status/100 != 2 {
		return
	}
	n, ids := l.s.router.find(path)
	if n == nil {
		return
	}
	route, ok := n.methods[e.Method]
	if !ok || l.Engine.Resources[route.resource] == nil {
		return
	}
	res := l.Engine.Resources[route.resource]
	if route.action == "delete" && e.Method == http.MethodDelete && len(ids) == 1 {
		if old := l.at[res.TableName()+" "+ids[0]]; old != nil {
			old.o = nil
		}
		return
	}
	o, err := value.DecodeObject(e.Response)
	if err != nil {
		return
	}
	if rows, isList := o["data"].([]any); isList {
		for _, row := range rows {
			if o, ok := row.(object); ok {
				l.object(res, o)
			}
		}
		return
	}
	l.object(res, o)
}

// nested are the parts of a lead that are objects of their own.
var nested = []string{"contacts", "opportunities", "tasks"}

func (l *loader) object(r *rest.Resource, o object) {
	id := value.String(o["id"])
	if id == "" {
		return
	}
	if r.TableName() == "activities" {
		if r = l.Engine.ActivityResource(value.String(o["_type"])); r == nil {
			return
		}
	}
	o = value.Shallow(o)
	switch r.Name {
	case "leads":
		for _, part := range nested {
			for _, child := range value.List(o[part]) {
				if child, ok := child.(object); ok {
					l.object(l.Engine.Resources[part], child)
				}
			}
			delete(o, part)
		}
		l.named("lead_statuses", o["status_id"], object{"label": o["status_label"]})
	case "opportunities":
		l.named("pipelines", o["pipeline_id"], object{"name": o["pipeline_name"]})
		l.named("opportunity_statuses", o["status_id"], object{"label": o["status_label"], "type": o["status_type"], "pipeline_id": o["pipeline_id"]})
	case "pipelines":
		for _, status := range value.List(o["statuses"]) {
			if status, ok := status.(object); ok {
				status = value.Shallow(status)
				status["pipeline_id"] = id
				l.object(l.Engine.Resources["opportunity_statuses"], status)
			}
		}
		delete(o, "statuses")
	case "events": // they follow from what happens
		return
	}
	key := r.TableName() + " " + id
	if l.at[key] == nil {
		l.at[key] = &loaded{r, object{}}
		l.list = append(l.list, l.at[key])
	}
	if l.at[key].o == nil {
		l.at[key].o = object{} // it is there again
	}
	maps.Copy(l.at[key].o, o)
}

// named adds an object of which another one has the id and some members, unless the
// recording has it.
func (l *loader) named(resource string, id any, o object) {
	key := value.String(id)
	r := l.Engine.Resources[resource]
	if key == "" || l.at[r.TableName()+" "+key] != nil || l.State.Find(r.TableName(), l.Organization, key) != nil {
		return
	}
	o["id"] = key
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	l.object(r, o)
}

// store stores what was collected, oldest first.
func (l *loader) store() (int, error) {
	slices.SortStableFunc(l.list, func(a, b *loaded) int {
		return cmp.Compare(value.String(a.o["date_created"]), value.String(b.o["date_created"]))
	})
	n := 0
	for _, e := range l.list {
		switch {
		case e.o == nil:
			continue
		case e.resource.Name == "users":
			l.user(e.o)
		default:
			if err := l.Restore(e.resource, e.o); err != nil {
				return n, fmt.Errorf("%s %v: %w", e.resource.Name, e.o["id"], err)
			}
		}
		n++
	}
	return n, nil
}

func (l *loader) user(o object) {
	id := value.String(o["id"])
	if l.State.User(id) != nil {
		return
	}
	l.s.addUser(User{
		ID: id, FirstName: value.String(o["first_name"]), LastName: value.String(o["last_name"]), Email: value.String(o["email"]),
		Organizations: []string{l.Organization},
	})
}
