// Command agents evaluates ways to let a model work with Close, on the emulator: tools
// of a plain description of the API, tools by name, the agent layer, and its
// meta-tools. It writes RESULTS.md and results.svg. It is a module of its own because of
// the tokenizer.
//
//	go run .                                 everything, with scripted models
//	go run . -quick                          few runs, to try it out; writes nothing
//	go run . -brief                          fewer settings, two trials
//	go run . -live anthropic -model NAME     a real model; the key is in the environment
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	quick := flag.Bool("quick", false, "one trial of each task, few settings; print instead of writing")
	brief := flag.Bool("brief", false, "fewer settings and two trials, in a minute and a half of CPU time")
	provider := flag.String("live", "", "evaluate a real model of `provider` anthropic or openai instead; it costs money")
	model := flag.String("model", "", "`name` of the real model")
	base := flag.String("base", "", "`URL` of the provider, for compatible ones")
	trials := flag.Int("trials", 0, "trials of each task; default 4, and 1 for a real model")
	tasks := flag.Int("tasks", 0, "only the first `n` tasks; 0 for all")
	flag.Parse()
	e, err := newEvaluation(*trials, *tasks, *quick)
	if err != nil {
		return err
	}
	if e.brief = *brief; e.brief && e.trials == 0 {
		e.trials = 2
	}
	if *provider != "" {
		key := os.Getenv(map[string]string{"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}[*provider])
		ask, err := client(*provider, *model, *base, key)
		if err != nil {
			return err
		}
		return e.live(ctx, os.Stdout, *model, ask)
	}
	began := time.Now()
	r, err := e.scripted(ctx)
	if err != nil {
		return err
	}
	text, missed := r.markdown(time.Since(began))
	if *quick {
		fmt.Fprint(os.Stdout, text)
		return missed
	}
	if err := os.WriteFile("RESULTS.md", []byte(text), 0o644); err != nil { //nolint:gosec // for all readers
		return err
	}
	if err := os.WriteFile("results.svg", []byte(r.plot()), 0o644); err != nil { //nolint:gosec // for all readers
		return err
	}
	return missed
}
