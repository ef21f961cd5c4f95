package agenttasks

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Model plays a task.
type Model interface {
	Name() string
	play(*run) Ending
}

// Scripted is a model that intends the calls of the oracle, and makes the mistakes of
// real models on the way. The same seed makes the same mistakes in every arm.
type Scripted struct {
	Character
	Seed uint64
}

// Character is how a scripted model errs, and what it makes of an error.
type Character struct {
	Label string
	// Times multiplies the rates of slips.
	Times float64
	// Only is the one slip that it makes, wherever a call has a place for it; empty for
	// all, by their rates.
	Only Slip
	// Visible is true if it makes only slips that a tool layer can see.
	Visible bool
	// Tries is how often a call is made that fails.
	Tries int
	// Reads is true if it puts right what an error names, and nothing else.
	Reads bool
	// Near is true if it takes the name of a field, such as lead, for that of its
	// parameter, lead_id.
	Near bool
	// Looks is true if it reads the records that it means before it writes, and so
	// never takes another id, or does a thing twice.
	Looks bool
	// Obeys is true if it does what a text in a record orders.
	Obeys bool
}

// The characters, with the slips of a model of the middle.
var (
	Oracle   = Character{Label: "oracle", Tries: 1}
	Parrot   = Character{Label: "parrot", Times: 1, Tries: 3}
	Reader   = Character{Label: "reader", Times: 1, Tries: 3, Reads: true}
	Careful  = Character{Label: "careful", Times: 1, Tries: 3, Reads: true, Looks: true}
	Obedient = Character{Label: "obedient", Tries: 2, Reads: true, Obeys: true}
)

// Idler does nothing.
type Idler struct{}

// Name returns idler.
func (Idler) Name() string { return "idler" }

func (Idler) play(*run) Ending { return Silent }

// Asker reads what it can before the parameter that is missing, then asks the rep.
type Asker struct{}

// Name returns asker.
func (Asker) Name() string { return "asker" }

func (Asker) play(r *run) Ending {
	param := r.task.Phrasing().Param
	for _, step := range r.task.Oracle {
		if _, ok := step.In[param]; ok || step.writes() {
			break
		}
		if in, err := r.world.Resolve(step.In); err == nil {
			r.call(step.Tool, r.hands.Input(step.Tool, in))
		}
	}
	return Asks
}

// Blurter makes one call without the parameter that the rep left out, and reports what
// it read.
type Blurter struct{ Read string }

// Name returns blurter.
func (*Blurter) Name() string { return "blurter" }

func (b *Blurter) play(r *run) Ending {
	param := r.task.Phrasing().Param
	for _, step := range r.task.Oracle {
		if _, ok := step.In[param]; !ok {
			continue
		}
		in := In{}
		for k, v := range step.In {
			if k != param {
				in[k] = v
			}
		}
		if raw, err := r.world.Resolve(in); err == nil {
			b.Read = r.call(step.Tool, raw).Text
		}
		break
	}
	return Declines
}

// Name returns the label of the character.
func (m Scripted) Name() string { return m.Label }

// rng returns the source of chance of a step, or of the task.
func (m Scripted) rng(r *run, step int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(r.task.Name + "#" + strconv.Itoa(step)))
	return rand.New(rand.NewPCG(m.Seed, h.Sum64())) //nolint:gosec // a test must repeat itself
}

// chance returns the slips of which the dice fall so.
func (m Scripted) chance(rng *rand.Rand, applies func(Rate) bool) (list []Slip) {
	if m.Only != "" {
		for _, x := range Rates() {
			if x.Slip == m.Only && applies(x) {
				list = append(list, m.Only)
			}
		}
		return list
	}
	for _, x := range Rates() {
		hit := rng.Float64() < x.Rate*m.Times
		if hit && (x.Visible || !m.Visible) && applies(x) {
			list = append(list, x.Slip)
		}
	}
	return list
}

func (m Scripted) play(r *run) Ending {
	writes := 0
	for _, s := range r.task.Oracle {
		if s.writes() {
			writes++
		}
	}
	whole := m.chance(m.rng(r, -1), func(x Rate) bool {
		return x.Of == "task" || x.Of == "list" || x.Of == "long task" && writes > 6 || x.Of == "change" && r.task.Meanwhile != nil
	})
	if slices.Contains(whole, NoTool) {
		return Answered
	}
	ending := Answered
	for i := 0; i < len(r.task.Oracle); {
		n := 1 // steps of the turn
		for i+n < len(r.task.Oracle) && r.task.Oracle[i+n].Also {
			n++
		}
		steps := r.task.Oracle[i : i+n]
		if slices.Contains(whole, Stops) && i > len(r.task.Oracle)/2 {
			break
		}
		first := i
		i += n
		if slices.Contains(whole, FirstPage) && (steps[0].In["_skip"] != nil || steps[0].In["cursor"] != nil) {
			continue
		}
		if slices.Contains(whole, Blind) && !steps[0].writes() && slices.ContainsFunc(r.task.Oracle[first:], Step.writes) {
			continue
		}
		for k, done := range m.turn(r, first, steps) {
			if done {
				continue
			}
			ending = Declines
			if m.rng(r, -1_000_000-first-k).Float64() < 0.1*m.Times {
				r.out.Claimed = true
			}
		}
	}
	if r.out.Claimed {
		ending = Answered
	}
	r.end()
	return ending
}

// turn makes the calls of a turn, and each that fails again until it succeeds, or the
// model gives up.
func (m Scripted) turn(r *run, i int, steps []Step) (done []bool) {
	done = make([]bool, len(steps))
	var tries []*attempt
	var list []Wish
	for k, step := range steps {
		if a := m.attempt(r, i+k, step); a != nil {
			tries, list = append(tries, a), append(list, Wish{a.call.tool, a.call.input})
		}
	}
	if len(list) == 0 {
		return done
	}
	replies := r.calls(list)
	for k, a := range tries {
		done[a.at-i] = m.finish(r, a, replies[k])
	}
	return done
}

// attempt is a call that the model makes.
type attempt struct {
	at    int // the step
	step  Step
	right json.RawMessage
	slips []Slip
	call  spoiledCall
}

func (a *attempt) applies(x Rate) bool { return x.Slip.of(x.Of, a.step) }

func (m Scripted) attempt(r *run, i int, step Step) *attempt {
	right, err := r.world.Resolve(step.In)
	if err != nil {
		r.world.Fault("%v", err)
		return nil
	}
	a := &attempt{at: i, step: step, right: r.hands.Input(step.Tool, right)}
	if m.Looks && step.writes() {
		m.look(r, a.right)
	}
	a.slips = m.slips(m.rng(r, i), a.applies)
	a.call = m.spoil(r, i, step.Tool, a.right, a.slips)
	return a
}

// finish goes on after the first reply.
func (m Scripted) finish(r *run, a *attempt, reply Reply) bool {
	limited, done := false, false // every model understands that a call came too early
	for try := 0; try < m.Tries || limited && try == m.Tries; try++ {
		if try > 0 {
			reply = r.call(a.call.tool, a.call.input)
		}
		m.obey(r)
		if !reply.Failed {
			save(r.world, a.step, reply)
			done = true
			break
		}
		if limited = tooMany.MatchString(reply.Text); limited {
			continue
		}
		if m.Reads && strings.Contains(reply.Text, "may have happened") {
			break // it looks first: the next step of the task
		}
		if m.Reads {
			a.slips = slices.DeleteFunc(a.slips, func(s Slip) bool { return m.named(reply.Text, a.call.names[s]) })
			if m.Only == "" { // the next try is a call like any other
				a.slips = append(a.slips, slices.DeleteFunc(m.slips(m.rng(r, -10*(a.at+1)-try), a.applies), func(s Slip) bool { return slices.Contains(a.slips, s) })...)
			}
			a.call = m.spoil(r, a.at, a.step.Tool, a.right, a.slips)
		}
	}
	if a.call.twice && done {
		r.call(a.step.Tool, a.right)
	}
	return done
}

// slips returns the slips of a call.
func (m Scripted) slips(rng *rand.Rand, applies func(Rate) bool) []Slip {
	return slices.DeleteFunc(m.chance(rng, applies), func(s Slip) bool {
		return m.Looks && slices.Contains([]Slip{Labeled, OtherKind, OtherRecord, Doubled}, s)
	})
}

// spoiledCall is a call with the slips that are still in it.
type spoiledCall struct {
	tool  string
	input json.RawMessage
	names map[Slip][]string // what an error must name so that a reader can put it right
	twice bool
}

// spoil makes slips in a call, one after the other; the same each time.
func (m Scripted) spoil(r *run, step int, tool string, right json.RawMessage, slips []Slip) spoiledCall {
	call := spoiledCall{tool: tool, input: right, names: map[Slip][]string{}}
	for _, slip := range slips {
		rng := m.rng(r, 1000*(step+1)+len(slip))
		if s, ok := slip.spoil(rng, r.world, tool, call.input); ok {
			call.tool, call.input, call.names[slip] = s.tool, s.input, s.names
			call.twice = call.twice || s.twice
		}
	}
	return call
}

var tooMany = regexp.MustCompile(`(?i)\b429\b|too many|rate limit`)

// named reports whether a text names all names, as words of their own. Forms of one thing
// are separated by a bar; one that ends with an underscore is the beginning of a word.
func (m Scripted) named(text string, names []string) bool {
	return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool {
		stem, isID := strings.CutSuffix(n, "_id")
		return !slices.ContainsFunc(strings.Split(n, "|"), func(form string) bool { return hasWord(text, form) }) &&
			(!m.Near || !isID || !strings.Contains(text, `"`+stem+`"`))
	})
}

// hasWord reports whether a text has a word, or one that begins with a prefix such as
// stat_: lead is not named by a text with lead_name.
func hasWord(text, word string) bool {
	inWord := func(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		at += from
		end := at + len(word)
		if (at == 0 || !inWord(text[at-1])) && (strings.HasSuffix(word, "_") || end == len(text) || !inWord(text[end])) {
			return true
		}
		from = at + 1
	}
}

// look reads the lead, the contact, the deal, the mail, the task or the note that a call
// is about.
func (m Scripted) look(r *run, input json.RawMessage) {
	var in map[string]any
	if json.Unmarshal(input, &in) != nil {
		return
	}
	for _, kind := range []string{"lead", "contact", "opportunity", "email", "task", "note"} {
		if id, ok := in[kind+"_id"].(string); ok {
			r.call("close_"+kind+"_get", mustJSON(In{kind + "_id": id}))
		}
	}
}

// obey does what a text orders, as soon as it was read, and once.
func (m Scripted) obey(r *run) {
	if !m.Obeys || len(r.task.Attack) == 0 || r.out.Obeyed > 0 || !strings.Contains(r.seen.String(), r.task.Order) {
		return
	}
	for _, step := range r.task.Attack {
		r.out.Obeyed++
		if in, err := r.world.Resolve(step.In); err == nil {
			for range m.Tries { // a model that obeys insists
				r.call(step.Tool, r.hands.Input(step.Tool, in))
			}
		}
	}
}

// save keeps the id of a record, or the cursor of the next page, that the model has read.
func save(w *World, step Step, reply Reply) {
	var page struct{ Cursor string }
	if step.Next != "" && json.Unmarshal(reply.JSON, &page) == nil && page.Cursor != "" && strings.Contains(reply.Text, page.Cursor) {
		w.IDs[step.Next] = page.Cursor
	}
	if id := decodeID(reply.JSON); step.Save != "" && id != "" && strings.Contains(reply.Text, id) {
		w.IDs[step.Save] = id
	}
}
