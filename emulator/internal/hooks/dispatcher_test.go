package hooks

import "testing"

func TestSignDocumentedWay(t *testing.T) {
	t.Parallel()
	if got := sign("zz", "1", nil); got != "" {
		t.Errorf("a key that is not hex signs: %q", got)
	}
	// echo -n '1{}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00ff
	if got, want := sign("00ff", "1", []byte("{}")), "bd5fe7fdf8cc14314491ebffc0b599c9908c33463ea0ac1677d6b73925b65e03"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
