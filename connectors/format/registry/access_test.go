//go:build unix

package registry_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format/registry"
	"github.com/streamsql/streamsql/internal/testservice"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// register registers a schema with these options.
func register(t *testing.T, o catalog.Options, env connectors.Env) error {
	t.Helper()
	c, err := registry.New(o, env)
	if err != nil {
		return err
	}
	_, err = c.Register("s", &registry.Schema{Text: `"int"`}, false)
	return err
}

// TestTLS: a registry that is known by an authority of its own and wants a client's
// certificate.
func TestTLS(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	dir := t.TempDir()
	certs, err := testservice.NewCertificates(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write(t, dir, "client.pem", string(read(certs.ClientKey))+string(read(certs.ClientCert)))
	pair, err := tls.X509KeyPair(read(certs.Server), read(certs.Server))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(read(certs.CA))
	target, err := url.Parse(fake.URL())
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	front.StartTLS()
	defer front.Close()
	env := connectors.Env{Dir: dir}
	o := catalog.Options{"url": front.URL, "ssl.truststore.location": "ca.pem", "ssl.keystore.location": "client.pem", "retry-timeout": "1ms"}
	if err := register(t, o, env); err != nil {
		t.Error(err)
	}
	for without, want := range map[string]string{"ssl.truststore.location": "unknown authority", "ssl.keystore.location": "certificate required"} {
		fewer := maps.Clone(o)
		delete(fewer, without)
		if err := register(t, fewer, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", without, err)
		}
	}
	o["ssl.truststore.location"] = "client-key.pem"
	if err := register(t, o, env); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a file without a certificate: %v", err)
	}
}

// TestAuth: tokens and passwords.
func TestAuth(t *testing.T) {
	for auth, o := range map[string]catalog.Options{"Bearer abc": {"bearer-auth.token": "abc"}, "Basic dTpwOnE=": {"basic-auth.user-info": "u:p:q"}} {
		fake := srfake.New(srfake.WithAuth(auth))
		o["url"] = fake.URL()
		if err := register(t, o, connectors.Env{}); err != nil {
			t.Errorf("%s: %v", auth, err)
		}
		if err := register(t, catalog.Options{"url": fake.URL()}, connectors.Env{}); err == nil || !strings.Contains(err.Error(), "refuses") {
			t.Errorf("without %s: %v", auth, err)
		}
		fake.Close()
	}
	if err := register(t, catalog.Options{"url": "x", "bearer-auth.token": "a", "basic-auth.user-info": "b:c"}, connectors.Env{}); err == nil || !strings.Contains(err.Error(), "alternatives") {
		t.Errorf("both: %v", err)
	}
}

// TestSubject: the strategies, for values and keys.
func TestSubject(t *testing.T) {
	for _, test := range []struct {
		strategy, subject, topic string
		key                      bool
		record, want             string
	}{
		{"", "", "t", false, "", "t-value"}, {"topic", "", "t", true, "r.R", "t-key"}, {"record", "", "", false, "r.R", "r.R"}, {"topic-record", "", "t", true, "r.R", "t-r.R"},
		{"record", "own", "", false, "", "own"}, {"record", "", "t", false, "", "error"}, {"topic-record", "", "", false, "r.R", "error"}, {"topic", "", "", false, "", "error"},
	} {
		got, err := registry.Subject(catalog.Options{"subject-name-strategy": test.strategy, "subject": test.subject}, test.topic, test.key, test.record)
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%+v: %s %v", test, got, err)
		}
	}
}

// TestDone: whoever waits for a registry that does not answer says so, and stops
// when the job ends.
func TestDone(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
	done := make(chan struct{})
	c, err := registry.New(catalog.Options{"url": fake.URL()}, connectors.Env{Done: done})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := c.ByID(1); ended <- err }()
	for c.Trouble() == "" {
		time.Sleep(time.Millisecond)
	}
	if state := c.Trouble(); !strings.Contains(state, fake.URL()) || !strings.Contains(state, "schema 1") {
		t.Errorf("state: %s", state)
	}
	close(done)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "the job ends") || c.Trouble() != "" {
		t.Errorf("%v %s", err, c.Trouble())
	}
}

// TestDoneAmidRequest: the end of the job ends a request that is not answered.
func TestDoneAmidRequest(t *testing.T) {
	asked, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-release }))
	defer server.Close()
	defer close(release)
	c, err := registry.New(catalog.Options{"url": server.URL}, connectors.Env{Done: done})
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-asked; close(done) }()
	if _, err := c.ByID(1); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the job ends") {
		t.Error(err)
	}
}

// TestEndlessAnswer: an answer without an end is an error.
func TestEndlessAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range 100 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c, err := registry.New(catalog.Options{"url": server.URL, "retry-timeout": "1ms"}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ByID(1); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Error(err)
	}
}
