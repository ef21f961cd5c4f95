package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit"
)

// waitLimit reads --timeout, which is zero if it is not given: no limit.
func (r *request) waitLimit() (time.Duration, error) {
	switch {
	case r.timeout == "":
		return 0, nil
	case !r.wait:
		return 0, usage("--timeout bounds the wait for a job, so it has no effect without --wait", "add --wait, or leave out --timeout")
	}
	d, err := time.ParseDuration(r.timeout)
	if err != nil || d <= 0 {
		return 0, usage(fmt.Sprintf("--timeout %q is not a duration", shorten(r.timeout)), "write it as 90s, 10m or 2h")
	}
	return d, nil
}

// job is something that Close works on in the background.
type job struct {
	get   *closekit.Tool // fetches it
	param string         // of get, that takes the id of the job; empty if the input is that of get
	input json.RawMessage
	id    string
}

// jobOf returns how to fetch the job that a call of a tool starts or fetches, nil if
// there is none. What starts jobs makes one of the records that the other tool fetches.
func jobOf(c *closekit.Catalog, t *closekit.Tool) *job {
	op := t.Operation()
	if op.Waits != nil {
		return &job{get: t}
	}
	if op.Method != http.MethodPost {
		return nil
	}
	for _, get := range c.Tools() {
		rest, below := strings.CutPrefix(get.Operation().Path, op.Path+"{")
		param, last := strings.CutSuffix(rest, "}/")
		if get.Operation().Waits != nil && below && last && !strings.Contains(param, "/") {
			return &job{get: get, param: param}
		}
	}
	return nil
}

// readWait reads --wait and --timeout.
func (r *request) readWait(input json.RawMessage) (err error) {
	if r.limit, err = r.waitLimit(); err != nil || !r.wait {
		return err
	}
	if r.all {
		return usage("--all and --wait exclude each other", "give only one of them")
	}
	r.job, err = r.jobFor(input)
	return err
}

// jobFor returns the job that --wait waits for. The error names the tools that have one.
func (r *request) jobFor(input json.RawMessage) (*job, error) {
	j := jobOf(r.catalog, r.tool)
	if j == nil {
		var starting []string
		for _, t := range r.catalog.Tools() {
			if other := jobOf(r.catalog, t); other != nil && other.param != "" {
				starting = append(starting, t.Name)
			}
		}
		hint := "no tool here starts a job"
		if len(starting) > 0 {
			hint = "these do: " + strings.Join(starting, ", ")
		}
		return nil, usage(r.tool.Name+" starts no job to wait for", "leave out --wait", hint)
	}
	if j.param != "" {
		return j, nil
	}
	var in struct {
		Fields []string `json:"_fields"`
		Alias  []string `json:"fields"`
	}
	var params map[string]json.RawMessage
	path := r.tool.Operation().Path
	param, _, _ := strings.Cut(path[strings.LastIndexByte(path, '{')+1:], "}")
	_ = errors.Join(json.Unmarshal(input, &in), json.Unmarshal(input, &params), json.Unmarshal(params[param], &j.id)) // the input is valid
	j.input = input
	if fields := slices.Concat(in.Fields, in.Alias); len(fields) > 0 && !slices.Contains(fields, j.field()) {
		return nil, usage("the fields that are asked for do not tell when the job ends", "add "+j.field()+" to them")
	}
	return j, nil
}

// field is the one that tells how far the job is.
func (j *job) field() string { return j.get.Operation().Waits.Field }

// started takes the id of a job that a call has started from what it returned.
func (j *job) started(response json.RawMessage) error {
	if j.param == "" { // the id was in the input
		return nil
	}
	var made struct{ ID string }
	if err := json.Unmarshal(response, &made); err != nil || made.ID == "" {
		return &goesOnError{&hinted{
			errors.New("the job was started, but the response has no id to wait for"),
			[]string{"look for it in Close before you start another one"},
			exitJobGoesOn,
		}}
	}
	j.id = made.ID
	var err error
	j.input, err = json.Marshal(map[string]string{j.param: j.id})
	return err
}

// goesOnError reports that a job was started and goes on, whatever ended the wait for it: a
// script that takes it for a call that failed would start the job a second time.
type goesOnError struct{ error }

func (e *goesOnError) Unwrap() error { return e.error }

// errTimeUp ends a wait after the time that --timeout allows.
var errTimeUp = errors.New("the time that --timeout allows has passed")

// waitFor waits until a job has ended, and prints it. first is the response of the call
// that started or fetched it.
func (p *program) waitFor(ctx context.Context, client *closekit.Client, r *request, j *job, first json.RawMessage) error {
	if err := j.started(first); err != nil {
		return err
	}
	// A deadline would end the wait before the look that it leaves no time for.
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if r.limit > 0 {
		defer time.AfterFunc(r.limit, func() { stop(errTimeUp) }).Stop()
	}
	progress := newProgress(p.stderr)
	defer progress.done()
	var last json.RawMessage
	look := func(ctx context.Context) (string, any, error) {
		if j.param == "" && first != nil { // the call was the first look
			last, first = first, nil
		} else {
			job, err := j.get.Call(ctx, client, j.input)
			if err != nil {
				return "", nil, err
			}
			last = job
		}
		state, about, err := j.read(last)
		progress.say(about)
		return state, last, err
	}
	err := client.WaitFor(waiting, j.get.Operation(), func() (string, any, error) { return look(waiting) })
	if err != nil && errors.Is(context.Cause(waiting), errTimeUp) && ctx.Err() == nil {
		// It may have ended since the last look.
		once, enough := context.WithCancelCause(ctx)
		defer enough(nil)
		err = client.WaitFor(once, j.get.Operation(), func() (string, any, error) {
			state, job, err := look(ctx)
			enough(errTimeUp)
			return state, job, err
		})
	}
	progress.done()
	var failed *closekit.JobError
	if err == nil || errors.As(err, &failed) {
		if r.pretty {
			last = indent(last)
		}
		if lost := p.printResponse(r.tool.Name, r.tool.Effect != closekit.Read, last); lost != nil {
			return lost
		}
	}
	if err == nil || failed != nil {
		return err
	}
	again := "closekit call " + j.get.Name
	if j.param != "" {
		again += " --" + j.param + " " + shellWord(j.id)
	} else {
		again += " " + quoteArg(string(compact(j.input)))
	}
	if r.acc.account != "" {
		again += " " + callFlags(r.acc.key())
	}
	return &goesOnError{&hinted{err, []string{
		"Close goes on with " + printable(j.id, 100) + "; to look at it, run: " + again,
		"to wait for it again, run: " + again + " --wait",
	}, exitJobGoesOn}}
}

// read returns the state of a job, and a line about it.
func (j *job) read(raw json.RawMessage) (state, about string, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return "", "", fmt.Errorf("%s: read the job: %w", j.get.Name, err)
	}
	text, ok := members[j.field()]
	if !ok {
		return "", "", &hinted{fmt.Errorf("%s: the response has no %s that tells when the job ends", j.get.Name, j.field()), nil, exitAPI}
	}
	var word *string // null, before there is one
	if err := json.Unmarshal(text, &word); err != nil {
		return "", "", fmt.Errorf("%s: the %s of the job is no text", j.get.Name, j.field())
	}
	if word != nil {
		state = *word
	}
	about = j.id + ": " + strings.ReplaceAll(state, "_", " ")
	for _, field := range j.get.Info().Show {
		all, counts := strings.CutSuffix(field.Name, "_processed")
		if done, of := string(members[field.Name]), string(members[all]); counts && isNumber(done) && isNumber(of) {
			about += fmt.Sprintf(", %s of %s", done, of)
		}
	}
	return state, printable(about, 200) + " …", nil
}
