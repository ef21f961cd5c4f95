package querytext_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/querytext"
)

// tree is a query as a test builds it.
type tree struct {
	Type    string  `json:"type"`
	Negate  bool    `json:"negate,omitempty"`
	Kind    string  `json:"object_type,omitempty"`
	Value   string  `json:"value,omitempty"`
	Queries []*tree `json:"queries,omitempty"`
}

// world says of each atom, such as type:lead or id:a, whether it holds.
type world map[string]bool

// holds evaluates a query as Close does.
func (q *tree) holds(w world) bool {
	yes := false
	switch q.Type {
	case "and":
		yes = true
		for _, x := range q.Queries {
			yes = x.holds(w) && yes
		}
	case "or":
		for _, x := range q.Queries {
			yes = x.holds(w) || yes
		}
	case "object_type":
		yes = w["type:"+q.Kind]
	case "id":
		yes = w["id:"+q.Value]
	case "text":
		yes = true
		for f := range strings.FieldsSeq(q.Value) {
			yes = yes && w[f]
		}
	}
	return yes != q.Negate
}

// names reports whether the query names a kind of record.
func (q *tree) names() bool {
	for _, x := range q.Queries {
		if x.names() {
			return true
		}
	}
	return q.Type == "object_type"
}

// reader evaluates words, by the rules of the search box: not before and before or, and
// words side by side all hold.
type reader struct {
	*testing.T

	tokens []string
	world  world
}

func read(t *testing.T, words string, w world) bool {
	t.Helper()
	r := &reader{t, strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(words)), w}
	yes := r.or()
	if len(r.tokens) > 0 {
		t.Fatalf("%s: %q is left", words, r.tokens)
	}
	return yes
}

func (r *reader) next(word string) bool {
	if len(r.tokens) == 0 || r.tokens[0] != word {
		return false
	}
	r.tokens = r.tokens[1:]
	return true
}

func (r *reader) or() bool {
	yes := r.and()
	for r.next("or") {
		yes = r.and() || yes
	}
	return yes
}

func (r *reader) and() bool {
	yes := r.not()
	for len(r.tokens) > 0 && r.tokens[0] != "or" && r.tokens[0] != ")" {
		r.next("and")
		yes = r.not() && yes
	}
	return yes
}

func (r *reader) not() bool {
	if r.next("not") {
		return !r.not()
	}
	if r.next("(") {
		yes := r.or()
		if !r.next(")") {
			r.Fatal("a parenthesis is open")
		}
		return yes
	}
	if r.next("*") {
		return true
	}
	if len(r.tokens) == 0 {
		r.Fatal("something is missing")
	}
	yes := r.world[r.tokens[0]]
	r.tokens = r.tokens[1:]
	return yes
}

var atoms = []string{"type:lead", "type:contact", "id:a", "id:b", "c", "d"}

// random returns a query of at most the depth.
func random(r *rand.Rand, depth int) *tree {
	q := &tree{Negate: r.IntN(4) == 0}
	n := 7
	if depth == 0 {
		n = 4
	}
	switch r.IntN(n) {
	case 0:
		q.Type, q.Kind = "object_type", []string{"lead", "lead", "contact"}[r.IntN(3)]
	case 1, 2:
		q.Type, q.Value = "id", []string{"a", "b"}[r.IntN(2)]
	case 3:
		q.Type, q.Value = "text", []string{"c", "d", "c d"}[r.IntN(3)]
	default:
		q.Type = []string{"and", "or"}[r.IntN(2)]
		least := 0
		if q.Type == "or" {
			least = 1 // one of nothing has no words
		}
		for range least + r.IntN(4-least) {
			q.Queries = append(q.Queries, random(r, depth-1))
		}
		if q.Queries == nil {
			q.Queries = []*tree{}
		}
	}
	return q
}

// TestWordsMeanTheQuery tests that the words say what is sent, neither more nor less, in
// every case that their atoms allow. Words without a type are about leads if the query is.
func TestWordsMeanTheQuery(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3_000 {
		q := random(r, 3)
		b, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		words := querytext.String(b)
		implied := q.names() && !strings.Contains(words, "type:")
		for bits := range 1 << len(atoms) {
			w := world{}
			for i, a := range atoms {
				w[a] = bits>>i&1 == 1
			}
			got := read(t, words, w)
			if implied {
				got = got && w["type:lead"]
			}
			if want := q.holds(w); got != want {
				t.Fatalf("%s\nreads %s\nand means %t of %v, not %t", b, words, got, w, want)
			}
		}
	}
}
