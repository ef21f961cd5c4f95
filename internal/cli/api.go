package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/accounts"
)

// apiMethods are the methods of the API.
var apiMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

// apiFlags are the flags of api.
type apiFlags struct {
	confirmFlags
	acc    accountFlags
	data   string
	record string
	pretty bool
}

func (p *program) apiCommand() *cobra.Command {
	var f apiFlags
	cmd := &cobra.Command{
		Use:   "api METHOD PATH [JSON | -]",
		Short: "Send a request to any endpoint",
		Long: `Send a request to an endpoint of Close, with the API key or as a connected account,
and print the body of the response. It is for endpoints that have no tool: "closekit
call" checks the input and knows what a call does.

METHOD is GET, POST, PUT or DELETE. PATH is the path below /api/v1, with its last
slash, and may have a query. It cannot lead to another host. The body is the JSON
that follows, the same with --data, or standard input with -.

Because the effect of other requests is not known, everything but GET asks on the
terminal, as "closekit call" does before a call whose effect is more than write.`,
		Example: `  closekit api GET '/lead/?query=Acme&_limit=5'
  closekit api POST /lead/ '{"name": "Acme Corp"}' --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) < 2:
				return usage("a method and a path are needed; usage: closekit "+cmd.Use, "for example closekit api GET /me/")
			case len(args) > 3:
				return usage(fmt.Sprintf("unexpected argument %q", shorten(args[3])), "put the JSON in one pair of single quotes")
			}
			return nil
		},
		ValidArgsFunction: p.completeAPI,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.api(cmd, args, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "`JSON` body; - is standard input")
	flags.BoolVar(&f.pretty, "pretty", false, "indent the JSON")
	flags.StringVar(&f.record, "record", "", recordUsage)
	f.define(flags)
	f.acc.define(flags, nameFlags, storeFlags, appFlags)
	return cmd
}

func (p *program) api(cmd *cobra.Command, args []string, f *apiFlags) error {
	req, err := requestOf(args[0], args[1])
	if err != nil {
		return err
	}
	line := append([]string{"api"}, args...)
	if f.data != "" {
		if len(args) == 3 {
			return usage("the body is given twice, as an argument and with --data", "give it one way or the other")
		}
		line = append(line, f.data)
	}
	if len(line) == 4 {
		if req.Method == http.MethodGet {
			return usage("a GET has no body", "put parameters into the query of the path, such as "+args[1]+"?_limit=5")
		}
		body, err := p.readJSON("the body", line[3])
		if err != nil {
			return err
		}
		if req.Body = compact(body); len(req.Body) <= maxLine {
			line[3] = string(req.Body)
		}
	}
	a := &action{name: req.Method + " " + args[1], effects: effectsOf(closekit.Read), input: string(req.Body), account: f.acc.account}
	if req.Method != http.MethodGet {
		a.effects = effectNames[1:]
	}
	a.line = append(line, changed(cmd)...)
	if a.input == "" {
		a.input = "no body"
	}
	if err := p.permit(cmd.Context(), a, f.confirmFlags); err != nil {
		return err
	}
	return p.withRecordedClient(cmd.Context(), &f.acc, f.record, func(client *closekit.Client) error {
		var body []byte
		err := client.Do(cmd.Context(), *req, func(r closekit.Response) error {
			body = bytes.Clone(bytes.TrimSpace(r.Body))
			return nil
		})
		switch {
		case err != nil && !isOfRequest(err): // the path is not one of the API
			return usage(err.Error())
		case err != nil:
			return err
		case len(body) == 0:
			return nil
		case f.pretty:
			body = indent(body)
		}
		return p.printResponse(a.name, req.Method != http.MethodGet, body)
	})
}

// isOfRequest reports whether an error is about a request rather than about what was
// asked for.
func isOfRequest(err error) bool {
	var (
		refused   *closekit.Error
		unreached *closekit.TransportError
		noAuth    *closekit.AuthorizationError
		unread    *closekit.DecodeError
		account   accounts.AccountError
	)
	return errors.As(err, &refused) || errors.As(err, &unreached) || errors.As(err, &noAuth) || errors.As(err, &unread) || errors.As(err, &account)
}

// changed returns the flags that were given, but those for the body, which the
// command line has as an argument, and for the key.
func changed(cmd *cobra.Command) (args []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "data" && f.Name != "api-key" {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// requestOf returns the request for a method and a path with its query.
func requestOf(method, target string) (*closekit.Request, error) {
	req := &closekit.Request{Method: strings.ToUpper(method)}
	if !slices.Contains(apiMethods, req.Method) {
		return nil, usage(fmt.Sprintf("the method %q is none of GET, POST, PUT and DELETE", shorten(method)), "for example closekit api GET /me/")
	}
	path, query, _ := strings.Cut(target, "?")
	if u, err := url.Parse(path); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return nil, usage("the path must not name a host", "did you mean "+u.EscapedPath()+"? --base-url and "+envBaseURL+" choose the host")
	}
	if !strings.HasPrefix(path, "/") {
		return nil, usage(fmt.Sprintf("the path %q must start with a slash", shorten(path)), "did you mean /"+shorten(target)+"?")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, usage("the query cannot be read: "+err.Error(), "escape what is special in it; a plus is %2B, a percent sign %25")
	}
	req.Path, req.Query = path, values.Encode()
	return req, nil
}

// completeAPI completes the method, then the path.
func (p *program) completeAPI(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var list []string
	switch len(args) {
	case 0:
		list = apiMethods
	case 1:
		for _, t := range p.catalog.Tools() {
			if path := strings.TrimPrefix(t.Path, "/api/v1"); t.Method == strings.ToUpper(args[0]) {
				list = append(list, path)
			}
		}
	}
	return matching(list, toComplete), cobra.ShellCompDirectiveNoFileComp
}
