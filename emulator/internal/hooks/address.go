package hooks

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// errLinkLocal is the reason why a delivery is not made.
var errLinkLocal = errors.New("webhooks to link-local addresses are refused")

// nat64 is the prefix under which IPv4 addresses are reached from IPv6 networks.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// metadataV6 is where a cloud serves metadata outside of the link-local range.
var metadataV6 = netip.MustParseAddr("fd00:ec2::254")

// LinkLocal reports whether a host is a link-local address, where clouds serve the
// credentials of a machine. Names are not looked up.
func LinkLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip == metadataV6
}

// refuseLinkLocal is the control function of a dialer. It sees the addresses that
// names have at the time of the delivery.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err //nolint:wrapcheck // names the address
	}
	if LinkLocal(host) {
		return errLinkLocal
	}
	return nil
}
