package hooks

import (
	"errors"
	"testing"
)

func TestLinkLocal(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"169.254.169.254": true, "169.254.0.1": true, "fe80::1": true, "fe80::1%eth0": true, "::ffff:169.254.169.254": true, "224.0.0.1": true,
		"64:ff9b::a9fe:a9fe": true, "fd00:ec2::254": true, "ff02::1": true,
		"127.0.0.1": false, "::1": false, "10.0.0.1": false, "192.168.1.1": false, "64:ff9b::a00:1": false, "fd00::1": false, "example.com": false, "": false,
	} {
		if got := LinkLocal(host); got != want {
			t.Errorf("LinkLocal(%q) = %v", host, got)
		}
	}
}

// TestDialRefusesLinkLocal checks the addresses that names resolve to.
func TestDialRefusesLinkLocal(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"http://169.254.169.254:1/", "https://[fe80::1%25lo]:1/", "http://[::ffff:169.254.169.254]:1/"} {
		for _, careless := range []bool{false, true} {
			res, err := webhookClient(careless, false).Get(u)
			if err == nil {
				_ = res.Body.Close()
			}
			if !errors.Is(err, errLinkLocal) {
				t.Errorf("%s: got %v, want %v", u, err, errLinkLocal)
			}
		}
	}
}
