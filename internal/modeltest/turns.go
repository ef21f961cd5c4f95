package modeltest

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// turn is a part of a conversation: what the model said, or what came back.
type turn struct {
	model   bool
	calls   []call
	results []result
}

type call struct {
	id, name, input string
	cut             bool // the message ended within it
}

type result struct {
	id string // "" if the provider matches by order
	Result
}

// checkTurns wants each call to be one that the model asked for, unchanged, and to be
// answered exactly once, directly after the turn that has it.
func (q *reader) checkTurns(said map[string]call) {
	var open []call
	for _, t := range q.turns {
		results := q.answers(open, t)
		if t.model {
			for _, c := range t.calls {
				q.checkCall(said, c)
			}
		}
		open, q.Results = t.calls, results
	}
	for _, c := range open {
		q.say("the call %s has no result", c.id)
	}
	if n := len(q.turns); n == 0 || q.turns[n-1].model {
		q.say("the conversation does not end with the user")
	}
}

func (q *reader) checkCall(said map[string]call, c call) {
	was, ok := said[c.id]
	switch {
	case !ok:
		q.say("the model did not ask for the call %s", c.id)
	case was.name != c.name || !q.tolerant && !was.cut && !sameInput(was.input, c.input):
		q.say("the call %s is not the one that the model asked for: %s %s, not %s %s", c.id, c.name, c.input, was.name, was.input)
	}
}

// answers returns the results of a turn in the order of the calls before it.
func (q *reader) answers(open []call, t turn) []Result {
	byID := map[string]Result{}
	for i, r := range t.results {
		if r.id == "" && i < len(open) { // by order
			r.id = open[i].id
			if r.Name != open[i].name {
				q.say("result %d is of %s, and the call is of %s", i+1, r.Name, open[i].name)
			}
		}
		if _, twice := byID[r.id]; twice {
			q.say("the call %s has two results", r.id)
		}
		byID[r.id] = r.Result
	}
	var list []Result
	for _, c := range open {
		r, ok := byID[c.id]
		if !ok {
			q.say("the call %s has no result directly after it", c.id)
			continue
		}
		delete(byID, c.id)
		r.Name = c.name
		list = append(list, r)
	}
	for id := range byID {
		q.say("the result %q answers no call of the turn before", id)
	}
	return list
}

func sameInput(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := parse(a)
	y, errY := parse(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// parse keeps numbers as they are written.
func parse(text string) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}
