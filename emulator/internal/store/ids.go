package store

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
	LongID  = 43
	shortID = 22
)

// IDSource generates identifiers and secrets. It is not safe for concurrent use;
// the server calls it with its lock held.
type IDSource struct{ rng *rand.ChaCha8 }

// newIDSource returns a source that is determined by its seed.
func newIDSource(seed int64) *IDSource {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(seed)) //nolint:gosec // the bits matter, not the sign
	return &IDSource{rng: rand.NewChaCha8(key)}
}

// RandomSeed returns a seed that is never zero.
func RandomSeed() int64 {
	var b [8]byte
	_, _ = crand.Read(b[:])                               // documented never to fail
	return int64(binary.LittleEndian.Uint64(b[:])>>1 | 1) //nolint:gosec // 63 bits fit
}

// Base62 returns n random letters and digits.
func (g *IDSource) Base62(n int) string {
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

// Long returns an id in the form of older resources.
func (g *IDSource) Long(prefix string) string { return prefix + "_" + g.Base62(LongID) }

// Short returns an id in the form of newer resources.
func (g *IDSource) Short(prefix string) string { return prefix + "_" + g.Base62(shortID) }

// Hex returns n random bytes as 2n lower-case hex digits.
func (g *IDSource) Hex(n int) string {
	b := make([]byte, n)
	_, _ = g.rng.Read(b) // documented never to fail
	return hex.EncodeToString(b)
}
