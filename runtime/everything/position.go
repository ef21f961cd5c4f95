package everything

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/fnv"
	"slices"
	"time"
)

// Position is where the reading of a list goes on. It is text that can be stored; what is
// in it is not to be relied on. The zero value is the beginning.
type Position string

// state is what a position says.
type state struct {
	List string    `json:"list"`           // hash of the request
	Done bool      `json:"done,omitempty"` // nothing follows
	At   time.Time `json:"at,omitzero"`    // creation of the record that was read last
	Skip int       `json:"skip,omitempty"` // offset of the next page
	Seen []byte    `json:"seen,omitempty"` // hashes of the records at At that were read
}

// errPosition is the reason of a position that cannot be used.
var errPosition = errors.New("the position is not one of this list with these parameters; start without it")

func (s *state) position(seen map[uint64]struct{}) Position {
	out := *s
	hashes := make([]uint64, 0, len(seen))
	for h := range seen {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		out.Seen = binary.LittleEndian.AppendUint64(out.Seen, h)
	}
	b, err := json.Marshal(&out)
	if err != nil {
		return "" // a time out of range, which no record has
	}
	return Position(base64.RawURLEncoding.EncodeToString(b))
}

// read reads the position of a list.
func (p Position) read(list string) (state, map[uint64]struct{}, error) {
	s, seen := state{List: list}, map[uint64]struct{}{}
	if p == "" {
		return s, seen, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(string(p))
	if s = (state{}); err != nil || json.Unmarshal(b, &s) != nil || s.List != list || s.Skip < 0 || len(s.Seen)%8 != 0 {
		return s, nil, errPosition
	}
	for h := range slices.Chunk(s.Seen, 8) {
		seen[binary.LittleEndian.Uint64(h)] = struct{}{}
	}
	s.Seen = nil
	return s, seen, nil
}

// hash returns a short name of a text.
func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // it never fails
	return h.Sum64()
}
