// Command sales-assistant is a chat with a model that works in Close for two sales
// reps, each with an account and a conversation of their own. README.md says which file
// answers which question.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/closeapi/tools"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	if err := run(ctx, interrupts, os.Args[1:], os.Getenv, os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sales-assistant:", err)
		os.Exit(1)
	}
}

// run opens everything, talks, and ends everything in the reverse order.
func run(ctx context.Context, interrupts <-chan os.Signal, args []string, getenv func(string) string, in *os.File, out io.Writer) (err error) {
	flags := flag.NewFlagSet("sales-assistant", flag.ContinueOnError)
	flags.SetOutput(out)
	var pick choice
	flags.StringVar(&pick.provider, "provider", "", "script, anthropic, openai or gemini; the one with a key when empty, the script without a key")
	flags.StringVar(&pick.model, "model", "", "`name` of the model")
	flags.StringVar(&pick.baseURL, "base-url", "", "`URL` of a server that speaks the API of the provider, such as http://localhost:11434/v1 for a local model")
	names := flags.String("reps", "ada,ben", "`names` of the sales reps")
	dir := flags.String("dir", "", "`folder` for conversations, approvals and the audit log; one in your configuration when empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag; start the program, then type what is to be done", flags.Arg(0))
	}
	if *dir == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return fmt.Errorf("there is no folder for configuration: %w; choose one with -dir", err)
		}
		*dir = filepath.Join(config, "sales-assistant")
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return fmt.Errorf("conversations cannot be kept: %w; choose another folder with -dir", err)
	}
	model, provider, about, err := choose(pick, getenv)
	if err != nil {
		return err
	}
	vault, err := openVault(*dir, getenv)
	if err != nil {
		return err
	}
	store, err := sqlitestore.Open(filepath.Join(*dir, "agents.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	crm, err := openCRM(ctx, strings.Split(*names, ","), getenv)
	if crm != nil {
		defer func() { err = errors.Join(err, crm.close()) }()
	}
	if err != nil {
		return err
	}
	terminal := openTerminal(in, out, getenv)
	defer terminal.close()
	audit := store.Audit(vault)
	opts := []agent.Option{
		agent.WithPolicy(agent.Default().
			Trusted("close_task_create", "close_note_create").                  // also after texts of customers were read
			Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 200})), // per conversation
		agent.WithApprovals(store), agent.WithVault(vault), // what waits outlives the program
		agent.WithAudit(audit), agent.WithAudit(deeds{terminal}),
		agent.WithClient(closekit.NewClient(nil, crm.options...)),
	}
	ofModel, err := agent.New(tools.Catalog(), append(opts, agent.Toolset("sales"))...) // what a sales rep needs
	if err != nil {
		return err
	}
	ofRep, err := agent.New(tools.Catalog(), opts...)
	if err != nil {
		return err
	}
	c := &chat{
		terminal: terminal, crm: crm, ofModel: ofModel, ofRep: ofRep, log: audit, model: model, interrupts: interrupts,
		memory: &memory{dir: *dir, provider: provider, emulated: crm.emulated, vault: vault},
	}
	c.say("Close: %s\nModel: %s\nConversations are kept in %s", crm.about, about, *dir)
	if terminal.person == nil {
		c.say("There is no terminal, so no person can be asked: what needs one waits, and is not done.")
	}
	return c.run(ctx)
}
