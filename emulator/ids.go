package emulator

import (
	crand "crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Lengths of the random part of an id: older resources use the long form,
// newer ones the short form.
const (
	longID  = 43
	shortID = 22
)

// idSource generates identifiers and secrets. It is not safe for concurrent use;
// the server calls it with its lock held.
type idSource struct{ rng *rand.ChaCha8 }

// newIDSource returns a source that is determined by its seed.
func newIDSource(seed int64) *idSource {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(seed)) //nolint:gosec // the bits matter, not the sign
	return &idSource{rng: rand.NewChaCha8(key)}
}

// randomSeed returns a seed that is never zero.
func randomSeed() int64 {
	var b [8]byte
	_, _ = crand.Read(b[:])                               // documented never to fail
	return int64(binary.LittleEndian.Uint64(b[:])>>1 | 1) //nolint:gosec // 63 bits fit
}

func (g *idSource) base62(n int) string {
	var b strings.Builder
	b.Grow(n)
	for b.Len() < n {
		v := g.rng.Uint64()
		for i := 0; i < 10 && b.Len() < n; i++ {
			b.WriteByte(base62[v%62])
			v /= 62
		}
	}
	return b.String()
}

func (g *idSource) long(prefix string) string { return prefix + "_" + g.base62(longID) }

func (g *idSource) short(prefix string) string { return prefix + "_" + g.base62(shortID) }

// hex returns n random bytes as 2n lower-case hex digits.
func (g *idSource) hex(n int) string {
	b := make([]byte, n)
	_, _ = g.rng.Read(b) // documented never to fail
	return hex.EncodeToString(b)
}
