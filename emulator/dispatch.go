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
)

// route is one operation: a method and a path below /api/v1, with the resource
// and action that handle it. The path has {id} in place of an id.
type route struct {
	tool     string // name of the tool, empty for an operation without one
	method   string
	path     string
	resource string
	action   string
	status   int // of success
}

// router finds the operation for a path.
type router struct{ root *node }

// node is one segment in the tree of paths.
type node struct {
	fixed   map[string]*node
	param   *node
	methods map[string]route
}

// newRouter builds the tree from the tool routes and the others.
func newRouter(e *engine) *router {
	rt := &router{root: &node{}}
	for _, r := range extraRoutes {
		rt.add(r)
	}
	for _, r := range toolRoutes {
		if old, ok := rt.route(r.method, r.path); ok {
			r.resource, r.action = old.resource, old.action // extraRoutes overrides the generated table
		}
		rt.add(r)
		if e.resources[r.resource] == nil {
			e.add(ordinary(r.resource))
		}
	}
	return rt
}

func (rt *router) add(r route) {
	n := rt.root
	for seg := range strings.SplitSeq(strings.Trim(r.path, "/"), "/") {
		if strings.HasPrefix(seg, "{") {
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

// find returns the node for a path below /api/v1 and the last id in it, or nil.
func (rt *router) find(path string) (*node, string) {
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
	n, id := rt.root.walk(segments)
	if n == nil || n.methods == nil {
		return nil, ""
	}
	return n, id
}

func (n *node) walk(segments []string) (*node, string) {
	if len(segments) == 0 {
		if n.methods == nil {
			return nil, ""
		}
		return n, ""
	}
	if next := n.fixed[segments[0]]; next != nil {
		if found, id := next.walk(segments[1:]); found != nil {
			return found, id
		}
	}
	if n.param == nil || segments[0] == "" {
		return nil, ""
	}
	found, id := n.param.walk(segments[1:])
	if id == "" {
		id, _ = url.PathUnescape(segments[0])
	}
	return found, id
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
func (s *Server) serveAPI(in *incoming) *response {
	path := strings.TrimPrefix(in.path, apiRoot)
	n, id := s.router.find(path)
	if n == nil {
		return failed(unknownURL())
	}
	if !strings.HasSuffix(path, "/") {
		if s.opts.Strict {
			return failed(unknownURL())
		}
		return redirectToSlash(in)
	}
	c := &call{e: s.engine, st: s.st.state, id: id, now: s.now(), zone: zoneOf(in.header), query: in.query, path: in.path, method: in.effectiveMethod()}
	overridden := c.method != in.method
	in.method = c.method
	if c.method == http.MethodHead {
		c.method = http.MethodGet
	}
	route, ok := n.methods[c.method]
	if !ok {
		res := failed(refuse(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL."))
		res.header.Set("Allow", n.allow())
		return res
	}
	c.r = s.engine.resources[route.resource]
	in.tool = route.tool
	credential, err := s.authenticate(c, in.header)
	if err != nil {
		return failed(err)
	}
	in.user, in.org = c.user, c.org
	header, limited := s.limit(c, credential, route)
	var res *response
	if limited != nil {
		res = failed(limited)
	} else {
		res = s.run(c, route, in, overridden)
	}
	maps.Copy(res.header, header)
	return res
}

// run reads the body and runs the action. The body of a GET or DELETE is read
// only if the method was overridden.
func (s *Server) run(c *call, route route, in *incoming, overridden bool) *response {
	bodiless := c.method == http.MethodGet || c.method == http.MethodDelete
	if !bodiless || overridden && len(in.body) > 0 {
		if err := s.checkBody(in); err != nil {
			return failed(err)
		}
		body, err := readBody(in.body)
		if err != nil {
			return failed(err)
		}
		c.body = body
	}
	if params, ok := c.body["_params"].(object); ok {
		c.query = withParams(c.query, params)
	}
	c.requestID = c.st.ids.short("req")
	v, err := c.act(route.action)
	if err != nil {
		return failed(err)
	}
	res := &response{status: cmp.Or(route.status, http.StatusOK), header: http.Header{}}
	if res.status == http.StatusNoContent {
		return res
	}
	res.body = encodeJSON(v)
	if o, ok := v.(object); ok && res.status == http.StatusCreated && str(o["id"]) != "" {
		res.header.Set("Location", c.path+str(o["id"])+"/")
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
	return string(encodeJSON(v))
}

func (s *Server) checkBody(in *incoming) error {
	if !s.opts.Strict {
		return nil
	}
	if in.chunked {
		return refuse(http.StatusBadRequest, "Chunked bodies are not supported, send a Content-Length.")
	}
	mime, _, _ := strings.Cut(in.header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(mime), "application/json") {
		return refuse(http.StatusBadRequest, "The content type must be application/json.")
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
