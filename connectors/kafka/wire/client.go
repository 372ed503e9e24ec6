package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config says how to reach a cluster.
type Config struct {
	Brokers  []string // host:port, to begin with
	ClientID string
	TLS      *tls.Config
	SASL     sasl.Mechanism
	// DialTimeout bounds connecting (default 10 s), RequestTimeout a request (30 s).
	DialTimeout, RequestTimeout time.Duration
	// Dial makes connections; nil: over TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client talks to one cluster. It may be used by several goroutines.
type Client struct {
	cfg       Config
	addr      net.Addr
	transport *kafka.Transport
	stop      context.CancelFunc

	mu       sync.Mutex
	conns    map[*conn]bool
	closed   bool
	versions map[int16]versionRange // of the brokers; nil: not known
}

type versionRange struct{ min, max int16 }

// brokerListAge is how old kafka-go's list of brokers may be; of topics it is told
// nothing.
const brokerListAge = 3 * time.Second

// New makes a client. It connects when it is used.
func New(cfg Config) *Client {
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = 10 * time.Second
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = 30 * time.Second
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{cfg: cfg, addr: kafka.TCP(cfg.Brokers...), stop: stop, conns: map[*conn]bool{}}
	c.transport = &kafka.Transport{
		Dial: c.dial, DialTimeout: cfg.DialTimeout, IdleTimeout: 5 * time.Minute, MetadataTTL: brokerListAge,
		MetadataTopics: []string{}, ClientID: cfg.ClientID, TLS: cfg.TLS, SASL: cfg.SASL, Context: ctx,
	}
	return c
}

// Kafka is a client of kafka-go over the same connections: for groups,
// transactions and administration. Of topics it knows nothing: what it sends to
// leaders of partitions does not arrive.
func (c *Client) Kafka() *kafka.Client {
	return &kafka.Client{Addr: c.addr, Timeout: c.cfg.RequestTimeout, Transport: c.transport}
}

// conn is a connection that Close can end.
type conn struct {
	net.Conn
	client *Client
}

func (x *conn) Close() error {
	x.client.mu.Lock()
	delete(x.client.conns, x)
	x.client.mu.Unlock()
	return x.Conn.Close()
}

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n, err := c.cfg.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	x := &conn{n, c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = n.Close()
		return nil, net.ErrClosed
	}
	c.conns[x] = true
	return x, nil
}

// Close ends all connections; requests under way fail.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	for x := range c.conns {
		_ = x.Conn.Close()
	}
	c.mu.Unlock()
	c.stop()
	c.transport.CloseIdleConnections()
}

// AuthError says that the cluster has refused the credentials.
type AuthError struct{ Err error }

// Error implements error.
func (e *AuthError) Error() string { return "authentication was refused: " + e.Err.Error() }

// Unwrap gives the broker's error.
func (e *AuthError) Unwrap() error { return e.Err }

// Refused gives an error of credentials or encryption, which no retry mends, with what
// a user can do about it; nil if err is none.
func Refused(err error) error {
	var auth *AuthError
	var encryption *encryptionError
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &auth), errors.As(err, &encryption):
		return err
	case errors.Is(err, kafka.SASLAuthenticationFailed) || errors.Is(err, kafka.UnsupportedSASLMechanism) || errors.Is(err, kafka.IllegalSASLState):
		return &AuthError{err}
	case errors.As(err, &record):
		return &encryptionError{err, "the listener does not speak TLS; see 'properties.security.protocol'"}
	case errors.As(err, &certificate):
		return &encryptionError{err, "see 'properties.ssl.truststore.location'"}
	}
	return nil
}

// encryptionError says that both sides don't agree on how to encrypt.
type encryptionError struct {
	err  error
	hint string
}

// Error implements error.
func (e *encryptionError) Error() string { return e.err.Error() + ": " + e.hint }

// Unwrap gives the cause.
func (e *encryptionError) Unwrap() error { return e.err }

// explain adds what a user can do about an error of a connection.
func (c *Client) explain(err error) error {
	if refused := Refused(err); refused != nil {
		return refused
	}
	switch {
	case strings.Contains(err.Error(), "EOF"):
		return fmt.Errorf("the broker has closed the connection: %w (a listener does so too if it speaks TLS and the client does not, or the other way round: see 'properties.security.protocol')", err)
	}
	return err
}

// ErrUnsupported is what a request gives that the broker is too old for.
var ErrUnsupported = errors.New("not supported")

// version picks the greatest version of a request that all brokers spoken to
// and this package know: one of known, which are in ascending order.
func (c *Client) version(ctx context.Context, key int16, known ...int16) (int16, error) {
	c.mu.Lock()
	versions := c.versions
	c.mu.Unlock()
	if versions == nil {
		r, err := c.do(ctx, &exchange{key: keyAPIVersions, broker: -1})
		if err != nil {
			return 0, err
		}
		code := r.int16()
		versions = map[int16]versionRange{}
		for range r.array() {
			k := r.int16()
			versions[k] = versionRange{r.int16(), r.int16()}
		}
		if err := r.err(); err != nil || code != 0 {
			return 0, fmt.Errorf("asking for the broker's versions: %w", errors.Join(err, codeError(code)))
		}
		c.mu.Lock()
		c.versions = versions
		c.mu.Unlock()
	}
	have := versions[key]
	for i := len(known) - 1; i >= 0; i-- {
		if known[i] >= have.min && known[i] <= have.max {
			return known[i], nil
		}
	}
	if _, there := versions[key]; !there {
		return 0, fmt.Errorf("%w: the broker does not know request %d", ErrUnsupported, key)
	}
	return 0, fmt.Errorf("%w: the broker speaks versions %d to %d of request %d, which are unknown here (known: %v)", ErrUnsupported, have.min, have.max, key, known)
}

// forgetVersions has the versions asked for again: brokers may have been replaced.
func (c *Client) forgetVersions() {
	c.mu.Lock()
	c.versions = nil
	c.mu.Unlock()
}

// codeError is the error of a code in a response; nil for 0.
func codeError(code int16) error {
	if code == 0 {
		return nil
	}
	return kafka.Error(code)
}
