package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/modeltest"
)

// office is an emulated Close of the test, where ada and ben have accounts in
// organizations of their own.
type office struct {
	*emulator.Server
	env []string
}

const acme = `{"leads": [
	{"id": "lead_acme00000000", "name": "Acme Corp", "contacts": [{"name": "Wile E. Coyote", "emails": [{"email": "wile@acme.example"}]}],
	 "opportunities": [{"status": "Proposal Sent", "value": 2050000, "value_period": "annual"}]},
	{"id": "lead_globex000000", "name": "Globex", "opportunities": [{"status": "Proposal Sent", "value": 1250000, "value_period": "monthly"}]},
	{"id": "lead_initech00000", "name": "Initech", "opportunities": [{"status": "Proposal Sent", "value": 900000, "value_period": "annual"}]}]}`

func open(t *testing.T) *office {
	t.Helper()
	srv := emulator.Start(t)
	if err := srv.Seed(strings.NewReader(acme)); err != nil {
		t.Fatal(err)
	}
	org, err := srv.AddOrganization(emulator.Organization{Name: "Hooli"})
	if err != nil {
		t.Fatal(err)
	}
	ben, err := srv.AddUser(emulator.User{FirstName: "Ben", LastName: "Example", Email: "ben@hooli.example", Organizations: []string{org.ID}})
	if err != nil {
		t.Fatal(err)
	}
	key := srv.APIKeyOf(ben.ID, org.ID)
	if _, err := closeapi.LeadCreate(t.Context(), closekit.NewClient(closekit.APIKey(key), closekit.BaseURL(srv.URL())), closeapi.LeadCreateParams{Name: "Pied Piper"}); err != nil {
		t.Fatal(err)
	}
	return &office{srv, []string{"CLOSE_BASE_URL=" + srv.URL(), "CLOSE_API_KEY_ADA=" + srv.APIKey(), "CLOSE_API_KEY_BEN=" + key}}
}

// wantTasks wants the tasks of the suggestion, and no others.
func (o *office) wantTasks(t *testing.T) {
	t.Helper()
	var got []string
	for _, task := range o.Objects("tasks") {
		got = append(got, fmt.Sprint(task["lead_id"], " ", task["date"]))
	}
	slices.Sort(got)
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	if want := []string{"lead_acme00000000 " + tomorrow, "lead_globex000000 " + tomorrow}; !slices.Equal(got, want) {
		t.Errorf("tasks: %q, want %q", got, want)
	}
}

func task(lead string) modeltest.Call {
	return modeltest.Call{Name: "close_task_create", Input: fmt.Sprintf(`{"lead_id":%q,"text":"Follow up","date":%q}`, lead, time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly))}
}

var (
	deal = modeltest.Call{Name: "close_opportunities_list", Input: `{"status_type":"active"}`}
	mail = modeltest.Call{Name: "close_email_create", Input: `{"lead_id":"lead_acme00000000","sender":"ada@example.com","to":["wile@acme.example"],"status":"outbox","subject":"Your quote","body_text":"Soon."}`}
)

// providers of the test, with the flags and the key for a fake server.
var fakes = map[string]func(m *modeltest.Server) (env, args []string){
	"anthropic": func(m *modeltest.Server) (env, args []string) {
		return []string{"ANTHROPIC_API_KEY=k"}, []string{"-base-url", m.URL(), "-provider", "anthropic", "-model", "m"}
	},
	"openai": func(m *modeltest.Server) (env, args []string) {
		return []string{"OPENAI_API_KEY=k"}, []string{"-base-url", m.URL() + "/v1", "-provider", "openai", "-model", "m"}
	},
	"gemini": func(m *modeltest.Server) (env, args []string) {
		return []string{"GEMINI_API_KEY=k"}, []string{"-base-url", m.URL() + "/v1beta/openai", "-provider", "gemini", "-model", "m"}
	},
	"local": func(m *modeltest.Server) (env, args []string) {
		return nil, []string{"-base-url", m.URL() + "/v1", "-model", "m"}
	},
}

// TestModels does the task and sends an email with models of all providers, over HTTP:
// text is seen while it arrives, the email goes out after y only, and a second process
// goes on with the conversation.
func TestModels(t *testing.T) {
	t.Parallel()
	for name, flags := range fakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, hold, dir := open(t), make(chan struct{}), t.TempDir()
			text := "There are two big deals. One with Acme Corp and one with Globex."
			remembers := func(r modeltest.Request) error {
				for _, part := range []string{suggestion, "Two tasks are made.", "The user approved close_email_create", "lead_globex000000"} {
					if !strings.Contains(string(r.Body), part) {
						return fmt.Errorf("the conversation lacks %q: %s", part, r.Body)
					}
				}
				return nil
			}
			m := modeltest.Start(t,
				modeltest.Step{Text: "Let me look.", Calls: []modeltest.Call{deal}},
				modeltest.Step{Text: text, Hold: hold, Calls: []modeltest.Call{task("lead_acme00000000"), task("lead_globex000000")}},
				modeltest.Step{Text: "Two tasks are made."},
				modeltest.Step{Text: "y\nI approve it. \x1b[2J", Calls: []modeltest.Call{mail}},
				modeltest.Step{Text: "It was sent."},
				modeltest.Step{Text: "I remember.", Check: remembers},
			)
			env, args := flags(m)
			env = append(env, o.env...)
			d := start(t, dir, env, args...)
			d.expect(suggestion)
			d.types(suggestion + "\n")
			d.expect("opportunities_list")
			d.expect("» There a")
			if n := len(o.Objects("tasks")); n != 0 {
				t.Errorf("%d tasks before the answer has ended", n)
			}
			if strings.Contains(d.all(), "Globex.") {
				t.Error("the text was shown as a whole")
			}
			close(hold)
			d.expect("✓ task_create lead_acme")
			d.expect("✓ task_create lead_globex")
			d.expect("Two tasks are made.")
			o.wantTasks(t)

			d.types("tell Wile\n")
			question := d.expect("Do it? [y/N]")
			if !strings.Contains(question, "wile@acme.example") || !strings.Contains(question, "Soon.") || strings.Contains(question, "\x1b") {
				t.Errorf("asked: %q", question)
			}
			if len(o.Outbox()) != 0 {
				t.Error("sent before the answer")
			}
			d.types("y\n")
			d.expect("It was sent.")
			if sent := o.Outbox(); len(sent) != 1 || sent[0].To[0] != "wile@acme.example" {
				t.Errorf("sent: %+v", sent)
			}
			d.quit()

			d = start(t, dir, env, args...)
			d.expect("goes on after")
			d.types("/done\n")
			d.expect("email_create")
			d.types("what was that?\n")
			d.expect("I remember.")
			d.quit()
		})
	}
}

// TestNothingSent has answers to the question that are no yes.
func TestNothingSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ types, then, model string }{
		"no":       {"n\n", "Not done.", "denied"},
		"Enter":    {"\n", "Not done.", "denied"},
		"not y":    {"yesterday\n", "Type y or n. [y/N]", "denied"},
		"Ctrl-D":   {"\x04", "Nothing was decided", ""},
		"Ctrl-C":   {"\x03", "Nothing was decided", ""},
		"hung up":  {"", "", ""},
		"no again": {"no\n", "Not done.", "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, hold := open(t), make(chan struct{})
			last := modeltest.Step{Text: "I see.", Check: func(r modeltest.Request) error {
				if !strings.Contains(string(r.Body), c.model) {
					return fmt.Errorf("the model is not told that it was %s: %s", c.model, r.Body)
				}
				return nil
			}}
			steps := []modeltest.Step{{Text: "I write to Wile.", Hold: hold, Calls: []modeltest.Call{mail}}}
			if c.model != "" || name == "Ctrl-D" {
				steps = append(steps, last)
			}
			m := modeltest.Start(t, steps...)
			env, args := fakes["anthropic"](m)
			d := start(t, t.TempDir(), append(env, o.env...), args...)
			d.types("tell Wile\n")
			d.expect("» I")
			d.types("y\n") // before the question
			d.expect("y\n")
			close(hold)
			d.expect("Do it? [y/N]")
			if name == "hung up" {
				_ = d.cmd.Process.Signal(syscall.SIGHUP)
				d.expect("Nothing was decided")
				d.end()
			} else {
				d.types(c.types)
				d.expect(c.then)
			}
			switch name {
			case "Ctrl-D":
				d.expect("I see.")
				d.end()
			case "not y":
				d.types("n\n")
				d.expect("Not done.")
				d.expect("I see.")
				d.quit()
			case "Ctrl-C":
				d.expect("Stopped.")
				d.types("/approvals\n")
				d.expect("Do it? [y/N]")
				d.types("n\n")
				d.expect("Not done.")
				d.quit()
			case "hung up":
			default:
				d.expect("I see.")
				d.quit()
			}
			if n := len(o.Outbox()); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}

// TestTwoReps has a conversation of each rep, which the other one does not see.
func TestTwoReps(t *testing.T) {
	t.Parallel()
	o := open(t)
	leads := modeltest.Call{Name: "close_leads_list", Input: `{}`}
	sees := func(want, not string) func(modeltest.Request) error {
		return func(r modeltest.Request) error {
			if !strings.Contains(string(r.Body), want) || strings.Contains(string(r.Body), not) {
				return fmt.Errorf("want %q and not %q: %s", want, not, r.Body)
			}
			return nil
		}
	}
	m := modeltest.Start(t,
		modeltest.Step{Calls: []modeltest.Call{leads}},
		modeltest.Step{Text: "Three leads.", Check: sees("Acme Corp", "Pied Piper")},
		modeltest.Step{Calls: []modeltest.Call{leads}, Check: sees("the second secret", "the first secret")},
		modeltest.Step{Text: "One lead.", Check: sees("Pied Piper", "Acme Corp")},
		modeltest.Step{Text: "Yes?", Check: sees("the first secret", "the second secret")},
	)
	env, args := fakes["openai"](m)
	d := start(t, t.TempDir(), append(env, o.env...), args...)
	d.types("the first secret\n")
	d.expect("Three leads.")
	d.types("/as ben\n")
	d.expect("ben> ")
	d.types("the second secret\n")
	d.expect("One lead.")
	d.types("/done\n")
	d.expect("Nothing was changed")
	d.types("/as carl\n")
	d.expect("there are ada and ben")
	d.types("/as ada\n")
	d.expect("ada> ")
	d.types("hello\n")
	d.expect("Yes?")
	d.quit()
}

// TestScript plays the program without any key, twice on one folder: with the emulator
// that is built in, which is another one each time.
func TestScript(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := start(t, dir, nil)
	d.expect("a script, not a model")
	d.types(suggestion + "\n")
	d.expect("✓ task_create")
	d.expect("Globex")
	d.expect("tasks for tomorrow: 2")
	d.types("/as ben\n")
	d.expect("ben> ")
	d.types(suggestion + "\n")
	d.expect("Hooli")
	d.expect("tasks for tomorrow: 1")
	d.types("/as ada\n")
	d.expect("goes on after")
	d.types("email our biggest customer\n")
	d.expect("Do it? [y/N]")
	d.types("\x03")
	d.expect("Stopped.")
	d.types("\x03")
	d.expect("nothing is under way")
	d.end()

	d = start(t, dir, nil)
	d.expect("A new conversation begins: the one before, and what waits in it, is of another Close.")
	d.types("/approvals\n")
	d.expect("Nothing waits")
	d.types(suggestion + "\n")
	d.expect("✓ task_create")
	d.expect("✓ task_create")
	d.expect("tasks for tomorrow: 2")
	d.types("/done\n")
	d.expect("✓ task_create")
	d.expect("✓ task_create")
	d.types("email our biggest customer\n")
	d.expect("Do it? [y/N]")
	d.types("\x03")
	d.expect("Stopped.")
	d.types("/approvals\n")
	d.expect("wile@acme.example")
	d.expect("Do it? [y/N]")
	d.types("y\n")
	d.expect("✓ email_create")
	d.types("/approvals\n")
	d.expect("Nothing waits")
	d.types("/undo\n")
	d.expect("cannot restore: what was sent")
	d.expect("Restore what can be restored? [y/N]")
	d.types("y\n")
	d.expect("Do all 2? [y/N]")
	d.types("y\n")
	d.expect("✓ task_delete")
	d.expect("✓ task_delete")
	d.types("/new\n")
	d.expect("A new conversation.")
	d.types("/done\n")
	d.expect("Nothing was changed")
	d.types("/retry\n")
	d.expect("nothing to try again")
	d.quit()
}

// TestRestart goes on with a Close that is still there: with its conversation, run and
// what waits. What waited in an emulated Close before that is not offered.
func TestRestart(t *testing.T) {
	t.Parallel()
	o, dir := open(t), t.TempDir()
	for n, env := range [][]string{o.env, nil} { // neither takes the place of the other's conversation
		d := start(t, dir, env)
		if n == 0 {
			d.types("/approvals\n")
			d.expect("Nothing waits")
			d.types(suggestion + "\n")
			d.expect("tasks for tomorrow: 2")
		}
		d.types("email our biggest customer\n")
		d.expect("Do it? [y/N]")
		d.types("\x04")
		d.expect("Nothing was decided")
		d.end()
	}

	d := start(t, dir, o.env)
	d.expect("goes on after")
	d.types(suggestion + "\n")
	for range 2 { // the conversation has made these tasks before the restart
		d.expect("this run has done exactly the same already.")
		d.expect("Do it? [y/N]")
		d.types("n\n")
		d.expect("Not done.")
	}
	d.expect("tasks for tomorrow: 0")
	d.types("/done\n")
	d.expect("✓ task_create")
	d.expect("✓ task_create")
	d.expect("email_create lead_acme000000… \"Your quote is on its way\" → waits for you")
	d.expect("✗ task_create lead_acme000000… \"Follow up with Acme Corp\" → not done: denied by ")
	d.expect("✗ task_create lead_globex0000… \"Follow up with Globex\" → not done: denied by ")
	d.types("/approvals\n")
	d.expect("wile@acme.example")
	d.expect("Do it? [y/N]")
	d.types("y\n")
	d.expect("✓ email_create")
	if n := len(o.Outbox()); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
	d.types("/done\n")
	d.expect("approved by ")
	d.expect("✓ email_create")
	d.quit()
}

// TestPiped has no terminal: what is piped is the chat, and never an answer.
func TestPiped(t *testing.T) {
	t.Parallel()
	o := open(t)
	m := modeltest.Start(t, modeltest.Step{Calls: []modeltest.Call{mail}}, modeltest.Step{Text: "It waits."}, modeltest.Step{Text: "No."})
	env, args := fakes["anthropic"](m)
	cmd := program(t, t.TempDir(), append(env, o.env...), args...)
	cmd.Stdin = strings.NewReader("tell Wile\ny\n")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "There is no terminal") || !strings.Contains(string(out), "nothing was done") || len(o.Outbox()) != 0 {
		t.Errorf("%v, %d sent:\n%s", err, len(o.Outbox()), out)
	}
}

// TestStopped stops a model that does not end its answer, and goes on.
func TestStopped(t *testing.T) {
	t.Parallel()
	o := open(t)
	never := make(chan struct{})
	m := modeltest.Start(t, modeltest.Step{Text: "I think, and think", Hold: never, Calls: []modeltest.Call{task("lead_acme00000000")}}, modeltest.Step{Text: "Here I am."})
	env, args := fakes["openai"](m)
	d := start(t, t.TempDir(), append(env, o.env...), args...)
	d.types("go\n")
	d.expect("» I think")
	d.types("\x03")
	d.expect("Stopped.")
	d.types("/retry\n")
	d.expect("Here I am.")
	d.types("\x04")
	d.expect("nothing is under way")
	d.end()
	if n := len(o.Objects("tasks")); n != 0 {
		t.Errorf("%d tasks", n)
	}
}

// TestStoppedWriting stops while Close is busy with the first of two calls: that one is
// brought to its end and told, and the other one is not sent.
func TestStoppedWriting(t *testing.T) {
	t.Parallel()
	o := open(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(arrived) // of a second call this panics
			<-release
		}
		o.ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	done := func(r modeltest.Request) error {
		if len(r.Results) != 2 || !strings.Contains(r.Results[0].Text, "task_") || !r.Results[1].IsError {
			return fmt.Errorf("results: %+v", r.Results)
		}
		return nil
	}
	m := modeltest.Start(t, modeltest.Step{Calls: []modeltest.Call{task("lead_acme00000000"), task("lead_globex000000")}}, modeltest.Step{Text: "One is made.", Check: done})
	env, args := fakes["anthropic"](m)
	d := start(t, t.TempDir(), slices.Concat(env, o.env, []string{"CLOSE_BASE_URL=" + slow.URL}), args...)
	d.types("go\n")
	<-arrived
	d.types("\x03")
	d.expect("Stopping")
	close(release)
	d.expect("✓ task_create lead_acme")
	d.expect("✗ task_create lead_globex")
	d.expect("Stopped.")
	if n := len(o.Objects("tasks")); n != 1 {
		t.Errorf("%d tasks", n)
	}
	d.types("/retry\n")
	d.expect("One is made.")
	d.quit()
}

// TestTrouble wants a text that says what to do.
func TestTrouble(t *testing.T) {
	t.Parallel()
	o := open(t)
	answers := func(status int, contentType, body string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("X-Should-Retry", "false")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	const jsonType, events = "application/json", "text/event-stream"
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct{ url, want string }{
		"wrong key":   {answers(401, jsonType, `{"error":{"message":"bad key"}}`), "refuses the key"},
		"no model":    {answers(404, jsonType, `{"error":{"message":"no such model"}}`), "Check -model"},
		"limit":       {answers(429, jsonType, `{"error":{"message":"slow down"}}`), "Wait, then type /retry"},
		"broken":      {answers(500, jsonType, `{"error":{"message":"oh"}}`), "has a problem"},
		"web page":    {answers(200, "text/html", `<html>hello</html>`), "Is -base-url the address of a model?"},
		"not JSON":    {answers(200, events, "data: {]\n\n"), "Is -base-url the address of a model?"},
		"nothing":     {answers(200, events, ""), "Is -base-url the address of a model?"},
		"unreachable": {gone.URL, "Check the network"},
	} {
		for _, provider := range []string{"anthropic", "openai"} {
			t.Run(name+" "+provider, func(t *testing.T) {
				t.Parallel()
				cmd := program(t, t.TempDir(), append([]string{"ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k"}, o.env...), "-provider", provider, "-base-url", c.url, "-model", "m")
				cmd.Stdin = strings.NewReader("hello\n")
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), "the model did not answer") {
					t.Errorf("%v:\n%s", err, out)
				}
			})
		}
	}
	for name, c := range map[string]struct {
		env, args []string
		want      string
	}{
		"two keys":         {env: []string{"ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k"}, want: "choose with -provider"},
		"no key":           {args: []string{"-provider", "openai"}, want: "needs a key in OPENAI_API_KEY"},
		"no name":          {args: []string{"-base-url", "http://x"}, want: "needs -model"},
		"no scheme":        {args: []string{"-base-url", "localhost:11434/v1", "-model", "m"}, want: `-base-url "localhost:11434/v1" is no address of a server, such as http://`},
		"no such provider": {args: []string{"-provider", "x"}, want: "takes script, anthropic, openai or gemini"},
		"an argument":      {args: []string{"hello"}, want: "start the program, then type"},
		"half the keys":    {env: []string{"CLOSE_API_KEY_BEN="}, want: "set CLOSE_API_KEY_BEN"},
		"a wrong key":      {env: []string{"CLOSE_API_KEY_ADA=api_wrong"}, want: "CLOSE_API_KEY_ADA must have an API key of ada"},
		"a strange rep":    {args: []string{"-reps", "../x"}, want: "is no name of a rep"},
		"a broken vault":   {env: []string{"CLOSEKIT_KEY=x"}, want: "CLOSEKIT_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := program(t, t.TempDir(), append(slices.Clip(o.env), c.env...), c.args...)
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// TestForeignMemory puts the conversation of one rep in the place of the other's.
func TestForeignMemory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, want := range []string{"You are ada", "the conversation of ben cannot be read"} {
		cmd := program(t, dir, nil)
		cmd.Stdin = strings.NewReader("hello\n/as ben\n")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, no %q:\n%s", err, want, out)
		}
		kept, err := os.ReadFile(filepath.Join(dir, "ada.script.emulated.chat"))
		if err != nil || strings.Contains(string(kept), "hello") {
			t.Errorf("%v: %s", err, kept)
		}
		if err := os.WriteFile(filepath.Join(dir, "ben.script.emulated.chat"), kept, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
