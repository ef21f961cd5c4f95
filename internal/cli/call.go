package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/tty"
	"github.com/closekit/closekit/internal/words"
)

const callUsage = `call TOOL [JSON | - | --name value ...]`

func (p *program) callCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   callUsage,
		Short: "Call a tool",
		Long: `Call a tool by name and print Close's JSON on standard output; everything else
goes to standard error.

The input is JSON, JSON on standard input with -, or flags named after the
tool's parameters. "closekit call TOOL --help" explains them. In flags, the
leading underscore is optional and dashes stand for underscores: --limit is
--_limit, --lead-id is --lead_id. Separate the items of a list by commas, or
repeat the flag; write objects, and items that contain commas, as JSON. The value
null clears a parameter that can be cleared; '"null"' is that text itself.

The input is checked before anything is sent. Unknown parameters and wrong types
are errors, with a suggestion.

Before a call that deletes something or may send something to a customer, it asks
on the terminal, also if standard input and output are something else. What counts
is the effect of this call: saving a draft does not ask. Without a terminal nothing
is sent, and the exit code is 7; --yes answers in advance. --read-only sends only
what reads. "closekit help environment" explains CLOSEKIT_POLICY, which has the last
word.

A bulk action is about everything that a query finds. --confirm_count is the number
of records that you agree to: it is sent only if the query still finds that many, and
one that finds all records of the kind needs --confirm_everything too. A bulk edit or
deletion first writes the records as they are to the new file of --undo, a line of JSON
for each.

Exports and bulk actions are jobs: Close works on them after it has responded. With
--wait the command waits until the job has ended and prints what became of it. The
exit code is 10 if the job failed and 11 if it goes on when --timeout has passed.
Ctrl-C ends the waiting, not the job.

--account makes the call as a connected account ("closekit accounts connect")
instead of using the API key; its token is renewed automatically.`,
		Example: `  closekit call close_me_get
  closekit call close_lead_create '{"name": "Acme Corp", "contacts": [{"name": "Ann", "emails": [{"email": "ann@acme.example"}]}]}'
  closekit call close_leads_list --query "Acme Corp" --order_by -date_updated --limit 5 --fields id,display_name
  closekit call close_leads_list --all --fields id,display_name
  closekit call close_export_opportunity_create --format csv --wait --timeout 10m --yes
  closekit call --account ada close_me_get
  echo '{"name": "Acme Corp"}' | closekit call close_lead_create -`,
		DisableFlagParsing: true, // which flags there are depends on the tool
		ValidArgsFunction:  p.completeCall,
	}
	// The flags are parsed by hand; these are for the help.
	var o callOptions
	o.define(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.call(cmd, args) }
	return cmd
}

// callOptions are the flags of call that are not parameters of a tool.
type callOptions struct {
	all, pretty, check, wait bool
	record, timeout          string
	undoFlags
	confirmFlags
	acc accountFlags
}

func (o *callOptions) define(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.all, "all", false, "fetch all pages of a list; print one item per line; delete or change items only afterwards")
	cmd.Flags().BoolVar(&o.pretty, "pretty", false, "indent the JSON")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until the job that the call starts has ended; print the job")
	cmd.Flags().StringVar(&o.timeout, "timeout", "", "stop waiting after this `time`, such as 10m (default as long as it takes)")
	cmd.Flags().BoolVar(&o.check, "check", false, "check the input only; send nothing")
	cmd.Flags().StringVar(&o.record, "record", "", recordUsage)
	o.undoFlags.define(cmd.Flags())
	o.confirmFlags.define(cmd.Flags())
	o.acc.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
}

// texts returns the flags of call itself that have a value.
func (p *program) texts(r *request) map[string]*string {
	texts := map[string]*string{"api-key": &p.apiKey, "base-url": &p.baseURL, "allow-plain-http": &p.plainHosts, "record": &r.record, "timeout": &r.timeout, "undo": &r.undo}
	for _, t := range r.acc.texts() {
		texts[t.name] = t.to
	}
	return texts
}

// ownFlags returns the names of all flags of call itself.
func (p *program) ownFlags(r *request) []string {
	names := slices.Sorted(maps.Keys(p.texts(r)))
	return append([]string{"all", "pretty", "wait", "check", "yes", "read-only", "no-undo", "verbose", "help"}, names...)
}

// request is a parsed command line of call.
type request struct {
	callOptions
	catalog *closekit.Catalog
	help    bool
	tool    *closekit.Tool
	input   *schema
	flags   *flagSet
	text    *string // the JSON argument
	args    arguments
	line    []string // the command line
	at      int      // where text is in it
	job     *job     // that --wait waits for; nil without it
	limit   time.Duration
}

func (p *program) call(cmd *cobra.Command, args []string) error {
	r, err := p.parseCall(args)
	if err != nil {
		return err
	}
	switch {
	case r.help && r.tool == nil:
		return cmd.Help()
	case r.help:
		return p.print(p.named(toolHelp(r.tool, r.input, jobOf(p.catalog, r.tool) != nil)))
	case r.tool == nil:
		return usage("no tool is named; usage: closekit "+callUsage, "\"closekit tools\" lists them")
	}
	input, err := p.input(r)
	if err != nil {
		return err
	}
	if err := r.tool.Validate(input); err != nil {
		return err
	}
	paged := r.input.property("_skip") != nil || r.tool.Operation().Cursor != ""
	if r.all && !paged {
		return usage(r.tool.Name+" has no pages, so --all has no effect", "leave out --all")
	}
	if err := r.undoFlags.check(r.tool); err != nil && !r.check {
		return err
	}
	if err := r.readWait(input); err != nil {
		return err
	}
	if r.check {
		p.say("the input of %s is valid; nothing was sent", r.tool.Name)
		return nil
	}
	if op := r.tool.Operation(); op.OAuthOnly && r.acc == (accountFlags{}) { // before the user is asked
		if err := closekit.NewClient(closekit.APIKey(p.key())).CheckCredential(cmd.Context(), op); err != nil {
			return err
		}
	}
	a, err := r.action(input)
	if err != nil {
		return err
	}
	if err := p.permit(cmd.Context(), a, r.confirmFlags); err != nil {
		return err
	}
	return p.withRecordedClient(cmd.Context(), &r.acc, r.record, func(client *closekit.Client) error {
		return p.send(cmd.Context(), client, r, input)
	})
}

// maxLine bounds the JSON from standard input that is repeated in a command line.
const maxLine = 4 << 10

// action returns what the user may have to confirm.
func (r *request) action(input json.RawMessage) (*action, error) {
	effect, err := r.tool.EffectOf(input)
	if err != nil {
		return nil, err
	}
	a := &action{name: r.tool.Name, effects: effectsOf(effect), input: string(compact(input)), line: slices.Clone(r.line), account: r.acc.account}
	if r.text != nil && len(a.input) <= maxLine {
		a.line[r.at] = a.input // what was read cannot be read again
	}
	return a, nil
}

// withClient calls work with a client for the API key, or for a connected account.
func (p *program) withClient(ctx context.Context, acc *accountFlags, work func(*closekit.Client) error) error {
	return p.withSource(ctx, acc, func(source closekit.Source, what string) error {
		client, err := p.clientFor(source, what)
		if err != nil {
			return err
		}
		return work(client)
	})
}

// withSource calls work with the API key or a connected account, and with what that
// is called in warnings.
func (p *program) withSource(ctx context.Context, acc *accountFlags, work func(source closekit.Source, what string) error) error {
	if *acc == (accountFlags{}) {
		return work(closekit.APIKey(p.key()), "API key")
	}
	if acc.account == "" {
		return usage("no account is named, so the flags for accounts have no effect", "add --account NAME")
	}
	if p.apiKey != "" {
		return usage("--account and --api-key exclude each other", "give only one of them")
	}
	who, err := acc.principal()
	if err != nil {
		return err
	}
	return p.withManager(ctx, acc, appRequired, false, func(m *session) error {
		if _, err := m.get(ctx, acc); err != nil {
			return err
		}
		account, err := m.Account(who, acc.connectionName())
		if err != nil {
			return err
		}
		if err := work(account, "access token"); err != nil {
			return &accountCallError{err, acc.key()}
		}
		return nil
	})
}

// send makes a call and prints the response.
func (p *program) send(ctx context.Context, client *closekit.Client, r *request, input json.RawMessage) error {
	if r.all {
		return p.stream(ctx, client, r, input)
	}
	result, err := p.do(ctx, client, r, input)
	if err != nil {
		return err
	}
	for _, note := range result.Notes {
		p.note("%s: %s", p.name, note)
	}
	response := result.JSON
	if r.job != nil {
		return p.waitFor(ctx, client, r, r.job, response)
	}
	if r.pretty {
		response = indent(response)
	}
	return p.printResponse(r.tool.Name, r.tool.Effect != closekit.Read, response)
}

// printResponse prints the response of a call. If that fails after a write, the error
// says that the write was done: nothing else would keep the user from repeating it.
func (p *program) printResponse(name string, wrote bool, response []byte) error {
	err := p.print(string(response) + "\n")
	if err == nil || !wrote {
		return err
	}
	return lostResponse(name, err)
}

// lostResponse returns the error of a write whose response could not be printed.
func lostResponse(name string, err error) error {
	return &hinted{
		fmt.Errorf("%s succeeded, but its response is lost: %w", name, err),
		[]string{"do not repeat it; read the record in Close instead"},
		exitFailure,
	}
}

func indent(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return raw
	}
	return b.Bytes()
}

// parseCall parses the arguments of call by hand, because the flags depend on the
// tool.
func (p *program) parseCall(args []string) (*request, error) {
	r := &request{catalog: p.catalog, line: append([]string{"call"}, args...)}
	onlyArguments := false
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if onlyArguments || arg == "-" || !strings.HasPrefix(arg, "-") {
			if err := r.argument(arg); err != nil {
				return nil, err
			}
			if r.text != nil {
				r.at = len(r.line) - len(args) - 1
			}
			continue
		}
		if arg == "--" {
			onlyArguments = true
			continue
		}
		name, value, attached := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if done, err := p.ownFlag(r, name, value, attached, &args); err != nil {
			return nil, err
		} else if done {
			continue
		}
		if err := p.parameter(r, name, value, attached, &args); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// argument takes an argument that is not a flag: the tool, then its input.
func (r *request) argument(arg string) (err error) {
	switch {
	case r.tool == nil:
		if r.tool, err = r.catalog.Lookup(arg); err != nil {
			return err
		}
		if r.input, err = inputOf(r.tool); err != nil {
			return err
		}
		r.flags = flagsOf(r.tool, r.input)
	case r.text == nil:
		r.text = &arg
	default:
		return usage(fmt.Sprintf("unexpected argument %q", shorten(arg)), "put the JSON in one pair of single quotes")
	}
	return nil
}

// ownFlag takes a flag of the command itself.
func (p *program) ownFlag(r *request, name, value string, attached bool, rest *[]string) (bool, error) {
	switches := map[string]*bool{
		"all": &r.all, "pretty": &r.pretty, "wait": &r.wait, "check": &r.check, "help": &r.help, "h": &r.help, "verbose": &p.verbose, "v": &p.verbose,
		"yes": &r.yes, "y": &r.yes, "read-only": &r.readOnly, "no-undo": &r.noUndo,
	}
	if s, ok := switches[name]; ok {
		if attached && value != "true" && value != "false" {
			return false, usage("--"+name+" must be true or false", "\"closekit call --help\" explains the flags")
		}
		*s = value != "false"
		return true, nil
	}
	t, ok := p.texts(r)[name]
	if !ok {
		return false, nil
	}
	if !attached {
		if len(*rest) == 0 {
			return false, usage("--" + name + " needs a value")
		}
		value, *rest = (*rest)[0], (*rest)[1:]
	}
	if value == "" { // most often an unset variable
		return false, usage("--"+name+" is empty", "give a value, or leave the flag out")
	}
	*t = value
	return true, nil
}

// parameter takes a flag that is a parameter of the tool.
func (p *program) parameter(r *request, name, value string, attached bool, rest *[]string) error {
	if r.tool == nil {
		return usage(fmt.Sprintf("unknown flag --%s", name), "name the tool first: closekit "+callUsage)
	}
	target, ok := r.flags.find(name)
	if !ok {
		names := append(p.ownFlags(r), r.flags.names...)
		hint := r.tool.Name + " takes no parameters"
		if near := words.Parameter(name, names); near != "" {
			hint = "did you mean --" + near + "?"
		} else if len(r.flags.names) > 0 {
			flags := make([]string, len(r.flags.names))
			for i, n := range r.flags.names {
				flags[i] = "--" + n
			}
			hint = "the parameters are " + words.List(flags)
		}
		return usage(fmt.Sprintf("%s has no parameter --%s", r.tool.Name, name), hint,
			"\"closekit call "+r.tool.Name+" --help\" explains the parameters")
	}
	if !attached {
		next := ""
		if len(*rest) > 0 {
			next = (*rest)[0]
		}
		flagNext := strings.HasPrefix(next, "--") && p.known(r, next)
		switch {
		case target.schema.is("boolean") && (next == "true" || next == "false" || next == "null"):
			value, *rest = next, (*rest)[1:]
		case target.schema.is("boolean"):
			value = "true"
		case len(*rest) == 0 || flagNext:
			return usage(fmt.Sprintf("--%s needs a value: %s", name, target.schema.kind()),
				"\"closekit call "+r.tool.Name+" --help\" explains the parameters")
		default:
			value, *rest = next, (*rest)[1:]
		}
	}
	return r.args.add(name, target, value)
}

// known reports whether an argument is a flag rather than a value.
func (p *program) known(r *request, arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	_, ok := r.flags.find(name)
	return ok || slices.Contains(p.ownFlags(r), name)
}

// maxInput bounds what is read from standard input.
const maxInput = 64 << 20

// input returns the JSON input of the tool.
func (p *program) input(r *request) (json.RawMessage, error) {
	if r.text == nil {
		return r.args.encode()
	}
	if len(r.args.keys) > 0 {
		return nil, usage("the input is given twice, as JSON and as flags", "give the parameters one way or the other")
	}
	text, err := p.readJSON("the input", *r.text)
	if err != nil {
		// A bare word in place of an object is usually the id that is needed.
		if h := new(hinted); errors.As(err, &h) && len(r.input.Required) == 1 && isName(*r.text) {
			h.hints = []string{"did you mean --" + r.input.Required[0] + " " + *r.text + "?"}
		}
		return nil, err
	}
	return text, nil
}

// utf8Hint is what to do about text in UTF-16.
const utf8Hint = "PowerShell writes UTF-8 with: Out-File -Encoding utf8"

// readJSON returns a JSON argument, or standard input for -.
func (p *program) readJSON(where, arg string) (json.RawMessage, error) {
	text := []byte(arg)
	if arg == "-" {
		var err error
		where = "standard input"
		if text, err = io.ReadAll(io.LimitReader(p.stdin, maxInput+1)); err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		if len(text) > maxInput {
			return nil, wrongInput("standard input is larger than 64 MiB")
		}
		if len(bytes.TrimSpace(bom.Trim(text))) == 0 {
			return nil, wrongInput("standard input is empty", "give a JSON object, {} for no parameters")
		}
	}
	text, err := bom.Text(text)
	if err != nil {
		return nil, wrongInput(where+": "+err.Error(), utf8Hint)
	}
	if err := checkJSON(where, text); err != nil {
		return nil, err
	}
	return text, nil
}

func isName(s string) bool {
	return s != "" && s != "-" && !strings.ContainsAny(s, " {}[]\"':,\n")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// maxSkip is the largest offset that Close accepts.
const maxSkip = 35000

// stream prints the items of all pages, one per line, whole lines only.
func (p *program) stream(ctx context.Context, c *closekit.Client, r *request, input json.RawMessage) error {
	in, skip, err := r.paging(input)
	if err != nil {
		return err
	}
	op := r.tool.Operation()
	progress := newProgress(p.stderr)
	defer progress.done()
	for total := 0; ; {
		if op.Cursor == "" {
			in["_skip"] = fmt.Appendf(nil, "%d", skip)
		}
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the input: %w", err)
		}
		response, err := r.tool.Call(ctx, c, body)
		if err != nil {
			return err
		}
		var page struct {
			Data    []json.RawMessage `json:"data"`
			HasMore bool              `json:"has_more"`
		}
		if err := json.Unmarshal(response, &page); err != nil || page.Data == nil {
			return &hinted{
				fmt.Errorf("%s: the response is not a list of items", r.tool.Name),
				[]string{"call it without --all to see the response"},
				exitAPI,
			}
		}
		lines := make([]byte, 0, len(response))
		for _, item := range page.Data {
			if r.pretty {
				item = indent(item)
			} else {
				item = compact(item)
			}
			lines = append(append(lines, item...), '\n')
		}
		if err := p.print(string(lines)); err != nil {
			return err
		}
		total += len(page.Data)
		progress.show(total)
		skip += len(page.Data)
		if op.Cursor != "" {
			next, err := cursor(r.tool.Name, response, op.Next)
			switch {
			case err != nil || next == nil:
				return err
			case string(next) == string(in[op.Cursor]):
				return &closekit.PageError{Tool: r.tool.Name, Position: skip, Reason: "its cursor is that of the next page too"}
			}
			in[op.Cursor] = next
			continue
		}
		switch {
		case !page.HasMore:
			return nil
		case len(page.Data) == 0:
			return &closekit.PageError{Tool: r.tool.Name, Position: skip, Reason: "it is empty, but has_more is true"}
		case skip > maxSkip:
			return &closekit.SkipLimitError{Tool: r.tool.Name, Skip: maxSkip, Position: skip, Narrow: r.tool.Operation().Narrow}
		}
	}
}

// cursor returns the cursor of the next page as JSON, nil after the last page.
func cursor(tool string, response []byte, member string) (json.RawMessage, error) {
	var page map[string]json.RawMessage
	if err := json.Unmarshal(response, &page); err != nil {
		return nil, fmt.Errorf("%s: read the cursor: %w", tool, err)
	}
	switch next := page[member]; {
	case len(next) == 0, string(next) == "null", string(next) == `""`:
		return nil, nil
	case next[0] != '"':
		return nil, fmt.Errorf("%s: the member %s of the response is neither a text nor null", tool, member)
	default:
		return next, nil
	}
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

// paging splits the input, which was checked before, into the offset to start
// from and the rest.
func (r *request) paging(input json.RawMessage) (map[string]json.RawMessage, int, error) {
	in := map[string]json.RawMessage{}
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, 0, fmt.Errorf("read the input: %w", err)
	}
	limit, name, err := r.number(in, "_limit")
	if err != nil {
		return nil, 0, err
	}
	if name != "" && limit == 0 {
		return nil, 0, usage("--all fetches nothing in pages of 0", "leave out "+name)
	}
	skip, name, err := r.number(in, "_skip")
	delete(in, name)
	return in, skip, err
}

// number returns an integer of the input, and the name under which it was given.
func (r *request) number(in map[string]json.RawMessage, of string) (int, string, error) {
	names := []string{of}
	for _, a := range r.tool.Info().Aliases {
		if a.For == of {
			names = append(names, a.Name)
		}
	}
	for _, name := range names {
		if raw, ok := in[name]; ok {
			var n float64
			if err := json.Unmarshal(raw, &n); err != nil {
				return 0, name, fmt.Errorf("%s: %s must be an integer", r.tool.Name, name)
			}
			return int(n), name, nil
		}
	}
	return 0, "", nil
}

// progress is a line on a terminal that tells how far a long list or a job is.
type progress struct{ w io.Writer }

// newProgress returns a progress that is silent unless w is a terminal.
func newProgress(w io.Writer) *progress {
	if !tty.Is(w) {
		return &progress{}
	}
	return &progress{w}
}

func (p *progress) show(items int) { p.say(fmt.Sprintf("%d items …", items)) }

// say replaces the line.
func (p *progress) say(line string) {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\033[K"+line)
	}
}

// done clears the line.
func (p *progress) done() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
