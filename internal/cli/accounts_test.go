package cli

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/pgtest"
)

// The commands of scenarios with connected accounts:
//
//	consent CODE HOW [flags] NAME    run closekit accounts connect, answer its consent page, and check its exit
//	                                 code; its streams are then in the files out and err. HOW is allow, ben (allow
//	                                 as the second user), deny, paste, pastecode, pastedenial, nonsense, foreign,
//	                                 corrected (foreign, then right), stolen (the code of another authorization)
//	                                 or eof
//	oauth expire | revoke | fault STATUS | fault ERROR | fault cut | ok
//	                                 what happens at the OAuth server
//	grants N                         the emulator holds so many grants that are alive
//	sql FILE STATEMENT               change a SQLite file
//	disclose FILE...                 none of the files holds a secret, and one of them holds $ORG

// child environment of consent, which testscript does not return as a whole.
var passed = []string{
	"CLOSE_API_KEY", "CLOSE_BASE_URL", "CLOSE_CLIENT_ID", "CLOSE_CLIENT_SECRET", "CLOSE_REDIRECT_URL",
	"CLOSEKIT_DB", "CLOSEKIT_KEY", "CLOSEKIT_KEY_FILE", "CLOSEKIT_STATE_DIR", "NO_PROXY", "GORACE", "TZ", "HOME", "TMPDIR",
}

func consent(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	self, err := os.Executable()
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, append([]string{"accounts", "connect"}, args[2:]...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{asCommand + "=1"}
	for _, name := range passed {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	got, out, problems := answered(cmd, of(ts).srv, args[1])
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(out), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(problems), 0o600))
	ts.Logf("[out]\n%s[err]\n%s", out, problems)
	checkSecrets(ts, out+problems)
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// answered runs a command that shows a consent page, and answers it.
func answered(cmd *exec.Cmd, srv *emulator.Server, how string) (code int, stdout, stderr string) {
	var out, problems bytes.Buffer
	in, err1 := cmd.StdinPipe()
	messages, err2 := cmd.StderrPipe()
	cmd.Stdout = &out
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return -1, "", err.Error()
	}
	lines := bufio.NewScanner(messages)
	for lines.Scan() {
		problems.WriteString(lines.Text() + "\n")
		if page := strings.TrimSpace(lines.Text()); strings.HasPrefix(page, "http") {
			if err := answer(srv, how, page, in); err != nil {
				problems.WriteString("answer: " + err.Error() + "\n")
				_ = cmd.Process.Kill()
			}
		}
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String(), problems.String()
}

func answer(srv *emulator.Server, how, page string, in io.WriteCloser) error {
	say := func(text string) error {
		_, err := io.WriteString(in, text+"\n")
		return err
	}
	visit := func(back string, err error) error {
		if err != nil {
			return err
		}
		resp, err := http.Get(back)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if how == "eof" {
		return in.Close()
	}
	back, err := srv.Allow(page, "", "")
	if how == "deny" || how == "pastedenial" {
		back, err = srv.Deny(page)
	}
	if err != nil {
		return err
	}
	u, err := url.Parse(back)
	if err != nil {
		return err
	}
	q := u.Query()
	q.Set("state", "of-another-flow")
	foreign := *u
	foreign.RawQuery = q.Encode()
	switch how {
	case "allow", "deny":
		return visit(back, nil)
	case "ben":
		return visit(srv.Allow(page, srv.Users()[1].ID, ""))
	case "paste", "pastedenial":
		return say("\n  " + back)
	case "pastecode":
		return say(u.Query().Get("code"))
	case "nonsense":
		return errors.Join(say("what am I to do here?"), in.Close())
	case "foreign":
		return errors.Join(say(foreign.String()), in.Close())
	case "corrected":
		return errors.Join(say(foreign.String()), say(back))
	case "stolen":
		other, err := srv.Allow(strings.Replace(page, "code_challenge=", "code_challenge=x", 1), "", "")
		if err != nil {
			return err
		}
		o, err := url.Parse(other)
		return errors.Join(err, say(o.Query().Get("code")))
	}
	return errors.New("unknown answer " + how)
}

func oauth(ts *testscript.TestScript, _ bool, args []string) {
	srv := of(ts).srv
	fault := emulator.Fault{Path: "/oauth2/*", Method: http.MethodPost, Times: -1}
	switch status, err := strconv.Atoi(args[len(args)-1]); {
	case args[0] == "expire":
		srv.ExpireTokens()
		return
	case args[0] == "revoke":
		srv.RevokeGrant("", "")
		return
	case args[0] == "ok":
		srv.ClearFaults()
		return
	case err == nil:
		fault.Status = status
	case args[1] == "cut":
		fault.Kind = emulator.FaultCut
	default:
		fault.OAuthError = args[1]
	}
	srv.Fail(fault)
}

func countGrants(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(of(ts).srv.OAuthStats().GrantsAlive); got != args[0] {
		ts.Fatalf("%s grants are alive, want %s", got, args[0])
	}
}

func execute(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

func disclose(ts *testscript.TestScript, _ bool, args []string) {
	var all strings.Builder
	for _, name := range args {
		all.WriteString(ts.ReadFile(name))
	}
	if !strings.Contains(all.String(), of(ts).srv.Organizations()[0].ID) {
		ts.Fatalf("the organization is not in there, so these are not the files")
	}
	checkSecrets(ts, all.String())
}

// secrets are what keys and tokens look like.
var secrets = regexp.MustCompile(`ck1\.[A-Za-z0-9_-]{20,}|(access|refresh)\.[A-Za-z0-9]{20,}|s3cret`)

// checkSecrets makes sure that a text holds no secret.
func checkSecrets(ts *testscript.TestScript, text string) {
	if secrets.MatchString(text) {
		ts.Fatalf("a key, a token or a password is shown")
	}
	if srv := of(ts).srv; srv != nil && strings.Contains(text, srv.ClientSecret()) {
		ts.Fatalf("the client secret is shown")
	}
}

// TestOwnFlags checks that the flags of call hide no parameter of any tool.
func TestOwnFlags(t *testing.T) {
	p := &program{name: ownName, catalog: tools.Catalog()}
	for _, tool := range tools.All() {
		input, err := inputOf(tool)
		if err != nil {
			t.Fatal(err)
		}
		flags := flagsOf(tool, input)
		for _, name := range p.ownFlags(&request{}) {
			if _, taken := flags.find(name); taken {
				t.Errorf("%s has a parameter %s, which is a flag of the command", tool.Name, name)
			}
		}
	}
}

// TestPostgres connects an account in PostgreSQL.
func TestPostgres(t *testing.T) {
	db := pgtest.Database(t)
	srv := emulator.Start(t)
	dir := t.TempDir()
	env := append(os.Environ(), asCommand+"=1", "NO_PROXY=*", "GORACE="+fastExit, "CLOSE_API_KEY=", "CLOSE_BASE_URL="+srv.URL(),
		"CLOSE_CLIENT_ID="+srv.ClientID(), "CLOSE_CLIENT_SECRET="+srv.ClientSecret(), "CLOSE_REDIRECT_URL=",
		"CLOSEKIT_KEY=", "CLOSEKIT_KEY_FILE="+filepath.Join(dir, "key"), "CLOSEKIT_STATE_DIR=", "CLOSEKIT_DB="+db)
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), self(t), args...)
		cmd.Env, cmd.Dir = env, dir
		return cmd
	}
	run := func(want int, wanted string, args ...string) {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		var exit *exec.ExitError
		code := 0
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != want || !strings.Contains(string(out), wanted) || password != "" && strings.Contains(string(out), password) {
			t.Errorf("%v: exit code %d, %s", args, code, out)
		}
	}
	run(0, "The key is in", "accounts", "keygen", "--out", "key")
	if code, out, problems := answered(command("accounts", "connect", "ada"), srv, "allow"); code != 0 || !strings.Contains(out, "ACTIVE") {
		t.Fatalf("exit code %d, %s%s", code, out, problems)
	}
	run(0, srv.Users()[0].ID, "call", "--account", "ada", "close_me_get", "-v")
	run(0, "ACTIVE", "accounts", "list")
	run(0, "generation 2", "accounts", "refresh", "ada", "--state-dir", "state")
	if _, err := os.Stat(filepath.Join(dir, "state", "1", "journal")); err != nil {
		t.Errorf("no journal: %v", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 2 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	run(0, "nothing is due", "accounts", "health")
	u.Path += "_none"
	run(1, "cannot be opened", "accounts", "list", "--db", u.String())
	u.Host = "127.0.0.1:1"
	run(1, "cannot connect", "accounts", "list", "--db", u.String())
	run(1, "not valid", "accounts", "list", "--db", "postgres://ada:s3cret@127.0.0.1:port/x")
}

// TestShowPage hides a word that is a part of every address of Close.
func TestShowPage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &program{name: ownName, catalog: tools.Catalog(), stderr: &out, getenv: func(string) string { return "" }}
	p.hidePassword("postgres://closekit:close@localhost/closekit")
	p.note("the password is close")
	const page = "https://app.close.com/oauth2/authorize/?client_id=x"
	p.showPage(page)
	if text := out.String(); !strings.Contains(text, page) || strings.Contains(text, "is close") {
		t.Error(text)
	}
}

// TestAddKeepsOwner adds a key to a file that others may read by its rights.
func TestAddKeepsOwner(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS == "windows" {
		return // there are no such rights
	}
	name := filepath.Join(t.TempDir(), "accounts.key")
	keygen := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		args = append([]string{"accounts", "keygen"}, args...)
		if code := (Program{}).Run(t.Context(), args, strings.NewReader(""), &out, &out, func(string) string { return "" }); code != 0 {
			t.Fatalf("%v ends with %d: %s", args, code, out.String())
		}
	}
	keygen("--out", name)
	if err := os.Chmod(name, 0o440); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if os.Geteuid() == 0 {
		if err := os.Chown(name, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	keygen("--add", "--key-file", name)
	after, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("mode %v after %v", after.Mode(), before.Mode())
	}
	owner := func(i os.FileInfo) [2]uint64 { // the type differs by system
		v := reflect.Indirect(reflect.ValueOf(i.Sys()))
		return [2]uint64{v.FieldByName("Uid").Uint(), v.FieldByName("Gid").Uint()}
	}
	if owner(after) != owner(before) {
		t.Errorf("owner %v after %v", owner(after), owner(before))
	}
}
