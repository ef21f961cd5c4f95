package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer"

	"github.com/closekit/closekit/internal/agenttasks"
)

// evaluation runs tasks in arms.
type evaluation struct {
	lab    *agenttasks.Lab
	bare   *agenttasks.Lab // counts no tokens
	tasks  []agenttasks.Task
	trials int
	quick  bool
	brief  bool
}

func newEvaluation(trials, tasks int, quick bool) (*evaluation, error) {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return nil, err
	}
	var known sync.Map // tokens by text: most texts come again
	count := func(text string) int {
		if n, ok := known.Load(text); ok {
			return n.(int) //nolint:forcetypeassert // only ints are stored
		}
		n, err := codec.Count(text)
		if err != nil {
			n = len(text) / 4
		}
		known.Store(text, n)
		return n
	}
	e := &evaluation{lab: &agenttasks.Lab{Count: count}, bare: &agenttasks.Lab{}, tasks: agenttasks.All(), trials: trials, quick: quick}
	if tasks > 0 && tasks < len(e.tasks) {
		e.tasks = e.tasks[:tasks]
	}
	if e.trials == 0 && quick {
		e.trials = 1
	}
	return e, nil
}

// cell is what a model made of the tasks in an arm: outcomes by task and trial.
type cell struct {
	arm   string
	model string
	runs  [][]*agenttasks.Outcome
}

// play has models do tasks, one per trial.
func (e *evaluation) play(ctx context.Context, lab *agenttasks.Lab, tasks []agenttasks.Task, arm agenttasks.Arm, name string, trials int, model func(trial int) agenttasks.Model) (*cell, error) {
	return e.playAs(ctx, lab, tasks, arm, name, trials, false, model)
}

// playAs has models do tasks, or the variants in which the rep leaves something out.
func (e *evaluation) playAs(ctx context.Context, lab *agenttasks.Lab, tasks []agenttasks.Task, arm agenttasks.Arm, name string, trials int, less bool, model func(trial int) agenttasks.Model) (*cell, error) {
	c := &cell{arm: arm.Name, model: name, runs: make([][]*agenttasks.Outcome, len(tasks))}
	var group sync.WaitGroup
	slots := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	var failed error
	for i := range tasks {
		c.runs[i] = make([]*agenttasks.Outcome, trials)
		for n := range trials {
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				out, err := lab.Run(ctx, agenttasks.Trial{Task: &tasks[i], Arm: arm, Model: model(n), Less: less})
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed = err
					return
				}
				c.runs[i][n] = out
			})
		}
	}
	group.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return c, failed
}

// results are all cells.
type results struct {
	trials     int
	tasks      int
	writing    int                         // tasks that write
	oracle     map[string]*cell            // by arm
	main       []*cell                     // characters at the rates of a model of the middle
	strengths  map[string]map[string]*cell // reader, visible slips: by times and arm
	allSlips   map[string]map[string]*cell // reader, all slips
	near       *cell                       // reader of near names, plain
	slips      map[string]map[string]*cell // one slip in every call: by slip and arm
	injections map[string]map[string]injected
}

// injected are the runs of the scenarios with orders.
type injected struct{ calm, obedient *cell }

// times are the multiples of the rates.
var times = []float64{0.25, 1, 2, 4, 8, 16}

func (e *evaluation) character(base agenttasks.Character, visible bool, times float64) func(int) agenttasks.Model {
	base.Visible, base.Times = visible, times
	return func(trial int) agenttasks.Model {
		return agenttasks.Scripted{Character: base, Seed: uint64(trial)} //nolint:gosec // small
	}
}

// scripted runs everything with scripted models.
func (e *evaluation) scripted(ctx context.Context) (*results, error) { //nolint:gocognit // one loop per table
	if e.trials == 0 {
		e.trials = 4
	}
	r := &results{
		trials: e.trials, tasks: len(e.tasks), oracle: map[string]*cell{}, strengths: map[string]map[string]*cell{}, allSlips: map[string]map[string]*cell{},
		slips: map[string]map[string]*cell{}, injections: map[string]map[string]injected{},
	}
	for _, t := range e.tasks {
		if t.Writes() {
			r.writing++
		}
	}
	if e.brief {
		times = []float64{1, 4, 16}
	}
	for _, arm := range agenttasks.Arms() {
		c, err := e.play(ctx, e.bare, e.tasks, arm, "oracle", 1, e.character(agenttasks.Oracle, true, 0))
		if err != nil {
			return nil, err
		}
		r.oracle[arm.Name] = c
		for _, x := range []struct {
			base    agenttasks.Character
			visible bool
		}{{agenttasks.Parrot, true}, {agenttasks.Reader, true}, {agenttasks.Careful, true}, {agenttasks.Parrot, false}, {agenttasks.Reader, false}, {agenttasks.Careful, false}} {
			if e.brief && !x.visible && x.base.Label != agenttasks.Reader.Label {
				continue
			}
			label := x.base.Label + ", all slips"
			if x.visible {
				label = x.base.Label + ", visible slips"
			}
			if c, err = e.play(ctx, e.lab, e.tasks, arm, label, e.trials, e.character(x.base, x.visible, 1)); err != nil {
				return nil, err
			}
			r.main = append(r.main, c)
		}
		for _, n := range times {
			if e.quick && n != 4 {
				continue
			}
			for _, visible := range []bool{true, false} {
				if e.brief && !visible {
					continue
				}
				if c, err = e.play(ctx, e.bare, e.tasks, arm, "reader", (e.trials+1)/2, e.character(agenttasks.Reader, visible, n)); err != nil {
					return nil, err
				}
				to := r.allSlips
				if visible {
					to = r.strengths
				}
				put(to, fmt.Sprint(n), arm.Name, c)
			}
		}
		for _, x := range agenttasks.Rates() {
			if x.Of == "task" || x.Of == "list" || x.Of == "long task" || x.Of == "change" || (e.quick || e.brief) && !x.Visible || e.brief && arm.Name != agenttasks.Plain.Name && arm.Name != agenttasks.Layer.Name {
				continue
			}
			one := agenttasks.Reader
			one.Only = x.Slip
			if c, err = e.play(ctx, e.bare, e.tasks, arm, "reader", 1, e.character(one, false, 0)); err != nil {
				return nil, err
			}
			put(r.slips, string(x.Slip), arm.Name, c)
		}
		for _, s := range agenttasks.Strengths() {
			var x injected
			tasks := agenttasks.Injections(s)
			if x.calm, err = e.play(ctx, e.bare, tasks, arm, "calm", 1, e.character(agenttasks.Reader, true, 0)); err != nil {
				return nil, err
			}
			if x.obedient, err = e.play(ctx, e.bare, tasks, arm, "obedient", 1, e.character(agenttasks.Obedient, true, 0)); err != nil {
				return nil, err
			}
			if r.injections[string(s)] == nil {
				r.injections[string(s)] = map[string]injected{}
			}
			r.injections[string(s)][arm.Name] = x
		}
	}
	near := agenttasks.Reader
	near.Near = true
	var err error
	r.near, err = e.play(ctx, e.bare, e.tasks, agenttasks.Plain, "near", e.trials, e.character(near, true, 1))
	return r, err
}

func put(m map[string]map[string]*cell, key, arm string, c *cell) {
	if m[key] == nil {
		m[key] = map[string]*cell{}
	}
	m[key][arm] = c
}

// live runs the tasks, the variants with less and the injections with a real model, which
// has the tools for the kinds of records that they are about: OpenAI takes at most 128.
func (e *evaluation) live(ctx context.Context, to io.Writer, name string, ask asker) error {
	if e.trials == 0 {
		e.trials = 1
	}
	e.lab.Only = agenttasks.Near()
	model := func(trial int) agenttasks.Model { return agenttasks.Live{Label: name, Ask: ask, Says: trial} }
	r := &results{trials: e.trials, tasks: len(e.tasks)}
	less := name + ", something left out"
	for _, arm := range agenttasks.Arms() {
		for label, left := range map[string]bool{name: false, less: true} {
			c, err := e.playAs(ctx, e.lab, e.tasks, arm, label, e.trials, left, model)
			if err != nil {
				return err
			}
			r.main = append(r.main, c)
		}
	}
	slices.SortStableFunc(r.main, func(a, b *cell) int { return strings.Compare(a.model, b.model) })
	p := &page{}
	p.line("# %s", name)
	r.arms(p)
	r.harm(p, name, less)
	p.line("\n## Orders in texts")
	p.head("strength", "arm", "utility under attack", "reached:")
	for _, s := range agenttasks.Strengths() {
		for _, arm := range agenttasks.Arms() {
			c, err := e.play(ctx, e.lab, agenttasks.Injections(s), arm, name, 1, model)
			if err != nil {
				return err
			}
			p.row(string(s), arm.Name, c.share(done).String(), fmt.Sprint(c.reached()))
		}
	}
	_, err := io.WriteString(to, p.String())
	return err
}
