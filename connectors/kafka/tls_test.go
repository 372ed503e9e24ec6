//go:build unix

package kafka

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestHostCheck: without the check of names a certificate for another name will do, but
// none of another authority.
func TestHostCheck(t *testing.T) {
	own, err := testservice.NewCertificates(t.TempDir()) // for localhost and 127.0.0.1
	if err != nil {
		t.Fatal(err)
	}
	other, err := testservice.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(own.Server, own.Server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	for _, test := range []struct {
		check, ca, name string
		ok              bool
	}{
		{"https", own.CA, "localhost", true},
		{"https", own.CA, "broker.example", false},
		{"", own.CA, "broker.example", true},
		{"none", own.CA, "broker.example", true},
		{"none", other.CA, "broker.example", false},
		{"none", other.CA, "localhost", false},
		{"https", other.CA, "localhost", false},
	} {
		c, err := tlsConfig(catalog.Options{optProtocol: "SSL", optHostCheck: test.check, optTruststore: test.ca}, connectors.Env{Dir: "."})
		if err != nil {
			t.Fatal(err)
		}
		c.ServerName = test.name
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := tls.Client(conn, c).Handshake(); (err == nil) != test.ok {
			t.Errorf("check %q, name %s: %v", test.check, test.name, err)
		}
		conn.Close()
	}
}
