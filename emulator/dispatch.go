package emulator

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

// route is one operation: a method and a path below /api/v1, with the resource
// and action that handle it. The path has {id} in place of an id, {id...} in place of
// one with slashes, and names for further ones.
type route struct {
	tool     string // name of the tool, empty for an operation without one
	method   string
	path     string
	resource string
	action   string
	status   int // of success
}

// Route is an operation that [Options].Routes adds to the emulator.
type Route struct {
	Tool     string // name of the tool, for recordings; may be empty
	Method   string
	Path     string // below /api/v1, with {id} in place of an id: /gadget/{id}/; {id...} takes slashes
	Resource string // name of the objects, gadgets
	Action   string // list, get, create, update or delete
	Status   int    // of success; 0 means 200

	// Prefix is the part of new ids before the underscore, if the emulator does not
	// know the resource. By default it is made from the name of the resource.
	Prefix string
	// Fields are further keys of the body that are stored, if the emulator knows the
	// resource and ignores unknown keys.
	Fields []string
}

// router finds the operation for a path.
type router struct{ root *node }

// node is one segment in the tree of paths.
type node struct {
	fixed   map[string]*node
	param   *node
	rest    *node // all segments that are left, as one id
	methods map[string]route
}

// newRouter builds the tree from the tool routes, the others and those of the
// options.
func newRouter(e *rest.Engine, own []Route) *router {
	rt := &router{root: &node{}}
	tables := map[string]*table{}
	for i := range toolTables {
		t := &toolTables[i]
		tables[cmp.Or(tableNames[t.name], t.name)] = t
	}
	for _, r := range slices.Concat(toolRoutes[:], extraRoutes) {
		r.resource = cmp.Or(tableNames[r.resource], r.resource)
		rt.add(r)
		if e.Resources[r.resource] == nil {
			e.Add(ordinary(r.resource, tables[r.resource]))
		}
	}
	for name, t := range tables { // also of resources that have code of their own
		if r := e.Resources[name]; r != nil {
			r.Naive = t.noOffset
		}
	}
	for _, r := range own {
		rt.addOwn(e, r)
	}
	return rt
}

// addOwn adds a route of the options. One that is there keeps its resource, action
// and status.
func (rt *router) addOwn(e *rest.Engine, own Route) {
	r := route{tool: own.Tool, method: own.Method, path: own.Path, resource: own.Resource, action: own.Action, status: own.Status}
	if old, ok := rt.route(r.method, r.path); ok {
		r.resource, r.action, r.status = old.resource, old.action, old.status
	}
	rt.add(r)
	res := e.Resources[r.resource]
	if res == nil {
		res = ordinary(r.resource, nil) // the manifest does not have it
		if own.Prefix != "" {
			res.Prefix = own.Prefix
		}
		e.Add(res)
	}
	for _, name := range own.Fields {
		if !slices.ContainsFunc(res.Fields, func(f rest.Field) bool { return f.Name == name }) {
			res.Fields = append(slices.Clip(res.Fields), rest.Field{Name: name})
		}
	}
}

func (rt *router) add(r route) {
	n := rt.root
	for seg := range strings.SplitSeq(strings.Trim(r.path, "/"), "/") {
		switch {
		case strings.HasSuffix(seg, "...}"):
			if n.rest == nil {
				n.rest = &node{}
			}
			n = n.rest
			continue
		case strings.HasPrefix(seg, "{"):
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
			continue
		}
		if n.fixed == nil {
			n.fixed = map[string]*node{}
		}
		if n.fixed[seg] == nil {
			n.fixed[seg] = &node{}
		}
		n = n.fixed[seg]
	}
	if n.methods == nil {
		n.methods = map[string]route{}
	}
	n.methods[r.method] = r
}

// route returns the operation that was added for a method and a path.
func (rt *router) route(method, path string) (route, bool) {
	n, _ := rt.find(path)
	if n == nil {
		return route{}, false
	}
	r, ok := n.methods[method]
	return r, ok && r.path == path
}

// tools adds the names of the tools below n to a list.
func (n *node) tools(list []string) []string {
	for _, r := range n.methods {
		if r.tool != "" {
			list = append(list, r.tool)
		}
	}
	for _, below := range n.fixed {
		list = below.tools(list)
	}
	for _, below := range []*node{n.param, n.rest} {
		if below != nil {
			list = below.tools(list)
		}
	}
	return list
}

// find returns the node for a path below /api/v1 and the ids in it, or nil.
func (rt *router) find(path string) (*node, []string) {
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
	n, ids := rt.root.walk(segments)
	slices.Reverse(ids)
	return n, ids
}

// walk returns the node for the rest of a path, and the ids in it, the last one first.
func (n *node) walk(segments []string) (*node, []string) {
	if len(segments) == 0 {
		if n.methods == nil {
			return nil, nil
		}
		return n, nil
	}
	if next := n.fixed[segments[0]]; next != nil {
		if found, ids := next.walk(segments[1:]); found != nil {
			return found, ids
		}
	}
	if segments[0] == "" {
		return nil, nil
	}
	if n.param != nil {
		if found, ids := n.param.walk(segments[1:]); found != nil {
			id, _ := url.PathUnescape(segments[0])
			return found, append(ids, id)
		}
	}
	if n.rest != nil {
		id, _ := url.PathUnescape(strings.Join(segments, "/"))
		return n.rest, []string{id}
	}
	return nil, nil
}

func (n *node) allow() string {
	var names []string
	for m := range n.methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

const apiRoot = "/api/v1"

// serveAPI responds to a request below /api/v1. The lock is held.
func (s *Server) serveAPI(in *rest.Request) *rest.Response {
	path := strings.TrimPrefix(in.Path, apiRoot)
	n, ids := s.router.find(path)
	if n == nil {
		return rest.Failed(rest.UnknownURL())
	}
	if !strings.HasSuffix(path, "/") {
		if s.opts.Strict {
			return rest.Failed(rest.UnknownURL())
		}
		return rest.RedirectToSlash(in)
	}
	c := &rest.Call{Engine: s.engine, State: s.st.State, IDs: ids, Now: s.now(), Zone: zoneOf(in.Header), Query: in.Query, Path: in.Path, Method: in.EffectiveMethod()}
	if len(ids) > 0 {
		c.ID = ids[0]
	}
	overridden := c.Method != in.Method
	in.Method = c.Method
	if c.Method == http.MethodHead {
		c.Method = http.MethodGet
	}
	route, ok := n.methods[c.Method]
	if !ok {
		res := rest.Failed(rest.Refuse(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL."))
		res.Header.Set("Allow", n.allow())
		return res
	}
	c.Resource = s.engine.Resources[route.resource]
	in.Tool = route.tool
	credential, err := s.authenticate(c, in.Header)
	if err != nil {
		return rest.Failed(err)
	}
	in.User, in.Organization = c.User, c.Organization
	header, limited := s.limit(c, credential, route)
	var res *rest.Response
	if limited != nil {
		res = rest.Failed(limited)
	} else {
		res = s.run(c, route, in, overridden)
	}
	maps.Copy(res.Header, header)
	return res
}

// run reads the body and runs the action. The body of a GET or DELETE is read
// only if the method was overridden.
func (s *Server) run(c *rest.Call, route route, in *rest.Request, overridden bool) *rest.Response {
	bodiless := c.Method == http.MethodGet || c.Method == http.MethodDelete
	if !bodiless || overridden && len(in.Body) > 0 {
		if err := s.checkBody(in); err != nil {
			return rest.Failed(err)
		}
		body, err := rest.ReadBody(in.Body)
		if err != nil {
			return rest.Failed(err)
		}
		c.Body = body
	}
	if params, ok := c.Body["_params"].(object); ok {
		c.Query = withParams(c.Query, params)
	}
	c.RequestID = c.State.IDs.Short("req")
	v, err := c.Act(route.action)
	if err != nil {
		return rest.Failed(err)
	}
	res := &rest.Response{Status: cmp.Or(route.status, http.StatusOK), Header: http.Header{}}
	if res.Status == http.StatusNoContent {
		return res
	}
	res.Body = value.Encode(v)
	if o, ok := v.(object); ok && res.Status == http.StatusCreated && value.String(o["id"]) != "" {
		res.Header.Set("Location", c.Path+value.String(o["id"])+"/")
	}
	return res
}

// withParams adds the members of a _params object to a query.
func withParams(q url.Values, params object) url.Values {
	out := url.Values{}
	for k, v := range q {
		out[k] = slices.Clone(v)
	}
	for k, v := range params {
		switch v := v.(type) {
		case []any:
			var parts []string
			for _, e := range v {
				parts = append(parts, paramText(e))
			}
			out.Set(k, strings.Join(parts, ","))
		default:
			out.Set(k, paramText(v))
		}
	}
	return out
}

func paramText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case nil:
		return ""
	}
	return string(value.Encode(v))
}

func (s *Server) checkBody(in *rest.Request) error {
	if !s.opts.Strict {
		return nil
	}
	if in.Chunked {
		return rest.Refuse(http.StatusBadRequest, "Chunked bodies are not supported, send a Content-Length.")
	}
	mime, _, _ := strings.Cut(in.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mime), "application/json") {
		return rest.Refuse(http.StatusBadRequest, "The content type must be application/json.")
	}
	return nil
}

// zoneOf reads the offset in hours that a client sends; the default is UTC.
func zoneOf(h http.Header) *time.Location {
	raw := strings.TrimSpace(h.Get("X-Tz-Offset"))
	hours, err := strconv.ParseFloat(raw, 64)
	if err != nil || !(hours > -24 && hours < 24) || hours == 0 {
		return time.UTC
	}
	return time.FixedZone("", int(hours*3600))
}
