package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// Store keeps the approvals and counters of agents. Package agent has one in memory;
// packages sqlitestore and pgstore below it keep them in a database that many
// replicas share. Implementations are safe for concurrent use.
//
// A store knows nothing about the meaning of a row: it compares and swaps. Times are
// exact to the microsecond, ids, names and keys are any bytes. Package storetest checks
// an implementation.
type Store interface {
	// Create adds rows, all of them or none. Their revision becomes 1.
	Create(ctx context.Context, rows []Row) error
	// Load returns a row, or ErrNotFound.
	Load(ctx context.Context, id string) (Row, error)
	// List returns rows, the newest first, and of the same time in the order of their
	// ids.
	List(ctx context.Context, q Query) ([]Row, error)
	// Swap replaces the state, the body, its key and Changed of a row if its revision is
	// still that of row, and returns ErrConflict if not. The revision in the store
	// is one higher then.
	Swap(ctx context.Context, row Row) error
	// Spend adds the amounts to their counters, all of them or none. If one would
	// exceed its bound, nothing is added, and the index of the first such is
	// returned; otherwise -1.
	Spend(ctx context.Context, spends []Spend) (int, error)
	// Count returns the value of a counter, zero if it does not exist.
	Count(ctx context.Context, key string) (int64, error)
	// Prune deletes rows that were last changed before, and counters that ended
	// before. It returns the number of rows.
	Prune(ctx context.Context, before time.Time) (int, error)
	// Erase deletes everything of an account, and returns the number of rows.
	Erase(ctx context.Context, account string) (int, error)
	// KeyUse counts the sealed rows by the id of their key.
	KeyUse(ctx context.Context) (map[uint32]int64, error)
	// SealedBy returns the sealed rows whose key is another one than primary, in the
	// order of the bytes of their ids, from the first one after the id after. They are
	// at most limit.
	SealedBy(ctx context.Context, primary uint32, after string, limit int) ([]Row, error)
	// Durable reports whether the content survives the process. Rows of a durable
	// store must be sealed.
	Durable() bool
}

// Errors of stores.
var (
	ErrNotFound = errors.New("agent: no such approval")
	ErrConflict = errors.New("agent: the approval was changed at the same time")
)

// Row is an approval as a store keeps it.
type Row struct {
	ID       string
	Account  string // name of the account
	Run      string
	Question string   // rows that a person is asked about together
	Digest   [32]byte // of the call; see Approval
	State    State
	Created  time.Time
	Expires  time.Time
	Changed  time.Time
	Revision int64
	Body     []byte // sealed, or JSON in memory
	Key      uint32 // id of the key that sealed the body, 0 for JSON
}

// Query selects rows. Empty fields select all.
type Query struct {
	Account  string
	Run      string
	Question string
	Digest   [32]byte
	States   []State
	Limit    int // 0 means 100
}

// Spend is an amount that is added to a counter.
type Spend struct {
	Key     string // at most 300 bytes
	Account string // for Erase
	Amount  int64
	Most    int64     // upper bound of the counter after the addition; negative for none
	Ends    time.Time // when the counter is of no interest any more
}

// counterKey names a counter by what it counts. It is a digest: names of accounts and
// runs have any length, and hold any bytes.
func counterKey(kind string, parts ...string) string {
	b := make([]byte, 0, 256)
	for _, part := range parts {
		b = appendPart(b, part)
	}
	sum := sha256.Sum256(b)
	return kind + "-" + hex.EncodeToString(sum[:])
}

// Vault seals what a durable store keeps. Package runtime/accounts/vault implements
// it.
type Vault interface {
	// Seal encrypts and authenticates plaintext. The same associated data is needed
	// to open it.
	Seal(plaintext, associated []byte) (sealed []byte, keyID uint32, err error)
	// Open decrypts. It fails if a bit of either argument differs.
	Open(sealed, associated []byte) ([]byte, error)
	// KeyIDs returns the id of the key that seals, and those of all that open.
	KeyIDs() (primary uint32, all []uint32)
}
